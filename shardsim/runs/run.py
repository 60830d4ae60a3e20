"""`Run`: what a run directory offers, finished or not. Loading executes nothing from it.

A config may name a folder of a user's own envs. Loading does not import them: whoever opens the
run says `folders=` to allow it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shardsim.agent.checkpoint import Checkpoint, agent_of, checkpoint_template
from shardsim.agent.evaluation import Evaluation
from shardsim.agent.learner import Learner
from shardsim.agent.policy import Agent
from shardsim.agent.train import make_learner
from shardsim.base import content
from shardsim.base.arrays import from_bytes
from shardsim.base.errors import UserError
from shardsim.base.given import path_of
from shardsim.base.scalars import Whole, whole
from shardsim.env.core import Env
from shardsim.env.foreign import is_foreign
from shardsim.env.registry import code_of
from shardsim.env.types import Split
from shardsim.runs import events, notebook
from shardsim.runs.config import EnvConfig, RunConfig, make_env
from shardsim.runs.files import ADDED, CHECKPOINTS, STABILITY, TIMINGS
from shardsim.runs.io import dataset_from_bytes, json_from_bytes
from shardsim.runs.notes import notes
from shardsim.runs.store import CONFIG, ORDER, Store
from shardsim.runs.toml import validate
from shardsim.shards.active.propose import enlarged
from shardsim.shards.contexts.battery import Battery, battery, battery_from_bytes
from shardsim.shards.shardset import ShardSet


def load(path: str | Path, *, folders: Sequence[str | Path] = ()) -> Run:
    """Open a run directory, finished or not.

    Args:
        path: the directory.
        folders: folders of your own envs that this run may import.

    Raises:
        UserError: no run directory, damaged, or from another version.
    """
    return Run(Store.open(path), folders)


class Run:
    """One run directory: a config with all its seeds."""

    def __init__(self, store: Store, folders: Sequence[str | Path] = ()) -> None:
        """Wrap an open store; `folders` are the user's folders that may be imported."""
        self.store = store
        self._folders = tuple(str(path_of(folder).resolve()) for folder in folders)
        self._read: dict[tuple[str, str | None], xr.Dataset] = {}  # by name and hash
        self._shards: tuple[xr.Dataset, ShardSet] | None = None

    @property
    def path(self) -> Path:
        """The directory."""
        return self.store.path

    @cached_property
    def config(self) -> RunConfig:
        """The complete config."""
        data = tomllib.loads(self.store.read(CONFIG).decode())
        return validate(data, str(self.path / CONFIG))

    @cached_property
    def env(self) -> Env:
        """The env, of a folder that was allowed and with the code that the run was made with.

        Raises UserError where its folder was not allowed, or its code has changed.
        """
        config = self.config.env
        folders = self._folders if config.folders else ()
        if config.folders:
            self._check_allowed(config)
        check_code(self.store, config.id, folders)
        return make_env(config, folders)

    def _check_allowed(self, config: EnvConfig) -> None:
        """Raise UserError where the env lies in none of the folders that may be executed."""
        if is_foreign(config.id) or content.is_known("envs", config.id, self._folders):
            return
        named = ", ".join(config.folders)
        if self._folders:
            raise UserError(
                f"no env is called {config.id!r} in {', '.join(self._folders)}, and the env of "
                f"{self.path} comes from {named}; give the folder that holds it"
            )
        there = next((folder for folder in config.folders if Path(folder).is_dir()), None)
        mend = f"allow it with --envs {there}" if there else "say where it is now with --envs DIR"
        raise UserError(
            f"the env of {self.path} comes from {named}, which opening a run does not execute; "
            f"{mend} (from Python: folders=[...])"
        )

    @cached_property
    def learner(self) -> Learner:
        """The static part of training: env, config, components, network."""
        return make_learner(self.env, self.config.train)

    @property
    def seeds(self) -> list[int]:
        """The seeds, in the order of the results' dim `seed`."""
        return self.store.manifest["seeds"]

    @property
    def checkpoints(self) -> list[int]:
        """Numbers of the checkpoints that exist, from 0, the untrained network."""
        return list(range(len(self.updates)))

    @property
    def updates(self) -> list[int]:
        """At how many updates each checkpoint that exists was kept, the untrained one first."""
        names = [name for name in self.store.names(CHECKPOINTS) if name.endswith(".safetensors")]
        stems = [Path(name).stem for name in names]
        return [int(stem) for stem in stems if stem.isdigit()]

    def checkpoint(self, index: Whole = -1) -> Checkpoint:
        """One checkpoint, all seeds on the leading axis; its number `index` as in a list."""
        updates, index = self.updates, whole("checkpoint", index, None)
        if not -len(updates) <= index < len(updates):
            raise UserError(
                f"{self.path} has {len(updates)} checkpoints, so no number {index}; "
                f"give one from {-len(updates)} to {len(updates) - 1}"
                if updates
                else f"{self.path} has no checkpoint yet; continue with: {self.store.to_go_on}"
            )
        name = checkpoint_name(updates[index])
        return from_bytes(self.store.read(name), self._checkpoint, str(self.path / name))

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        """Shapes and dtypes of a checkpoint, for which the beginning of training is traced."""
        return checkpoint_template(self.env, self.config.train)

    def agent(self, seed: Whole = 0, checkpoint: Whole = -1) -> Agent:
        """One trained agent; `seed` and `checkpoint` are positions along those dims."""
        count, seed = len(self.seeds), whole("seed", seed, None)
        if not -count <= seed < count:
            raise UserError(
                f"{self.path} has {count} seeds, so no number {seed}; "
                f"give one from 0 to {count - 1}"
            )
        return agent_of(self.learner, self.checkpoint(checkpoint).parameters, seed % count)

    @property
    def training(self) -> xr.Dataset:
        """Learning curves: exact returns and training means, dims seed, checkpoint, split."""
        return self.dataset("training.nc")

    def returns(self, split: str) -> Evaluation:
        """Exact returns f[seed, checkpoint] of a split; older runs do not hold the worst (NaN)."""
        found = self.training.sel(split=split).transpose("seed", "checkpoint", ...)
        achieved, optimum = found["achieved"].values, found["optimum"].values
        worst = found["worst"].values if "worst" in found else np.full_like(optimum, np.nan)
        return Evaluation(achieved, optimum, worst)

    @property
    def shards(self) -> ShardSet:
        """The shards of all seeds: their shares, rivals, influence and evidence; read once."""
        data = self._stored("shards.nc")
        if self._shards is None or self._shards[0] is not data:
            self._shards = data, ShardSet(data, lambda: self.battery("target"))
        return self._shards[1]

    def battery(self, split: str) -> Battery:
        """The contexts of one split that the shards were identified on, drawn as they were then.

        That of target levels holds the contexts that `identify --refine` added.
        """
        config = self.config.identify
        if split == "held-out":
            return _drawn(self.env, config.held_out_contexts, "held-out", config.seed, b"")
        added = self.store.read(ADDED) if self.store.has(ADDED) else b""
        return _drawn(self.env, config.target_contexts, "target", config.seed, added)

    @property
    def track(self) -> xr.Dataset:
        """The shard distribution over checkpoints."""
        return self.dataset("track.nc")

    def events(
        self,
        shard: str | int | None = None,
        thresholds: Iterable[str | float] = events.THRESHOLDS,
        *,
        over_seeds: bool = False,
        confidence: float = events.CONFIDENCE,
    ) -> pd.DataFrame:
        """When shards exceeded thresholds, led, split or merged, and in which seeds.

        Arguments, columns and errors are those of `runs.events.table`.
        """
        return events.table(self.track, shard, thresholds, over_seeds, confidence)

    @property
    def reflection(self) -> xr.Dataset:
        """What reflection did, by onset, model, step and seed."""
        return self.dataset("reflection.nc")

    @property
    def stability(self) -> xr.Dataset:
        """What reflection did from checkpoints of training; raises UserError where not asked."""
        if not self.store.has(STABILITY):
            add = f"add it with: shardsim reflect {self.path} --checkpoints 8"
            raise UserError(f"{self.path} has no {STABILITY} yet; {add}")
        return self.dataset(STABILITY)

    @property
    def diagnosis(self) -> dict[str, Any]:
        """The diagnosis of the run, with the evidence."""
        return self.json("diagnosis.json")

    @property
    def summary(self) -> dict[str, Any]:
        """The results in short, as in `summary.json`."""
        return self.json("summary.json")

    @property
    def timings(self) -> dict[str, float]:
        """Wall seconds of each stage that is finished."""
        path = self.path / TIMINGS
        told = json_from_bytes(path.read_bytes(), str(path)) if path.is_file() else {}
        return {
            stage: told[stage] for stage in ORDER if stage in told and self.store.finished(stage)
        }

    @property
    def notes(self) -> list[str]:
        """What to know about the results, `what; what to do` each: out of date, mixed versions."""
        return notes(self.store)

    def dataset(self, name: str) -> xr.Dataset:
        """One NetCDF result, read once until it is written anew; the caller may add variables.

        Raises UserError where it is not there yet, out of date or damaged.
        """
        return self._stored(name).copy(deep=True)

    def _stored(self, name: str) -> xr.Dataset:
        key = name, self.store.manifest["files"].get(name)
        if key not in self._read or not self.store.has(name):
            data = dataset_from_bytes(self.store.read(name), str(self.path / name))
            for variable in data.variables.values():  # what is handed out is read by others too
                variable.values.flags.writeable = False
            kept = {one: data for one, data in self._read.items() if one[0] != name}
            self._read = kept | {key: data}
        return self._read[key]

    def _repr_html_(self) -> str:
        return notebook.as_html(self)

    def json(self, name: str) -> Any:
        """Read one JSON result; raises UserError where it is not there yet or damaged."""
        return json_from_bytes(self.store.read(name), str(self.path / name))


def check_code(store: Store, env_id: str, folders: Sequence[str | Path]) -> None:
    """Raise UserError where the env's code is not what it was when the run was made.

    A run that does not say what it was (older, or made by hand) is taken as it is.
    """
    made: dict[str, str] = store.manifest.get("env_code") or {}
    now = code_of(env_id, folders) if made else {}
    changed = [name for name in sorted(made.keys() | now.keys()) if made.get(name) != now.get(name)]
    if changed:
        raise UserError(
            f"{', '.join(changed)} (of the env {env_id!r}) changed since {store.path} was made; "
            "take the change back, or train again with another --out"
        )


@lru_cache(maxsize=3)
def _drawn(env: Env, size: int, split: Split, seed: int, added: bytes) -> Battery:
    whole = battery(env, size, split=split, seed=seed)
    return enlarged(whole, battery_from_bytes(env, added, ADDED)) if added else whole


def checkpoint_name(update: int) -> str:
    """The file of the checkpoint that was kept after so many updates."""
    return f"{CHECKPOINTS}{update:08d}.safetensors"
