"""Which calls go wrong: rules, matched in their order, each as often as it says.

A rule in JSON: `{"endpoint": "template_send", "match": {"openid": "oAbc*"}, "times": 2,
"per": "client_msg_id", "share": 0.3, "action": "errcode:-1"}`. All but the action may be absent:

- `endpoint`: one of `calls.Endpoint`, or `*`;
- `match`: `openid`, `template_id`, `client_msg_id`, `webhook_id`, `path`, or `order_no` (any text
  that the message shows); a trailing `*` matches any rest;
- `times`: how often, after which the next rule is looked at; counted for each value of `per`
  (a name as in `match`) if that is given;
- `share`: 0 to 1, the part of the `per` values, else of the messages, that the rule is for; the
  choice depends on nothing but the value, so every attempt for it meets the same fate;
- `action`: one of `actions`, or a list of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from notifier.sandbox.actions import Action, parse
from notifier.sandbox.calls import Call, Endpoint
from notifier.sandbox.options import SandboxError

_KEYS = ("openid", "template_id", "client_msg_id", "webhook_id", "path")
_FIELDS = {"endpoint", "match", "times", "per", "share", "action"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, as above; times None is for ever."""

    endpoint: str
    match: Mapping[str, str]
    times: int | None
    per: str | None
    share: float
    actions: tuple[Action, ...]
    source: Mapping[str, Any] = field(compare=False)


def is_chosen(key: str, share: float) -> bool:
    """Whether a share of all keys contains this one; the larger share contains the smaller."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def matches(rule: Rule, call: Call, keys: Mapping[str, str]) -> bool:
    """Whether a rule speaks of this call, its count apart."""
    if rule.endpoint not in ("*", call.endpoint):
        return False
    for name, pattern in rule.match.items():
        texts = call.shown_texts() if name == "order_no" else _present(keys, name)
        if not any(_fits(text, pattern) for text in texts):
            return False
    return rule.per is None or rule.per in keys


def parse_rules(source: object) -> tuple[Rule, ...]:
    """Rules from parsed JSON, a list of objects.

    Raises: SandboxError naming the number of the rule and the field.
    """
    if not isinstance(source, list):
        raise SandboxError(f"script: must be a list of rules, not {type(source).__name__}")
    rules = []
    for number, each in enumerate(source, start=1):
        try:
            rules.append(_parse_rule(each))
        except SandboxError as error:
            raise SandboxError(f"script: rule {number}: {error}") from error
    return tuple(rules)


class RuleBook:
    """The rules in force and how often each has been applied."""

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        self._rules: dict[int, Rule] = {}
        self._numbers = count()
        self._applied: Counter[tuple[int, str]] = Counter()
        self._calls = 0
        self.add(rules)

    def add(self, rules: tuple[Rule, ...]) -> None:
        """Append rules, after those already there."""
        self._rules.update(zip(self._numbers, rules, strict=False))

    def remove(self, rules: tuple[Rule, ...]) -> None:
        """End those that were given in the same words; the others' counts go on."""
        sources = [rule.source for rule in rules]
        for number in [number for number, rule in self._rules.items() if rule.source in sources]:
            del self._rules[number]

    def apply(self, call: Call) -> tuple[Action, ...]:
        """The actions of the first rule for this call that is not used up; counts it."""
        if not self._rules:
            return ()
        self._calls += 1
        keys = call.keys()
        for number, rule in self._rules.items():
            key = (number, keys.get(rule.per, "") if rule.per else "")
            is_used_up = rule.times is not None and self._applied[key] >= rule.times
            if not is_used_up and matches(rule, call, keys) and self._is_chosen(rule, keys):
                self._applied[key] += 1
                return rule.actions
        return ()

    def listed(self) -> Iterator[dict[str, Any]]:
        """Every rule as it was given, with how often it was applied."""
        applied: Counter[int] = Counter()
        for (number, _), times in self._applied.items():
            applied[number] += times
        for number, rule in self._rules.items():
            yield {**rule.source, "applied": applied[number]}

    def _is_chosen(self, rule: Rule, keys: Mapping[str, str]) -> bool:
        if rule.share >= 1:
            return True
        names = (rule.per,) if rule.per else ("client_msg_id", "webhook_id")
        key = next((keys[name] for name in names if name in keys), f"call {self._calls}")
        return is_chosen(key, rule.share)


def _present(keys: Mapping[str, str], name: str) -> tuple[str, ...]:
    return (keys[name],) if name in keys else ()


def _fits(text: str, pattern: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _parse_rule(source: object) -> Rule:
    if not isinstance(source, dict):
        raise SandboxError(f"{source!r} is no object")
    if unknown := sorted(set(source) - _FIELDS):
        raise SandboxError(f"{unknown[0]} is none of {', '.join(sorted(_FIELDS))}")
    endpoint, match = source.get("endpoint", "*"), source.get("match", {})
    times, per, share = source.get("times"), source.get("per"), source.get("share", 1.0)
    actions = source.get("action")
    checks = (
        ("endpoint", endpoint, endpoint == "*" or endpoint in list(Endpoint)),
        ("match", match, _is_match(match)),
        ("times", times, times is None or (type(times) is int and times >= 0)),
        ("per", per, per is None or per in _KEYS),
        ("share", share, type(share) in (int, float) and 0 <= share <= 1),
        ("action", actions, bool(actions)),
    )
    for name, value, is_right in checks:
        if not is_right:
            raise SandboxError(f"{name} cannot be {value!r}")
    return Rule(
        endpoint=endpoint,
        match=match,
        times=times,
        per=per,
        share=float(share),
        actions=tuple(parse(each) for each in (actions if type(actions) is list else [actions])),
        source=source,
    )


def _is_match(match: object) -> bool:
    return isinstance(match, dict) and all(
        name in (*_KEYS, "order_no") and isinstance(pattern, str) for name, pattern in match.items()
    )
