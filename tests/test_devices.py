"""Devices: by name, several at a time, and the one that a process sees."""

from __future__ import annotations

import pytest
import torch

from baselines.errors import InputError
from benchmark.cli import main
from benchmark.devices import choose_device, choose_devices, device_environments, device_in_worker


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch report two GPUs; naming devices needs none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("two_gpus")
def test_devices_are_assigned_round_robin_and_a_process_sees_only_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = choose_devices("cuda:0, cuda:1")
    assert devices == [torch.device("cuda:0"), torch.device("cuda:1")]
    seen = [environment["CUDA_VISIBLE_DEVICES"] for environment in device_environments(devices, 5)]
    assert seen == ["0", "1", "0", "1", "0"]
    assert device_in_worker(devices) == torch.device("cuda:0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8f, 5")  # what torch calls 0 and 1
    seen = [environment["CUDA_VISIBLE_DEVICES"] for environment in device_environments(devices, 2)]
    assert seen == ["GPU-8f", "5"]
    assert device_environments(choose_devices("cuda:1"), 2) == [{"CUDA_VISIBLE_DEVICES": "5"}] * 2


def test_cpus_need_no_environment() -> None:
    assert device_environments(choose_devices("cpu"), 2) == [{}, {}]
    assert device_in_worker(choose_devices("cpu")) == torch.device("cpu")


@pytest.mark.usefixtures("two_gpus")
def test_auto_is_the_first_cuda_device_if_there_is_one() -> None:
    assert choose_device("auto") == torch.device("cuda:0")
    assert choose_devices("auto") == [torch.device("cuda:0")]


@pytest.mark.usefixtures("two_gpus")
def test_devices_that_cannot_be_used_are_refused_by_name() -> None:
    refused = {"cuda:2": "'cuda:2'", "cuda:0,,cuda:1": "''", "gpu": "'gpu'", "meta": "'meta'"}
    refused |= {names: f"--device {names} " for names in ("cuda,cuda:0", "cpu,cuda:1")}
    for names, named in refused.items():
        with pytest.raises(InputError) as refusal:
            choose_devices(names)
        assert named in str(refusal.value)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("built", "why"), [(False, "this torch has no MPS"), (True, "torch finds no Apple GPU")])
def test_mps_is_refused_where_torch_has_none(built: bool, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: built)
    with pytest.raises(InputError, match=f"^device 'mps' is not available: {why}[^\n]*; use --device cpu$"):
        choose_device("mps")


def test_mps_is_used_where_torch_has_it_and_only_if_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_devices("mps") == [torch.device("mps")]
    assert choose_devices("auto") == [torch.device("cpu")]
    assert device_environments(choose_devices("mps"), 2) == [{}, {}]
    assert device_in_worker(choose_devices("mps")) == torch.device("mps")
    with pytest.raises(InputError, match="names a device twice"):
        choose_devices("mps,mps:0")


@pytest.mark.usefixtures("two_gpus")
def test_devices_that_do_not_fit_other_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    dask = ("--backend", "dask", "--scheduler", "tcp://127.0.0.1:1")
    for words, named in (("plan", "--jobs", "1"), "--jobs 1"), (("run", *dask), "--device cuda:0,cuda:1"):
        assert main([*words, "--method", "unet", "--category", "carpet", "--device", "cuda:0,cuda:1"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert named in line
