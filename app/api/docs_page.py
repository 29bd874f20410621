"""The OpenAPI document as a page to read: plain HTML, without a script and without another host. Pure."""

from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

_METHODS = ("get", "post", "put", "patch", "delete")
_LIMITS = {"minimum": "from {}", "maximum": "to {}", "maxLength": "at most {} characters", "format": "{}"}


def docs_page(document: dict[str, Any], *, demo: bool = False) -> str:
    """Return the page of an OpenAPI 3.1 document; while the demo is played it says so."""
    shapes = document["components"]["schemas"]
    page: str = _template().render(
        demo=demo,
        description=document["info"]["description"],
        version=document["info"]["version"],
        operations=[
            _operation(path, method, operations[method], document)
            for path, operations in document["paths"].items()
            for method in _METHODS
            if method in operations
        ],
        shapes=[_shape(name, shapes[name]) for name in sorted(shapes)],
        kind=kind_of,
    )
    return page


def kind_of(schema: dict[str, Any]) -> Markup:
    """Return a schema's kind in a few words, with links to the shapes that it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#{0}">{0}</a>').format(name)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            shown = [one for one in schema[several] if one.get("maxLength") != 0]
            return Markup(" or ").join(kind_of(one) for one in shown)
    if "const" in schema:
        return escape(f'"{schema["const"]}"')
    if "enum" in schema:
        return escape(", ".join(str(one) for one in schema["enum"]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return Markup("list of {}").format(kind_of(schema.get("items", {})))
    words = [" or ".join(kind) if isinstance(kind, list) else str(kind)]
    words += [shown.format(schema[name]) for name, shown in _LIMITS.items() if schema.get(name) is not None]
    return escape(", ".join(words))


def _operation(path: str, method: str, given: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": given["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": given.get("summary", ""),
        "description": given.get("description", ""),
        "parameters": [
            {
                "name": one["name"],
                "place": one["in"],
                "required": one.get("required", False),
                "schema": one["schema"],
                "description": one.get("description") or one["schema"].get("description", ""),
            }
            for one in given.get("parameters", ())
        ],
        "body": _schema_in(given.get("requestBody", {})),
        "answers": [_answer(status, one, document) for status, one in given["responses"].items()],
    }


def _answer(status: str, given: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in given:
        given = document["components"]["responses"][given["$ref"].rpartition("/")[2]]
    shown = "else" if status == "default" else status
    return {"status": shown, "description": given["description"], "schema": _schema_in(given)}


def _schema_in(given: dict[str, Any]) -> dict[str, Any] | None:
    content: dict[str, Any] = given.get("content", {})
    found: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return found


def _shape(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        "name": name,
        "description": schema.get("description", ""),
        "choices": ", ".join(str(one) for one in schema.get("enum", ())),
        "fields": [
            {
                "name": field,
                "required": field in required,
                "schema": part,
                "description": part.get("description", ""),
            }
            for field, part in schema.get("properties", {}).items()
        ],
    }


@cache
def _template() -> Any:  # noqa: ANN401 - jinja2's own
    from jinja2 import Environment  # noqa: PLC0415 - few read this page, and all wait for the start

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(Path(__file__).with_name("docs.html").read_text(encoding="utf-8"))
