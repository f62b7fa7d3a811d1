"""Faults that could slip into the code, and the unit test that must catch each.

A fault is a change of the syntax tree within one function or class, wherever that is defined: reformatting it, renaming
its variables or moving it to another module does not invalidate the fault.
"""

from __future__ import annotations

import ast
import inspect
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from baselines.losses import weighted_bce
from benchmark.training.predict import to_input
from tests.conftest import REPOSITORY

_COPIED = ("baselines", "benchmark", "data_manifests", "reports", "tests", "setup.cfg")

# Returns the faulty node in place of the one that it applies to, and None for all others.
Change = Callable[[ast.AST], ast.AST | None]


@dataclass(frozen=True)
class Fault:
    """A change of the code.

    Attributes
    ----------
    where : str
        The function or class, at the top level of some module.
    change : callable
        Applies to exactly one node in it.
    test : str
        The test that must fail.
    """

    where: str
    change: Change
    test: str


def argument(function: Callable[..., object], name: str, change: Callable[[ast.expr], ast.expr]) -> Change:
    """Change the argument ``name`` of the call of a function, passed by position or by keyword."""
    position = list(inspect.signature(function).parameters).index(name)

    def apply(node: ast.AST) -> ast.AST | None:
        match node:
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called == function.__name__:
                for keyword in node.keywords:
                    if keyword.arg == name:
                        keyword.value = change(keyword.value)
                        return node
                if position < len(node.args):
                    node.args[position] = change(node.args[position])
                    return node
        return None

    return apply


def negate_result(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Return(value=ast.expr() as result):
            return ast.Return(ast.UnaryOp(ast.USub(), result))
    return None


def uninvert_mask(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.BinOp(left=ast.Constant(value=1), op=ast.Sub(), right=mask):
            return mask
    return None


def never_below(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Compare(left=number, ops=[ast.Lt()]):
            return ast.Compare(number, [ast.Lt()], [ast.Constant(0)])
    return None


def next_seed(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Call(func=ast.Name(id="stream"), args=[*purpose, seed]):
            return ast.Call(node.func, [*purpose, ast.BinOp(seed, ast.Add(), ast.Constant(1))], [])
    return None


def exclude_nothing(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.comprehension(ifs=[ast.Compare(ops=[ast.NotIn()])]):
            node.ifs = []
            return node
    return None


def swap_fp_and_fn(node: ast.AST) -> ast.AST | None:
    swapped = {"fp": "fn", "fn": "fp"}
    match node:
        case ast.Dict(keys=[*keys]):
            names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
            return ast.Dict([ast.Constant(swapped.get(str(name), name)) for name in names], node.values)
    return None


def train_mode(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Attribute(value=network, attr="eval"):
            return ast.Attribute(network, "train", node.ctx)
    return None


def keep_gradients(node: ast.AST) -> ast.AST | None:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="zero_grad"))):
            return ast.Pass()
    return None


def sigmoid(logits: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(logits, "sigmoid", ast.Load()), [], [])


def times_10(value: ast.expr) -> ast.expr:
    return ast.BinOp(ast.Constant(10), ast.Mult(), value)


FAULTS = {
    "NBR sign flipped": Fault("nbr_loss", negate_result, "test_nbr_is_equations_1_to_3"),
    "mask not inverted": Fault("normal_background", uninvert_mask, "test_nbr_ignores_what_is_under_the_mask"),
    "lambda dropped": Fault(
        "step_losses",
        argument(weighted_bce, "weight", lambda _: ast.Constant(None)),
        "test_the_loss_is_the_sum_algorithm_1_prints",
    ),
    "CaP never pastes": Fault("minibatches", never_below, "test_the_share_of_pasted_batches_is_the_probability"),
    "BCE on probabilities": Fault(
        "weighted_bce", argument(binary_cross_entropy_with_logits, "input", sigmoid), "test_bce_is_equations_5_and_7"
    ),
    "wrong draw": Fault("draw_shots", next_seed, "test_the_draw_of_a_seed_is_the_recorded_one"),
    "training images among the test images": Fault(
        "draw_shots", exclude_nothing, "test_training_and_test_images_are_disjoint_and_complete"
    ),
    "FP and FN swapped": Fault("count_image", swap_fp_and_fn, "test_counts_partition_the_image"),
    "learning rate x 10": Fault(
        "train", argument(torch.optim.Adam, "lr", times_10), "test_three_iterations_are_adams_on_the_summed_losses"
    ),
    "evaluation mode forgotten": Fault(
        "Predictor", train_mode, "test_probabilities_are_the_networks_and_batching_does_not_matter"
    ),
    "gradients never cleared": Fault("train", keep_gradients, "test_three_iterations_are_adams_on_the_summed_losses"),
    "tested on images that are not normalised": Fault(
        "Predictor",
        argument(to_input, "normalisation", lambda _: ast.Constant("none")),
        "test_probabilities_are_the_networks_and_batching_does_not_matter",
    ),
}


class _Planter(ast.NodeTransformer):
    """Applies a change, and counts how often it applied."""

    def __init__(self, change: Change) -> None:
        self.change, self.count = change, 0

    def visit(self, node: ast.AST) -> ast.AST:
        faulty = self.change(node)
        self.count += faulty is not None
        return self.generic_visit(node) if faulty is None else faulty


def find_definition(name: str, *packages: str) -> tuple[Path, ast.Module, ast.stmt]:
    """Return the module, parsed, that defines a function or class at its top level; ValueError unless exactly one."""
    definitions = []
    for path in (path for package in packages for path in (REPOSITORY / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if f"def {name}(" in text or f"class {name}" in text:
            tree = ast.parse(text)
            definitions += [(path, tree, node) for node in tree.body if getattr(node, "name", None) == name]
    if len(definitions) != 1:
        raise ValueError(f"{name} is defined {len(definitions)} times")
    return definitions[0]


def node_id(fault: Fault) -> str:
    """Return pytest's name of the test that must catch a fault."""
    path, _, _ = find_definition(fault.test, "tests")
    return f"{path.relative_to(REPOSITORY).as_posix()}::{fault.test}"


def copy_with_fault(fault: Fault | None, folder: Path) -> Path:
    """Copy the project and plant a fault in the copy; ValueError if it does not apply exactly once.

    Compiled modules are copied too, so that a test of the copy need not compile them all, but not what another process
    is just writing.
    """
    for name in _COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy(source, folder / name)
    if fault is not None:
        path, tree, definition = find_definition(fault.where, "baselines", "benchmark")
        planter = _Planter(fault.change)
        tree.body[tree.body.index(definition)] = planter.visit(definition)  # type: ignore[call-overload]
        if planter.count != 1:
            raise ValueError(f"the fault applies {planter.count} times to {fault.where}")
        faulty = ast.unparse(ast.fix_missing_locations(tree))
        (folder / path.relative_to(REPOSITORY)).write_text(faulty, encoding="utf-8")
    return folder
