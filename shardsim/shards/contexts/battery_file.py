"""The bytes of a battery: safetensors whose header names the env and how the contexts were drawn.

Axis letters: C contexts.
"""

from __future__ import annotations

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base import arrays
from shardsim.base.errors import UserError
from shardsim.env import parameters
from shardsim.env.core import Env, template_level
from shardsim.env.types import State

ALIGNED: dict[str, Any] = {  # fields of a battery that are one array on C, and their dtypes
    "observations": np.float32,
    "distance": np.float32,
    "advantages": np.float32,
    "blocked": bool,
    "reachable": bool,
    "level_index": np.int32,
    "weight": np.float32,
}
DRAWN = ("kind", "split", "seed")


def write(env: Env, states: State, covariates: dict[str, np.ndarray], **fields: Any) -> bytes:
    """Return the bytes of a battery, given by its fields."""
    about = {"env": env.name, "params": parameters.plain(env), **{n: fields[n] for n in DRAWN}}
    aligned = {name: fields[name] for name in ALIGNED}
    stored = {**aligned, "states": states, "covariates": dict(covariates)}
    return arrays.to_bytes(stored, {"battery": json.dumps(about, sort_keys=True)})


def read(env: Env, data: bytes, source: str) -> dict[str, Any]:
    """Return every field of a battery but its env, from what `write` gave.

    Raises:
      UserError: damaged bytes, or a battery of another env; the message names `source`.
    """
    found = arrays.to_dict(data, source)
    about = header(data, source)
    stored = arrays.from_bytes(data, _template(env, found), source)
    fields = {name: np.asarray(stored[name]) for name in ALIGNED}
    drawn = {name: about[name] for name in DRAWN}
    return {**fields, **drawn, "states": stored["states"], "covariates": stored["covariates"]}


def header(data: bytes, source: str) -> dict[str, Any]:
    """Return env, params, kind, split and seed (safetensors: a length in 8 bytes, then JSON).

    Raises:
      UserError: no bytes of a battery; the message names `source`.
    """
    try:
        found = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return json.loads(found["__metadata__"]["battery"])
    except (ValueError, KeyError) as error:
        raise UserError(f"{source} holds no battery; write one with Battery.save") from error


def _template(env: Env, found: dict[str, np.ndarray]) -> dict[str, Any]:
    """Shapes and dtypes of a stored battery of this env."""
    size = len(found["weight"]) if "weight" in found else 0
    index = jax.ShapeDtypeStruct((), jnp.int32)
    state = jax.eval_shape(env.state_at, template_level(env), index)
    states = jax.tree.map(lambda x: jax.ShapeDtypeStruct((size, *x.shape), x.dtype), state)
    numpy_like = {name: np.empty_like(found[name]) for name in ALIGNED if name in found}
    names = [n.removeprefix("covariates/") for n in found if n.startswith("covariates/")]
    covariates = {name: np.empty(size, np.float32) for name in names}
    return {**numpy_like, "states": states, "covariates": covariates}
