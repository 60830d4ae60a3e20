"""`shardsim bench`: benchmarks of the science; each command imports its own, as in `commands`."""

import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from shardsim.base.errors import UserError
from shardsim.base.given import is_representable, number_of
from shardsim.base.seeds import BENCH_SEEDS, SEEDS
from shardsim.cli.output import AsJson, Folders, show, with_results

bench = typer.Typer(help="Scientific benchmarks on freshly drawn cases.")


def _finite(scale: float) -> float:
    """Refuse what passes for a number and compares with none."""
    if not is_representable(scale):
        raise typer.BadParameter(f"{scale} is not a finite number")
    return scale


def _bits(word: str) -> float:
    """Read a gap in bits."""
    found = number_of(word)
    if found is None:
        raise UserError(f"'{word.strip()}' among the gaps is no number; write --gaps .02,.05")
    return float(found)


def _case(word: str) -> int:
    """Read the number of a case."""
    found = number_of(word)
    if not isinstance(found, int):
        raise UserError(f"'{word.strip()}' is not the number of a case; write --cases 4,17")
    return found


def _plain(lines: Iterable[Any]) -> list[dict[str, Any]]:
    return [line._asdict() for line in lines]


@bench.command("diagnosis")
@with_results
def bench_diagnosis_command(
    seeds: Annotated[int, typer.Option(min=1, help="fresh seeds for each case")] = 3,
    scale: Annotated[
        float, typer.Option(min=0.001, callback=_finite, help="factor on the training budgets")
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Inject faults and compare the diagnosis with the truth."""
    from shardsim.bench.diagnosis import benchmark, table

    said = (lambda text: None) if as_json else (lambda text: print(text, file=sys.stderr))
    found = benchmark(seeds, scale=scale, say=said)
    show(_plain(found), table(found), as_json)


@bench.command("shards")
@with_results
def bench_shards_command(
    cases: Annotated[
        int | None,
        typer.Option(min=1, help="planted agents of each kind [8; tiers reward, history 2]"),
    ] = None,
    ids: Annotated[
        str | None, typer.Option(metavar="A,B,..", help="envs with 3 concepts or more [five]")
    ] = None,
    tier: Annotated[
        str,
        typer.Option(
            help="rule: exact logits; network: trained on them; reward: trained by reward; "
            "history: goals that change within an episode"
        ),
    ] = "rule",
    contexts: Annotated[
        int | None,
        typer.Option(min=200, help="contexts of each battery [1400; tier history 600]"),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=BENCH_SEEDS - 1, help="seed of levels and agents")
    ] = 0,
    kinds: Annotated[
        str | None, typer.Option(metavar="A,B,..", help="kinds of planted agents [all]")
    ] = None,
    gaps: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,..",
            help="bits by which networks may miss their rule, each a row of a table [.02]",
        ),
    ] = None,
    envs: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Plant shards, identify them again, and compare the scores of several methods."""
    from shardsim.bench import (
        history_cases,
        history_table,
        reward_cases,
        reward_table,
        shards,
        shards_table,
    )

    chosen = {"envs": ids, "kinds": kinds}
    lists: dict[str, Any] = {
        name: [word.strip() for word in text.split(",")] for name, text in chosen.items() if text
    }
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    contexts = contexts or (600 if tier == "history" else 1400)
    lists |= {"contexts": contexts, "seed": seed, "folders": envs or (), "say": say}
    if gaps and tier in ("reward", "history"):
        raise UserError(f"--gaps is for networks taught a rule; leave it out of --tier {tier}")
    if tier == "reward":
        paid = reward_cases.benchmark(cases or 2, **lists)
        show({"lines": _plain(paid)}, reward_table.table(paid), as_json)
        return
    if tier == "history":
        remembered = history_cases.benchmark(cases or 2, **lists)
        show({"lines": _plain(remembered)}, history_table.table(remembered), as_json)
        return
    asked = [_bits(word) for word in gaps.split(",")] if gaps else None
    found = shards.benchmark(cases or 8, tier=tier, gaps=asked, **lists)
    show({"lines": _plain(found)}, shards_table.table(found), as_json)


@bench.command("reflection")
@with_results
def bench_reflection_command(
    draws: Annotated[int, typer.Option(min=0, help="parameters drawn for each case")] = 5,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS - 1, help="seed of the draws")] = 0,
    cases: Annotated[
        str | None, typer.Option(metavar="1,2,..", help="numbers of the cases [all]")
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="JSON of cases and parameters to try instead"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare every model of reflection with its closed forms; exit with 1 where one is missed."""
    from shardsim.bench.reflection import benchmark, table

    numbers = None if cases is None else [_case(word) for word in cases.split(",")]
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    found = benchmark(draws, seed=seed, cases=numbers, given=given, say=say)
    show({"lines": _plain(found)}, table(found), as_json)
    if not all(line.right for line in found):
        raise typer.Exit(1)
