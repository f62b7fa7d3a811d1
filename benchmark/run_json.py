"""What ``run.json`` must hold for tables and reports; one that was cut off or edited is told by what is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

FORMAT = 1
FINISHED = ("done", "not_converged")
FAILED = "failed"

Rule = tuple[str, Callable[[Any], bool]]


def _number_up_to(highest: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and 0 <= value <= highest  # a bool is an int to isinstance


_TEXT: Rule = ("a text", lambda value: isinstance(value, str))
_TEXTS: Rule = (
    "a list of texts",
    lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
)
_COUNT: Rule = ("a whole number of at least 0", lambda value: type(value) is int and 0 <= value < 2**63)
_SHARE: Rule = ("a number from 0 to 1", _number_up_to(1))
_SHARE_OR_NONE: Rule = ("a number from 0 to 1, or null", lambda value: value is None or _SHARE[1](value))
_SECONDS: Rule = ("a number of seconds", _number_up_to(1e12))
_OBJECT: Rule = ("an object", lambda value: isinstance(value, dict))
_LIST: Rule = ("a list", lambda value: isinstance(value, list))

_OF_EVERY_RUN: dict[str, Rule] = {
    **dict.fromkeys(("id", "dataset", "profile", "category", "method", "label"), _TEXT),
    **dict.fromkeys(("shots", "seed", "identity.protocol.batch_size"), _COUNT),
    "identity.protocol.threshold": _SHARE,
    "identity.training_version": _COUNT,
    "identity.data_digest": _TEXT,
    "identity.network": _TEXT,
    "identity.recipe": _OBJECT,
    "draw.shots": _TEXTS,
    "draw.normals": _COUNT,
}
_OF_A_FAILURE: dict[str, Rule] = _OF_EVERY_RUN | {"error": _TEXT}
_OF_A_FINISHED_RUN: dict[str, Rule] = _OF_EVERY_RUN | {
    **{f"metrics.{name}": _SHARE_OR_NONE for name in ("iou", "dc", "auc", "acc")},
    **{f"metrics.{name}_images": _COUNT for name in ("scored", "defective", "normal")},
    **{f"timings.{name}_seconds": _SECONDS for name in ("train", "score")},
    "identity.protocol.iterations": _COUNT,
    "created": _TEXT,
    "environment": _OBJECT,
    "notes": _TEXTS,
    "samples": _LIST,
}
_OF_A_SAMPLE: dict[str, Rule] = {
    **dict.fromkeys(("role", "name", "label", "files.image", "files.truth"), _TEXT),
    "reasons": _TEXTS,
    "iou": _SHARE_OR_NONE,
}


def check_run_json(content: Any, finished: bool) -> None:
    """Check that nothing is missing or of another kind than it was written.

    Parameters
    ----------
    content : Any
        What was read.
    finished : bool
        Whether it is a stored run's, else a failure's.

    Raises
    ------
    ValueError
        Saying what is wrong.
    """
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    if content.get("format") != FORMAT:
        raise ValueError(f"has format {content.get('format')}, this version reads {FORMAT}")
    _check(content, _OF_A_FINISHED_RUN if finished else _OF_A_FAILURE)
    if content.get("status") not in (FINISHED if finished else (FAILED,)):
        raise ValueError(f"status is {content.get('status')!r}")
    if not isinstance(content.get("environment", {}), dict):
        raise ValueError("environment is not an object")
    for sample in content["samples"] if finished else ():
        _check(sample, _OF_A_SAMPLE, "of a sample ")
        if sample["role"] == "test":
            _check(sample, {"files.prediction": _TEXT}, "of a sample ")
        if sample["role"] == "pasted":
            _check(sample, {"files.normal": _TEXT, "realism": _SHARE}, "of a sample ")


def _check(content: Any, rules: Mapping[str, Rule], where: str = "") -> None:
    for path, (kind, fits) in rules.items():
        value = content
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                raise ValueError(f"{where}{path} is missing")
            value = value[key]
        if not fits(value):
            raise ValueError(f"{where}{path} is not {kind}")
