"""Stages and blocks are joined as published: each decoder against a second statement of its wiring."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines import create_network
from baselines.networks.attention_unet import AttentionGate


@pytest.mark.parametrize("name", ["unet", "attention_unet", "unet_plus_plus"])
def test_a_stage_sees_the_maxima_of_the_one_above(name: str) -> None:
    torch.manual_seed(0)
    network = create_network(name, width=0.1).eval()
    x = torch.randn(1, 3, 32, 48)
    for stage, feature in enumerate(network.encode(x)):
        if stage:
            height, width = (size // 2 for size in x.shape[-2:])
            x = x.view(*x.shape[:2], height, 2, width, 2).amax(dim=(3, 5))
        x = network.get_submodule(f"down.{stage}")(x)
        assert torch.equal(feature, x)


def test_unet_goes_up_with_the_skip_first() -> None:
    torch.manual_seed(0)
    network = create_network("unet", width=0.1).eval()
    *skips, x = features = network.encode(torch.randn(1, 3, 32, 48))
    for stage in (3, 2, 1, 0):
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = network.get_submodule(f"up.{stage}")(torch.cat([skips[stage], x], dim=1))
    assert torch.allclose(network.decode(features), network.get_submodule("head")(x), atol=1e-6)


def test_an_albunet_block_joins_the_previous_one_with_its_skip() -> None:
    torch.manual_seed(0)
    network = create_network("albunet", width=0.1).eval()
    _, two, three, four, five = features = network.encode(torch.randn(1, 3, 64, 128))

    def block(name: str, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        for layer in (1, 3):
            conv = network.get_submodule(f"{name}.{layer}")
            x = F.conv2d(x, conv.weight, conv.bias, padding=1).relu()
        return x

    x = block("centre", F.max_pool2d(five, 2))
    x = block("dec5", torch.cat([x, five], dim=1))
    x = block("dec4", torch.cat([x, four], dim=1))
    x = block("dec3", torch.cat([x, three], dim=1))
    x = block("dec2", torch.cat([x, two], dim=1))
    x = block("dec1", x)  # no skip: the published network leaves the first stage out
    last, head = network.get_submodule("dec0.0"), network.get_submodule("head")
    x = F.conv2d(x, last.weight, last.bias, padding=1).relu()
    assert torch.allclose(network.decode(features), F.conv2d(x, head.weight, head.bias), atol=1e-6)


def test_a_ternausnet_block_joins_the_previous_one_with_its_skip() -> None:
    torch.manual_seed(0)
    network = create_network("ternausnet11", width=0.1)
    one, two, three, four, five = features = network.encode(torch.randn(1, 3, 64, 32))

    def block(name: str, x: Tensor) -> Tensor:
        conv, transposed = network.get_submodule(f"{name}.0"), network.get_submodule(f"{name}.2")
        x = F.conv2d(x, conv.weight, conv.bias, padding=1).relu()
        return F.conv_transpose2d(x, transposed.weight, transposed.bias, stride=2, padding=1).relu()

    x = block("centre", F.max_pool2d(five, 2))
    x = block("dec5", torch.cat([x, five], dim=1))
    x = block("dec4", torch.cat([x, four], dim=1))
    x = block("dec3", torch.cat([x, three], dim=1))
    x = block("dec2", torch.cat([x, two], dim=1))
    last = network.get_submodule("dec1.0")
    x = F.conv2d(torch.cat([x, one], dim=1), last.weight, last.bias, padding=1).relu()
    head = network.get_submodule("head")
    assert torch.allclose(network.decode(features), F.conv2d(x, head.weight, head.bias), atol=1e-6)


def batch_norm(x: Tensor, layer: nn.Module) -> Tensor:
    """Batch norm with running statistics, written out."""
    shape = (1, -1, 1, 1)
    scale = layer.weight / (layer.running_var + layer.eps).sqrt()
    return (x - layer.running_mean.view(shape)) * scale.view(shape) + layer.bias.view(shape)


def randomise_batch_norms(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(values, 0.5, 1.5)  # type: ignore[arg-type]


def test_an_attention_gate_weights_each_cell_of_its_skip() -> None:
    torch.manual_seed(0)
    gate = AttentionGate(6, 3).eval()
    randomise_batch_norms(gate)
    gating, skip = torch.randn(2, 6, 5, 4), torch.randn(2, 6, 5, 4)

    def pixelwise(x: Tensor, conv: nn.Module) -> Tensor:
        return torch.einsum("nchw,oc->nohw", x, conv.weight[:, :, 0, 0]) + conv.bias.view(1, -1, 1, 1)

    seen = batch_norm(pixelwise(gating, gate.from_gating[0]), gate.from_gating[1])
    seen = seen + batch_norm(pixelwise(skip, gate.from_skip[0]), gate.from_skip[1])
    weight = 1 / (1 + (-batch_norm(pixelwise(seen.clamp(min=0), gate.weight[1]), gate.weight[2])).exp())
    assert weight.shape == (2, 1, 5, 4)
    assert torch.allclose(gate(gating, skip), weight * skip, atol=1e-6)


def test_attention_unet_goes_up_with_gated_skips() -> None:
    torch.manual_seed(0)
    network = create_network("attention_unet", width=0.1).eval()
    randomise_batch_norms(network)
    *skips, x = features = network.encode(torch.randn(1, 3, 32, 48))
    for stage in (3, 2, 1, 0):
        conv, norm = network.get_submodule(f"upsample.{stage}.1"), network.get_submodule(f"upsample.{stage}.2")
        x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = batch_norm(F.conv2d(x, conv.weight, conv.bias, padding=1), norm).relu()
        gated = network.get_submodule(f"gates.{stage}")(x, skips[stage])
        x = network.get_submodule(f"up.{stage}")(torch.cat([gated, x], dim=1))
    assert torch.allclose(network.decode(features), network.get_submodule("head")(x), atol=1e-5)


def test_unet_plus_plus_is_wired_as_published() -> None:
    torch.manual_seed(0)
    network = create_network("unet_plus_plus", width=0.1).eval()
    x00, x10, x20, x30, x40 = features = network.encode(torch.randn(1, 3, 32, 48))

    def node(name: str, earlier: list[Tensor], below: Tensor) -> Tensor:
        up = F.interpolate(below, scale_factor=2, mode="bilinear", align_corners=True)
        return network.get_submodule(f"nested.{name}")(torch.cat([*earlier, up], dim=1))

    x01, x11, x21, x31 = (
        node("0_1", [x00], x10),
        node("1_1", [x10], x20),
        node("2_1", [x20], x30),
        node("3_1", [x30], x40),
    )
    x02, x12, x22 = node("0_2", [x00, x01], x11), node("1_2", [x10, x11], x21), node("2_2", [x20, x21], x31)
    x03, x13 = node("0_3", [x00, x01, x02], x12), node("1_3", [x10, x11, x12], x22)
    x04 = node("0_4", [x00, x01, x02, x03], x13)
    assert torch.allclose(network.decode(features), network.get_submodule("head")(x04), atol=1e-6)


def test_a_nested_node_sees_its_row_and_as_many_stages_below_as_its_column() -> None:
    torch.manual_seed(0)
    network = create_network("unet_plus_plus", width=0.1).eval()
    features = [feature.detach().requires_grad_() for feature in network.encode(torch.randn(1, 3, 32, 32))]
    outputs: dict[str, Tensor] = {}
    for name, module in network.get_submodule("nested").named_children():
        module.register_forward_hook(lambda _, __, output, name=name: outputs.update({name: output}))
    network.decode(features)
    assert len(outputs) == 10
    for name, output in outputs.items():
        row, column = map(int, name.split("_"))
        gradients = torch.autograd.grad(output.sum(), features, retain_graph=True, allow_unused=True)
        seen = [stage for stage, gradient in enumerate(gradients) if gradient is not None and gradient.any()]
        assert seen == list(range(row, row + column + 1)), name
