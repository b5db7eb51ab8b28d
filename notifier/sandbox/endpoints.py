"""The account's other endpoints: both kinds of token, and clearing a quota."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping

from notifier.sandbox.account import Account
from notifier.sandbox.answers import Answer, accepted, refused
from notifier.sandbox.calls import Call, Endpoint
from notifier.sandbox.ledger import beijing_month
from notifier.sandbox.template_send import body_refusal, post_refusal, send
from notifier.sandbox.webhook import receive


def _credential_refusal(
    call: Call, account: Account, given: Callable[[str], str | None]
) -> int | None:
    """The checks that both token endpoints share, in their order."""
    behaviour = account.behaviour
    app_id, secret = given("appid"), given("secret")
    checks = (
        (given("grant_type") != "client_credential", 40002),
        (not app_id, 41002),
        (app_id != account.app_id, 40013),
        (not secret, 41004),
        (not _is_same(secret, account.app_secret), behaviour.wrong_secret_errcode),
        (behaviour.allowed_ips and call.remote_ip not in behaviour.allowed_ips, 40164),
        (behaviour.is_secret_frozen, 40243),
    )
    return next((errcode for is_wrong, errcode in checks if is_wrong), None)


def _is_same(given: str | None, known: str) -> bool:
    return hmac.compare_digest((given or "").encode(), known.encode())


def classic_token(call: Call, account: Account, now: float) -> Answer:
    """GET /cgi-bin/token."""
    if not call.is_https:
        return _refused(43003, account)
    if call.method != "GET":
        return _refused(43001, account)
    if errcode := _credential_refusal(call, account, call.query.get):
        return _refused(errcode, account)
    return _issued(account.tokens.classic(account.behaviour, now), account)


def stable_token(call: Call, account: Account, now: float) -> Answer:
    """POST /cgi-bin/stable_token."""
    if not call.is_https:
        return _refused(43003, account)
    if call.method != "POST":
        return _refused(43002, account)
    errcode = body_refusal(call) or _credential_refusal(call, account, call.text)
    if errcode:
        return _refused(errcode, account)
    is_forced = call.message.get("force_refresh") is True
    return _issued(account.tokens.stable(account.behaviour, now, is_forced=is_forced), account)


def clear_quota(call: Call, account: Account, now: float) -> Answer:
    """POST /cgi-bin/clear_quota."""
    errcode = post_refusal(call, account, now) or body_refusal(call)
    if errcode is None and call.text("appid") != account.app_id:
        errcode = 40013
    if errcode:
        return _refused(errcode, account)
    month = beijing_month(now)
    account.quota_clears[month] += 1
    if account.quota_clears[month] > account.behaviour.quota_clears_per_month:
        return _refused(48006, account)
    account.ledger.clear_quota()
    return accepted({"errcode": 0, "errmsg": "ok"})


def unknown(call: Call, account: Account, now: float) -> Answer:
    """Any other path."""
    if call.path.startswith("/cgi-bin/"):
        return _refused(40066, account)
    return Answer(status=404, content_type="text/plain", body=b"no such path\n", code=404)


def _issued(outcome: dict[str, object] | int, account: Account) -> Answer:
    return _refused(outcome, account) if isinstance(outcome, int) else accepted(outcome)


def _refused(errcode: int, account: Account) -> Answer:
    return refused(errcode, status=account.behaviour.refusal_status)


ENDPOINTS: Mapping[Endpoint, Callable[[Call, Account, float], Answer]] = {
    Endpoint.TOKEN: classic_token,
    Endpoint.STABLE_TOKEN: stable_token,
    Endpoint.TEMPLATE_SEND: send,
    Endpoint.CLEAR_QUOTA: clear_quota,
    Endpoint.WEBHOOK: receive,
    Endpoint.UNKNOWN: unknown,
}
