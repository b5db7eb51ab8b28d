"""Django in one file: `python django_app.py runserver`, with NOTIFIER_… set as for the command."""

import sys
from datetime import timedelta

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path

from notifier import Notifier

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="of the example", ALLOWED_HOSTS=["*"])

notifier = Notifier()  # one per program; the workers that a server forks connect by themselves


def breakfast(request: HttpRequest, order_no: str) -> JsonResponse:
    accepted = notifier.notify(
        channel="push",
        recipient=request.GET["user"],
        template="breakfast.ready",
        payload={"text": "豆浆 is waiting at the desk"},
        order_no=order_no,
        delay=timedelta(minutes=10),
        idempotency_key=f"breakfast-{order_no}",
    )
    return JsonResponse({"notification": str(accepted.id), "due_at": accepted.due_at.isoformat()})


urlpatterns = [path("breakfast/<order_no>/", breakfast)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
