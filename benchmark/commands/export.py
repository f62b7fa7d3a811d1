"""``export``: write a kept model in a format that runs without this package."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from baselines.errors import InputError
from benchmark.atomic import check_folder
from benchmark.models.find import find_model
from benchmark.results.model_file import read_description
from benchmark.units import format_bytes


def do(options: argparse.Namespace) -> int:
    """Write the file and print what it takes and returns."""
    path = find_model(options.model, options.results)
    description = read_description(path)
    out = options.out or Path(f"{description.run}.onnx")
    if os.path.lexists(out) and not options.overwrite:
        raise InputError(f"{out} exists already: name another file with --out, or replace it with --overwrite")
    check_folder(out.parent)

    import torch  # for which a refusal should not wait

    from benchmark.models.onnx_file import OnnxOptions, check_packages, export_onnx
    from benchmark.models.trained import load_model

    check_packages()
    chosen = OnnxOptions(options.normalise, options.sigmoid)
    difference = export_onnx(load_model(path, torch.device("cpu")), out, chosen)
    size = description.protocol.image_size
    shape = f"uint8 (N, {size}, {size}, 3)" if chosen.normalise else f"float32 (N, 3, {size}, {size})"
    print(f"{out}: {format_bytes(out.stat().st_size)}, at most {difference:.1g} from torch")
    print(f"input '{chosen.input}': {shape}; output '{chosen.output}': float32 (N, 1, {size}, {size})")
    return 0
