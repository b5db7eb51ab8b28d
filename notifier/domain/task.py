"""What the owner of a task is told when it has run, or will not."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from notifier.domain.notification import ChannelName, Notification, Role
from notifier.domain.submission import Submission

KIND = "task"
FINISHED_CODE = 200
FINISHED = "任务执行完毕!"
FAILED = "任务执行失败,请联系管理员进行处理!"
"""Source of the first: the how-to on tasks that this product grew out of."""


def result_of(task: Notification, result: object) -> Submission:
    """The push of what it returned; the same one however often it is made."""
    return _push(task, code=FINISHED_CODE, info=FINISHED, status=True, other=result)


def failure_of(task: Notification) -> Submission:
    """It was given up; why is for the operator to read, not for the client."""
    return _push(task, code=500, info=FAILED, status=False, other=None)


def key_of_result(task: Notification) -> bytes:
    """The `dedupe_key` of its result."""
    return _key(task, FINISHED_CODE)


def _key(task: Notification, code: int) -> bytes:
    return hashlib.sha256(f"task\x1f{task.id}\x1f{code}".encode()).digest()


def _push(task: Notification, *, code: int, info: str, status: bool, other: object) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.PUSH,
        recipient=task.recipient,
        template=KIND,
        payload={
            "id": str(task.id),
            "name": task.template,
            "code": code,
            "info": info,
            "status": status,
            "other": other,
        },
        delay=timedelta(0),
        dedupe_key=_key(task, code),
    )
