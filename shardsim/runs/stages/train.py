"""Stage `train`: trains all seeds at once, keeping checkpoints, kept updates and exact returns.

Every chunk is written whole before the next begins. `resume-*.safetensors` holds the training
state of the newest chunk, so that a killed run goes on from there to the same bytes.
"""

from __future__ import annotations

import time
from typing import Any

import jax
import numpy as np
import xarray as xr

from shardsim.agent.checkpoint import carry_template, of_chunk
from shardsim.agent.evaluation import Estimate, Evaluation, is_ratio, reached
from shardsim.agent.learner import Carry
from shardsim.agent.schema import TRAINING
from shardsim.agent.train import Chunk, train
from shardsim.base.arrays import from_bytes, to_bytes, to_dict
from shardsim.base.progress import Progress
from shardsim.base.schema import labelled
from shardsim.env.types import SPLITS
from shardsim.runs.files import CHECKPOINTS, RECORDS
from shardsim.runs.io import dataset_to_bytes
from shardsim.runs.run import Run, checkpoint_name

_RESUME = f"{CHECKPOINTS}resume-"
RATIO, OF_RANGE = "return_ratio", "return_of_range"  # of the log; see `evaluation.reached`
SAID = {RATIO: "of the optimum", OF_RANGE: "of the way from the worst to the best"}


def train_stage(run: Run, progress: Progress) -> None:
    """Train from where the run is, then gather the learning curves."""
    config, total = run.config.train, run.config.train.updates
    carry = _newest(run)
    done = 0 if carry is None else int(carry.update[0])
    # A kill may come when the first row is logged and its chunk not kept.
    run.store.trim_log(
        lambda row: row["stage"] != "train" or (carry is not None and row["update"] <= done)
    )
    _drop_all_but(None if carry is None else _state_name(done), run)
    since = time.monotonic()
    progress.update(done, total, "compiling")
    for chunk in train(config, jax.random.key(0), env=run.env, resume=carry):
        jax.block_until_ready(chunk.carry)
        steps = (chunk.update - done) * config.num_envs * config.rollout_steps * config.seeds
        row = _row(chunk)
        row["steps_per_second"] = round(steps / (time.monotonic() - since))
        run.store.log([row], "train")
        _keep(run, chunk)
        progress.update(chunk.update, total, _said(row))
        done, since = chunk.update, time.monotonic()
    run.store.write("training.nc", dataset_to_bytes(_curves(run)))


def _newest(run: Run) -> Carry | None:
    """The training state of the newest chunk; None where training has not begun."""
    names = run.store.names(_RESUME)
    if not names:
        return None
    template = carry_template(run.env, run.config.train)
    return from_bytes(run.store.read(names[-1]), template, str(run.path / names[-1]))


def _keep(run: Run, chunk: Chunk) -> None:
    """Write one chunk's files together, then drop the training state of the one before."""
    state = _state_name(chunk.update)
    files = {
        checkpoint_name(chunk.update): to_bytes(of_chunk(chunk)),
        _means_name(chunk.update): to_bytes(_means(chunk)),
        state: to_bytes(chunk.carry),
    }
    if chunk.record is not None:
        files[f"{RECORDS}{chunk.update:08d}.safetensors"] = to_bytes(chunk.record)
    run.store.write_all(files)
    _drop_all_but(state, run)


def _drop_all_but(newest: str | None, run: Run) -> None:
    """Drop training states but one, also those that a kill left listed, or unlisted on the disk."""
    on_disk = (run.path / CHECKPOINTS).glob("resume-*.safetensors")
    every = {*run.store.names(_RESUME), *(f"{CHECKPOINTS}{state.name}" for state in on_disk)}
    if old := every - {newest}:
        run.store.drop(*sorted(old))


def _state_name(update: int) -> str:
    return f"{_RESUME}{update:08d}.safetensors"


def _means_name(update: int) -> str:
    return f"{CHECKPOINTS}{update:08d}.means.safetensors"


def _means(chunk: Chunk) -> dict[str, dict[str, Any]]:
    """Training means and exact returns of one chunk, float[K] each."""
    exact = {
        f"{name}_{split}": np.asarray(value)
        for split, evaluation in chunk.evaluation.items()
        for name, value in evaluation._asdict().items()
    }
    return {"metrics": {name: np.asarray(value) for name, value in chunk.metrics.items()}} | {
        "exact": exact
    }


def _row(chunk: Chunk) -> dict[str, Any]:
    """The chunk's row in the log: means over seeds, for a person who follows it."""
    ratio = {
        f"{_key(evaluation)}_{split}": round(float(np.mean(_reached(evaluation))), 4)
        for split, evaluation in chunk.evaluation.items()
    }
    means = {name: _mean(value) for name, value in chunk.metrics.items()}
    return {"update": chunk.update} | ratio | means


def _mean(values: np.ndarray) -> float | None:
    """The mean of float[K] over the seeds that have a value; None where no seed has one."""
    known = values[~np.isnan(values)]
    return round(float(np.mean(known)), 6) if known.size else None


def _reached(evaluation: Evaluation | Estimate) -> np.ndarray:
    return reached(*(np.asarray(part) for part in evaluation[:3]))


def _key(evaluation: Evaluation | Estimate) -> str:
    return RATIO if is_ratio(np.asarray(evaluation.optimum)) else OF_RANGE


def _said(row: dict[str, Any]) -> str:
    key, words = next((key, words) for key, words in SAID.items() if f"{key}_held-out" in row)
    return f"{row['steps_per_second']:,} steps/s, return {row[f'{key}_held-out']:.2f} {words}"


def _curves(run: Run) -> xr.Dataset:
    """Learning curves of all checkpoints, from their own files."""
    updates = run.updates
    rows = [_read_means(run, update) for update in updates]
    missing = np.full(len(run.seeds), np.nan, np.float32)
    names = sorted({name for row in rows for name in row if name.startswith("metrics/")})
    curves: dict[str, Any] = {
        name.removeprefix("metrics/"): np.stack([row.get(name, missing) for row in rows], axis=1)
        for name in names
    }
    estimated = "exact/achieved_error_target" in rows[0]
    for part in Estimate._fields if estimated else Evaluation._fields:
        values = [[row.get(f"exact/{part}_{split}", missing) for row in rows] for split in SPLITS]
        curves[part] = np.moveaxis(np.array(values), 1, 2)
    steps = np.array(updates) * run.config.train.num_envs * run.config.train.rollout_steps
    coordinates = {
        "seed": run.seeds,
        "split": list(SPLITS),
        "checkpoint": range(len(updates)),
        "update": updates,
        "steps": steps,
    }
    return labelled(TRAINING, curves, coordinates)


def _read_means(run: Run, update: int) -> dict[str, np.ndarray]:
    name = _means_name(update)
    return to_dict(run.store.read(name), str(run.path / name))
