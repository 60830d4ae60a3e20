"""Section `update`: turns gradients into new parameters, and carries the optimiser's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

MOMENT_DECAY = (0.9, 0.999)  # of Adam's first and second moment


class Update(NamedTuple):
    """An optimiser as two pure functions."""

    init: Callable[[Any, Any], Any]  # (parameters, max_grad_norm) -> optimiser state
    apply: Callable[..., tuple[Any, Any]]  # see `apply`


def optimiser(max_grad_norm: float | jax.Array) -> optax.GradientTransformation:
    """Gradients clipped by global norm, then Adam (Kingma & Ba 2015), before the learning rate."""
    first, second = MOMENT_DECAY
    return optax.chain(
        optax.clip_by_global_norm(max_grad_norm), optax.scale_by_adam(b1=first, b2=second, eps=1e-5)
    )


def init(parameters: Any, max_grad_norm: float | jax.Array) -> Any:
    """Return the optimiser's first state."""
    return optimiser(max_grad_norm).init(parameters)


def apply(
    gradients: Any,
    state: Any,
    parameters: Any,
    learning_rate: jax.Array,
    max_grad_norm: float | jax.Array,
) -> tuple[Any, Any]:
    """Return the parameters after one step, and the optimiser's next state."""
    with jax.numpy_dtype_promotion("standard"):  # optax raises a float to its integer count
        steps, state = optimiser(max_grad_norm).update(gradients, state, parameters)
    scaled = jax.tree.map(lambda step: -learning_rate * step, steps)
    return optax.apply_updates(parameters, scaled), state


update = Update(init, apply)
