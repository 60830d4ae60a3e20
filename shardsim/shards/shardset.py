"""`ShardSet`: everything that was found out about the shards of one agent, or of several.

Axis letters: S agents (seeds) · C contexts · K shards · O concepts · A actions.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.scalars import Whole, whole
from shardsim.shards import decide, html, stored_models
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.evidence.agreement import STRONGEST
from shardsim.shards.fit.fit import ModelFit
from shardsim.shards.fit.models import ENTROPY
from shardsim.shards.fit.shard_model import ShardModel
from shardsim.shards.influence.shares import REST, by_concept
from shardsim.shards.schema import by_seed
from shardsim.shards.summary import summary

BY_SEED = (
    "share_interval",
    "rest_share_interval",
    "object_share_interval",
    "words",
    "update_p_value",
)


class EqualFit(NamedTuple):
    """A fit as good as the chosen one, in which one shard prefers something else."""

    shard: int  # number of the shard, from 1
    preference: np.ndarray  # float64[O], unit norm
    margin: float  # relative extra strength, >= 0 where the chosen one is cheapest


@dataclasses.dataclass(frozen=True, eq=False)
class ShardSet:
    """The shards of agents over a battery; gates are in logits per move.

    Of several agents, which share one dictionary of preferences, every array has a leading axis of
    seeds, and `verdict`, `words` and `statuses` are about all of them; `seed(i)` is one agent's.
    """

    dataset: xr.Dataset  # as `shardsim.shards.schema.SHARDS` has it; of one agent without `seed`
    source: Battery | Callable[[], Battery]
    fits: tuple[ModelFit, ...] | None = None  # S, the agents fitted alone; None if read from a file

    @property
    def num_shards(self) -> int:
        """Number of shards, K."""
        return self.dataset.sizes["shard"]

    @property
    def num_agents(self) -> int:
        """Number of agents, S."""
        return self.dataset.sizes.get("seed", 1)

    @property
    def concepts(self) -> tuple[str, ...]:
        """Names on the axis O."""
        return tuple(map(str, self.dataset["concept"].values))

    @property
    def names(self) -> list[str]:
        """What each shard mostly pushes for, in a word or two."""
        return [str(name) for name in self.dataset["shard_name"].values]

    @property
    def words(self) -> list[str]:
        """Where each shard is active and what it pushes for, a line a shard."""
        return [str(line) for line in self.dataset["words"].values]

    @property
    def verdict(self) -> str:
        """One of "shards", "one utility", "cannot tell", "no structure"."""
        return self.dataset.attrs["verdict"]

    @property
    def statuses(self) -> list[str]:
        """Of each shard, by all its evidence: "confirmed", "unconfirmed" or "conflicting"."""
        return [str(one) for one in self.dataset["status"].values]

    @property
    def confirmed(self) -> np.ndarray:
        """bool[K], of several agents [S, K]: behaviour, activations and an intervention agree."""
        if self._single:
            return np.array([one == "confirmed" for one in self.statuses], bool)
        return np.stack([self.seed(number).confirmed for number in range(self.num_agents)])

    @property
    def gates(self) -> np.ndarray:
        """float64[C, K], never below 0."""
        return self._values("gates")

    @property
    def preferences(self) -> np.ndarray:
        """float64[K, O], unit norm; the same for all agents."""
        common = self.dataset["preferences"].transpose("shard", "concept").values
        return common if self._single else np.broadcast_to(common, (self.num_agents, *common.shape))

    @property
    def shares(self) -> np.ndarray:
        """float64[K]; with habit, affordance and residual they sum to 1."""
        return self._values("share")

    @property
    def interval(self) -> np.ndarray:
        """float64[K, 2], of each agent's shares, over levels, widened by the equal fits."""
        return self._values("share_interval" if self._single else "share_interval_by_seed")

    @property
    def habit_share(self) -> Any:
        """Share of the habits."""
        return self._rest("habit")

    @property
    def affordance_share(self) -> Any:
        """Share of what agents make of blocked actions."""
        return self._rest("affordance")

    @property
    def residual(self) -> Any:
        """Share of what no part of the model explains."""
        return self._rest("residual")

    @property
    def margin(self) -> np.ndarray:
        """float64[K], at most 1: relative extra strength of the next equally good fit.

        About 0 where that fit is as cheap as the chosen one.
        """
        return self._values("margin")

    @property
    def shardness(self) -> Any:
        """Best rival minus shards on held-out levels, bits per decision."""
        return self._plain(decide.shardness_by_seed(self.dataset))

    @property
    def shardness_interval(self) -> tuple[float, float]:
        """Over levels, of several agents over seeds."""
        found = decide.shardness(self.dataset)
        return float(found.low), float(found.high)

    @property
    def rivals(self) -> dict[str, Any]:
        """Model -> held-out bits per decision, and the agent's own entropy."""
        return self._bits("bits")

    @property
    def rivals_conflict(self) -> dict[str, Any]:
        """The same over contexts in which concepts conflict."""
        return self._bits("bits_conflict")

    @property
    def explained(self) -> Any:
        """Where shards lie between habits with affordance, 0, and the ceiling, 1."""
        return self._plain(by_seed(self.dataset, "explained"))

    @property
    def agreement(self) -> dict[str, dict[str, Any]]:
        """View -> layer -> adjusted mutual information with the strongest shard.

        Views are what objects do to a layer, its activations, and controls; empty without layers.
        """
        if "label" not in self.dataset.dims:
            return {}
        data = self.dataset.sel(label=STRONGEST)
        values = by_seed(data, "agreement")  # [S, view, layer]
        known = np.asarray(np.isfinite(values).all(axis=(0, 2)))
        return {
            str(view): {
                str(layer): self._plain(values[:, number, place])
                for place, layer in enumerate(data["layer"].values)
            }
            for number, view in enumerate(data["view"].values)
            if known[number]
        }

    @property
    def influence(self) -> dict[str, np.ndarray]:
        """Kind -> float64[O, distance bin], in moves."""
        names = [str(name) for name in self.dataset.data_vars if str(name).startswith("influence_")]
        return {name.removeprefix("influence_"): self._values(name) for name in names}

    @property
    def alternatives(self) -> Any:
        """The equal fits, cheapest first; of several agents a tuple for each."""
        shard = by_seed(self.dataset, "equal_fit_shard")
        preference = by_seed(self.dataset, "equal_fit_preference")
        margin = by_seed(self.dataset, "equal_fit_margin")
        found = tuple(
            tuple(
                EqualFit(int(shard[s, n]), preference[s, n], float(margin[s, n]))
                for n in np.flatnonzero(np.isfinite(margin[s]))
            )
            for s in range(self.num_agents)
        )
        return found[0] if self._single else found

    @property
    def refined(self) -> dict[str, Any] | None:
        """What was found before contexts were added, and why; None where none were."""
        return json.loads(self.dataset.attrs["separation"]).get("refined")

    @cached_property
    def battery(self) -> Battery:
        """The contexts that the shards were identified on."""
        return self.source if isinstance(self.source, Battery) else self.source()

    @cached_property
    def models(self) -> tuple[ShardModel, ...]:
        """S fitted models, which say what the shards do in any context of the env."""
        return stored_models.read(self.dataset, self.battery)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Plain figures: shards, shares, shardness, evidence, verdict."""
        return summary(self.dataset)

    def concept_shares(self, battery: str) -> np.ndarray:
        """Return float64[S, O]: shares over a battery, divided among what the shards are for."""
        share = by_seed(self.dataset.sel(battery=battery), "share")
        return by_concept(share, self.dataset["preferences"].transpose("shard", "concept").values)

    def seed(self, number: Whole) -> ShardSet:
        """Return one agent's shards; its arrays have no axis of seeds.

        Raises:
          UserError: there is no such agent.
        """
        count = self.num_agents
        number = whole("seed", number, -count, count - 1) % count
        if self._single:
            return self
        one = self.dataset.isel(seed=number)
        for name in BY_SEED:
            if f"{name}_by_seed" in one:
                own = one[f"{name}_by_seed"]
                one = one.drop_vars(f"{name}_by_seed").assign({name: own})
        return ShardSet(
            decide.decided(one),
            self.source,
            None if self.fits is None else (self.fits[number],),
        )

    def to_dataset(self) -> xr.Dataset:
        """Return everything as a labelled Dataset, with dims shard, concept, context, action."""
        return self.dataset.copy(deep=True)

    def _repr_html_(self) -> str:
        return html.table(self.dataset)

    @property
    def _single(self) -> bool:
        return "seed" not in self.dataset.dims

    def _values(self, name: str) -> np.ndarray:
        """Values over the battery that was identified on, agents first where there are several."""
        found = self.dataset[name]
        if "battery" in found.dims:
            found = found.sel(battery=self.dataset.attrs["identified_on"])
        return found.transpose("seed", ..., missing_dims="ignore").values

    def _plain(self, by_seed: np.ndarray) -> Any:
        return float(by_seed[0]) if self._single else by_seed

    def _one(self, values: np.ndarray) -> Any:
        """A number of one agent, an array [S] of several."""
        return float(values) if self._single else values

    def _rest(self, part: str) -> Any:
        return self._one(self._values("rest_share")[..., REST.index(part)])

    def _bits(self, name: str) -> dict[str, Any]:
        values = self._values(name)
        models = [str(model) for model in self.dataset["model"].values]
        found = {model: self._one(values[..., n]) for n, model in enumerate(models)}
        return {m: v for m, v in found.items() if m == ENTROPY or not np.isnan(v).all()}
