"""Devices by name, several of them, and which of them a process sees."""

from __future__ import annotations

import pytest
import torch

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.devices import choose_device, choose_devices, device_environments, device_in_worker


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch answers on a machine with two; no GPU is needed to name them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("two_gpus")
def test_runs_are_dealt_to_devices_in_turn_and_a_process_sees_only_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = choose_devices("cuda:0, cuda:1")
    assert devices == [torch.device("cuda:0"), torch.device("cuda:1")]
    seen = [environment["CUDA_VISIBLE_DEVICES"] for environment in device_environments(devices, 5)]
    assert seen == ["0", "1", "0", "1", "0"]
    assert device_in_worker(devices) == torch.device("cuda:0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8f, 5")  # what torch calls 0 and 1
    seen = [environment["CUDA_VISIBLE_DEVICES"] for environment in device_environments(devices, 2)]
    assert seen == ["GPU-8f", "5"]
    assert device_environments(choose_devices("cuda:1"), 2) == [{"CUDA_VISIBLE_DEVICES": "5"}] * 2


def test_cpus_need_nothing_special() -> None:
    assert device_environments(choose_devices("cpu"), 2) == [{}, {}]
    assert device_in_worker(choose_devices("cpu")) == torch.device("cpu")


@pytest.mark.usefixtures("two_gpus")
def test_auto_is_the_first_cuda_device_where_there_is_one() -> None:
    assert choose_device("auto") == torch.device("cuda:0")
    assert choose_devices("auto") == [torch.device("cuda:0")]


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("cuda:2", "device 'cuda:2' is not there: 2 CUDA devices are; use --device cpu"),
        ("cuda,cuda:0", "--device cuda,cuda:0 names a device twice: for several runs on one device use --jobs"),
        ("cpu,cuda:1", "--device cpu,cuda:1 mixes CPU and CUDA: they round differently, so metrics would depend on"),
        ("cuda:0,,cuda:1", "unknown device '': use auto, cpu, cuda, cuda:1 or cuda:0,cuda:1"),
        ("gpu", "unknown device 'gpu': use auto, cpu, cuda, cuda:1 or cuda:0,cuda:1"),
        ("meta", "device 'meta' is not supported: use auto, cpu, cuda, cuda:1 or cuda:0,cuda:1"),
    ],
)
def test_devices_that_cannot_be_used_are_refused_by_name(names: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        choose_devices(names)
    assert str(refusal.value).startswith(message)


@pytest.mark.usefixtures("two_gpus")
def test_a_device_that_would_be_idle_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--method", "unet", "--device", "cuda:0,cuda:1", "--jobs", "1"]) == 2
    assert "error: --jobs 1 leaves some of 2 devices idle: use at least 2" in capsys.readouterr().err


def test_several_devices_do_not_fit_dask(capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--backend", "dask", "--scheduler", "tcp://127.0.0.1:1", "--device", "cuda:0,cuda:1"]
    assert main(["run", "--method", "unet", "--category", "carpet", *where]) == 2
    assert "--device cuda:0,cuda:1 does not fit --backend dask, where a worker uses one" in capsys.readouterr().err
