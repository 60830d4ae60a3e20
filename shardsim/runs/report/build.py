"""`report.html`: everything a run found in one file that needs no network, and `figures/`.

Each part is made from what the run has; where a stage has not been done, or a figure cannot be
drawn from what there is, the part says so. Times and paths are left out, so that the same results
give the same bytes. What needs matplotlib is imported when the page is made: it is slow to load.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from shardsim.base.errors import UserError
from shardsim.base.progress import SILENT, Progress
from shardsim.runs import figures
from shardsim.runs.files import CONFIG, FIGURES, REPORT, STABILITY
from shardsim.runs.report import glossary, stability_text
from shardsim.runs.report.glance import glance
from shardsim.runs.report.text import BRACKETS, headlines
from shardsim.runs.run import Run
from shardsim.runs.store import Damaged

TEMPLATE = "report.html.j2"
STYLE = "page.css"


class Part(NamedTuple):
    """One section of the report: text, then figures and tables by name."""

    title: str
    text: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    needs: str = ""  # a result without which there is no such section


class Picture(NamedTuple):
    """A drawn figure, or why there is none."""

    name: str
    caption: str
    image: Markup | None = None
    width: int = 0  # CSS pixels, the same for an inch of every figure
    missing: str = ""


PARTS = (
    Part(
        "The shards",
        "A shard is a gate over contexts with a preference over concepts. Its share of decision "
        "influence is an average over a battery of contexts. The margin is the relative extra cost "
        "of the next equally good fit: below 0.2 the preferences are uncertain.",
        ("shard-distribution", "shares", "influence-by-distance"),
        ("shards", "shares", "track"),
    ),
    Part(
        "Reflection",
        "From each onset the agent imitates those of its own plans that the shards active there "
        "endorse (rules: turns and summed), without any reward. Its behaviour afterwards is "
        "computed exactly. Controls: self-distillation, and shuffled endorsements (sham). What "
        "would come of it was written down before any weight moved. The last figure is of the "
        "agents before: who would gain as which shard grows.",
        ("extinction", "reflection-outcomes", "constancy", "forecast", "endorsement"),
        ("constancy", "forecast"),
    ),
    Part(
        "Reflection over training",
        "The same reflection started from earlier checkpoints of the same training, in the same "
        "contexts, judged by the shards that are active there then. Drift is what reflection "
        "changes; the outcome is compared with that of the last checkpoint.",
        ("stability",),
        ("stability",),
        needs=STABILITY,
    ),
    Part(
        "One agent on one level",
        "Arrows show the mean move. Signed influence is measured by removing an object from the "
        "level; a place cannot be removed, so the observation is mirrored instead.",
        ("vector-field", "gates-on-level"),
    ),
    Part(
        "Training",
        "Returns are exact: the policy is evaluated over all starts of fixed levels that do not "
        "occur in training (of agents with a memory they are estimated by episodes). On target "
        "levels the objects lie elsewhere than in training.",
        ("learning-curves",),
        ("return",),
    ),
    Part(
        "Are they shards?",
        "Every rival is fitted to the same decisions with the same habit and affordance terms and "
        "compared in bits per decision on levels left out of its fit. Lower is better.",
        ("rivals", "agreement", "activation-gates", "dose-curves", "what-built"),
        (
            "rivals",
            "shardness",
            "agreement",
            "effects",
            "activation gates",
            "components",
            "interventions",
            "views",
        ),
    ),
    Part(
        "What objects do",
        "Removing objects from the level divides the agents' logits exactly, without a fit, into a "
        "base, an effect of each object and interactions. A place cannot be removed.",
        ("intervention-shares",),
        ("objects",),
    ),
    Part(
        "Diagnosis",
        "Each measurement of the run is compared with the exact value that correct code gives.",
        (),
        ("diagnosis", "evidence"),
    ),
)


def build_report(run: Run, progress: Progress = SILENT) -> dict[str, bytes]:
    """Draw everything and return file name -> bytes: `figures/*.png` and `report.html`.

    Args:
        run: a run, finished or not.
        progress: where to say how far it is, a part for each figure.
    """
    drawn: dict[str, bytes] = {}
    pictures: dict[str, Picture] = {}
    captions = figures.list_figures()
    names = dict.fromkeys(name for part in parts_of(run) for name in part.figures)
    progress.plan({**dict.fromkeys(names, 1.0), "page": 1.0})
    for name in names:
        with progress.part(name):
            pictures[name] = _picture(run, name, captions.get(name, name), drawn)
    with progress.part("page"):
        page = render(run, pictures)
    files = {f"{FIGURES}{name}.png": data for name, data in drawn.items()}
    return files | {REPORT: page.encode()}


def parts_of(run: Run) -> list[Part]:
    """The sections that a run's report has."""
    return [part for part in PARTS if not part.needs or run.store.has(part.needs)]


def _more(run: Run, part: Part) -> list[str]:
    """What is said in a section beside its own text."""
    return stability_text.sentences(run.stability) if part.needs == STABILITY else []


def render(run: Run, pictures: Mapping[str, Picture]) -> str:
    """The page as text, from pictures that are already drawn."""
    from shardsim.runs.report import tables

    summary = _summary(run)
    made = tables.all_tables(run, summary)
    parts = [
        {
            "title": part.title,
            "text": " ".join([part.text, *_more(run, part)]),
            "figures": [pictures[name] for name in part.figures if name in pictures],
            "tables": [made[name] for name in part.tables],
        }
        for part in parts_of(run)
    ]
    return template(TEMPLATE).render(
        terms=glossary.terms(),
        brackets=BRACKETS,
        link=glossary.Links().link,
        title=f"{summary.get('env', run.config.env.id)}: shard report",
        answers=glance(summary, run.track if run.store.has("track.nc") else None),
        headlines=headlines(summary),
        notes=[_here(run, note) for note in run.notes],
        parts=parts,
        numbers=_flat(summary),
        config=run.store.read(CONFIG).decode(),
        versions=run.store.manifest.get("versions", {}),
    )


def _picture(run: Run, name: str, caption: str, drawn: dict[str, bytes]) -> Picture:
    from shardsim.plot.canvas import save_bytes
    from shardsim.plot.style import PIXELS_AN_INCH

    try:
        figure = figures.draw(name, [run])
        drawn[name] = save_bytes(figure)
    except Damaged:  # to be mended, rather than left out
        raise
    except UserError as error:
        return Picture(name, caption, missing=_here(run, str(error)))
    code = base64.b64encode(drawn[name]).decode()
    width = round(figure.get_figwidth() * PIXELS_AN_INCH)
    return Picture(name, caption, Markup(f"data:image/png;base64,{code}"), width)


def _here(run: Run, said: str) -> str:
    """What is so, without the run's path and the command that would fix it."""
    return said.partition("; ")[0].replace(f"{run.path}/", "").replace(str(run.path), "this run")


def _summary(run: Run) -> dict[str, Any]:
    return run.summary if run.store.has("summary.json") else {}


def _flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Every value of a summary with its key path, as JSON writes them."""
    if isinstance(value, Mapping):
        pairs = [(f"{prefix}.{key}" if prefix else str(key), one) for key, one in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{prefix}[{number}]", one) for number, one in enumerate(value)]
    else:
        return [(prefix, json.dumps(value, ensure_ascii=False))]
    return [row for key, one in pairs for row in _flat(one, key)]


def template(name: str, package: str = "shardsim.runs.report") -> jinja2.Template:
    """A page's template of a package, which may include the style of all pages, `page.css`."""

    def read(file: str) -> str:
        home = "shardsim.runs.report" if file == STYLE else package
        return resources.files(home).joinpath(file).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
