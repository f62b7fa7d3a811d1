"""What a user is told when something cannot be used: exit code 2 and one line, each in full in ``refusals.txt``."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from baselines import create_network
from benchmark.cli import main
from benchmark.results.model_file import ModelDescription, Normalisation, digest_weights, write_model
from tests.conftest import REPOSITORY, make_category, write_image
from tests.factories import make_spec

GOLDEN = REPOSITORY / "tests" / "refusals.txt"

CASES = """
run
run --all --profile quik
run --all --profile none.toml
run --all --profile broken.toml
run --all --profile unknown-field.toml
run --all --set width=wide
run --all --set widht=1
run --all --set image_size=8
run --all --set image_size=100
run --all --set batch_size.x=2
run --all --set categories_at=tile
run --all --set categories_at.any=tile
run --all --set categories_at.5=[]
run --all --set draws=per_sead
run --all --set draws=0
run --all --set seeds=[]
run --all --set width
run --method albunet --set weights=mine.pth
run --method albunet --set weights_files=mine.pth
run --method albunet --set weights_files.albunet=1
run --method albunet --set weights_files.albunett=weights/mine.pth
run --method albunet --set weights_files.albunet_nbr=weights/mine.pth
run --method albunet --set weights_files.albunet=weights/none.pth
run --method albunet --set weights_files.albunet=weights
run --method albunet --set weights_files.albunet=weights/folder.pth
run --method albunet --set weights_files.albunet=weights/pickle.pth
run --method albunet --set weights_files.albunet=weights/truncated.pth
run --method albunet --set weights_files.albunet=weights/truncated.safetensors
run --method albunet --set weights_files.albunet=weights/text.pt
run --method albunet --set weights_files.albunet=weights/checkpoint.pth
run --method albunet --set weights_files.albunet=weights/mine.pth
run --method albunet --set weights_files.albunet=weights/partly.pth width=0.1
run --method unet --set weights_files.unet=weights/mine.pth
plan --method albunet --set weights_files.albunet=weights/none.pth
check --profile quick --set weights_files.albunet=weights/mine.pth
methods --weights-file weights/mine.pth
methods --check albunet --weights-file weights/none.pth
methods --check albunet --weights-file weights/mine.pth
run --method unett
run --method unet+nrb
run --method unet+cap-poison
run --method unet+cap-place+cap-poisson
run --method unet+nbr+nbr
run --method unet+bn+nbr
run --method smp:Unet/resnet19
run --method methods/none.py
run --method methods/notes.txt
run --method methods/broken.py
run --method methods/raises.py
run --method methods/empty.py
run --method methods/taken.py
run --method methods/mine.py methods/same.py
run --method methods/mine.py:own
plan --method methods/none.py
methods --check methods/none.py
run --category carpt
run --table IX
run --figure 11
run --study lambda
run --method unet --shots 3
run --method unet --shots 0
run --method unet --seed -1
run --method unet --jobs 0
run --method unet --timeout 0
run --method unet --device tpu
run --method unet --device cpu,cpu
run --method unet --backend dask
run --method unet --cache-limit much
run --metod unet
run --all extra
data list --datset mvtec-ad
run --method unet --budget soon
bench stepz
bench steps --pairs 0
bench steps --method unett
plan --method unet --budget 0
run --method unet --results file
run --method ternausnet11 --profile paper --set width=0.5
run --method unet --dataset synthetc
run --method unet --dataset folder
run --method unet --dataset folder --data-root nowhere
run --method unet --dataset folder --data-root file
run --method unet --dataset folder --data-root data --shots 9
run --method unet --dataset synthetic --data-root data
run --method unet --masks-hold classes
run --method unet --dataset folder --data-root data --masks-hold clases
run --method unet --dataset folder --data-root numbers
plan
report --results nowhere
tables --results nowhere
metrics --results nowhere
variance --results nowhere
ranking --results nowhere
ranking --published --metric pixel_app
ranking --published --metric pixel_ap
ranking --published --defect hole
ranking --published --category textur
ranking --published --category carpet
ranking --published --method unett
ranking --published --shots 3
tables --published --paper
tables --published --converged-only
tables --published --table IX
tables --published --reading images=all
tables --reading images
tables --reading image=all
tables --reading images=some
tables --reading images=all images=all
tables --reading empty_mask=zero
tables --reading reduction=pooled empty_prediction=zero
tables --reading runs=all --converged-only
tables --readings --paper
claims --results nowhere
claims --published --resample-images
check --baseline nowhere.json
check --baseline file
check --stored --results nowhere
check --update --repeats 2
audit --out page.txt
methods --check unett
data list --dataset folder --data-root nowhere
data list --dataset folder --data-root nearly
data list --dataset folder --data-root unfetched
data list --dataset folder --data-root odd --strict
data generate --out file --size 64
data generate --out images --size 7
data import visaa source destination
data import mpdd nowhere destination
data import btad data destination --by-type
data import pairs nowhere destination --images {name}.jpg --masks {name}.png
data verify --dataset mvtec-ad --data-root nowhere
predict nowhere data --out out
predict data data --out out
predict file data --out out
predict pickle.pt data --out out
predict truncated.safetensors data --out out
predict undescribed.safetensors data --out out
predict later.safetensors data --out out
predict other.safetensors data --out out
predict of-a-file.safetensors data --out out
export of-a-file.safetensors
predict model.safetensors nowhere.png --out out
predict model.safetensors 'data/*.tiff' --out out
predict model.safetensors file --out out
predict model.safetensors pickle.pt file --out out
predict model.safetensors empty --out out
predict model.safetensors data --out data
predict model.safetensors data --out data --overwrite
predict model.safetensors data --out file/out
predict model.safetensors data --out out --threshold 2
predict model.safetensors data --out out --tile 3
predict model.safetensors data --out out --overlap 0.5
predict model.safetensors data --out out --threads 0
predict model.safetensors data --out out --device tpu
export nowhere
export pickle.pt
export model.safetensors --out file
export model.safetensors --out file/model.onnx
replay nowhere
replay empty --random
replay empty --device tpu
"""


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgetful_registry: None) -> Path:
    """A working directory with a file, small data sets, most of them with a fault, and unusable profiles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for root in ("data", "numbers", "nearly", "unfetched", "odd"):
        make_category(Path(root, "widget"), defects=("hole",))
    for path in Path("numbers/widget/ground_truth/hole").iterdir():
        write_image(path, np.full((48, 48), 2, dtype=np.uint8))
    Path("nearly/widget/test/good").rename("nearly/widget/test/Good")
    Path("unfetched/widget/train/good/900.png").symlink_to("../../../annex/900.png")
    Path("odd/widget/train/good/900.gif").write_text("not opened")
    Path("file").write_text("not what it should be\n")
    write_method_files()
    write_models()
    write_weights()
    Path("broken.toml").write_text("image_size = \n")
    Path("unknown-field.toml").write_text("image_sise = 64\n")
    return tmp_path


def write_method_files() -> None:
    """Write a file of methods that can be used, and one with each fault."""
    head = "from baselines import Method, Recipe, register_method\n"
    register = 'register_method(Method("{}", "Mine", "unet", Recipe(), "a test"))\n'
    Path("methods").mkdir()
    for name, text in {
        "mine.py": head + register.format("mine"),
        "same.py": head + register.format("mine"),
        "taken.py": head + register.format("unet"),
        "empty.py": head,
        "raises.py": f"{head}import nowhere\n",
        "broken.py": "def method(:\n",
        "notes.txt": "",
    }.items():
        Path("methods", name).write_text(text)


def write_models() -> None:
    """Write a model that can be used, and one with each fault."""
    torch.manual_seed(0)
    spec = make_spec(settings=["width=0.1", "image_size=64"])
    weights = create_network("unet", width=0.1).state_dict()
    description = ModelDescription(
        run=spec.id, dataset="synthetic", label="U-Net", identity=spec.identity, protocol=spec.protocol,
        normalisation=Normalisation((0, 0, 0), (1, 1, 1)), training_threshold=0.5,
        weights_sha256=digest_weights(weights),
    )  # fmt: skip
    write_model(Path("model.safetensors"), description, weights)
    other = msgspec.structs.replace(description, identity=make_spec(method="albunet").identity)
    write_model(Path("other.safetensors"), other, weights)
    of_a_file = msgspec.structs.replace(spec.identity, network="own", file_digest="f" * 64)
    write_model(Path("of-a-file.safetensors"), msgspec.structs.replace(description, identity=of_a_file), weights)
    content = Path("model.safetensors").read_bytes()
    Path("truncated.safetensors").write_bytes(content[:-1])
    Path("later.safetensors").write_bytes(content.replace(b'"{\\"format\\": 1', b'"{\\"format\\": 2'))
    save_file(weights, "undescribed.safetensors")
    torch.save(weights, "pickle.pt")
    Path("empty").mkdir()


def write_weights() -> None:
    """Write a narrow AlbuNet's encoder weights, and a file with each fault."""
    Path("weights/folder.pth").mkdir(parents=True)
    state = create_network("albunet", width=0.1).get_submodule("encoder").state_dict()
    torch.save(state, "weights/mine.pth")
    torch.save({"state_dict": state, "epoch": 3}, "weights/checkpoint.pth")
    torch.save(torch.nn.Linear(1, 1), "weights/pickle.pth")
    partly = {name: tensor for name, tensor in state.items() if not name.startswith("layer4.")}
    torch.save(partly | {"layer5.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}, "weights/partly.pth")
    Path("weights/truncated.pth").write_bytes(Path("weights/mine.pth").read_bytes()[:1000])
    Path("weights/text.pt").write_text("not what it should be\n")
    save_file(state, "weights/truncated.safetensors")
    Path("weights/truncated.safetensors").write_bytes(Path("weights/truncated.safetensors").read_bytes()[:-1])


def refuse(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a command is refused with."""
    code = main(shlex.split(words))
    captured = capsys.readouterr()
    assert code == 2, f"{words}: exit code {code}"
    line = captured.err.removesuffix("\n").replace(f"{Path.cwd()}/", "")
    assert line.startswith("error: "), f"{words}: {captured.err}"
    assert "\n" not in line, f"{words}: {captured.err}"
    assert not captured.out, f"{words}: {captured.out}"
    return line


def test_every_refusal_is_one_line_with_the_recorded_wording(
    in_folder: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    before = sorted(in_folder.rglob("*"))
    cases = CASES.strip().splitlines()
    text = "".join(f"$ {words}\n{refuse(words, capsys)}\n" for words in cases)
    left = {path for path in set(in_folder.rglob("*")) - set(before) if "cache" not in path.parts}
    assert not left, "a refused command left something behind"
    if pytestconfig.getoption("update_refusals"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), "see CONTRIBUTING.md for how to write the file anew"
