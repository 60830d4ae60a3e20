"""The commands, one function each, no logic: they call the library and show what it gives.

Each command imports what it calls, so that `--help` and bad words are answered at once.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from shardsim.base.compiled import ENABLED, keep_nothing
from shardsim.base.errors import UserError
from shardsim.base.seeds import SEEDS
from shardsim.cli import output
from shardsim.cli.bench import bench
from shardsim.cli.compare import compare_command
from shardsim.cli.complete import figure_names
from shardsim.cli.events import events_command
from shardsim.cli.forecast import forecast_command
from shardsim.cli.modify import modify_command
from shardsim.cli.output import AsJson, Folders, show, show_table, with_results
from shardsim.cli.plot_help import PlotCommand
from shardsim.cli.reflect import reflect_command
from shardsim.cli.run import run_command
from shardsim.cli.sweep import sweep_command
from shardsim.cli.verify import verify_command
from shardsim.cli.view import view_command

app = typer.Typer(
    help="Train gridworld agents, identify their shards, simulate reflection, diagnose training.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="a run directory")]
Again = Annotated[bool, typer.Option("--again", help="rerun even if finished")]

# Names and help stand here so that `--help` imports no stage; a test holds them to the table.
STAGE_HELP = {
    "identify": "Identify the shards of the trained agents.",
    "track": "Track the shards over all checkpoints.",
    "reflect": "Simulate reflection from every onset.",
    "diagnose": "Diagnose a run, with the evidence.",
    "report": "Draw every figure and write report.html.",
}

app.add_typer(bench, name="bench")


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
    no_compile_cache: Annotated[
        bool,
        typer.Option(
            "--no-compile-cache",
            help=f"keep no compiled programs between commands, and use none ({ENABLED}=false)",
        ),
    ] = False,
) -> None:
    if no_compile_cache:
        keep_nothing()


app.command("run")(run_command)


def _stage_command(name: str, text: str) -> None:
    """Register the command of one stage."""

    @app.command(name, help=text)
    @with_results
    def command(
        path: RunPath, again: Again = False, envs: Folders = None, as_json: AsJson = False
    ) -> None:
        from shardsim.runs.pipeline import run_stage
        from shardsim.runs.progress import for_stderr

        done = run_stage(path, name, again=again, folders=envs or (), progress=for_stderr())
        shown = output.show_diagnosis if name == "diagnose" else output.show_run
        shown(done, as_json)


@app.command("identify", help=STAGE_HELP["identify"])
@with_results
def identify_command(
    path: RunPath,
    again: Again = False,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            help="add contexts that best separate the remaining hypotheses, and identify again",
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
        raise UserError("--contexts says how many contexts --refine adds; give both, or neither")
    wanted = (contexts or 0) if refine else None
    done = run_stage(
        path,
        "identify",
        again=again or refine,
        refine=wanted,
        folders=envs or (),
        progress=for_stderr(),
    )
    output.show_run(done, as_json)


for _name, _text in STAGE_HELP.items():
    if _name not in ("identify", "reflect"):
        _stage_command(_name, _text)
app.command("reflect", help=STAGE_HELP["reflect"])(reflect_command)


@app.command("envs")
@with_results
def envs_command(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="one env, in detail")] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """List the envs, or show one."""
    from shardsim.base.content import catalogue, headline

    if name is None:
        found = catalogue("envs", envs or ())
        show_table({key: headline(entry) for key, entry in found.items()}, as_json)
        return
    from shardsim.env.describe import describe, in_words
    from shardsim.env.registry import make

    env = make(name, folders=envs or ())
    show(describe(env), in_words(env), as_json)


@app.command("check-env")
@with_results
def check_env_command(
    env: Annotated[str, typer.Argument(metavar="PATH_OR_ID", help="an env file, or an env's id")],
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Check an env; each failure suggests a fix."""
    from shardsim.env.check import CHECKS, check_env, resolve

    found = check_env(resolve(env, envs or ()))
    data = {"env": env, "checks": list(CHECKS), "findings": [fault._asdict() for fault in found]}
    good = f"{env} passes all {len(CHECKS)} checks: {', '.join(CHECKS)}"
    show(data, "\n".join(map(str, found)) or good, as_json)
    if found:
        raise UserError(f"{env} fails {len(found)} check(s), listed above; fix them in its file")


@app.command("new-env")
@with_results
def new_env_command(
    name: Annotated[str, typer.Argument(help="the new env's id, like ice-maze")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="the folder to write into [this one]")
    ] = Path("."),
    as_json: AsJson = False,
) -> None:
    """Write a working env and its test, as a template to edit."""
    from shardsim.env.new_env import write_env

    env, test = write_env(name, out)
    chosen = env.stem.replace("_", "-")
    folder = str(env.parent)
    commands = (
        ["shardsim", "check-env", str(env)],
        ["python", "-m", "pytest", str(test)],
        ["shardsim", "play", chosen, "--envs", folder],
        ["shardsim", "run", "smoke", f"env.id={chosen}", "--envs", folder],
    )
    steps = [shlex.join(command) for command in commands]
    text = "\n  ".join([f"wrote {env} and {test}; edit them, and then:", *steps])
    show({"id": chosen, "env": str(env), "test": str(test), "next": steps}, text, as_json)


@app.command("play")
@with_results
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
    summary = play(env, sys.stdin, None if as_json else output.results(), level_seed, split)
    steps, paid = summary["steps"], summary["return"]
    show(summary, f"{name}: {steps} steps, return {paid:g}", as_json)


@app.command("plot", cls=PlotCommand)
@with_results
def plot_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN... NAME [KEY=VALUE]...",
            help="run directories, a figure's name and its options; without a name: list figures",
            autocompletion=figure_names,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="the file, .png, .svg or .pdf [NAME.png]")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="write the numbers drawn, a row each")
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option("--figures", metavar="DIR", help="a folder of your own figures; repeatable"),
    ] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Draw a figure; without a name, list them. `--help NAME` lists a figure's options."""
    from shardsim.runs.figures import draw_to_file, list_figures, read_words

    asked = read_words(words or (), figures or ())
    if asked.name is None:
        show_table(list_figures(figures or ()), as_json)
        return
    drawn = draw_to_file(asked, out, data, figures=figures or (), envs=envs or ())
    said: dict[str, Any] = {"figure": asked.name, "file": str(drawn.path)}
    said |= {"table": list(drawn.rows)} if drawn.rows else {}
    said |= {} if data is None else {"data": str(data)}
    show(said, f"{drawn.table}\n{drawn.path}".strip(), as_json)


app.command("sweep")(sweep_command)
app.command("compare")(compare_command)
app.command("events")(events_command)
app.command("verify")(verify_command)
app.command("modify")(modify_command)
app.command("forecast")(forecast_command)
app.command("view")(view_command)
