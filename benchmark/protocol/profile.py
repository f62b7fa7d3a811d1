"""A profile holds every number of a study; it is read once, validated, and travels as one typed value."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from baselines.errors import InputError, unknown_name
from benchmark.protocol.field_types import as_written, choices, describe_type
from benchmark.schema import SchemaError, convert, to_builtins

BUILT_IN = ("quick", "paper", "ci")

Count = Annotated[int, Meta(ge=1, le=10**9)]
Share = Annotated[float, Meta(ge=0, le=1)]
# Stored as a 64-bit integer by everything that reads results.
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class _Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``Protocol`` and ``Profile`` have in common: how runs are trained and scored.

    The defaults are the paper's (Section IV-E) and our first reading of it where it is silent;
    ``docs/protocol.md`` gives the reasons. Fields from ``shots_per`` on are questions the paper leaves open.
    """

    image_size: Annotated[int, Meta(ge=16, le=4096)] = 512
    iterations: Count = 1350
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 1e-4
    adam_beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.9
    adam_beta2: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    crop_paste: Share = 0.5
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    weights: Literal["imagenet", "none"] = "imagenet"
    width: Annotated[float, Meta(gt=0, le=4)] = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    curve_every: Annotated[int, Meta(ge=0, le=10**9)] = 50

    shots_per: Literal["defect_type", "category"] = "defect_type"
    draws: Literal["per_seed", "fixed"] = "per_seed"
    bce_reduction: Literal["sum", "mean"] = "sum"
    mask_downsample: Literal["max", "nearest", "area"] = "max"
    lambda_gradient: Literal["stopped", "flows"] = "stopped"
    batch_norm_passes: Literal["separate", "joint"] = "separate"
    normal_batches_per_defect_batch: Count = 1
    baseline_crop_paste: Share = 0.5
    image_normalisation: Literal["imagenet", "none"] = "imagenet"
    output_prior: Literal["none", "masks"] = "none"


class Protocol(_Settings, frozen=True, kw_only=True):
    """Every setting that can change the result of one K-shot run; hashable, part of the run's identity.

    Attributes
    ----------
    batch_size : int
        m of Algorithm 1 for this run's K.

    Examples
    --------
    >>> Protocol(batch_size=2).learning_rate
    0.0001
    """

    batch_size: Count


class Profile(_Settings, frozen=True, kw_only=True):
    """A named protocol for every K, and the selection it is for: methods, categories, K and seeds.

    Attributes
    ----------
    name : str
        Of the built-in profile or of the file.
    methods, categories : tuple of str
        Empty for whatever is there.
    shots, seeds : tuple of int
    batch_size : dict
        From K, as text, to m; ``any`` stands for every other K.

    Examples
    --------
    >>> Profile().protocol(5).batch_size
    4
    """

    name: str = "paper"
    methods: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    shots: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1, 5)
    seeds: Annotated[tuple[Seed, ...], Meta(min_length=1)] = (0, 1, 2, 3, 4)
    batch_size: dict[Annotated[str, Meta(pattern="^(any|[1-9][0-9]*)$")], Count] = msgspec.field(
        default_factory=lambda: {"1": 2, "5": 4}
    )

    def protocol(self, shots: int) -> Protocol:
        """Return every setting that can change the result of a K-shot run; the selection is left out.

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
        return Protocol(**{name: getattr(self, name) for name in _Settings.__struct_fields__}, batch_size=size)


_SECTIONS = {
    "IV-A": ("categories",),
    "IV-B": ("shots",),
    "IV-C": ("methods", "baseline_crop_paste"),
    "IV-E": ("image_size", "iterations", "batch_size", "learning_rate", "adam_beta1", "adam_beta2", "crop_paste"),
    "IV-F": ("seeds",),
}
_STATED = {name: f"paper, Section {section}" for section, names in _SECTIONS.items() for name in names}

_SELECTION = ("methods", "categories", "shots", "seeds")
# In the order in which profiles are written: the selection, then how runs are trained, batch_size after iterations.
_SETTINGS = list(_Settings.__struct_fields__)
_SETTINGS.insert(_SETTINGS.index("iterations") + 1, "batch_size")
FIELD_NAMES = (*_SELECTION, *_SETTINGS)
_TYPES = {field.name: field for field in msgspec.structs.fields(Profile)}


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
        kind = _TYPES[name].type
        given = as_written(value, kind)
        try:
            changed[name] = convert(given, kind)
        except SchemaError:
            if isinstance(value, str) and (known := choices(kind)):
                raise unknown_name(f"value of profile field {name}", value, known) from None
            raise InputError(f"profile field {name} must be {describe_type(kind)}, got {value!r}") from None
    return msgspec.structs.replace(profile, **changed)


@dataclass(frozen=True)
class ResolvedProfile:
    """A profile, and where the value of each field comes from: a file, ``--set``, the paper, or our default.

    Examples
    --------
    >>> resolve_profile("quick").sources["image_size"]
    'built-in profile quick'
    """

    profile: Profile
    sources: Mapping[str, str]


def load_profile(name_or_path: str, assignments: Sequence[str] = ()) -> Profile:
    """Return the profile of ``resolve_profile``; the same arguments and errors.

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
        ``quick``, ``paper``, ``ci``, or the path of a ``.toml`` file; fields a file leaves out are the paper's.
    assignments : sequence of str, optional
        ``field=value`` with the value in TOML (quotes may be left out around one word), or
        ``batch_size.5=4`` for one entry of a table.

    Raises
    ------
    InputError
        If the profile cannot be found or read, or a field or value cannot be used.

    Examples
    --------
    >>> resolve_profile("paper", ["seeds=0"]).sources["seeds"]
    '--set seeds=0'
    """
    if name_or_path in BUILT_IN:
        text = resources.files("benchmark.protocol").joinpath("profiles", f"{name_or_path}.toml").read_text()
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
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{origin} is not valid TOML: {error}") from error
    try:
        profile = with_settings(Profile(name=name), settings)
    except InputError as error:
        raise InputError(f"{origin}: {error}") from error
    sources = {field: _STATED.get(field, "default, docs/protocol.md") for field in FIELD_NAMES}
    if name_or_path != "paper":  # which spells the defaults out
        sources |= dict.fromkeys(settings, origin)
    for assignment in assignments:
        field, value = _read_assignment(assignment, profile)
        profile = with_settings(profile, {field: value})
        sources[field] = f"--set {assignment}"
    return ResolvedProfile(profile, sources)


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


def field_values(profile: Profile) -> dict[str, Any]:
    """Return every field but the name in plain types, in the order in which profiles are written.

    Examples
    --------
    >>> list(field_values(Profile()))[:2]
    ['methods', 'categories']
    """
    plain = to_builtins(profile)
    return {name: plain[name] for name in FIELD_NAMES}
