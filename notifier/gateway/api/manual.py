"""The API's manual as one page, made of the OpenAPI document; it needs no script and no address."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
code, pre { font: .875rem/1.45 ui-monospace, monospace }
pre { overflow: auto; padding: .75rem; border: 1px solid #8886; border-radius: .375rem }
section { border-top: 1px solid #8886; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0 }
nav ul { columns: 2; padding-left: 1.2rem }
h2 code { font-size: 1rem }
"""


def page_of(document: Mapping[str, Any]) -> str:
    """HTML, everything escaped."""
    operations = [
        (method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>notifier API</title><style>{STYLE}</style></head><body><main>",
            "<h1>notifier API</h1>",
            f"<p>{_prose(document['info']['description'])} As a document for programs: "
            '<a href="/openapi.json">/openapi.json</a>.</p>',
            "<nav aria-label='Operations'><ul>",
            *(
                f'<li><a href="#{_anchor(method, path)}"><code>{_line(method, path)}</code></a>'
                for method, path, _ in operations
            ),
            "</ul></nav>",
            *(part for each in operations for part in _section(*each)),
            "<section><h2>What the fields are</h2>",
            *(part for each in document["components"]["schemas"].items() for part in _shape(*each)),
            "</section></main></body></html>",
        ]
    )


def _section(method: str, path: str, described: Mapping[str, Any]) -> Iterator[str]:
    yield f'<section id="{_anchor(method, path)}"><h2><code>{_line(method, path)}</code></h2>'
    yield f"<p>{_prose(described.get('description') or described.get('summary', ''))}</p>"
    if parameters := described.get("parameters"):
        yield "<table><tr><th>parameter<th>where<th>meaning"
        for one in parameters:
            words = one.get("description") or one.get("schema", {}).get("description", "")
            yield (
                f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}"
                f"<td>{_prose(words)}"
            )
        yield "</table>"
    if body := described.get("requestBody"):
        content: Mapping[str, Any] = next(iter(body["content"].values()), {})
        yield f"<p>Send {_named(content.get('schema', {})) or 'a body'}:</p>"
        yield f"<pre>{escape(_curl(method, path, content.get('example', {})))}</pre>"
    yield "<table><tr><th>status<th>answer"
    for status, said in described.get("responses", {}).items():
        contents: list[Mapping[str, Any]] = list(said.get("content", {}).values())
        schema = contents[0].get("schema", {}) if contents else {}
        yield f"<tr><td>{escape(status)}<td>{_prose(said['description'])} {_named(schema)}"
    yield "</table></section>"


def _shape(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    properties: dict[str, Any] = {}
    for part in [schema, *schema.get("allOf", [])]:
        properties |= part.get("properties", {})
    if choice := schema.get("anyOf"):
        either = " or ".join(_named(part) for part in choice)
        yield f'<h3 id="schema-{escape(name)}">{escape(name)}</h3><p>{either}'
    if not properties:
        return
    needed = schema.get("required", [])
    yield f'<h3 id="schema-{escape(name)}">{escape(name)}</h3><table>'
    for field, shape in properties.items():
        words = str(shape.get("description", ""))
        if values := [value for value in shape.get("enum", ()) if value is not None]:
            words = f"{words} One of {', '.join(f'`{value}`' for value in values)}."
        must = " (needed)" if field in needed else ""
        yield f"<tr><td><code>{escape(field)}</code>{must}<td>{_prose(words)} {_named(shape)}"
    yield "</table>"


def _curl(method: str, path: str, example: Mapping[str, object]) -> str:
    body = json.dumps(example, ensure_ascii=False, indent=2)
    return (
        f"curl -X {method.upper()} http://127.0.0.1:9501{path} \\\n"
        '  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )


def _named(schema: Mapping[str, Any]) -> str:
    target = schema.get("$ref") or schema.get("items", {}).get("$ref")
    if not target:
        return ""
    name = escape(str(target).rsplit("/", 1)[1])
    return f'<a href="#schema-{name}">{name}</a>'


def _prose(text: str) -> str:
    """Backticks become code, and empty lines paragraphs."""
    parts = escape(text).split("`")
    marked = "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
    return marked.replace("\n\n", "</p><p>")


def _line(method: str, path: str) -> str:
    return f"{method.upper()} {escape(path)}"


def _anchor(method: str, path: str) -> str:
    return escape(f"{method}{path.replace('/', '-').replace('{', '').replace('}', '')}")
