"""Does an env keep the interface's promises? Each failure names what is wrong and how to fix it.

`check_env` is for authors, in their own tests too: `assert not check_env(env)`. The checks stand in
`shardsim.env.conformance`; they go from the plainest to the dearest.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from shardsim.base import content
from shardsim.base.errors import UserError, did_you_mean, one_line
from shardsim.base.platform import check_platform
from shardsim.base.scalars import Whole
from shardsim.base.seeds import checked_seed
from shardsim.env import registry
from shardsim.env.conformance import edits, levels, motion, plans, views
from shardsim.env.conformance.subject import Finding, Subject
from shardsim.env.core import Env

CHECKS: dict[str, Callable[[Subject], Iterator[Finding]]] = {
    "declaration": levels.declaration,
    "shapes": levels.shapes,
    "levels": levels.levels,
    "splits": levels.splits,
    "purity": motion.purity,
    "tables": motion.tables,
    "steps": motion.steps,
    "starts": motion.starts,
    "ends": plans.ends,
    "observation": views.observation,
    "views": views.views,
    "transforms": views.transforms,
    "edits": edits.edits,
    "text": edits.text,
    "compilation": motion.compilation,
    "oracle": plans.oracle,
}
# Without these right, the others could only fail in words that nobody understands.
_FIRST = ("declaration", "shapes", "levels")


def check_env(
    env: Env | str | Path,
    *,
    folders: Sequence[str | Path] = (),
    only: Sequence[str] | None = None,
    seed: Whole = 0,
) -> list[Finding]:
    """Check an env: an instance, an id, or the path of an env file (made with its defaults).

    Args:
        env: what to check.
        folders: further folders in which an id is looked for.
        only: names of checks (`CHECKS`) to run instead of all.
        seed: of the levels and draws that the checks use.

    Returns:
        What is wrong, in the order of the checks; empty if nothing is. A failure of the
        declaration, the shapes or the levels ends the checks, since the rest builds on them.

    Raises:
        UserError: for an unknown id or check, a wrong seed, or a file that defines no env.
    """
    names = list(CHECKS) if only is None else list(only)
    for name in names:
        if name not in CHECKS:
            raise UserError(f"there is no check {name!r}; {did_you_mean(name, CHECKS)}")
    subject = Subject(resolve(env, folders), checked_seed(seed))
    found: list[Finding] = []
    for name in names:
        found += _run(name, subject)
        if found and name in _FIRST:
            break
    return found


def resolve(env: Env | str | Path, folders: Sequence[str | Path] = ()) -> Env:
    """Return the env that an instance, an id or the path of an env file stands for."""
    if isinstance(env, Env):
        return env
    if str(env).endswith(".py") or "/" in str(env):
        check_platform()
        return registry.build(registry.class_in(content.load_file("envs", env), str(env)), {})
    return registry.make(str(env), folders=folders)


def _run(name: str, subject: Subject) -> list[Finding]:
    try:
        return list(CHECKS[name](subject))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an author's code may raise anything, and call sys.exit() too
        return [
            Finding(
                name,
                f"{type(error).__name__} {_where(subject.env, error)}: {one_line(error)[:300]}",
                "fix the method that raises it; on arrays use jnp.where for `if`, &, |, ~ for "
                "`and`, `or`, `not`, and x.at[...].set(...) for x[...] = ...",
            )
        ]


def _where(env: Env, error: BaseException) -> str:
    """Say in which line of the author's file an error came up, as far as can be seen."""
    source = inspect.getsourcefile(type(env))
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if source and frame.filename == source]
    if not own:
        return "while checking"
    return f"in {own[-1].name}, line {own[-1].lineno} of {Path(own[-1].filename).name}"
