"""Contexts that would tell two hypotheses about an agent apart.

A context's score is the Jensen-Shannon divergence of what the two say the agent will do there: the
information, in bits, that one observed action is expected to give about which of two equally likely
hypotheses holds (Lindley 1956, "On a measure of the information provided by an experiment"; Lin
1991, "Divergence measures based on the Shannon entropy").
Axis letters: C contexts · N candidates · P pairs of hypotheses · L levels · A actions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shardsim.base.errors import UserError
from shardsim.env.core import Env
from shardsim.env.layouts import check_layout
from shardsim.env.levels import sample_levels
from shardsim.env.types import Level, Split
from shardsim.shards.active.hypotheses import Pair
from shardsim.shards.contexts import sampling
from shardsim.shards.contexts.battery import MOST_STATES, Battery, gathered
from shardsim.shards.fit.data import DecisionData, decision_data, log_softmax

SEPARATING, REFINED = "separating", "refined"
LEVELS = (24, 120)  # candidates of each source, at least and at most
CONTEXTS_A_LEVEL = 6  # so many levels are drawn that this many of each would do
CANDIDATES = 20_000  # at most
OTHER_LAYOUTS = ("open", "rooms", "tree")
LEAST_BITS = 0.01  # of the best candidate, below which a pair agrees everywhere
KEY_OFFSET = 7919  # the candidates' levels are not the battery's


class Proposal(NamedTuple):
    """Contexts worth asking an agent in, and how much each pair of hypotheses differs there."""

    battery: Battery  # [C], weight 0: they stand for no distribution
    names: tuple[tuple[str, str], ...]  # P
    bits: np.ndarray  # float64[C, P]
    random_bits: np.ndarray  # float64[P], expected of a context drawn at random from the split

    def table(self) -> list[dict[str, Any]]:
        """One row a pair of names: mean bits of the proposed contexts and of random ones."""
        rows: dict[tuple[str, str], list[int]] = {}
        for number, names in enumerate(self.names):
            rows.setdefault(names, []).append(number)
        mean = self.bits.mean(0)
        return [
            {
                "hypotheses": list(names),
                "bits": float(mean[numbers].mean()),
                "random_bits": float(self.random_bits[numbers].mean()),
            }
            for names, numbers in rows.items()
        ]


def divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float64[...]: Jensen-Shannon divergence in bits of softmax(first), softmax(second).

    Args:
      first: logits [..., A].
      second: the same.
    """
    one, two = log_softmax(np.asarray(first, float)), log_softmax(np.asarray(second, float))
    middle = np.logaddexp(one, two) - np.log(2.0)
    gap = np.exp(one) * (one - middle) + np.exp(two) * (two - middle)
    return np.maximum(0.5 * gap.sum(-1) / np.log(2.0), 0.0)


def propose(pairs: Sequence[Pair], on: Battery, *, size: int, seed: int = 0) -> Proposal:
    """Choose the contexts that separate pairs of hypotheses.

    Candidates are all decision states of fresh levels: of the battery's split, of the same with
    objects anywhere or missing, and of another layout with objects anywhere.

    Args:
      pairs: of hypotheses, from `hypotheses.standing`, of one agent or several.
      on: the battery that they were fitted on.
      size: contexts to choose, C.
      seed: of the candidates' levels.

    Raises:
      UserError: no pair, or a size below 1.
    """
    if not pairs:
        raise UserError("there are no two hypotheses to separate; identify shards first")
    if size < 1:
        raise UserError(f"{size} contexts cannot separate anything; give at least 1")
    pool, typical = candidates(on.env, size, on.split, seed)
    data = asked(pool)
    bits = np.stack([divergence(p.says[0](data), p.says[1](data)) for p in pairs], 1)
    stratum = sampling.strata(pool.distance, pool.advantages, pool.reachable)
    rows = choose(bits, pool.level_index, stratum, size)
    chosen = dataclasses.replace(pool.take(rows), weight=np.zeros(len(rows), np.float32))
    names = tuple(pair.names for pair in pairs)
    return Proposal(chosen, names, bits[rows], bits[typical].mean(0))


def asked(pool: Battery) -> DecisionData:
    """Return contexts as models read them, with no agent's logits."""
    return decision_data(
        pool.covariates,
        pool.concepts,
        pool.advantages,
        pool.blocked,
        pool.reachable,
        np.zeros(pool.advantages.shape[:2]),
        pool.level_index,
        None,
        *pool.tabular_model,
    )


def candidates(env: Env, size: int, split: Any, seed: int) -> tuple[Battery, np.ndarray]:
    """Return the candidates [N], and bool[N]: those in levels as the split has them."""
    most = max(2, min(LEVELS[1], MOST_STATES // env.num_states // 3))
    count = int(np.clip(-(-size // CONTEXTS_A_LEVEL), min(LEVELS[0], most), most))
    levels = _levels(env, count, split, seed + KEY_OFFSET)
    found = sampling.survey(env, levels)
    level, state = np.nonzero(np.asarray(found.decision))
    if len(level) > CANDIDATES:
        kept = np.random.default_rng(seed).permutation(len(level))[:CANDIDATES]
        level, state = level[np.sort(kept)], state[np.sort(kept)]
    about = {"kind": SEPARATING, "split": split, "seed": seed}
    pool = gathered(env, levels, found, (level, state), np.ones(len(level)), about)
    return pool, level < count


def _levels(env: Env, count: int, split: Split, seed: int) -> Level:
    """Levels of every source, `count` of each; the split's own first."""
    keys = jax.random.split(jax.random.key(seed), 4)
    plain = sample_levels(env, keys[0], count, split)
    sources = [plain, sampling.scatter_objects(env, keys[1], plain)]
    other = _other_layout(env)
    if other is not None:
        fresh = sample_levels(other, keys[2], count, split)
        sources.append(sampling.scatter_objects(env, keys[3], fresh))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *sources)


def _other_layout(env: Env) -> Env | None:
    """The env with another layout; None where it makes walls of its own."""
    for name in OTHER_LAYOUTS if env.layout else ():
        try:
            check_layout(name, env.height, env.width, env.loop_probability)
        except UserError:
            continue
        if name != env.layout:
            return dataclasses.replace(env, layout=name)
    return None


def choose(bits: np.ndarray, level: np.ndarray, stratum: np.ndarray, size: int) -> np.ndarray:
    """Return int64[C]: candidates of much divergence, spread over levels, strata and pairs.

    Greedy; the pairs that differ anywhere take turns, and a context counts 1/(1 + m) /√(1 + n) of
    its bits where m contexts of its level and n of its stratum were chosen before.

    Args:
      bits: [N, P].
      level: int[N].
      stratum: int[..., N], as `sampling.strata` gives them; contexts that agree in all are one.
      size: contexts wanted; all of them where there are fewer.
    """
    _, level = np.unique(level, return_inverse=True)
    _, stratum = np.unique(stratum.reshape(-1, len(bits)), axis=1, return_inverse=True)
    stratum = stratum.reshape(-1)
    in_level, in_stratum = np.zeros(level.max() + 1), np.zeros(stratum.max() + 1)
    free = np.ones(len(bits), bool)
    differ = np.flatnonzero(bits.max(0) >= LEAST_BITS)
    turns = differ if len(differ) else np.arange(bits.shape[1])
    chosen = []
    for turn in range(min(size, len(bits))):
        worth = bits[:, turns[turn % len(turns)]] / (1.0 + in_level[level])
        worth = np.where(free, worth / np.sqrt(1.0 + in_stratum[stratum]), -1.0)
        best = int(worth.argmax())
        free[best] = False
        in_level[level[best]] += 1
        in_stratum[stratum[best]] += 1
        chosen.append(best)
    return np.sort(np.array(chosen, np.int64))


def added(on: Battery) -> Battery | None:
    """Return the contexts of a battery that were added to separate hypotheses, or None."""
    rows = np.flatnonzero(on.weight == 0)
    if not len(rows):
        return None
    first = on.level_index[on.weight > 0].max() + 1
    return dataclasses.replace(
        on.take(rows),
        weight=np.zeros(len(rows), np.float32),
        level_index=on.level_index[rows] - first,
    )


def enlarged(on: Battery, extra: Battery) -> Battery:
    """Return a battery with more contexts, in levels of their own and of no weight.

    They count in fits and in the comparison of models, and not in shares, which stay those of the
    distribution that the battery stands for.
    """
    size = on.size + extra.size
    aligned = ("observations", "distance", "advantages", "blocked", "reachable")
    parts: dict[str, Any] = {
        name: np.concatenate([getattr(on, name), getattr(extra, name)]) for name in aligned
    }
    weight = np.r_[on.weight, np.zeros(extra.size)] * (size / max(float(on.weight.sum()), 1e-30))
    first = int(on.level_index.max()) + 1
    return dataclasses.replace(
        on,
        **parts,
        states=jax.tree.map(lambda *leaves: jnp.concatenate(leaves), on.states, extra.states),
        covariates={n: np.r_[v, extra.covariates[n]] for n, v in on.covariates.items()},
        level_index=np.r_[on.level_index, extra.level_index + first].astype(np.int32),
        weight=weight.astype(np.float32),
        kind=REFINED,
    )
