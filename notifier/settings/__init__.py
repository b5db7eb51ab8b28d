"""Every setting with its unit, bound and default. Read once, frozen, passed down.

From, strongest first: the environment (`NOTIFIER_AMQP_URL` is `[amqp] url`), then the file that
`NOTIFIER_CONFIG` names, else `notifier.toml` of the working directory.
"""

from notifier.settings.fleet import Fleet
from notifier.settings.gateway import Gateway
from notifier.settings.reading import Settings, read_settings

__all__ = ["Fleet", "Gateway", "Settings", "read_settings"]
