"""Profiles: every number of a study, read once, validated, and passed on as one typed value."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from baselines.errors import InputError, unknown_name
from baselines.weights_files import SUFFIXES
from benchmark.protocol.field_types import check_field
from benchmark.schema import to_builtins

BUILT_IN = ("quick", "overnight", "paper", "ci")

_SHOTS = "[1-9][0-9]*"
_SHOTS_OR_ANY = f"(any|{_SHOTS})"
_Names = Annotated[tuple[str, ...], Meta(min_length=1)]

BatchNormPasses = Literal["separate", "grouped", "joint"]
DrawOf = Annotated[int, Meta(ge=1, le=2**63 - 1)]
PositiveInt = Annotated[int, Meta(ge=1, le=10**9)]
Probability = Annotated[float, Meta(ge=0, le=1)]
# Stored as a 64-bit integer by everything that reads results.
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class _Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields that ``Protocol`` and ``Profile`` share: how runs are trained and scored.

    The defaults are the paper's (Section IV-E) and our first reading of it where it is silent;
    ``docs/protocol.md`` gives the reasons.
    """

    image_size: Annotated[int, Meta(ge=16, le=4096)] = 512
    iterations: PositiveInt = 1350
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 1e-4
    adam_beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.9
    adam_beta2: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    crop_paste: Probability = 0.5
    nbr_weight: Annotated[float, Meta(ge=0, le=1e6)] = 1.0
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    weights: Literal["imagenet", "none"] = "imagenet"
    width: Annotated[float, Meta(gt=0, le=4)] = 1.0
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    curve_every: Annotated[int, Meta(ge=0, le=10**9)] = 50  # iterations between test IOUs; 0 for none

    # The readings: questions that the paper leaves open.
    shots_per: Literal["defect_type", "category"] = "defect_type"
    draws: Literal["per_seed", "fixed"] | DrawOf = "per_seed"  # fixed: of seed 0; a number: of that seed
    bce_reduction: Literal["sum", "mean"] = "sum"
    mask_downsample: Literal["max", "nearest", "area"] = "max"
    background_average: Literal["all_cells", "background"] = "all_cells"
    lambda_gradient: Literal["stopped", "flows"] = "stopped"
    batch_norm_passes: BatchNormPasses = "separate"
    normal_batches_per_defect_batch: PositiveInt | Literal["all"] = 1
    baseline_crop_paste: Probability = 0.5
    image_normalisation: Literal["imagenet", "none"] = "imagenet"
    output_prior: Literal["none", "masks"] = "none"


class Protocol(_Settings, frozen=True, kw_only=True):
    """Every setting of K-shot runs; hashable. ``identity.effective_settings`` says which of them a run reads.

    Attributes
    ----------
    batch_size : int
        m of Algorithm 1 for this run's K.

    Examples
    --------
    >>> Protocol(batch_size=2).learning_rate
    0.0001
    """

    batch_size: PositiveInt


class Profile(_Settings, frozen=True, kw_only=True):
    """A named protocol for every K, with its default selection: methods, categories, K and seeds.

    Attributes
    ----------
    name : str
        Name of the built-in profile, or the stem of the file.
    methods, categories : tuple of str
        No categories means every category of the data set.
    shots, seeds : tuple of int
    batch_size : dict of str to int
        m for each K, and under ``any`` for every other K.
    weights_files : dict of str to str
        For each network that starts from a user's own encoder weights, the path of their file.
    categories_at : dict of str to tuple of str
        For each K that is studied on other categories, usually fewer, their names.

    Examples
    --------
    >>> Profile().protocol(5).batch_size
    4
    """

    name: str = "paper"
    methods: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    shots: Annotated[tuple[PositiveInt, ...], Meta(min_length=1)] = (1, 5)
    seeds: Annotated[tuple[Seed, ...], Meta(min_length=1)] = (0, 1, 2, 3, 4)
    batch_size: dict[Annotated[str, Meta(pattern=f"^{_SHOTS_OR_ANY}$")], PositiveInt] = msgspec.field(
        default_factory=lambda: {"1": 2, "5": 4}
    )
    weights_files: dict[str, str] = {}
    categories_at: dict[Annotated[str, Meta(pattern=f"^{_SHOTS}$")], _Names] = {}

    def protocol(self, shots: int) -> Protocol:
        """Return the settings of K-shot runs.

        Raises
        ------
        InputError
            If no batch size is given for that K.
        """
        size = self.batch_size.get(str(shots), self.batch_size.get("any"))
        if size is None:
            raise InputError(
                f"profile {self.name} has no batch_size for {shots} shots: add --set batch_size.{shots}=4 "
                "(or another size)"
            )
        return Protocol(**{name: getattr(self, name) for name in _SETTINGS}, batch_size=size)


_SECTIONS = {
    "III-C": ("nbr_weight",),
    "IV-A": ("categories",),
    "IV-B": ("shots",),
    "IV-C": ("methods", "baseline_crop_paste"),
    "IV-E": ("image_size", "iterations", "batch_size", "learning_rate", "adam_beta1", "adam_beta2", "crop_paste"),
    "IV-F": ("seeds",),
}
_STATED = {name: f"paper, Section {section}" for section, names in _SECTIONS.items() for name in names}

# In the order in which profiles are written.
_SETTINGS = _Settings.__struct_fields__
_AFTER = {"iterations": "batch_size", "weights": "weights_files"}  # the tables, which are not settings of a protocol
FIELD_NAMES = (
    *("methods", "categories", "categories_at", "shots", "seeds"),
    *(name for setting in _SETTINGS for name in (setting, _AFTER.get(setting)) if name),
)
_TYPES = {field.name: field.type for field in msgspec.structs.fields(Profile)}


def with_settings(profile: Profile, settings: Mapping[str, Any]) -> Profile:
    """Return a profile with some fields changed, each validated.

    Raises
    ------
    InputError
        If a field is unknown (the nearest one is suggested) or its value cannot be used.

    Examples
    --------
    >>> with_settings(Profile(), {"image_size": 64, "seeds": 3}).seeds
    (3,)
    """
    changed = {}
    for name, value in settings.items():
        if name not in FIELD_NAMES:
            raise unknown_name("profile field", name, FIELD_NAMES)
        if name == "weights" and str(value).endswith(SUFFIXES):
            raise InputError(
                f"profile field weights is imagenet or none: say which network {value} is for, --set "
                f"weights_files.NETWORK={value}"
            )
        if name in _TABLES:
            changed[name] = _TABLES[name](value)
        else:
            changed[name] = check_field(name, value, _TYPES[name])
    return msgspec.structs.replace(profile, **changed)


def _batch_sizes(value: Any) -> dict[str, int]:
    """Check one size for every K, or a table from K to size; TOML's keys are strings."""
    if not isinstance(value, Mapping):
        return {"any": check_field("batch_size", value, PositiveInt)}
    for shots in value:
        if not re.fullmatch(_SHOTS_OR_ANY, shots):
            raise InputError(f"profile field batch_size.{shots}: '{shots}' is neither a number of shots nor 'any'")
    return {shots: check_field(f"batch_size.{shots}", size, PositiveInt) for shots, size in value.items()}


def _weights_files(value: Any) -> dict[str, str]:
    """Check a table from network to file."""
    if not isinstance(value, Mapping):
        raise InputError(
            f"profile field weights_files must be a table, got {value!r}: name the network, e.g. --set "
            "weights_files.ternausnet16=vgg16.pth"
        )
    return {network: check_field(f"weights_files.{network}", path, str) for network, path in value.items()}


def _categories_at(value: Any) -> dict[str, tuple[str, ...]]:
    """Check a table from K to categories."""
    if not isinstance(value, Mapping):
        raise InputError(
            f"profile field categories_at must be a table, got {value!r}: name the number of shots, e.g. --set "
            '\'categories_at.5=["carpet", "tile"]\''
        )
    for shots in value:
        if not re.fullmatch(_SHOTS, shots):
            raise InputError(f"profile field categories_at.{shots}: '{shots}' is not a number of shots")
    return {shots: check_field(f"categories_at.{shots}", names, _Names) for shots, names in value.items()}


_TABLES = {"batch_size": _batch_sizes, "weights_files": _weights_files, "categories_at": _categories_at}


@dataclass(frozen=True)
class ResolvedProfile:
    """A profile with the source of each value: a file, ``--set``, the paper, or our default.

    Examples
    --------
    >>> resolve_profile("quick").sources["image_size"]
    'built-in profile quick'
    """

    profile: Profile
    sources: Mapping[str, str]


def load_profile(name_or_path: str, assignments: Sequence[str] = ()) -> Profile:
    """Return the profile that ``resolve_profile`` reads; same arguments and errors.

    Examples
    --------
    >>> load_profile("quick", ["image_size=128"]).image_size
    128
    """
    return resolve_profile(name_or_path, assignments).profile


def resolve_profile(name_or_path: str, assignments: Sequence[str] = ()) -> ResolvedProfile:
    """Read a built-in profile or a TOML file, then apply ``field=value`` assignments.

    Parameters
    ----------
    name_or_path : str
        One of ``BUILT_IN``, or the path of a ``.toml`` file; fields a file leaves out are the paper's.
    assignments : sequence of str, optional
        ``field=value`` with the value in TOML (a single word needs no quotes), or ``batch_size.5=4`` for one
        entry of a table.

    Raises
    ------
    InputError
        If the profile cannot be found or read, a field or value cannot be used, or an assignment sets a field again.

    Examples
    --------
    >>> resolve_profile("paper", ["seeds=0"]).sources["seeds"]
    '--set seeds=0'
    """
    name, origin, text = _read(name_or_path)
    try:
        settings = tomllib.loads(text)
        profile = with_settings(Profile(name=name), settings)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{origin} is not valid TOML: {error}") from error
    except InputError as error:
        raise InputError(f"{origin}: {error}") from error
    sources = {field: _STATED.get(field, "default, docs/protocol.md") for field in FIELD_NAMES}
    if name_or_path != "paper":  # which spells the defaults out
        sources |= dict.fromkeys(settings, origin)
    assigned: dict[str, str] = {}
    for assignment in assignments:
        target = assignment.partition("=")[0].strip()
        for earlier in assigned:
            if earlier == target or earlier.startswith(f"{target}."):
                raise InputError(f"--set {assignment} overrides --set {assigned[earlier]}: keep one of them")
        assigned[target] = assignment
        field, value = _read_assignment(assignment, profile)
        profile = with_settings(profile, {field: value})
        sources[field] = f"--set {assignment}"
    return ResolvedProfile(profile, sources)


def _read(name_or_path: str) -> tuple[str, str, str]:
    """Return a profile's name, its origin as errors name it, and its TOML."""
    if name_or_path in BUILT_IN:
        file = resources.files("benchmark.protocol").joinpath("profiles", f"{name_or_path}.toml")
        return name_or_path, f"built-in profile {name_or_path}", file.read_text(encoding="utf-8")
    if not name_or_path.endswith(".toml"):
        raise unknown_name("profile", name_or_path, [*BUILT_IN, "FILE.toml"])
    path = Path(name_or_path)
    try:
        path.stem.encode()  # the name is stored with each run
        content = path.read_bytes()
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"profile file {path} is encoded in UTF-16: save it as UTF-8")
        return path.stem, str(path), content.decode("utf-8-sig")  # some editors begin a file with a byte-order mark
    except (OSError, UnicodeError) as error:
        raise InputError(f"profile file {path} cannot be read: {error}") from error


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
    if dot and table in _TABLES:
        return table, {**getattr(profile, table), key: value}
    return name, value


def field_values(profile: Profile) -> dict[str, Any]:
    """Return every field but the name in plain types, in the order in which profiles are written.

    Examples
    --------
    >>> list(field_values(Profile()))[:2]
    ['methods', 'categories']
    """
    plain = to_builtins(profile)
    return {name: plain[name] for name in FIELD_NAMES}
