"""With `jax_enable_x64` every world has the same dtypes, and training the same shapes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from shardsim.agent.checkpoint import carry_template, record_template
from shardsim.env.registry import list_envs, make

pytestmark = pytest.mark.slow


def kinds(tree: Any) -> dict[str, Any]:
    """Shape and dtype of every leaf by its path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): (leaf.shape, leaf.dtype) for path, leaf in leaves}


def in_both(shapes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `shapes()` is as usual, and with wide numbers."""
    usual = kinds(shapes())
    # As a user has it: the tests' strict promotion would refuse int32 beside an index, too.
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        return usual, kinds(shapes())


@pytest.mark.parametrize("name", list_envs())
def test_a_world_has_the_same_dtypes(name):
    def everything(key):
        env = make(name)
        level = env.level(key, "train")
        state = env.reset(key, level)
        moved = env.step(key, state, jnp.int32(0))
        return state, moved, env.observe(state), env.covariates(state), env.tabular(level)

    usual, wide = in_both(lambda: jax.eval_shape(everything, jax.random.key(0)))
    assert wide == usual


def test_training_with_items_has_the_same_dtypes(tiny_config):
    env = make("keys-and-chests")
    for template in (carry_template, record_template):
        usual, wide = in_both(lambda template=template: template(env, tiny_config))
        assert wide == usual
