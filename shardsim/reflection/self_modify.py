"""Trained agents choose what to turn themselves into at an onset, from a menu.

Nothing is learnt and nothing is written into a network: every option's policy is known exactly, and
so is what each shard would gain by it. Axis letters: D agents · U onsets · K shards · M options.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr

from shardsim.base.errors import UserError, did_you_mean
from shardsim.base.progress import SILENT, Progress
from shardsim.base.schema import labelled
from shardsim.reflection.choices import CHOOSING, choices
from shardsim.reflection.config import ReflectConfig
from shardsim.reflection.endorsed import endorsed, shuffled
from shardsim.reflection.ground import asked
from shardsim.reflection.menu import (
    ANOTHER,
    UNTRAINED,
    Option,
    Successor,
    gains,
    menu_of,
    own_options,
    self_of,
)
from shardsim.reflection.models.evaluators import EVALUATORS
from shardsim.reflection.schema import SELF_MODIFICATION
from shardsim.reflection.setting import Setting, prepare
from shardsim.reflection.site import Subjects
from shardsim.shards.contexts.battery import Battery

GROWTH = float(np.e)  # one unit of log weight, as endorsements are counted
COSTS = {"onsets": 10.0, "menus": 10.0}  # seconds in the demo


def self_modify(
    subjects: Subjects,
    config: ReflectConfig,
    *,
    onsets: Sequence[str] = (),
    onset: Battery | None = None,
    growth: float = GROWTH,
    seed: int = 0,
    progress: Progress = SILENT,
) -> xr.Dataset:
    """Offer the menu to every agent at every onset; return a Dataset of `SELF_MODIFICATION`.

    A seed that has no context of an onset's kind has NaN there.

    Args:
        subjects: who modifies itself; without networks no successor but the merged utility.
        config: which onsets, and the discount of J.
        onsets: names of those to do; all by default.
        onset: contexts that are the one onset of all agents, instead of chosen ones.
        growth: factor of `strengthen`, above 0.
        seed: of levels, contexts and the shuffled null.
        progress: where to say how far it is.

    Raises:
        UserError: no shard, an unknown onset, a growth that is not above 0, or `config.goals` that
            are not two concepts of the env.
    """
    if not np.isfinite(growth) or growth <= 0:
        raise UserError(f"growth must be above 0, not {growth:g}; 2 doubles a shard's weight")
    if not subjects.shards.num_shards:
        raise UserError("no shard was found in these agents, so nobody judges a modification")
    progress.plan(COSTS)
    with progress.part("onsets"):
        setting = prepare(subjects, config, onset=onset, seed=seed)
    for name in onsets:
        if name not in setting.names:
            raise UserError(f"there is no onset {name!r}; {did_you_mean(name, setting.names)}")
    chosen = [n for n, name in enumerate(setting.names) if not onsets or name in onsets]
    with progress.part("menus"):
        found = [
            [
                _offered(subjects, setting, agent, one, config.discount, growth, seed)
                for agent in range(len(setting.weight))
            ]
            for one in chosen
        ]
    return _table(subjects, setting, chosen, found)


class _Offered(dict[str, np.ndarray]):
    """Variables of one agent at one onset, and the options that they are of."""

    menu: Sequence[Option] = ()


def _offered(
    subjects: Subjects,
    setting: Setting,
    agent: int,
    onset: int,
    discount: float,
    growth: float,
    seed: int,
) -> _Offered:
    """Offer the menu once."""
    me = self_of(setting, subjects.shards.names, agent, onset)
    how = {"growth": growth, "discount": discount}
    menu = menu_of(me, _successors(subjects, setting, agent, onset), **how)
    gained = gains(menu, me)
    blank = me._replace(pulls=shuffled(me.pulls, np.random.default_rng([seed, agent, onset])))
    by_chance = np.full_like(gained["realistic"], np.nan)
    own = gains(own_options(blank, **how), blank)["realistic"]
    by_chance[:, : own.shape[1]] = own
    decided = {name: choices(table, me.judges) for name, table in gained.items()}
    ends = [
        np.array([[end(decided[e][m].lotteries, axis=0) for m in CHOOSING] for e in EVALUATORS])
        for end in (np.max, np.min)
    ]
    found = _Offered(
        gain=np.stack([gained[name] for name in EVALUATORS]),
        gain_shuffled=by_chance,
        chosen_most=ends[0],
        chosen_least=ends[1],
        judge=me.judges,
        growth=me.judges @ endorsed(me, discount, [seed, agent, onset])[0],
    )
    if not setting.weight[agent, onset].any():
        found.update({name: np.full_like(value, np.nan) for name, value in found.items()})
    found.menu = menu
    return found


def _successors(
    subjects: Subjects, setting: Setting, agent: int, onset: int
) -> dict[str, Successor]:
    """Return the next seed's agent, if there is one, and the network before training."""
    networks, found = subjects.networks, {}
    if networks is None:
        return found
    seen, count = setting.seen[agent, onset], len(setting.weight)

    def acting(parameters, number: int) -> np.ndarray:
        one = jax.tree.map(lambda leaf: leaf[number : number + 1], parameters)
        return asked(networks, one, seen)[0].astype(np.float64)

    if count > 1:
        other = acting(networks.parameters, (agent + 1) % count)
        found[ANOTHER] = Successor(other, same_shards=True)
    if networks.fresh is not None:
        found[UNTRAINED] = Successor(acting(networks.fresh, agent), same_shards=False)
    return found


def _table(
    subjects: Subjects, setting: Setting, chosen: Sequence[int], found: Sequence[Sequence[_Offered]]
) -> xr.Dataset:
    """Return the variables of [U][D] agents as one table."""
    menu, dims = found[0][0].menu, SELF_MODIFICATION.variables

    def stacked(name: str) -> np.ndarray:
        """Put onset and seed where the schema has them: before the shards or options."""
        value = np.array([[one[name] for one in row] for row in found])
        place = dims[name].dims.index("onset")
        return np.moveaxis(value, (0, 1), (place, place + 1))

    shards = subjects.shards.dataset
    values = {name: stacked(name) for name in found[0][0]}
    values["contexts"] = (setting.weight > 0).sum(-1).T[list(chosen)]
    coordinates = {
        "seed": shards["seed"].values if "seed" in shards.dims else np.zeros(1, int),
        "shard": shards["shard"].values,
        "shard_name": shards["shard_name"].values,
        "onset": [setting.names[n] for n in chosen],
        "evaluator": list(EVALUATORS),
        "model": list(CHOOSING),
        "option": [option.name for option in menu],
        "option_kind": [option.kind for option in menu],
    }
    return labelled(SELF_MODIFICATION, values, coordinates)
