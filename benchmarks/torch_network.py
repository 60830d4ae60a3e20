"""A shardsim network in PyTorch, weights copied layer for layer, activations taken by hooks.

Axis letters: B batch · H, W, C rows, columns, channels of an observation · D units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn


class Centred(nn.Module):
    """The grid shifted so that the agent is in the middle: what an egocentric network sees."""

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Turn float32[B, C, H, W] into [B, C-1, 2H-1, 2W-1], wall outside."""
        size, channels, height, width = observations.shape
        cell = observations[:, 0].flatten(1).argmax(1)
        seen = observations[:, 1:].clone()
        seen[:, 0] -= 1.0
        whole = seen.new_zeros(size, channels - 1, 3 * height - 2, 3 * width - 2)
        whole[:, :, height - 1 : 2 * height - 1, width - 1 : 2 * width - 1] = seen
        where = cell.device
        row = (cell // width)[:, None] + torch.arange(2 * height - 1, device=where)
        column = (cell % width)[:, None] + torch.arange(2 * width - 1, device=where)
        batch = torch.arange(size, device=where)[:, None, None]
        shifted = whole.permute(0, 2, 3, 1)[batch, row[:, :, None], column[:, None, :]]
        shifted[..., 0] += 1.0
        return shifted


class ToLast(nn.Module):
    """Channels last, as flax flattens them."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Turn [B, C, H, W] into [B, H, W, C]."""
        return hidden.permute(0, 2, 3, 1)


class Hooked:
    """A network whose named layers' outputs are taken by forward hooks."""

    def __init__(self, network: nn.Sequential, named: dict[str, nn.Module]) -> None:
        """Register one hook a named layer; on a GPU where there is one."""
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.eval().to(self.device)
        self.taken: dict[str, torch.Tensor] = {}
        for name, layer in named.items():
            layer.register_forward_hook(
                lambda _layer, _given, output, name=name: self.taken.update({name: output.detach()})
            )

    def capture(self, observations: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the output of every named layer for float32[B, C, H, W], from host to host."""
        self.taken = {}
        with torch.inference_mode():
            self.network(observations.to(self.device))
        return {name: output.cpu() for name, output in self.taken.items()}


def copy_of(network: Any, parameters: Any, shape: tuple[int, ...]) -> Hooked:
    """Copy one shardsim network with its parameters; observations are of shape (H, W, C)."""
    weights = parameters["params"]
    layers: list[nn.Module] = []
    named: dict[str, nn.Module] = {}

    def hidden(name: str, *more: nn.Module) -> None:
        layers.extend(more)
        layers.append(nn.ReLU())
        named[name] = layers[-1]

    if network.kind == "egocentric":
        layers.append(Centred())
    elif network.kind == "convolutional":
        for name in ("conv_1", "conv_2"):
            hidden(name, _convolution(weights[name]))
            layers += [last := ToLast()]
            named[name] = last
            layers.append(ToFirst())
    if network.kind != "egocentric":
        layers.append(ToLast())
    layers.append(nn.Flatten())
    for number in range(1, len(network.widths) + 1):
        hidden(f"dense_{number}", _dense(weights[f"dense_{number}"]))
    heads = Heads(_dense(weights["actor"]), _dense(weights["critic"]))
    layers.append(heads)
    named |= {"logits": heads.actor, "value": heads.critic}
    return Hooked(nn.Sequential(*layers), named)


class ToFirst(nn.Module):
    """Channels first again: a view, no copy."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Turn [B, H, W, C] into [B, C, H, W]."""
        return hidden.permute(0, 3, 1, 2)


class Heads(nn.Module):
    """Actor and critic."""

    def __init__(self, actor: nn.Linear, critic: nn.Linear) -> None:
        """Hold both."""
        super().__init__()
        self.actor, self.critic = actor, critic

    def forward(self, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits [B, A] and values [B, 1]."""
        return self.actor(hidden), self.critic(hidden)


def _tensor(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(values))


def _dense(weights: Any) -> nn.Linear:
    kernel = np.asarray(weights["kernel"])
    layer = nn.Linear(*kernel.shape)
    layer.weight.data, layer.bias.data = _tensor(kernel.T), _tensor(weights["bias"])
    return layer


def _convolution(weights: Any) -> nn.Conv2d:
    kernel = np.asarray(weights["kernel"])  # rows, columns, in, out
    layer = nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[:2], padding="same")
    layer.weight.data = _tensor(kernel.transpose(3, 2, 0, 1))
    layer.bias.data = _tensor(weights["bias"])
    return layer
