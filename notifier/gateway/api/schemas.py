"""The shapes of what the API reads and says, as JSON Schema for its OpenAPI document."""

from __future__ import annotations

from notifier.domain.endpoint import Dialect
from notifier.domain.notification import ChannelName, Role, State
from notifier.gateway.api.shapes import Schema, flag, many, maybe, moment, number, of, ref, text

DURATION: Schema = {
    "anyOf": [{"type": "string"}, {"type": "number"}],
    "description": "`250ms`, `90s`, `5m`, `1h`, `2d`, or seconds.",
}
MOMENT: Schema = {
    "anyOf": [{"type": "string"}, {"type": "number"}],
    "description": "`2026-11-21T12:00:00+08:00`, or unix seconds.",
}
ID = text("UUIDv7.", format="uuid")

NOTICE = of(
    "channel",
    "recipient",
    closed=True,
    channel=text(enum=[name.value for name in ChannelName]),
    recipient=text("wechat: an openid; webhook: https://… or `endpoint:NAME`; push: a user id."),
    template=text("wechat: one of the settings; else a name that goes along."),
    payload={"type": "object", "description": "Goes along; at most 64 KiB, 16 levels deep."},
    order_no=text("What it is about; touches no order.", maxLength=64),
    idempotency_key=text("The same key is accepted once.", maxLength=191),
    at={**MOMENT, "description": f"When. {MOMENT['description']}"},
    delay={**DURATION, "description": f"Or how long from now. {DURATION['description']}"},
    ladder=text("Which retries; default: `default`."),
    deadline={**MOMENT, "description": f"Nobody is told after it. {MOMENT['description']}"},
)
ORDER = of(
    "order",
    closed=True,
    order=text(
        "`order_no##order_id##claim_deadline##openid##designer_name##designer_id`, or the number "
        "of an order of the order table, with its designer in the next three."
    ),
    openid=text("The designer's, for a bare number.", maxLength=64),
    designer_id=number("Theirs, in the order table.", minimum=0),
    designer_name=text(maxLength=64),
    at={**MOMENT, "description": f"Due then instead. {MOMENT['description']}"},
    delay={**DURATION, "description": f"Or so long from now. {DURATION['description']}"},
    ladder=text("Which retries; default: `default`."),
    deadline={**MOMENT, "description": f"Nobody is told after it. {MOMENT['description']}"},
    again=flag("Though the same record was accepted before."),
    idempotency_key=text("In place of the record: the same key is accepted once.", maxLength=191),
)
ATTEMPT = of(
    number=number("From 1, never reset."),
    step=number("Place in the ladder, from 0."),
    tier=number("Seconds; which queue it came through."),
    due_at=moment(),
    started_at=moment(),
    duration_s=number(kind="number"),
    lateness_s=number("Start minus due.", kind="number"),
    outcome=text("sent, retry, dead, released, cancelled, unknown or repeated."),
    code=text(),
    detail=text(),
    external_id=text("The receiver's own number for it."),
    worker=text(),
    why=text("Why it was made then."),
    receipt=of(status=text("WeChat's word: `success` or `failed:…`."), received_at=moment()),
    answer=of(
        status=number(), latency_s=number(kind="number"), body=text("Its first 2 KiB; untrusted.")
    ),
)
NOTIFICATION = of(
    "id",
    "state",
    id=ID,
    role=text(enum=[role.value for role in Role]),
    channel=text(enum=[name.value for name in ChannelName]),
    recipient=text("Masked, unless it is an endpoint."),
    order_no=text(),
    ladder=text(),
    state=text(enum=[state.value for state in State]),
    reason=text(),
    step=number(),
    attempt=number("The next, the running or the last one."),
    tier=number(),
    due_at=moment(),
    accepted_at=moment(),
    settled_at=maybe(moment("When it ended.")),
    deadline_at=maybe(moment()),
    pause_scope=text("What rests and holds it back, if something does."),
)
EXPLAINED: Schema = {
    "allOf": [
        ref("Notification"),
        of(
            in_words=of(
                state=text(), reason=text(), next=text("What comes next."), next_at=maybe(moment())
            ),
            attempts=many("Attempt"),
            rescheduled={"type": "array", "items": {"type": "object"}},
            caused={"type": "array", "items": ID},
        ),
    ]
}
ENDPOINT = of(
    name=text(),
    url=text(),
    dialect=text(enum=[dialect.value for dialect in Dialect]),
    state=text(enum=["ok", "paused", "failing"]),
    ladder=text(),
    rate_per_s=maybe(number(kind="number")),
    timeout_s=maybe(number(kind="number")),
    http=flag("Unencrypted too."),
    created_at=moment(),
    failing_since=maybe(moment()),
    held=number("Notifications that are held back for it."),
    secret=text("Only in the answer that made it."),
)
CHANGEABLE = {
    "url": text(),
    "dialect": text(
        "By which answer it says that it has heard.", enum=[one.value for one in Dialect]
    ),
    "ladder": text("Of what asks for no other."),
    "rate_per_s": number("Requests a second at most.", kind="number"),
    "timeout": {**DURATION, "description": f"Of one request. {DURATION['description']}"},
    "http": flag("Unencrypted too."),
}
ENDPOINT_FORM = of(
    "name",
    "url",
    closed=True,
    name=text(maxLength=64),
    secret=text("`whsec_…`; without it one is made."),
    **CHANGEABLE,
)
ACCEPTED = of(
    "id",
    "state",
    "due_at",
    "new",
    id=ID,
    state=text(enum=[state.value for state in State]),
    due_at=moment(),
    new=flag("False where the same key was accepted before."),
    held_up=text("Why RabbitMQ has not got it yet; it is published when it is back."),
)
INTERVENED = of(
    id=ID,
    order_no=text(),
    done=text("What was changed; empty where it was refused."),
    refused=text("Why not."),
)
PROBLEM = of(
    "title",
    "status",
    "detail",
    type=text(),
    title=text(),
    status=number(),
    detail=text("Names the field, the value and the remedy."),
    field=text("The one that is to blame."),
    errors={
        "type": "array",
        "items": of(index=number("From 0."), field=text(), detail=text()),
    },
)

SCHEMAS: dict[str, Schema] = {
    "Asked": {"anyOf": [ref("Notice"), ref("Order")]},
    "Notice": NOTICE,
    "Order": ORDER,
    "Accepted": ACCEPTED,
    "Notices": of(
        "notifications",
        closed=True,
        notifications={**many("Asked"), "minItems": 1, "maxItems": 500},
    ),
    "AllAccepted": of(accepted=many("Accepted"), held_up=text()),
    "Notification": NOTIFICATION,
    "Explained": EXPLAINED,
    "Page": of(
        notifications=many("Notification"),
        next=maybe(text("Give it as `cursor`; null at the end.")),
    ),
    "Attempt": ATTEMPT,
    "Attempts": of(attempts=many("Attempt")),
    "Intervened": INTERVENED,
    "AllIntervened": of(
        done=number("How many were changed."),
        refused=number(),
        results=many("Intervened"),
        held_up=text(),
        left=number("How many are left of those that were asked for."),
    ),
    "Reschedule": of(closed=True, at=MOMENT, delay=DURATION, reason=text(maxLength=191)),
    "Replay": of(closed=True, force=flag("Somebody may be told twice, or late.")),
    "ReplayMany": of(
        closed=True,
        ids={"type": "array", "items": ID, "minItems": 1, "maxItems": 1000},
        reason=text('Exactly, or a kind; "*" for all.', maxLength=191),
        limit=number("At most so many.", minimum=1, maximum=1000),
        force=flag("Unknown ones too: somebody may be told twice."),
    ),
    "Endpoint": ENDPOINT,
    "Endpoints": of(endpoints=many("Endpoint")),
    "EndpointForm": ENDPOINT_FORM,
    "EndpointChange": of("url", closed=True, **CHANGEABLE),
    "Pause": of(closed=True, reason=text("For whoever asks.", maxLength=191), **{"for": DURATION}),
    "Rotation": of(closed=True, overlap=DURATION, secret=text("`whsec_…`; else one is made.")),
    "Anything": {"type": "object"},
    "Problem": PROBLEM,
}
