"""The stages in order: what `shardsim run` and `shardsim <stage> RUN` do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from shardsim.base import content
from shardsim.base.compiled import keep_compiled_programs
from shardsim.base.errors import UserError, caution, did_you_mean
from shardsim.base.given import path_of
from shardsim.base.progress import Listener, Tracked
from shardsim.env.registry import code_of
from shardsim.runs.config import RunConfig, make_env, resolve, with_folders
from shardsim.runs.files import TIMINGS
from shardsim.runs.io import json_to_bytes
from shardsim.runs.manifest import holds_a_run
from shardsim.runs.memory import refuse_what_cannot_fit
from shardsim.runs.mirrors import mirrored, names_of
from shardsim.runs.progress import Display
from shardsim.runs.provenance import differing, in_words, provenance
from shardsim.runs.run import Run, check_code
from shardsim.runs.stages import NEEDS, READS, STAGES, resting_on
from shardsim.runs.store import CONFIG, MANIFEST, Store
from shardsim.runs.summary import write_summary
from shardsim.runs.toml import flatten, read_config, read_toml, validate, write_toml
from shardsim.shards.active.add_contexts import usual_size


@content.blaming_files()
def run(
    config: str | Path | Mapping[str, Any] | RunConfig,
    out: str | Path | None = None,
    overrides: Iterable[str] = (),
    *,
    until: str | None = None,
    folders: Sequence[str | Path] = (),
    progress: Display | None = None,
    log: str | Sequence[str] | None = None,
) -> Run:
    """Do everything that a config asks for, or go on with what is not done yet.

    Args:
        config: a TOML file, the name of an experiment that ships, a mapping, or a config.
        out: the run directory; by default `runs/<name of the config>`.
        overrides: `key.path=value`, applied to the config.
        until: the last stage to do; by default all.
        folders: folders of your own env files, beside those that the config names.
        progress: where to say how far it is; by default nowhere.
        log: where the rows of the log go as well, "tensorboard", "wandb" or both; by default what
            the environment's SHARDSIM_LOG names.

    Returns:
        The finished run.

    Raises:
        UserError: bad input, a directory made with another config, or another writer in it.
    """
    wanted = stages_until(until)
    asked = resolve(with_folders(read_config(config, overrides), folders))
    out = path_of(out) if out is not None else Path("runs") / _name(config)
    if not (out / MANIFEST).is_file():  # else its stages ask, those that are left
        refuse_what_cannot_fit(make_env(asked.env), asked, wanted)
    mirrors = names_of(log)
    return _finish(Run(_open_or_create(out, asked), asked.env.folders), wanted, progress, mirrors)


@content.blaming_files()
def go_on(
    path: str | Path,
    *,
    until: str | None = None,
    folders: Sequence[str | Path] = (),
    progress: Display | None = None,
    log: str | Sequence[str] | None = None,
) -> Run:
    """Do what is not done yet of a run directory, by the config that it holds.

    Args:
        path: the run directory.
        until: the last stage to do; by default all.
        folders: folders of your own envs that this run may import.
        progress: where to say how far it is; by default nowhere.
        log: as in `run`.

    Raises:
        UserError: no run directory, an unknown stage, or another writer in it.
    """
    opened = Run(Store.open(path), folders)
    return _finish(opened, stages_until(until), progress, names_of(log))


def is_run(path: str | Path) -> bool:
    """Whether a path is a run directory, even one whose manifest is lost."""
    return holds_a_run(path_of(path))


def stages_until(until: str | None) -> list[str]:
    """Return the stages up to and with one, all for None; raises UserError for an unknown one."""
    return list(STAGES) if until is None else [*_before(until), until]


def _finish(
    opened: Run, wanted: Sequence[str], progress: Display | None, mirrors: Sequence[str]
) -> Run:
    """Do the stages that are not finished."""
    keep_compiled_programs()
    store = opened.store
    if all(store.finished(name) for name in wanted):
        return opened
    with store.writing(), _mirrored(opened, mirrors), progress or Display() as shown:
        for name in wanted:
            if not store.finished(name):
                perform(opened, name, shown)
    return opened


@content.blaming_files()
def run_stage(
    path: str | Path,
    name: str,
    *,
    again: bool = False,
    refine: int | None = None,
    folders: Sequence[str | Path] = (),
    progress: Display | None = None,
) -> Run:
    """Do one stage of an existing run where it is not done yet, or `again`.

    Stages that rest on what it wrote count as not done then. With `refine` the stage `identify`
    adds so many contexts (0: a quarter of its battery) where the hypotheses that stand differ most,
    whatever the config says.

    Raises:
        UserError: unknown stage, or a stage that it needs is not finished.
    """
    keep_compiled_programs()
    needs = NEEDS.get(name, READS.get(name, _before(name)))
    opened = Run(Store.open(path), folders)
    asked = {}
    if refine is not None:
        asked["refine"] = refine or usual_size(opened.config.identify.target_contexts)
    if opened.store.finished(name) and not again:
        return opened
    mirrors = names_of(None)
    with opened.store.writing(), _mirrored(opened, mirrors), progress or Display() as shown:
        for needed in needs:
            if not opened.store.finished(needed):
                raise UserError(
                    f"{path} has not finished its stage {needed!r}, which {name!r} needs; "
                    f"continue with: {opened.store.to_go_on}"
                )
        if again or not opened.store.finished(name):
            perform(opened, name, shown, **asked)
    return opened


def perform(opened: Run, name: str, display: Display, **asked: int) -> None:
    """Do one stage, note its wall time (since the last kill), and mark it finished.

    The log gains a row for each of its parts, with the seconds that it took.

    The stages that rest on it count as not done from now on.
    """
    store = opened.store
    # Refused before anything is forgotten: a changed env, and what cannot fit.
    refuse_what_cannot_fit(opened.env, opened.config, [name])
    mixed = in_words(differing(store.made() | {f"{name}, now": provenance()}))
    if mixed:
        caution(f"{opened.path} is not all made with the same versions: {mixed}")
    store.forget(name, *resting_on(name))
    write_summary(opened)  # of what is left, which the stage may read and a kill may leave
    store.trim_log(lambda row: row["stage"] != name or "part" not in row)
    display.begin(name)
    store.say(stage=name, fraction=0.0)
    since = time.monotonic()
    store.doing = name
    try:
        STAGES[name](opened, _progress(store, name, display), **asked)
        write_summary(opened)
        seconds = time.monotonic() - since
        timings = {**opened.timings, name: round(seconds, 2)}
        store.write_unlisted(TIMINGS, json_to_bytes(timings))
        store.finish(name)
    finally:
        store.doing = None
    display.end(seconds)


def _mirrored(opened: Run, mirrors: Sequence[str]) -> AbstractContextManager[None]:
    """The log of a run, mirrored while it is written; nothing where no mirror is asked for."""
    if not mirrors:
        return nullcontext()
    return mirrored(opened.store, mirrors, flatten(opened.config.model_dump(mode="json")))


def _progress(store: Store, stage: str, display: Display) -> Tracked:
    """Progress of one stage: shown on the display, the seconds of its parts in the log."""

    def took(part: str, seconds: float) -> None:
        store.log([{"part": part, "seconds": round(seconds, 3)}], stage)

    def show(fraction: float, said: str = "") -> None:
        store.say(fraction=round(fraction, 3))
        display.show(fraction, said)

    return Tracked(Listener(show, display.expect, took))


def _before(name: str) -> list[str]:
    """The stages before one; raises UserError where there is no such stage."""
    if name not in STAGES:
        raise UserError(f"there is no stage {name!r}; {did_you_mean(name, STAGES)}")
    return list(STAGES)[: list(STAGES).index(name)]


def _open_or_create(out: Path, asked: RunConfig) -> Store:
    """The run directory for a config: new, or one that was made with the same config."""
    if not (out / MANIFEST).is_file():
        return create(out, asked)
    store = Store.open(out)
    store.read(CONFIG)  # checks that it is what was written
    check_code(store, asked.env.id, asked.env.folders)
    made = validate(read_toml(out / CONFIG), str(out / CONFIG))
    _same_config(out, made, asked)
    return store


def create(out: Path, config: RunConfig) -> Store:
    """Make a run directory of a resolved config, nothing done yet; errors as `Store.create`."""
    seeds = [config.train.first_seed + number for number in range(config.train.seeds)]
    code = code_of(config.env.id, config.env.folders)
    return Store.create(out, write_toml(config), seeds, code)


def _same_config(out: Path, made: RunConfig, asked: RunConfig) -> None:
    old, new = (flatten(config.model_dump(mode="json")) for config in (made, asked))
    # Where the env lies is not what it is: its code has been compared.
    for key in sorted((old.keys() | new.keys()) - {"env.folders"}):
        if old.get(key) != new.get(key):
            raise UserError(
                f"{out} was made with {key} = {json.dumps(old.get(key))}, and this config has "
                f"{json.dumps(new.get(key))}; choose another --out or take that setting back"
            )


def _name(config: Any) -> str:
    """A directory name for a config: its file's stem, else `run`."""
    if isinstance(config, str | Path):
        return content.id_of(path_of(config))
    return "run"
