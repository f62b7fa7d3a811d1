"""Pages: one HTML file each, with style and script inside, that need no network."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.atomic import replace_file


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Fill a template of this package and write it whole or not at all; everything put in is escaped.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    page = _environment().get_template(template).render(values)
    with replace_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def static_text(name: str) -> str:
    """Return a file of ``static/``."""
    return resources.files("reports").joinpath("static", name).read_text(encoding="utf-8")


def embedded_json(value: Any) -> Markup:
    """Return JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def number_parts(text: str) -> tuple[str, str]:
    """Split a cell's text, ``0.5854(0.0069) [1/2]``, into number and spread; the count is shown elsewhere."""
    number, spread = re.fullmatch(r"([^(\[]*)(\([^)]*\))?.*", text, re.DOTALL).groups()  # type: ignore[union-attr]
    return number.strip(), spread or ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"embedded_json": embedded_json, "number_parts": number_parts}
    environment.globals |= {"style": Markup(static_text("report.css")), "code": Markup(static_text("report.js"))}
    return environment
