"""From which point of training is an agent reflectively stable? Reflection from checkpoints of it.

The same reflection, from the same contexts, by agents as they were earlier and earlier in training.
The preferences are those of the run; at every checkpoint the gates are fitted anew, so that those
shards judge which are active there then.

Axis letters: C checkpoints, the last of the run last · D seeds · U onsets · M models, no reflection
and then the rules · B contexts · L target levels · G goals · Q places, onset and target · K shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from shardsim.base.errors import UserError
from shardsim.base.parallel import each
from shardsim.base.progress import SILENT, Progress
from shardsim.reflection.batches import onsets_a_class
from shardsim.reflection.config import ReflectConfig, refitted
from shardsim.reflection.in_weights import Written, in_the_weights
from shardsim.reflection.reidentified import gates_again
from shardsim.reflection.setting import Setting, setting_at
from shardsim.reflection.shard_returns import Here, There
from shardsim.reflection.site import Site, Subjects, doing_on, site_of
from shardsim.reflection.world import flattened
from shardsim.shards.agents import Networks

# What a checkpoint's reflection leaves out, whatever the run's own does.
SET = {"repeats": 1, "follow_values": False, "refit_every": 0}
FEWEST = 2  # checkpoints that say something of the course of training
# What each part costs beside the others, in seconds of the demo.
COSTS = {"onsets": 8.0, "judges": 5.0, "ranges": 3.0}
A_CHECKPOINT = 6.0


class AtCheckpoints(NamedTuple):
    """What agents do and value without and with reflection; float64 [C, ...]."""

    hit: np.ndarray  # [C, U, M, D, G + 1], what is reached first from the onset
    target_hit: np.ndarray  # [C, U, M, D, G + 1], from the starts of target levels
    competence: np.ndarray  # [C, U, M, D], return on training levels as a ratio
    onset: np.ndarray  # [C, U, M, D, K], J from the onset
    target: np.ndarray  # [C, U, M, D, L, K], J from the starts of each target level
    judge: np.ndarray  # [C, U, D, K], share among the judges


class Stability(NamedTuple):
    """Where they reflected, and what came of it."""

    site: Site
    rules: tuple[str, ...]
    found: AtCheckpoints
    low: np.ndarray  # float64[U, D, Q, K], the least J that any policy gives
    high: np.ndarray  # float64[U, D, Q, K], the most


def reflect_at_checkpoints(
    subjects: Subjects,
    earlier: Sequence[Any],
    config: ReflectConfig,
    *,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Stability:
    """Reflect with the agents of several checkpoints, from the onsets of the last one.

    Args:
        subjects: the agents of the last checkpoint, D of them, with their shards.
        earlier: parameters [D] of the checkpoints before, in the order of training.
        config: all settings; the rules are the first that is no control, and its sham.
        seed: of levels, contexts and plans; every checkpoint draws the same.
        progress: where to say how far it is.

    Raises:
        UserError: no earlier checkpoint, no shard that could judge, or goals that are not two
            concepts.
    """
    networks, shards = subjects.networks, subjects.shards
    if len(earlier) + 1 < FEWEST:
        raise UserError(
            f"stability over training needs at least {FEWEST} checkpoints; ask for more of them"
        )
    if not shards.num_shards or networks is None or len(subjects.env.concepts) < 2:
        raise UserError("no shard was found in this run, so nobody judges and nothing is reflected")
    rules = refitted(config.models)
    config = config.model_copy(update={"models": rules, **SET})
    every = [*earlier, networks.parameters]
    names = [f"checkpoint {number} of {len(every)}" for number in range(1, len(every) + 1)]
    progress.plan(COSTS | dict.fromkeys(names, A_CHECKPOINT))
    with progress.part("onsets"):
        site, _ = site_of(subjects, config, onset=None, seed=seed)
    with progress.part("judges"):
        together = jax.tree.map(lambda *leaves: np.concatenate(leaves), *every)
        models = gates_again(shards, networks, together, config.identify_contexts, seed)
    count = len(models) // len(every)
    found, setting = [], None
    for number, (name, parameters) in enumerate(zip(names, every, strict=True)):
        own = models[number * count : (number + 1) * count]
        with progress.part(name) as part:
            agents = networks._replace(parameters=parameters)
            doing = doing_on(site.ground, agents, own, site.goals)
            setting = setting_at(site, doing, own, shards.battery, config)
            found.append(_at_one(setting, agents, config, subjects.discount, seed, part))
    together = AtCheckpoints(*(np.stack(part) for part in zip(*found, strict=True)))
    assert setting is not None
    with progress.part("ranges"):
        low, high = _ends(setting, config.discount)
    return Stability(site, rules, together, low, high)


def _at_one(
    setting: Setting,
    agents: Networks,
    config: ReflectConfig,
    discount: float,
    seed: int,
    progress: Progress,
) -> AtCheckpoints:
    """Return the same without the axis C."""
    each_class = onsets_a_class(setting.classes)
    written = in_the_weights(
        setting, agents, config, discount, seed=seed, each=each_class, progress=progress
    )
    trace = written.trace
    assert trace is not None
    measured = trace.measured
    onset, target = _values(setting, written, config.discount)
    return AtCheckpoints(
        hit=_before_and_after(measured.hits),
        target_hit=_before_and_after(measured.target_hits),
        competence=_before_and_after(measured.competence),
        onset=onset,
        target=target,
        judge=np.swapaxes(setting.judging, 0, 1),
    )


def _before_and_after(path: Any) -> np.ndarray:
    """Return float64[U, M, D, ...] of float[D, U, R, T + 1, ...]: before, then after each rule."""
    path = np.asarray(path, np.float64)
    return np.moveaxis(np.concatenate([path[:, :, :1, 0], path[:, :, :, -1]], axis=2), 0, 2)


def _values(setting: Setting, written: Written, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """Return J from the onset float64[U, M, D, K], from target levels float64[U, M, D, L, K]."""
    after = written.afterwards
    assert after is not None
    here, there = Here(setting, flattened(setting.worlds, 3), discount), There(setting, discount)
    near = each(here.returns, [setting.policy, *np.moveaxis(after.onset, 2, 0)])
    far = np.array(each(there.returns, [*setting.target_policy, *flattened(after.target, 3)]))
    old, new = np.split(far, [len(setting.target_policy)])  # [D, L, K], [D U R, L, K]
    new = new.reshape(*after.target.shape[:3], *new.shape[1:])
    old = np.broadcast_to(old[:, None, None], (*new.shape[:2], 1, *old.shape[1:]))
    onset = np.moveaxis(np.stack(near), (2, 0, 1), (0, 1, 2))
    return onset, np.moveaxis(np.concatenate([old, new], axis=2), 0, 2)


def _ends(setting: Setting, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest J float64[U, D, Q, K]; no agent has a part in them."""
    near = Here(setting, flattened(setting.worlds, 3), discount).ends()
    far = There(setting, discount).ends()
    low, high = (
        np.swapaxes(np.stack(np.broadcast_arrays(one, other), -2), 0, 1)
        for one, other in zip(near, far, strict=True)
    )
    return low, high
