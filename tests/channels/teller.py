"""A process that tells as many people as it is asked to, then says what came of it.

One JSON line in: `base_url` and `ca_file` of the sandbox, `redis_url`, `prefix`, `count`, and
whether the token is to be `warm`. It prints `ready`, waits for any line, tells, and prints the
outcomes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from notifier.channels.wechat import WechatChannel, WechatOptions
from notifier.sandbox.options import APP_ID, APP_SECRET
from notifier.store.tokens import RedisTokenStore
from tests.channels.rig import TEMPLATE, notification


async def _tell(task: dict[str, Any]) -> list[str]:
    store = RedisTokenStore(task["redis_url"], prefix=task["prefix"])
    options = WechatOptions(
        app_id=APP_ID,
        app_secret=APP_SECRET,
        templates={"designer": TEMPLATE},
        base_url=task["base_url"],
        ca_file=Path(task["ca_file"]),
    )
    channel = WechatChannel(options, tokens=store)
    if task["warm"]:
        await channel.send(notification())
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    outcomes = await asyncio.gather(*(channel.send(notification()) for _ in range(task["count"])))
    await channel.close()
    return [type(outcome).__name__ for outcome in outcomes]


def main() -> None:
    print(json.dumps(asyncio.run(_tell(json.loads(sys.stdin.readline())))), file=sys.stdout)


if __name__ == "__main__":
    main()
