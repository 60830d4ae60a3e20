"""Reading what a policy answered: arrays of any framework, checked before anything rests on them.

Axis letters: B observations of one batch · C contexts · A actions · D units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from shardsim.base.errors import UserError

FORMS = "return logits [batch, actions], or (logits, {layer: activations [batch, units]})"


class Response(NamedTuple):
    """What a policy answered to C contexts."""

    logits: np.ndarray  # float32[C, A]
    activations: dict[str, np.ndarray]  # layer -> float32[C, D]; empty for a plain policy


def read_answer(answer: Any, rows: int, actions: int) -> Response:
    """Return what a policy gave for one batch, as arrays of its own.

    Args:
        answer: logits, or (logits, {layer: activations}); arrays of numpy, jax or torch.
        rows: observations in the batch, B.
        actions: of the world, A.

    Returns:
        Logits float32[B, A] and activations float32[B, D], copied: a policy may write its next
        answer into the same memory.

    Raises:
        UserError: another form, not numbers, a wrong shape, or values that are not finite.
    """
    logits, layers = _parts(answer)
    values = to_numpy(logits, "logits")
    if values.ndim != 2 or values.shape[1] != actions:
        raise UserError(
            f"the policy gave logits of shape {values.shape} for {rows} observations; the world "
            f"has {actions} actions, so give [batch, actions]"
        )
    _check_rows(values, rows, "logits")
    if not np.isfinite(values).all():
        raise UserError("the policy gave logits that are not finite; clip them first")
    return Response(values, {name: _layer(name, layer, rows) for name, layer in layers.items()})


def joined(parts: Sequence[Response]) -> Response:
    """Return the answers to all batches as one; raises UserError where their layers differ."""
    first = parts[0].activations
    for part in parts[1:]:
        for name in sorted(first.keys() | part.activations.keys()):
            widths = [one[name].shape[1] for one in (first, part.activations) if name in one]
            if len(widths) < 2 or widths[0] != widths[1]:
                raise UserError(
                    f"the policy gave the layer {name!r} otherwise in one batch than in another; "
                    "give every batch the same layers and units"
                )
    layers = {name: np.concatenate([part.activations[name] for part in parts]) for name in first}
    return Response(np.concatenate([part.logits for part in parts]), layers)


def to_numpy(value: Any, what: str) -> np.ndarray:
    """Return float32[...], a copy of an array of numpy, jax or torch.

    Raises UserError for what is no array of real numbers; `what` names it.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise UserError(f"the policy gave {what} that are masked; fill them with numbers")
    try:
        given = np.asarray(_from_torch(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"the policy gave {what} that are not an array; {FORMS}") from error
    if not np.can_cast(given.dtype, np.float32, "same_kind"):
        kind = type(value).__name__ if given.ndim == 0 else given.dtype.name
        raise UserError(f"the policy gave {what} of {kind}, which are not real numbers; {FORMS}")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
        return np.array(given, np.float32)


def _from_torch(value: Any) -> Any:
    """Return a tensor of torch as one that numpy reads, anything else as it is.

    Numpy has no bfloat16 of its own, so half precisions are widened first.
    """
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    return value.float() if value.is_floating_point() else value


def _parts(answer: Any) -> tuple[Any, Mapping[str, Any]]:
    """Return logits and activations of one answer."""
    if answer is None or isinstance(answer, Mapping | str):
        raise UserError(f"the policy gave {_named(answer)} instead of logits; {FORMS}")
    if not isinstance(answer, tuple):
        return answer, {}
    if len(answer) != 2:
        raise UserError(f"the policy gave a tuple of {len(answer)}; {FORMS}")
    logits, layers = answer
    if not isinstance(layers, Mapping):
        raise UserError(
            f"the policy gave {_named(layers)} beside its logits, where activations by layer "
            f"stand; leave it out, or {FORMS}"
        )
    for name in layers:
        if not isinstance(name, str):
            raise UserError(f"the policy gave a layer called {name!r}; name layers with text")
    return logits, layers


def _named(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _layer(name: str, layer: Any, rows: int) -> np.ndarray:
    """Return the activations float32[B, D] of one layer."""
    what = f"activations of {name!r}"
    values = to_numpy(layer, what)
    _check_rows(values, rows, what)
    if not values.size:
        raise UserError(f"the policy gave {what} without any unit; leave the layer out")
    if not np.isfinite(values).all():
        raise UserError(f"the policy gave {what} that are not finite; leave the layer out")
    return values.reshape(rows, -1)


def _check_rows(values: np.ndarray, rows: int, what: str) -> None:
    given = len(values) if values.ndim else 0
    if given != rows:
        raise UserError(
            f"the policy gave {given} row{'' if given == 1 else 's'} of {what} for {rows} "
            "observations; answer every observation of a batch with a row of its own"
        )
