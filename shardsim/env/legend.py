"""One legend for the whole house: the letter, shape and colour of every concept.

Colours are those of Okabe & Ito (2008, "Color universal design"), which stay apart for the colour
blind; shapes and letters differ as well, so that no figure depends on colour alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shardsim.env.core import Env

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#8C8C8C"
FLOOR, WALL, LINE, INK = "#F5F2EB", "#3E4656", "#E4DFD3", "#2B2B2B"

WALL_GLYPH, FLOOR_GLYPH, AGENT_GLYPH = "#", ".", "@"


class Sprite(NamedTuple):
    """How one thing looks."""

    glyph: str  # one character, in text
    shape: str  # a name in `shardsim.env.shapes.SHAPES`
    colour: str  # "#RRGGBB"


AGENT = Sprite(AGENT_GLYPH, "agent", BLUE)

KNOWN: dict[str, Sprite] = {
    "cheese": Sprite("c", "wedge", YELLOW),
    "decoy": Sprite("d", "diamond", PURPLE),
    "corner": Sprite("C", "bracket", GREEN),
    "exit": Sprite("E", "bracket", SKY),
    "gold": Sprite("g", "disc", ORANGE),
    "coin": Sprite("o", "ring", ORANGE),
    "key": Sprite("k", "key", ORANGE),
    "chest": Sprite("h", "chest", VERMILLION),
    "door": Sprite("D", "square", VERMILLION),
    "water": Sprite("w", "drop", SKY),
    "food": Sprite("f", "heart", VERMILLION),
    "trap": Sprite("t", "cross", VERMILLION),
    "lava": Sprite("l", "triangle", VERMILLION),
    "gem": Sprite("m", "diamond", GREEN),
    "cache": Sprite("K", "chest", YELLOW),
    "dish": Sprite("i", "ring", SKY),
    "leader": Sprite("L", "star", PURPLE),
    "beacon": Sprite("b", "hexagon", ORANGE),
    "apple": Sprite("p", "disc", VERMILLION),
    "shield": Sprite("s", "hexagon", SKY),
    "monster": Sprite("x", "cross", PURPLE),
    "whisky": Sprite("y", "drop", ORANGE),
    "yellow-line": Sprite("y", "bar", YELLOW),
    "yellow-gem": Sprite("m", "diamond", YELLOW),
    "red-line": Sprite("r", "bar", VERMILLION),
    "red-gem": Sprite("e", "diamond", VERMILLION),
}

_COLOURS = (PURPLE, GREEN, ORANGE, SKY, VERMILLION, YELLOW, GREY)  # the agent alone is blue
_OBJECT_SHAPES = ("disc", "diamond", "triangle", "square", "star", "ring", "cross", "hexagon")
_TAKEN = {WALL_GLYPH, FLOOR_GLYPH, AGENT_GLYPH}


def legend(env: Env) -> dict[str, Sprite]:
    """Return a sprite for every concept of an env, all of them distinct."""
    places = [concept.name for concept in env.concepts if concept.kind == "place"]
    return sprites(env.concept_names, places)


def sprites(names: Sequence[str], places: Sequence[str] = ()) -> dict[str, Sprite]:
    """Return distinct sprites for these names; the known ones keep theirs wherever they appear.

    An unknown name gets a default that depends on the name alone unless it is taken.
    """
    found: dict[str, Sprite] = {}
    for name in names:
        if name in KNOWN and not _clashes(KNOWN[name], found):
            found[name] = KNOWN[name]
    for name in names:
        if name not in found:
            found[name] = _default(name, name in places, found)
    return {name: found[name] for name in names}


def _clashes(sprite: Sprite, found: dict[str, Sprite]) -> bool:
    """Whether another has its letter or its look already: some of the known share one."""
    return any(sprite.glyph == other.glyph or sprite[1:] == other[1:] for other in found.values())


def _default(name: str, place: bool, found: dict[str, Sprite]) -> Sprite:
    letters = [letter for letter in name.lower() if letter.isascii() and letter.isalpha()]
    spare = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    wished = [letter.upper() if place else letter for letter in letters]
    wished += [letter.swapcase() for letter in wished] + spare + [s.upper() for s in spare]
    used = _TAKEN | {sprite.glyph for sprite in found.values()}
    glyph = next((letter for letter in wished if letter not in used), None)
    shapes = ("bracket",) if place else _OBJECT_SHAPES
    looks = [(shape, colour) for colour in _COLOURS for shape in shapes]
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % len(looks)
    seen = {(sprite.shape, sprite.colour) for sprite in found.values()}
    colours = {sprite.colour for sprite in found.values()}
    turned = looks[first:] + looks[:first]
    free = [look for look in turned if look not in seen] or turned
    shape, colour = next((look for look in free if look[1] not in colours), free[0])
    return Sprite(glyph or chr(0x100 + len(found)), shape, colour)
