"""The command line: one function a command, no logic; every error is one line on stderr.

Exit codes: 0 done, 2 bad input, 1 anything else. With `--json` stdout holds JSON and nothing else.
The commands import what they need themselves, so that `--help` starts no numerical library.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from shardsim.base.content import blaming_files
from shardsim.base.errors import UserError, one_line
from shardsim.base.seeds import BENCH_SEEDS, SEEDS

app = typer.Typer(
    help="Train gridworld agents, find their shards, and see what reflection does to them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# typer brings its own copy of click or uses the installed one, depending on its version.
_UsageError = typer.BadParameter.__mro__[1]
_ClickException = _UsageError.__mro__[1]

_INTERRUPTED = 130  # what typer makes of Ctrl-C
_STOPPED = "shardsim: stopped; the same command goes on from the last checkpoint"

AsJson = Annotated[bool, typer.Option("--json", help="print JSON on stdout")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")]
Folders = Annotated[
    list[str] | None,
    typer.Option("--envs", metavar="DIR", help="a folder of your own env files; repeatable"),
]
Again = Annotated[bool, typer.Option("--again", help="do it again where it is done")]

# Names and help stand here so that `--help` imports no stage; a test holds them to the table.
STAGE_HELP = {
    "identify": "Find the shards of the trained agents.",
    "track": "Follow the shards through all checkpoints.",
    "reflect": "Let the agents reflect, from every onset.",
    "diagnose": "Say which world a run is in, with the evidence.",
    "report": "Draw every figure and write report.html.",
}


def _version(asked: bool) -> bool:
    if asked:
        import shardsim

        typer.echo(shardsim.__version__)
        raise typer.Exit
    return asked


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    pass


@app.command("run")
def run_command(
    config: Annotated[str, typer.Argument(help="a TOML file, or the name of an experiment")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="settings to override")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="the run directory [runs/NAME]")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="STAGE", help="the last stage to do [report]")
    ] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Do everything that a config asks for; on an unfinished run, go on."""
    from shardsim.runs.pipeline import run
    from shardsim.runs.progress import for_stderr

    shown = for_stderr()
    done = run(config, out, overrides or (), until=until, folders=envs or (), progress=shown)
    _show_run(done, as_json)


def _stage_command(name: str, text: str) -> None:
    """Register the command of one stage."""

    @app.command(name, help=text)
    def command(
        path: RunPath, again: Again = False, envs: Folders = None, as_json: AsJson = False
    ) -> None:
        from shardsim.runs.pipeline import run_stage
        from shardsim.runs.progress import for_stderr

        done = run_stage(path, name, again=again, folders=envs or (), progress=for_stderr())
        show = _show_diagnosis if name == "diagnose" else _show_run
        show(done, as_json)


@app.command("identify", help=STAGE_HELP["identify"])
def identify_command(
    path: RunPath,
    again: Again = False,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            help="identify again with contexts added where two hypotheses that stand differ most",
        ),
    ] = False,
    contexts: Annotated[
        int | None,
        typer.Option(min=1, help="contexts that --refine adds [a quarter of the battery]"),
    ] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    from shardsim.runs.pipeline import run_stage
    from shardsim.runs.progress import for_stderr

    if contexts is not None and not refine:
        raise UserError("--contexts says how many --refine adds; give both, or neither")
    wanted = (contexts or 0) if refine else None
    done = run_stage(
        path,
        "identify",
        again=again or refine,
        refine=wanted,
        folders=envs or (),
        progress=for_stderr(),
    )
    _show_run(done, as_json)


for _name, _text in STAGE_HELP.items():
    if _name != "identify":
        _stage_command(_name, _text)


@app.command("envs")
def envs_command(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="one env, in detail")] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """List the envs, or show one."""
    from shardsim.base.content import catalogue, headline

    if name is None:
        found = catalogue("envs", envs or ())
        _show_table({key: headline(entry) for key, entry in found.items()}, as_json)
        return
    from shardsim.env.describe import describe, in_words
    from shardsim.env.registry import make

    env = make(name, folders=envs or ())
    _show(describe(env), in_words(env), as_json)


@app.command("check-env")
def check_env_command(
    env: Annotated[str, typer.Argument(metavar="PATH_OR_ID", help="an env file, or an env's id")],
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Check that an env keeps the interface's promises; name each fault and its mend."""
    from shardsim.env.check import CHECKS, check_env, resolve

    found = check_env(resolve(env, envs or ()))
    data = {"env": env, "checks": list(CHECKS), "findings": [fault._asdict() for fault in found]}
    good = f"{env} passes all {len(CHECKS)} checks: {', '.join(CHECKS)}"
    _show(data, "\n".join(map(str, found)) or good, as_json)
    if found:
        raise UserError(f"{env} fails {len(found)} check(s), listed above; mend them in its file")


@app.command("new-env")
def new_env_command(
    name: Annotated[str, typer.Argument(help="the new env's id, like ice-maze")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="the folder to write into [this one]")
    ] = Path("."),
    as_json: AsJson = False,
) -> None:
    """Write an env that works and its test, for you to edit."""
    from shardsim.env.new_env import write_env

    env, test = write_env(name, out)
    chosen = env.stem.replace("_", "-")
    steps = (
        f"shardsim check-env {env}",
        f"python -m pytest {test}",
        f"shardsim play {chosen} --envs {out}",
        f"shardsim run smoke env.id={chosen} --envs {out}",
    )
    text = "\n  ".join([f"wrote {env} and {test}; edit them, and then:", *steps])
    _show({"id": chosen, "env": str(env), "test": str(test), "next": list(steps)}, text, as_json)


@app.command("play")
def play_command(
    name: Annotated[str, typer.Argument(metavar="ID", help="the env")],
    params: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="the env's parameters")
    ] = None,
    level_seed: Annotated[int, typer.Option(min=0, max=SEEDS - 1, help="which level")] = 0,
    split: Annotated[str, typer.Option(help="train, held-out or target")] = "train",
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Play an env with the keyboard, or with keys from a pipe; objects can be moved."""
    from shardsim.env.play import play
    from shardsim.env.registry import make, read_params

    env = make(name, folders=envs or (), **read_params(params or ()))
    summary = play(env, sys.stdin, None if as_json else sys.stdout, level_seed, split)
    steps, paid = summary["steps"], summary["return"]
    _show(summary, f"{name}: {steps} steps, return {paid:g}", as_json)


@app.command("plot")
def plot_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN... NAME [KEY=VALUE]...",
            help="run directories, a figure's name, and its options; no name lists the figures",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="the file, .png, .svg or .pdf [NAME.png]")
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option("--figures", metavar="DIR", help="a folder of your own figures; repeatable"),
    ] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Draw a figure of one run or several; no name lists the figures."""
    from shardsim.runs.figures import draw_to_file, list_figures, read_words

    asked = read_words(words or (), figures or ())
    if asked.name is None:
        _show_table(list_figures(figures or ()), as_json)
        return
    drawn = draw_to_file(asked, out, figures=figures or (), envs=envs or ())
    data: dict[str, Any] = {"figure": asked.name, "file": str(drawn.path)}
    data |= {"table": list(drawn.rows)} if drawn.rows else {}
    _show(data, f"{drawn.table}\n{drawn.path}".strip(), as_json)


bench = typer.Typer(help="Benchmarks of the science, on freshly drawn cases.")
app.add_typer(bench, name="bench")


@bench.command("diagnosis")
def bench_diagnosis_command(
    seeds: Annotated[int, typer.Option(min=1, help="fresh seeds for each case")] = 3,
    scale: Annotated[float, typer.Option(min=0.001, help="of the training budgets")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Inject faults, and show the true world and section beside the diagnosed."""
    from shardsim.bench.diagnosis import benchmark, table

    said = (lambda text: None) if as_json else (lambda text: print(text, file=sys.stderr))
    found = benchmark(seeds, scale=scale, say=said)
    _show([line._asdict() for line in found], table(found), as_json)


@bench.command("shards")
def bench_shards_command(
    cases: Annotated[
        int | None, typer.Option(min=1, help="planted agents of each kind [8; tier reward 2]")
    ] = None,
    ids: Annotated[
        str | None, typer.Option(metavar="A,B,..", help="envs with 3 concepts or more [five]")
    ] = None,
    tier: Annotated[
        str,
        typer.Option(help="rule: exact logits; network: one taught by them; reward: paid agents"),
    ] = "rule",
    contexts: Annotated[int, typer.Option(min=200, help="contexts of each battery")] = 1400,
    seed: Annotated[int, typer.Option(min=0, max=BENCH_SEEDS - 1, help="of levels and agents")] = 0,
    kinds: Annotated[
        str | None, typer.Option(metavar="A,B,..", help="kinds of planted agents [all]")
    ] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Plant shards, find them again, and show every method's scores beside each other."""
    from shardsim.bench import reward_cases, reward_table, shards, shards_table

    chosen = {"envs": ids, "kinds": kinds}
    lists: dict[str, Any] = {
        name: [word.strip() for word in text.split(",")] for name, text in chosen.items() if text
    }
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    lists |= {"contexts": contexts, "seed": seed, "folders": envs or (), "say": say}
    if tier == "reward":
        paid = reward_cases.benchmark(cases or 2, **lists)
        _show(reward_table.as_data(paid), reward_table.table(paid), as_json)
        return
    found = shards.benchmark(cases or 8, tier=tier, **lists)
    _show(shards_table.as_data(found), shards_table.table(found), as_json)


def _show_run(done: Any, as_json: bool) -> None:
    from shardsim.runs.report.terminal import in_words

    summary = {"run": str(done.path), "summary": done.summary, "timings": done.timings}
    _show(summary, in_words(done.summary, done.timings, str(done.path)), as_json)


def _show_diagnosis(done: Any, as_json: bool) -> None:
    from shardsim.runs.report.terminal import diagnosis_in_words

    found = done.json("diagnosis.json")
    _show(found, diagnosis_in_words(found), as_json)


def _show_table(rows: dict[str, str], as_json: bool) -> None:
    width = max(map(len, rows), default=0)
    _show(rows, "\n".join(f"{key:<{width}}  {line}" for key, line in rows.items()), as_json)


def _show(data: Any, text: str, as_json: bool) -> None:
    if as_json:
        from shardsim.runs.io import json_to_bytes

        text = json_to_bytes(data).decode().rstrip("\n")
    typer.echo(text)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.ERROR)
    _keep_compiled_programs()
    command = typer.main.get_command(app)
    code, line = _outcome(
        lambda: command.main(arguments, prog_name="shardsim", standalone_mode=False)
    )
    if line:
        print(line, file=sys.stderr)
    sys.exit(code)


def _keep_compiled_programs() -> None:
    """Let JAX keep what it compiled between commands, where the user's cache can be written."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shardsim" / "jax"
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache)
            os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")


def _outcome(call: Callable[[], Any]) -> tuple[int, str]:
    """Exit code, and the one line for stderr if there is something to say."""
    try:
        with blaming_files():
            code = call()
        sys.stdout.flush()
    except UserError as error:
        return error.exit_code, f"shardsim: {error}"
    except (KeyboardInterrupt, typer.Abort):
        return 1, _STOPPED
    except SystemExit:  # of nothing here: commands return
        return 2, "shardsim: code that is not shardsim's called sys.exit(); take that out of it"
    except BrokenPipeError:
        # Whoever read stdout has gone; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1, ""
    except Exception as error:
        if isinstance(error, _ClickException):
            return 2, f"shardsim: {_usage(error)}"
        if os.environ.get("SHARDSIM_TRACEBACK"):
            raise
        return 1, (
            f"shardsim: this is a bug, {type(error).__name__}: {one_line(error)}; "
            "set SHARDSIM_TRACEBACK=1 to see where"
        )
    if code == _INTERRUPTED:
        return 1, _STOPPED
    return (code if isinstance(code, int) else 0), ""


def _usage(error: Any) -> str:
    """A usage error in one line, with the help that explains it."""
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "shardsim"
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{message[:1].lower()}{message[1:]}; see: {where} --help"
