"""A profile holds every number of a protocol; it is read once, validated, and travels as one typed value."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from baselines import InputError
from baselines.errors import unknown_name
from baselines.losses import Gradient, MaskDownsample, Reduction

BUILT_IN = ("quick", "paper", "ci")

# What is run, as opposed to how: a stored run is the same run whichever selection asked for it.
SELECTION_FIELDS = ("methods", "categories", "shots", "seeds")


def _check(ok: Callable[[Any], bool], wanted: str) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> Any:
        if not ok(value):
            raise InputError(f"profile field {name} must be {wanted}, got {value!r}")
        return value

    return check


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(low: int, high: int = 10**9) -> Any:
    wanted = f"a whole number of at least {low}" if high == 10**9 else f"a whole number from {low} to {high}"
    return {"check": _check(lambda value: _is_int(value) and low <= value <= high, wanted)}


def _real(ok: Callable[[float], bool], wanted: str) -> Any:
    return {
        "check": lambda name, value: float(_check(lambda v: _is_real(v) and ok(v), f"a number {wanted}")(name, value))
    }


def _choice(*names: str) -> Any:
    def check(name: str, value: Any) -> Any:
        if value not in names:
            raise unknown_name(f"value of profile field {name}", str(value), names)
        return value

    return {"check": check}


def _names() -> Any:
    def check(name: str, value: Any) -> tuple[str, ...]:
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, (list, tuple)) or not all(isinstance(item, str) for item in listed):
            raise InputError(f"profile field {name} must be a list of names, got {value!r}")
        return tuple(dict.fromkeys(listed))

    return {"check": check}


def _whole_list(low: int) -> Any:
    def check(name: str, value: Any) -> tuple[int, ...]:
        listed = [value] if _is_int(value) else value
        if not isinstance(listed, (list, tuple)) or not listed or not all(_is_int(v) and v >= low for v in listed):
            raise InputError(f"profile field {name} must be a list of whole numbers of at least {low}, got {value!r}")
        return tuple(dict.fromkeys(listed))

    return {"check": check}


def _batch_size(name: str, value: Any) -> Mapping[str, int]:
    """Accept one size for every K, or a table from K to size; TOML's keys are strings."""
    table = value if isinstance(value, Mapping) else {"any": value}
    for shots, size in table.items():
        if not (shots == "any" or (str(shots).isdigit() and int(shots) >= 1)):
            raise InputError(f"profile field {name}: '{shots}' is no number of shots")
        if not _is_int(size) or size < 1:
            raise InputError(f"profile field {name} must be a whole number of at least 1, got {size!r}")
    return {str(shots): size for shots, size in table.items()}


@dataclass(frozen=True)
class Profile:
    """Every number of a protocol. The defaults are the paper's (Section IV-E) and our first readings of it.

    ``docs/protocol.md`` explains each reading. Fields from ``shots_per`` on are questions the paper leaves open.
    """

    name: str = "paper"
    methods: tuple[str, ...] = field(default=(), metadata=_names())
    categories: tuple[str, ...] = field(default=(), metadata=_names())
    shots: tuple[int, ...] = field(default=(1, 5), metadata=_whole_list(1))
    seeds: tuple[int, ...] = field(default=(0, 1, 2, 3, 4), metadata=_whole_list(0))

    image_size: int = field(default=512, metadata=_whole(16, 4096))
    iterations: int = field(default=1350, metadata=_whole(1))
    batch_size: Mapping[str, int] = field(default_factory=lambda: {"1": 2, "5": 4}, metadata={"check": _batch_size})
    learning_rate: float = field(default=1e-4, metadata=_real(lambda v: 0 < v <= 1, "above 0 and at most 1"))
    adam_beta1: float = field(default=0.9, metadata=_real(lambda v: 0 <= v < 1, "from 0 to below 1"))
    adam_beta2: float = field(default=0.999, metadata=_real(lambda v: 0 <= v < 1, "from 0 to below 1"))
    crop_paste: float = field(default=0.5, metadata=_real(lambda v: 0 <= v <= 1, "from 0 to 1"))
    threshold: float = field(default=0.5, metadata=_real(lambda v: 0 < v < 1, "between 0 and 1"))
    weights: str = field(default="imagenet", metadata=_choice("imagenet", "none"))
    width: float = field(default=1.0, metadata=_real(lambda v: 0 < v <= 4, "above 0 and at most 4"))
    precision: str = field(default="fp32", metadata=_choice("fp32", "bf16"))
    threads: int = field(default=1, metadata=_whole(1, 1024))
    curve_every: int = field(default=50, metadata=_whole(0))

    shots_per: str = field(default="defect_type", metadata=_choice("defect_type", "category"))
    draws: str = field(default="per_seed", metadata=_choice("per_seed", "fixed"))
    bce_reduction: Reduction = field(default="sum", metadata=_choice("sum", "mean"))
    mask_downsample: MaskDownsample = field(default="max", metadata=_choice("max", "nearest", "area"))
    lambda_gradient: Gradient = field(default="stopped", metadata=_choice("stopped", "flows"))
    batch_norm_passes: Literal["separate", "joint"] = field(default="separate", metadata=_choice("separate", "joint"))
    normal_batches_per_defect_batch: int = field(default=1, metadata=_whole(1))
    baseline_crop_paste: float = field(default=0.5, metadata=_real(lambda v: 0 <= v <= 1, "from 0 to 1"))
    image_normalisation: str = field(default="imagenet", metadata=_choice("imagenet", "none"))
    output_prior: str = field(default="none", metadata=_choice("none", "masks"))

    def protocol(self, shots: int) -> dict[str, Any]:
        """Return every field that can change the result of a K-shot run, in plain types; selections are left out.

        Raises
        ------
        InputError
            If no batch size is given for that K.
        """
        values = asdict(self)
        for name in ("name", *SELECTION_FIELDS):
            del values[name]
        sizes = self.batch_size
        if str(shots) not in sizes and "any" not in sizes:
            raise InputError(
                f"profile {self.name} has no batch_size for {shots} shots: add --set batch_size.{shots}=4 "
                "(or another size)"
            )
        values["batch_size"] = sizes.get(str(shots), sizes.get("any"))
        return values


_SECTIONS = {
    "IV-A": ("categories",),
    "IV-B": ("shots",),
    "IV-C": ("methods", "baseline_crop_paste"),
    "IV-E": ("image_size", "iterations", "batch_size", "learning_rate", "adam_beta1", "adam_beta2", "crop_paste"),
    "IV-F": ("seeds",),
}
_STATED = {name: f"paper, Section {section}" for section, names in _SECTIONS.items() for name in names}

FIELDS = {item.name: item for item in fields(Profile) if item.name != "name"}


def with_settings(profile: Profile, settings: Mapping[str, Any]) -> Profile:
    """Return a profile with some fields changed, each validated.

    Raises
    ------
    InputError
        If a field is unknown (the nearest one is suggested) or its value cannot be used.
    """
    changed = {}
    for name, value in settings.items():
        if name not in FIELDS:
            raise unknown_name("profile field", name, FIELDS)
        changed[name] = FIELDS[name].metadata["check"](name, value)
    return replace(profile, **changed)


@dataclass(frozen=True)
class ResolvedProfile:
    """A profile, and where the value of each field comes from: a file, ``--set``, the paper, or our default."""

    profile: Profile
    sources: Mapping[str, str]


def load_profile(name_or_path: str, assignments: Sequence[str] = ()) -> Profile:
    """Return the profile of ``resolve_profile``; the same arguments and errors."""
    return resolve_profile(name_or_path, assignments).profile


def resolve_profile(name_or_path: str, assignments: Sequence[str] = ()) -> ResolvedProfile:
    """Read a built-in profile or a TOML file, then apply ``key=value`` assignments.

    Parameters
    ----------
    name_or_path : str
        ``quick``, ``paper``, ``ci``, or the path of a ``.toml`` file; fields a file leaves out are the paper's.
    assignments : sequence of str, optional
        ``field=value`` with the value in TOML (quotes may be left out around one word), or
        ``batch_size.5=4`` for one entry of a table.

    Raises
    ------
    InputError
        If the profile cannot be found or read, or a field or value cannot be used.
    """
    if name_or_path in BUILT_IN:
        text = resources.files("benchmark").joinpath("profiles", f"{name_or_path}.toml").read_text()
        name, origin = name_or_path, f"built-in profile {name_or_path}"
    elif name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"profile file {path} cannot be read: {error}") from error
        name, origin = path.stem, str(path)
    else:
        raise unknown_name("profile", name_or_path, [*BUILT_IN, "FILE.toml"])
    settings = _parse(text, origin)
    try:
        profile = with_settings(Profile(name=name), settings)
    except InputError as error:
        raise InputError(f"{origin}: {error}") from error
    sources = {field_name: _STATED.get(field_name, "default, docs/protocol.md") for field_name in FIELDS}
    if name_or_path != "paper":  # which spells the defaults out
        sources |= dict.fromkeys(settings, origin)
    for assignment in assignments:
        field_name, value = _read_assignment(assignment, profile)
        profile = with_settings(profile, {field_name: value})
        sources[field_name] = f"--set {assignment}"
    return ResolvedProfile(profile, sources)


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{origin} is no valid TOML: {error}") from error


def _read_assignment(assignment: str, profile: Profile) -> tuple[str, Any]:
    name, equals, text = assignment.partition("=")
    name, text = name.strip(), text.strip()
    if not equals or not name or not text:
        raise InputError(f"--set takes field=value, got '{assignment}'")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table, dot, key = name.partition(".")
    if dot and table == "batch_size":
        return table, {**profile.batch_size, key: value}
    return name, value
