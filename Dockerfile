# The fleet and its command line: docker build -t notifier:local .
FROM python:3.11-slim-bookworm

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --no-deps -r requirements.lock
COPY pyproject.toml README.md ./
COPY notifier notifier
RUN pip install --no-cache-dir --no-deps . \
 && useradd --system --uid 10001 notifier

USER notifier
# Settings in a notifier.toml of this folder are found.
WORKDIR /etc/notifier
ENTRYPOINT ["notifier"]
