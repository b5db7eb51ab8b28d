"""WeChat template messages."""

from __future__ import annotations

from notifier.channels.wechat.channel import WechatChannel
from notifier.channels.wechat.options import WechatOptions, WechatTemplate
from notifier.channels.wechat.token import TokenKeeper, TokenStore

__all__ = ["TokenKeeper", "TokenStore", "WechatChannel", "WechatOptions", "WechatTemplate"]
