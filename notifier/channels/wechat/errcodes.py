"""What each errcode of WeChat means for a notification.

Source: WeChat's pages of global and common return codes, and what clients of it report.
"""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    ACCEPTED = "accepted"
    RETRY = "the next step of the ladder"
    NEXT_MINUTE = "the next step, not before a minute"
    TOKEN = "another token, then once more now"  # noqa: S105 - no secret
    QUOTA = "the channel rests until the quota is new"
    CONFIGURATION = "the channel rests until somebody mends the account"
    PERMANENT = "never for this notification"
    PERMANENT_LATER = "once more, then never: WeChat says it now and then of what is right"
    PERMANENT_OR_ACCOUNT = "never for this person; of many in a row, the account is meant"


_OF_A_SEND: dict[Verdict, tuple[int, ...]] = {
    Verdict.ACCEPTED: (0,),
    Verdict.RETRY: (-1, -1000, 43108, 45047),
    Verdict.NEXT_MINUTE: (45011,),
    Verdict.TOKEN: (40001, 40014, 41001, 42001),
    Verdict.QUOTA: (45009,),
    Verdict.CONFIGURATION: (
        *(40002, 40013, 40125, 40164, 40243, 41002, 41004),
        *(43001, 43002, 43003, 43107, 45026, 45027),
        *(48001, 48004, 48008, 50001, 61004, 61007, 61014, 61016, 89503),
    ),
    Verdict.PERMANENT: (
        *(40003, 40035, 40038, 40039, 40048, 40066, 40249, 42007, 43004, 43019, 43101),
        *(44002, 45002, 47001, 47003, 48002, 50005),
    ),
    Verdict.PERMANENT_LATER: (40036, 40037),
    Verdict.PERMANENT_OR_ACCOUNT: (50002,),
}
VERDICTS: dict[int, Verdict] = {
    errcode: verdict for verdict, errcodes in _OF_A_SEND.items() for errcode in errcodes
}


def verdict_of_send(errcode: int) -> Verdict:
    """A code that is not listed climbs the ladder, and with its last step it is dead."""
    return VERDICTS.get(errcode, Verdict.RETRY)


def verdict_of_token_call(errcode: int) -> Verdict:
    """The same table where no message is at stake: what is not for later is the account's fault."""
    verdict = verdict_of_send(errcode)
    if verdict in {Verdict.RETRY, Verdict.NEXT_MINUTE, Verdict.QUOTA}:
        return verdict
    return Verdict.CONFIGURATION
