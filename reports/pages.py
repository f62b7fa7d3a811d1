"""Pages: single HTML files that contain their style and script and need no network."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.atomic import replace_file
from benchmark.protocol.studies import FIGURE_STUDIES
from benchmark.results.records import ALIVE_IOU
from benchmark.schema import to_builtins
from benchmark.score import METRICS
from reports.hierarchical import QUESTION


def write_page(path: Path, template: str, **values: object) -> Path:
    """Fill a template of this package and write it atomically; all values are escaped.

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


def embedded_json(value: object) -> Markup:
    """Return JSON for a script element, escaped so that nothing in it can end the element.

    Examples
    --------
    >>> print(embedded_json({"label": "</script>"}))
    {"label":"\\u003c/script\\u003e"}
    """
    text = json.dumps(to_builtins(value), ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def number_parts(text: str) -> tuple[str, str]:
    """Split a cell's text into number and standard deviation; further marks are dropped.

    Examples
    --------
    >>> number_parts("0.5854(0.0069) [1/2]")
    ('0.5854', '(0.0069)')
    """
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
    environment.globals |= {
        "style": Markup(static_text("report.css")),
        "code": Markup(static_text("report.js") + static_text("readings.js")),
        "metrics": METRICS,
        "alive_iou": ALIVE_IOU,
        "rope_question": QUESTION,
        "figure_titles": {number: study.title for number, study in FIGURE_STUDIES.items()},
    }
    return environment
