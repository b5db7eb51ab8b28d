"""What takes WeChat's receipts."""

from __future__ import annotations

from notifier.channels.wechat.callback import Callback, aes_key_of
from notifier.settings import Settings


def callback_of(settings: Settings) -> Callback | None:
    """None where no token is set. Raises SettingsError."""
    wechat = settings.wechat
    token = wechat.callback_token_text()
    if not token:
        return None
    return Callback(
        app_id=wechat.app_id, token=token, aes_key=aes_key_of(wechat.callback_key_text())
    )
