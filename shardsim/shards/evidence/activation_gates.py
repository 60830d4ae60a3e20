"""The shards' model with gates read from activations: what the covariates' vocabulary misses.

Preferences, habit and affordance are those of the other models, the folds are the same whole
levels, and only the gates change: g_k = softplus(w_k·h + b_k) of a layer h. Why this does not
explain everything by itself: a gate is one number >= 0 for each of a few shards, and multiplies an
advantage that the layer does not choose. It can say how strongly to go to the cheese, never which
way. The controls show how far that goes: activations of other contexts say no more than constant
gates, and advantages of other contexts leave next to nothing to say however well a layer is read.

Axis letters: N agents · V sources · C contexts · K shards · D units · J atoms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.parallel import each
from shardsim.shards.evidence.activations import RAW, principal, sample
from shardsim.shards.evidence.gate_solver import Decisions, Freedom, Solved, solve
from shardsim.shards.fit.atoms import evaluate
from shardsim.shards.fit.data import DecisionData, level_folds, log_softmax
from shardsim.shards.fit.linear_models import AFFORDANCE_ATOMS
from shardsim.shards.fit.models import AFFORDANCE, CEILING
from shardsim.shards.fit.selection import FOLDS
from shardsim.shards.fit.shard_model import ShardModel

CONTEXTS = 2000
COMPONENTS = 64
TERMS = 3
LEAST_CONTEXTS = 100
COVARIATES, CONSTANT = "covariates", "constant gates"
OTHERS, PERMUTED = "shuffled activations", "shuffled advantages"


class ActivationFit(NamedTuple):
    """Held-out figures of every source, for every agent."""

    layers: tuple[str, ...]  # of the network, first to last
    sources: tuple[str, ...]  # V: the layers, then what stands beside them
    explained: np.ndarray  # float64[N, V], 0 habits and affordance, 1 the ceiling
    likeness: np.ndarray  # float64[N, V, K], weighted correlation with the covariate gates

    def of(self, source: str) -> np.ndarray:
        """Explained float64[N] with gates read from a source."""
        return self.explained[:, self.sources.index(source)]

    @property
    def best(self) -> str:
        """The layer that explains most, mean over agents."""
        return max(self.layers, key=lambda name: float(self.of(name).mean()))


class _Task(NamedTuple):
    view: np.ndarray  # float32[D, C]
    decisions: Decisions
    terms: int


def activation_fit(
    models: Sequence[ShardModel],
    data: Sequence[DecisionData],
    bits: Sequence[Mapping[str, np.ndarray]],
    layers: Mapping[str, np.ndarray],
    observations: np.ndarray,
    *,
    untrained: Mapping[str, np.ndarray] | None = None,
    contexts: int = CONTEXTS,
    refit: bool = False,
    seed: int = 0,
) -> ActivationFit | None:
    """Fit the gates of agents from every layer and control.

    Args:
      models: N, the found shards, all of the same number K.
      data: N, the agents' decisions over one battery of C contexts.
      bits: N times model -> float[C] with habits and affordance, and the ceiling.
      layers: name -> float[N, C, D], the network's own, first to last.
      observations: float[C, H, W, planes], the raw input.
      untrained: the same layers before training.
      contexts: at most so many are used.
      refit: fit the preferences again, signs held, instead of holding them.
      seed: of the folds (the one that the models were fitted with), of the sample and of shuffling.

    Returns:
      None where there are no activations, no shards, or too few contexts or levels.
    """
    fold = level_folds(data[0].level_index, FOLDS, seed)
    rows = sample(len(fold), seed, contexts)
    folds = int(fold.max()) + 1
    enough = len(rows) >= LEAST_CONTEXTS and folds > 2
    if not layers or not enough or not models[0].num_shards:
        return None
    tasks: list[dict[str, _Task]] = []
    for agent, (model, decisions) in enumerate(zip(models, data, strict=True)):
        own = {name: values[agent][rows] for name, values in layers.items()}
        blank = {name: values[agent][rows] for name, values in (untrained or {}).items()}
        tasks.append(_tasks(model, decisions, rows, own, blank, observations[rows], seed))
    names = tuple(tasks[0])
    run = partial(_solve, jnp.asarray(fold[rows], jnp.int32), folds, refit)
    solved = each(run, [task for some in tasks for task in some.values()])
    table = [solved[first : first + len(names)] for first in range(0, len(solved), len(names))]
    spent = np.array([[np.asarray(one.bits, np.float64).mean() for one in own] for own in table])
    base, top = (
        np.array([one[name][rows].mean() for one in bits]) for name in (AFFORDANCE, CEILING)
    )
    span = np.maximum(base - top, 1e-9)
    alike = [
        [_likeness(np.asarray(one.gates).T, m.gates[rows], d.weight[rows]) for one in own]
        for own, m, d in zip(table, models, data, strict=True)
    ]
    return ActivationFit(
        layers=tuple(layers),
        sources=names,
        explained=(base[:, None] - spent) / span[:, None],
        likeness=np.array(alike),
    )


def _tasks(
    model: ShardModel,
    data: DecisionData,
    rows: np.ndarray,
    layers: Mapping[str, np.ndarray],
    untrained: Mapping[str, np.ndarray],
    observations: np.ndarray,
    seed: int,
) -> dict[str, _Task]:
    """Every fit of one agent by name."""
    atoms = evaluate(model.atoms, data.features[rows])
    decisions = _decisions(model, data, rows, atoms)
    order = np.random.default_rng(seed).permutation(len(rows))
    elsewhere = decisions._replace(advantages=decisions.advantages[:, :, order])
    gates = atoms[:, (model.coefficients > 0).any(1)]
    last = list(layers)[-1]
    views = {name: components(values) for name, values in layers.items()}
    views |= {f"untrained {name}": components(values) for name, values in untrained.items()}
    views |= {
        RAW: components(observations.reshape(len(rows), -1)),
        OTHERS: components(layers[last][order]),
        CONSTANT: components(np.zeros((len(rows), 1))),
        COVARIATES: components(gates),
        f"{last} and covariates": beside(layers[last], gates),
    }
    tasks = {name: _Task(view, decisions, 1) for name, view in views.items()}
    tasks[PERMUTED] = _Task(views[last], elsewhere, 1)
    for name in (last, f"{last} and covariates", OTHERS):
        tasks[f"{name}, {TERMS} terms"] = _Task(views[name], decisions, TERMS)
    return tasks


def _solve(fold: jax.Array, folds: int, refit: bool, task: _Task) -> Solved:
    free = Freedom(terms=task.terms, preferences=refit)
    found = solve(jnp.asarray(task.view), task.decisions, fold, folds=folds, free=free)
    return jax.tree.map(np.asarray, found)


def _decisions(
    model: ShardModel, data: DecisionData, rows: np.ndarray, atoms: np.ndarray
) -> Decisions:
    few = atoms[:, :AFFORDANCE_ATOMS]
    few = np.pad(few, ((0, 0), (0, AFFORDANCE_ATOMS - few.shape[1])))
    arrays = (
        np.exp(log_softmax(data.logits[rows])).T,
        data.advantages[rows].transpose(2, 1, 0),
        data.blocked[rows].T,
        few.T,
        model.preferences,
    )
    return Decisions(*(jnp.asarray(np.asarray(array, np.float32)) for array in arrays))


def components(view: np.ndarray) -> np.ndarray:
    """Return float32[COMPONENTS, C]: principal components of a view [C, D], mean square 1.

    They come from all contexts, without looking at what is decided there. Missing ones are zero.
    """
    scores = principal(view, COMPONENTS)
    scores = scores / np.sqrt(np.maximum((scores**2).mean(), 1e-12))
    return np.pad(scores, ((0, 0), (0, COMPONENTS - scores.shape[1]))).T.astype(np.float32)


def beside(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the components of two views [C, D] side by side, each of them of unit spread."""
    pair = [np.asarray(one, np.float64) for one in (first, second)]
    return components(np.hstack([one / max(float(one.std()), 1e-9) for one in pair]))


def _likeness(own: np.ndarray, other: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted correlation [K] of two sets of gates [C, K]; 0 where one is constant."""
    weight = weight / weight.sum()
    own, other = own - weight @ own, other - weight @ other
    spread = np.sqrt((weight @ own**2) * (weight @ other**2))
    return np.where(spread > 1e-9, (weight @ (own * other)) / np.maximum(spread, 1e-9), 0.0)
