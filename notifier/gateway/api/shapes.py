"""JSON Schema, put together in few words."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def number(description: str = "", kind: str = "integer", **more: Any) -> Schema:
    return {"type": kind, **({"description": description} if description else {}), **more}


def flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def moment(description: str = "") -> Schema:
    return text(description, format="date-time")


def maybe(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def many(name: str) -> Schema:
    return {"type": "array", "items": ref(name)}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def of(*needed: str, closed: bool = False, **properties: Schema) -> Schema:
    """closed: a body that is read; null is as good as left out there."""
    if closed:
        properties = {
            name: shape if name in needed else _or_null(shape) for name, shape in properties.items()
        }
    schema: Schema = {"type": "object", "properties": properties}
    if needed:
        schema["required"] = list(needed)
    return {**schema, "additionalProperties": False} if closed else schema


def _or_null(schema: Schema) -> Schema:
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    values = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, **values, "type": [schema["type"], "null"]}
