"""A run from config to results: resumed equals uninterrupted, and nothing is done twice."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tomli_w

from shardsim.agent import train as train_module
from shardsim.agent.train import Chunk, Diverged
from shardsim.base.errors import UserError
from shardsim.cli import STAGE_HELP
from shardsim.runs import pipeline
from shardsim.runs.pipeline import run, run_stage
from shardsim.runs.run import Run, checkpoint_name, load
from shardsim.runs.stages import STAGES
from shardsim.runs.stages import train as train_stage_module
from shardsim.runs.store import Store
from tests.runs.killed import KillAt, Killed, results

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kills", [[1], [2, 0], [3, 1, 1]])
def test_training_killed_at_any_moment_ends_like_the_uninterrupted_one(
    trained_run: Run, tiny_config, tmp_path: Path, kills: list[int]
) -> None:
    for count in kills:
        with pytest.raises(Killed):
            run(tiny_config, tmp_path / "run", until="train", progress=KillAt(count))
    done = run(tiny_config, tmp_path / "run", until="train")
    assert results(done) == results(trained_run)
    updates = [row["update"] for row in done.store.read_log() if row["stage"] == "train"]
    assert updates == done.updates


def test_what_a_kill_leaves_half_done_is_put_right(
    trained_run: Run, tiny_config, tmp_path: Path, monkeypatch
) -> None:
    """Killed with a row logged and nothing kept, and with the state before the last one kept."""
    out, last = tmp_path / "run", trained_run.updates[-1]

    def killed(*_: object) -> None:
        raise Killed

    def killed_at_the_end(store: Store, *names: str) -> None:
        if store.names("checkpoints/resume-")[-1].endswith(f"{last:08d}.safetensors"):
            raise Killed
        drop(store, *names)

    drop = Store.drop
    for place, name, kill in (
        (train_stage_module, "_keep", killed),
        (Store, "drop", killed_at_the_end),
    ):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(place, name, kill)
            run(tiny_config, out, until="train")
    (out / "checkpoints" / "resume-00000000.safetensors").write_bytes(b"unlisted, not yet deleted")
    done = run(tiny_config, out, until="train")
    assert results(done) == results(trained_run)
    assert [row["update"] for row in done.store.read_log()] == done.updates
    left = [state.name for state in (out / "checkpoints").glob("resume-*")]
    assert left == [f"resume-{last:08d}.safetensors"]


def test_a_process_killed_for_real_goes_on(trained_run: Run, tiny_config, tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(tomli_w.dumps(tiny_config))
    command = [sys.executable, "-m", "shardsim", "run", str(config), "--until", "train"]
    command += ["--out", str(tmp_path / "run")]
    other = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    # The untrained checkpoint is there before the first update is even compiled.
    while other.poll() is None and not (tmp_path / "run" / checkpoint_name(0)).exists():
        time.sleep(0.01)
    other.kill()
    assert other.wait() == -signal.SIGKILL
    assert results(run(config, tmp_path / "run", until="train")) == results(trained_run)


def test_diverged_training_keeps_the_last_good_checkpoint(
    tiny_config, tmp_path: Path, monkeypatch
) -> None:
    def diverging(*args, **options) -> Iterator[Chunk]:
        yield next(train_module.train(*args, **options))
        raise Diverged("training diverged; lower train.learning_rate")

    monkeypatch.setattr(train_stage_module, "train", diverging)
    with pytest.raises(Diverged) as caught:
        run(tiny_config, tmp_path / "run")
    assert caught.value.exit_code == 1
    opened = load(tmp_path / "run")
    assert opened.updates == [0]
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(opened.checkpoint().parameters))


def test_the_command_line_offers_every_stage_after_training() -> None:
    assert ["train", *STAGE_HELP] == list(STAGES)


def test_the_curves_are_the_checkpoints_own_evaluations(trained_run: Run) -> None:
    curves = trained_run.training
    assert curves["update"].values.tolist() == trained_run.updates
    assert curves["achieved"].dims == ("split", "seed", "checkpoint")
    assert curves.sizes == {"split": 3, "seed": 2, "checkpoint": len(trained_run.updates)}
    assert np.all(curves["achieved"] <= curves["optimum"] + 1e-6)
    assert np.all(curves["worst"] <= curves["achieved"] + 1e-6)
    assert np.isnan(curves["entropy"].values[:, 0]).all()
    assert np.isfinite(curves["entropy"].values[:, 1:]).all()


def test_agents_come_from_their_own_seed_and_checkpoint(trained_run: Run) -> None:
    seen = jax.random.uniform(jax.random.key(0), (4, *trained_run.env.observation_shape))
    logits = {
        (seed, checkpoint): np.asarray(trained_run.agent(seed, checkpoint).policy(seen))
        for seed in (0, 1)
        for checkpoint in (0, -1)
    }
    kept = trained_run.checkpoint(-1).parameters
    second = jax.tree.map(lambda leaf: leaf[1], kept)
    wanted = trained_run.learner.network.apply(second, seen).logits
    np.testing.assert_allclose(logits[1, -1], wanted, rtol=1e-6)
    assert np.ptp([np.abs(value).sum() for value in logits.values()]) > 0
    assert not np.allclose(logits[0, -1], logits[1, -1])
    assert not np.allclose(logits[0, 0], logits[0, -1])


@pytest.mark.parametrize(("seed", "checkpoint"), [(2, -1), (0, 99), (0, -99)])
def test_a_seed_or_checkpoint_that_is_not_there_is_named(
    trained_run: Run, seed: int, checkpoint: int
) -> None:
    with pytest.raises(UserError, match="so no number"):
        trained_run.agent(seed, checkpoint)


def test_another_config_in_the_same_directory_is_refused(trained_run: Run, tiny_config) -> None:
    before = results(trained_run)
    with pytest.raises(UserError, match=r"was made with train\.clip = 0\.2, and .* 0\.3;"):
        run(tiny_config, trained_run.path, ["train.clip=0.3"])
    assert results(load(trained_run.path)) == before


def test_a_damaged_checkpoint_is_one_line(trained_run: Run, tmp_path: Path) -> None:
    copy = shutil.copytree(trained_run.path, tmp_path / "copy")
    file = copy / "checkpoints" / "00000000.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"{file.name} is damaged"):
        load(copy).checkpoint(0)


def test_an_unfinished_run_offers_what_is_there(tiny_config, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tiny_config, tmp_path / "run", progress=KillAt(2))
    opened = load(tmp_path / "run")
    assert opened.updates[0] == 0
    assert opened.agent(0).policy(jnp.zeros((1, *opened.env.observation_shape))).shape == (1, 4)
    with pytest.raises(UserError, match=r"has no training\.nc yet"):
        _ = opened.training


def test_a_stage_waits_for_those_before_it(tiny_config, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(pipeline.STAGES, "later", lambda run, progress: None)
    with pytest.raises(Killed):
        run(tiny_config, tmp_path / "run", progress=KillAt(2))
    with pytest.raises(UserError, match="has not finished its stage 'train', which 'later' needs"):
        run_stage(tmp_path / "run", "later")


def test_a_stage_is_done_again_when_asked(trained_run: Run, tmp_path: Path) -> None:
    copy = shutil.copytree(trained_run.path, tmp_path / "copy")
    (copy / "timings.json").unlink()
    assert run_stage(copy, "train").timings == {}
    done = run_stage(copy, "train", again=True)
    assert list(done.timings) == ["train"]
    assert results(done) == results(trained_run)


def test_an_unknown_stage_names_the_nearest(trained_run: Run) -> None:
    with pytest.raises(UserError, match="no stage 'trian'; did you mean 'train'"):
        run_stage(trained_run.path, "trian")


def test_loading_never_imports_a_users_env(tiny_config, tmp_path: Path) -> None:
    worlds, trace = tmp_path / "worlds", tmp_path / "executed"
    worlds.mkdir()
    source = (ROOT / "envs" / "cheese_corner.py").read_text()
    executed = f"\nopen({str(trace)!r}, 'a').close()\n"
    (worlds / "my_world.py").write_text(source.replace('"cheese-corner"', '"my-world"') + executed)
    sizes = tiny_config["env"]["params"]
    env = {"id": "my-world", "folders": [str(worlds)], "params": sizes}
    with pytest.raises(Killed):
        run({**tiny_config, "env": env}, tmp_path / "run", progress=KillAt(2))
    assert trace.exists()
    # As in a new process: the file has not been imported yet.
    trace.unlink()
    for name in [name for name in sys.modules if name.endswith(".my_world")]:
        del sys.modules[name]
    opened = load(tmp_path / "run")
    assert opened.config.env.id == "my-world"
    assert opened.updates[0] == 0
    with pytest.raises(UserError, match="does not execute; allow it with --envs"):
        _ = opened.env
    assert not trace.exists()
    assert load(tmp_path / "run", folders=[worlds]).env.name == "my-world"
    assert trace.exists()
