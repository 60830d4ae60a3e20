"""A disk that is full, read-only or failing: one line says so, nothing is lost, and it goes on."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from shardsim.runs.files import CONFIG
from shardsim.runs.run import Run, load
from shardsim.runs.verify import verify_run
from tests.runs.killed import results

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SEED = 8
SAID = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.EROFS: "work on a copy elsewhere",
    errno.EACCES: "work on a copy elsewhere",
    errno.EIO: "choose another place",
}
STEPS = 60  # at least so often the disk is asked for something while a tiny run is trained


@pytest.fixture
def config(tmp_path: Path, tiny_config) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(tomli_w.dumps(tiny_config))
    return file


class Disk:
    """Refuses from its n-th step on, until it is mended."""

    def __init__(self, patch: pytest.MonkeyPatch, refuses_from: int, number: int) -> None:
        self.left, self._number = refuses_from, number
        for owner, name in ((os, "fsync"), (os, "replace"), (Path, "mkdir"), (Path, "write_text")):
            patch.setattr(owner, name, self._asked(getattr(owner, name)))

    def _asked(self, usual: Any) -> Any:
        def step(*words: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left <= 0:
                raise OSError(self._number, os.strerror(self._number))
            return usual(*words, **options)

        return step


def test_a_disk_that_refuses_is_named_and_the_run_goes_on(
    trained_run: Run, config: Path, tmp_path: Path, shardsim, how_many, tell
) -> None:
    rng, failed, count = random.Random(SEED), [], how_many("DISK")
    for number in range(count):
        at, kind = rng.randint(1, STEPS), rng.choice([*SAID])
        out = tmp_path / f"run-{number}"
        words = ["run", str(config), "--until", "train", "--out", str(out)]
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, at, kind)
            code, _, err = shardsim(*words)
        said = [line for line in err.splitlines() if line.startswith("shardsim: ")]
        if code != 2 or len(said) != 1 or SAID[kind] not in said[0]:
            failed.append(f"step {at}, {errno.errorcode[kind]}: exit {code}, {err[-300:]}")
        elif (out / "MANIFEST.json").is_file():
            failed += [f"step {at}: {problem}" for problem in verify_run(out).problems]
        code, _, err = shardsim(*words)
        if code or results(load(out)) != results(trained_run):
            failed.append(f"step {at}: after it was mended exit {code}, {err[-300:]}")
    assert tell("disks full, read-only or failing", count, failed) == ""


def mounted(place: Path, *options: str) -> None:
    """Mount a small disk in memory, or change one; needs root, and a kernel that lets it."""
    kind = [] if os.path.ismount(place) else ["-t", "tmpfs"]
    words = ["mount", *kind, "-o", ",".join(options), "tmpfs", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if shutil.which("mount") is None or os.geteuid():
        pytest.skip("no small disk can be mounted here: that needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mounted(place, "size=4m")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(
    trained_run: Run, config: Path, small_disk: Path, shardsim, how_many, tell
) -> None:
    rng, failed, count = random.Random(SEED), [], how_many("FULL_DISKS")
    needed = sum(len(data) for data in results(trained_run).values())
    for number in range(count):
        size = rng.randint(64 * 1024, needed)
        mounted(small_disk, "remount", f"size={size}")
        out = small_disk / "run"
        words = ["run", str(config), "--until", "train", "--out", str(out)]
        code, _, err = shardsim(*words)
        said = [line for line in err.splitlines() if line.startswith("shardsim: ")]
        if code != 2 or len(said) != 1 or "make room there" not in said[0]:
            failed.append(f"{size} bytes: exit {code}, {err[-300:]}")
        elif (out / "MANIFEST.json").is_file():
            failed += [f"{size} bytes: {problem}" for problem in verify_run(out).problems]
        mounted(small_disk, "remount", "size=16m")
        code, _, err = shardsim(*words)
        if code or results(load(out)) != results(trained_run):
            failed.append(f"{size} bytes, run {number}: with room exit {code}, {err[-300:]}")
        shutil.rmtree(out, ignore_errors=True)
    assert tell("disks really full (tmpfs)", count, failed) == ""


def test_a_read_only_run_is_read_and_not_written(
    trained_run: Run, small_disk: Path, shardsim
) -> None:
    run = shutil.copytree(trained_run.path, small_disk / "run")
    mounted(small_disk, "remount", "ro")
    code, _, err = shardsim("identify", str(run))
    said = [line for line in err.splitlines() if line.startswith("shardsim: ")]
    assert (code, len(said)) == (2, 1)
    assert "cannot write" in said[0] and "work on a copy elsewhere" in said[0]
    assert shardsim("verify", str(run))[0] == 0


@pytest.mark.skipif("FAULTS_DISK" not in os.environ, reason="slow: part of make test-faults")
def test_two_commands_that_begin_at_once_leave_one_whole_run(
    trained_run: Run, config: Path, tmp_path: Path
) -> None:
    """The second is refused in one line, or comes so late that it finds all done."""
    out = tmp_path / "run"
    words = [sys.executable, "-m", "shardsim", "run", str(config), "--until", "train"]
    both = [
        subprocess.Popen([*words, "--out", str(out)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = [(one.communicate()[1], one.returncode) for one in both]
    assert 0 in [code for _, code in ended]
    for err, code in ended:
        if code:
            said = err.splitlines()[-1]
            assert code == 2, err
            assert "is writing" in said or "has just made" in said
    assert results(load(out)) == results(trained_run)
    assert verify_run(out).problems == ()
    assert (out / CONFIG).is_file()
