"""`Run`: what a run directory offers, finished or not. Loading executes nothing from it.

A config may name a folder of a user's own envs. Loading does not import them: whoever opens the
run says `folders=` to allow it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from shardsim.agent.checkpoint import Checkpoint, agent_of, checkpoint_template
from shardsim.agent.components import DEFAULT_COMPONENTS
from shardsim.agent.learner import Learner
from shardsim.agent.policy import Agent
from shardsim.agent.train import make_learner
from shardsim.base import content
from shardsim.base.arrays import from_bytes
from shardsim.base.errors import UserError
from shardsim.base.given import path_of
from shardsim.env.core import Env
from shardsim.env.foreign import is_foreign
from shardsim.env.registry import code_of
from shardsim.runs.config import EnvConfig, RunConfig, make_env
from shardsim.runs.io import dataset_from_bytes, json_from_bytes
from shardsim.runs.provenance import differing, in_words
from shardsim.runs.store import CONFIG, ORDER, Store
from shardsim.runs.toml import validate

CHECKPOINTS = "checkpoints/"


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
        self.refine: int | None = None  # contexts that `identify` is to add, where not the config's
        self._folders = tuple(str(path_of(folder).resolve()) for folder in folders)
        self._read: dict[tuple[str, str | None], xr.Dataset] = {}  # by name and hash

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
        config: Any = self.config.train  # frozen, so hashable, which pydantic does not declare
        return make_learner(self.env, config, DEFAULT_COMPONENTS)

    @property
    def seeds(self) -> list[int]:
        """The seeds, in the order of the results' dim `seed`."""
        return self.store.manifest["seeds"]

    @property
    def checkpoints(self) -> list[int]:
        """Update counts of the checkpoints that exist, the untrained one first."""
        names = [name for name in self.store.names(CHECKPOINTS) if name.endswith(".safetensors")]
        stems = [Path(name).stem for name in names]
        return [int(stem) for stem in stems if stem.isdigit()]

    def checkpoint(self, index: int = -1) -> Checkpoint:
        """One checkpoint, all seeds on the leading axis; `index` counts as in a list."""
        updates = self.checkpoints
        if not -len(updates) <= index < len(updates):
            raise UserError(
                f"{self.path} has {len(updates)} checkpoints, so no number {index}; "
                f"give one from {-len(updates)} to {len(updates) - 1}"
                if updates
                else f"{self.path} has no checkpoint yet; go on with: {self.store.to_go_on}"
            )
        name = checkpoint_name(updates[index])
        template = checkpoint_template(self.env, self.config.train)
        return from_bytes(self.store.read(name), template, str(self.path / name))

    def agent(self, seed: int = 0, checkpoint: int = -1) -> Agent:
        """One trained agent; `seed` and `checkpoint` are positions along those dims."""
        count = len(self.seeds)
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

    @property
    def shards(self) -> xr.Dataset:
        """The shards of all seeds, their shares, rivals, influence and views."""
        return self.dataset("shards.nc")

    @property
    def track(self) -> xr.Dataset:
        """The shard distribution over checkpoints."""
        return self.dataset("track.nc")

    @property
    def reflection(self) -> xr.Dataset:
        """What reflection did, by onset, model, step and seed."""
        return self.dataset("reflection.nc")

    @property
    def diagnosis(self) -> dict[str, Any]:
        """Which world the run is in, with the evidence."""
        return self.json("diagnosis.json")

    @property
    def summary(self) -> dict[str, Any]:
        """The results in short, as in `summary.json`."""
        return self.json("summary.json")

    @property
    def timings(self) -> dict[str, float]:
        """Wall seconds of each stage that is finished."""
        path = self.path / "timings.json"
        told = json_from_bytes(path.read_bytes(), str(path)) if path.is_file() else {}
        return {
            stage: told[stage] for stage in ORDER if stage in told and self.store.finished(stage)
        }

    @property
    def notes(self) -> list[str]:
        """What to know about the results, `what; what to do` each: out of date, mixed versions."""
        return [*_stale(self.store), *_versions(self.store)]

    def dataset(self, name: str) -> xr.Dataset:
        """One NetCDF result, read once until it is written anew; the caller may add variables.

        Raises UserError where it is not there yet, out of date or damaged.
        """
        key = name, self.store.manifest["files"].get(name)
        if key not in self._read or not self.store.has(name):
            data = dataset_from_bytes(self.store.read(name), str(self.path / name))
            kept = {one: data for one, data in self._read.items() if one[0] != name}
            self._read = kept | {key: data}
        return self._read[key].copy()

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


def _stale(store: Store) -> list[str]:
    left = ", ".join(store.stale())
    if not left:
        return []
    return [
        f"out of date and left out: {left} (a stage before was done again, or they were stopped); "
        f"go on with: {store.to_go_on}"
    ]


def _versions(store: Store) -> list[str]:
    found = in_words(differing(store.made()))
    said = "they may differ in more than the last digits from what one version gives"
    return [f"not all results were made with the same versions: {found}; {said}"] if found else []


def checkpoint_name(update: int) -> str:
    """The file of a checkpoint."""
    return f"{CHECKPOINTS}{update:08d}.safetensors"
