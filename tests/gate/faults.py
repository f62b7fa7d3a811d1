"""Ten faults that could slip into the code, each as one changed line, and the unit test that should notice it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

_COPIED = ("baselines", "benchmark", "data_manifests", "reports", "tests", "setup.cfg")


@dataclass(frozen=True)
class Fault:
    """A change of one line.

    Attributes
    ----------
    file : str
        Below the repository.
    right, wrong : str
        What stands there, exactly once, and what the fault puts in its place.
    test : str
        Of the quick suite, which fails then.
    """

    file: str
    right: str
    wrong: str
    test: str


_LOSSES, _TRAIN = "tests/baselines/test_losses.py", "tests/training/test_train.py"

FAULTS = {
    "NBR sign flipped": Fault(
        "baselines/losses.py",
        "terms = -cosine(background, reference)",
        "terms = cosine(background, reference)",
        f"{_LOSSES}::test_nbr_is_equations_1_to_3",
    ),
    "mask not inverted": Fault(
        "baselines/losses.py",
        "return features * (1 - small_mask)",
        "return features * small_mask",
        f"{_LOSSES}::test_nbr_ignores_what_is_under_the_mask",
    ),
    "lambda dropped": Fault(
        "benchmark/training/train.py",
        "weighted_bce(logits, batch.mask, weight, protocol",
        "weighted_bce(logits, batch.mask, None, protocol",
        f"{_TRAIN}::test_the_loss_is_the_sum_algorithm_1_prints",
    ),
    "CaP never pastes": Fault(
        "benchmark/training/train.py",
        "paste_rng.random() < probability",
        "paste_rng.random() < 0",
        f"{_TRAIN}::test_the_share_of_pasted_batches_is_the_probability",
    ),
    "BCE on probabilities": Fault(
        "baselines/losses.py",
        "F.binary_cross_entropy_with_logits(logits, mask",
        "F.binary_cross_entropy_with_logits(logits.sigmoid(), mask",
        f"{_LOSSES}::test_bce_is_equations_5_and_7",
    ),
    "wrong draw": Fault(
        "benchmark/protocol/draws.py",
        '0 if draws == "fixed" else seed)',
        '1 if draws == "fixed" else seed + 1)',
        "tests/protocol/test_draws.py::test_the_draw_of_a_seed_is_the_recorded_one",
    ),
    "training images among the test images": Fault(
        "benchmark/protocol/draws.py",
        "left = [i for i in annotated if i not in set(drawn)]",
        "left = annotated",
        "tests/protocol/test_draws.py::test_training_and_test_images_never_meet_and_none_is_lost",
    ),
    "FP and FN swapped": Fault(
        "benchmark/score.py",
        '"fp": area - tp,\n        "fn": defect - tp,',
        '"fp": defect - tp,\n        "fn": area - tp,',
        "tests/test_score.py::test_counts_partition_the_image",
    ),
    "learning rate x 10": Fault(
        "benchmark/training/train.py",
        "lr=protocol.learning_rate",
        "lr=10 * protocol.learning_rate",
        f"{_TRAIN}::test_three_iterations_are_adams_on_the_summed_losses",
    ),
    "evaluation mode forgotten": Fault(
        "benchmark/training/predict.py",
        "self.network.eval()",
        "self.network.train()",
        "tests/training/test_predict.py::test_probabilities_are_the_networks_and_batching_does_not_matter",
    ),
    "gradients never cleared": Fault(
        "benchmark/training/train.py",
        "        optimizer.zero_grad()\n",
        "",
        f"{_TRAIN}::test_three_iterations_are_adams_on_the_summed_losses",
    ),
    "tested on images that are not normalised": Fault(
        "benchmark/training/predict.py",
        "to_input(images, self.protocol.image_normalisation, self.device)",
        'to_input(images, "none", self.device)',
        "tests/training/test_predict.py::test_probabilities_are_the_networks_and_batching_does_not_matter",
    ),
}


def copy_with_fault(fault: Fault | None, folder: Path) -> Path:
    """Copy the project, put a fault into the copy; ValueError if what it changes does not stand there exactly once."""
    for name in _COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    if fault is not None:
        path = folder / fault.file
        text = path.read_text(encoding="utf-8")
        if text.count(fault.right) != 1:
            raise ValueError(
                f"{fault.file} holds {text.count(fault.right)} times what the fault changes: {fault.right!r}"
            )
        path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    return folder
