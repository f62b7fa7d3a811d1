"""Pages: one HTML file each, with its style inside, that needs no network."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark.atomic import replace_file


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Fill a template of this package and write it whole or not at all; everything put in is escaped.

    Raises
    ------
    InputError
        If the page cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = resources.files("reports").joinpath("static", "report.css").read_text(encoding="utf-8")
    page = environment.get_template(template).render(style=style, **values)
    with replace_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path
