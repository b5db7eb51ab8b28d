"""The pages' own files: small, of one catalogue, and without a way for text to become markup."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import notifier.gateway.pages as pages
from notifier.domain.explanation import HELD_BACK, REASONS
from notifier.domain.notification import State

ASSETS = Path(pages.__file__).parent / "assets"
SCRIPTS = {path.name: path.read_text() for path in ASSETS.glob("*.js")}
PAGES = {path.name: path.read_text() for path in ASSETS.glob("*.html")}
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc"
    r"|createContextualFragment|\beval\b|new Function|javascript:"
)
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)")
OUTSIDE = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]")
WORD = re.compile(r'"([a-z.]+(?:[\w.]+)*)": "')
USED = re.compile(r'\bt\("([^"]+)"|data-tp?="([^"]+)"')


def test_no_script_turns_text_into_markup_and_no_page_has_anything_inline() -> None:
    assert {name: MARKUP.findall(text) for name, text in SCRIPTS.items()} == {
        name: [] for name in SCRIPTS
    }
    assert {name: INLINE.findall(text) for name, text in PAGES.items()} == {
        name: [] for name in PAGES
    }


def test_nothing_is_loaded_from_outside_and_all_of_it_is_less_than_300_kb() -> None:
    texts = {path.name: path.read_bytes() for path in ASSETS.iterdir()}
    outside = {name: OUTSIDE.findall(text.decode()) for name, text in texts.items()}
    assert not any(outside.values()), outside
    assert sum(map(len, texts.values())) < 300_000
    assert sum(len(gzip.compress(text)) for text in texts.values()) < 60_000


def test_both_languages_have_every_text_and_every_text_that_is_asked_for_is_there() -> None:
    english, chinese = SCRIPTS["words.js"].split("const zh")
    words = WORD.findall(english)
    assert set(words) == set(WORD.findall(chinese))
    sources = [text for name, text in SCRIPTS.items() if name != "words.js"]
    used = {
        first or second
        for text in [*sources, *PAGES.values()]
        for first, second in USED.findall(text)
    }
    assert len(words) > 200
    assert used <= set(words), used - set(words)


def test_every_reason_and_every_state_has_words() -> None:
    words = set(WORD.findall(SCRIPTS["words.js"]))
    assert {f"reason.{reason}" for reason in [*REASONS, *HELD_BACK]} <= words
    assert {f"state.{state}" for state in State} <= words
