"""The subspace of a layer that carries a shard, found and tested by interchange.

The part of a layer's activations that lies in a subspace is exchanged for that of another context
of another level (interchange intervention: Geiger et al. 2021, "Causal abstractions of neural
networks"). A subspace that carries a shard, and it alone, makes the logits change by the shard's
pull there minus its pull here. The search starts at the directions that read the pull best, goes
down the gradient of what is missed (Geiger et al. 2024, "Finding alignments between interpretable
causal variables and distributed neural representations"), and takes as few dimensions as levels
held out of it need. What is read and where it is written need not be orthogonal: an exchange is an
oblique projection, as in Belrose et al. (2023, "LEACE: perfect linear concept erasure in closed
form"). Turner et al. (2023, "Understanding and controlling a maze-solving policy network")
exchange a set of channels in the same way; the specificity below is theirs made a number.

Axis letters: S agents (seeds) · C contexts · P pairs · K shards · A actions · D units · Y layers ·
B = A − 1 dimensions at most · N candidates · V variants of an exchange: own, sign-flipped, then R
random ones · J sources: of a like pull, then of any.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from shardsim.agent.network import Network
from shardsim.agent.policy import forward_many
from shardsim.shards.evidence.activations import ridge
from shardsim.shards.influence.influence import probabilities, total_variation
from shardsim.shards.influence.shares import Parts

NEAR_BEST = 0.03  # of the wanted change: what a further dimension must bring on held-out levels
STEPS = 60
RATE = 0.03
PAIRS = 384  # contexts that the search sees, and as many that it is judged and tested on
ROTATIONS = 8
LEAST_LEVELS = 6  # so that every third has another level to take from


class Subspace(NamedTuple):
    """What exchanging each shard's subspace did in one agent, on held-out levels.

    An effect is the slope of the logits' change on the change of pull between the two contexts:
    1 moves a shard as far as its pull differs, 0 does not move it.
    """

    layers: tuple[str, ...]
    reader: np.ndarray  # float64[Y, K, D, B], columns zero beyond the dimension
    writer: np.ndarray  # float64[Y, K, B, D], writer @ reader the identity on the dimension
    dimension: np.ndarray  # int64[Y, K]
    explained: np.ndarray  # float64[Y, K], part of the wanted change of logits that came about
    effect: np.ndarray  # float64[Y, K, K], on shard j (last) when the subspace of k is exchanged
    flipped: np.ndarray  # float64[Y, K], on k when the displacement is turned round: −1 if linear
    random: np.ndarray  # float64[Y, K, R], on k when the displacement is rotated at random
    same: np.ndarray  # float64[Y, K], TV of the policy, source of like pull in another level
    different: np.ndarray  # float64[Y, K], TV of the policy, any source in another level
    random_same: np.ndarray  # float64[Y, K, R], both with rotated displacements
    random_different: np.ndarray  # float64[Y, K, R]

    @property
    def specificity(self) -> np.ndarray:
        """float64[Y, K]: (different − same) ÷ (different + same), in −1..1."""
        return specificity(self.different, self.same)

    @property
    def random_specificity(self) -> np.ndarray:
        """float64[Y, K, R]: the same of random rotations."""
        return specificity(self.random_different, self.random_same)


class Pairs(NamedTuple):
    """Contexts that receive, and contexts of other levels that give, as rows of a battery."""

    base: np.ndarray  # int64[P]
    like: np.ndarray  # int64[S, K, P], where the shard pulls as much the same way as it can
    any: np.ndarray  # int64[P]


class Exchange(NamedTuple):
    """What an exchange needs of many agents, one set of pairs; sources on the axis J."""

    seen: jax.Array  # float32[P, H, W, planes]
    source: jax.Array  # float32[J, S, K, P, D], activations of the sources
    before: np.ndarray  # float64[S, P, A], centred logits of the receivers
    change: np.ndarray  # float64[J, S, K, P, A, K], by which the pull of each shard would change

    @property
    def wanted(self) -> np.ndarray:
        """float64[S, K, P, A]: logits with shard k's own pull exchanged, sources of any pull."""
        return self.before[:, None] + np.einsum("skpak->skpa", self.change[1])


def find_subspaces(
    network: Network,
    parameters: Any,
    observations: np.ndarray,
    parts: Sequence[Parts],
    level_index: np.ndarray,
    *,
    rotations: int = ROTATIONS,
    seed: int = 0,
) -> list[Subspace]:
    """Find and test the subspace of every shard in every layer, for many agents at once.

    Args:
      network: of all agents.
      parameters: pytree with leading axis S.
      observations: float32[C, H, W, planes].
      parts: what each agent's shards, habits and affordances add to its logits, S of them.
      level_index: int[C]; sources are of other levels. The search sees a third of the levels,
        a third says how many dimensions are needed, and a third gives the results.
      rotations: random rotations, the null.
      seed: of levels, sources and rotations.

    Raises:
      ValueError: fewer than six levels, so that some third has no other level to take from.
    """
    if len(np.unique(level_index)) < LEAST_LEVELS:
        raise ValueError("exchanges between levels need contexts from six levels or more")
    rng = np.random.default_rng(seed)
    pulls = np.stack([part.shards for part in parts])
    pulls = pulls - pulls.mean(2, keepdims=True)
    plain = forward_many(network, parameters, observations)
    logits = np.asarray(plain.logits, np.float64)
    logits = logits - logits.mean(-1, keepdims=True)
    sets = [pairs(rows, level_index, pulls, rng) for rows in _thirds(level_index, rng)]
    found = []
    for layer in network.layers:
        hidden = np.asarray(plain.activations[layer])
        fit, judge, test = (_exchange(one, observations, hidden, logits, pulls) for one in sets)
        first = readings(hidden[:, sets[0].base], pulls[:, sets[0].base])
        readers, writers = candidates(network, layer, parameters, fit, first[0], first[1])
        swapped = _swap(network, layer, parameters, judge, 1, readers, writers)
        best = smallest(part_explained(swapped, judge))[:, :, None, None, None]
        reader = np.take_along_axis(readers, best, 2)[:, :, 0]
        writer = np.take_along_axis(writers, best, 2)[:, :, 0]
        results = _tested(network, layer, parameters, test, reader, writer, rotations, rng)
        found.append((reader, writer, (reader != 0).any(2).sum(-1), *results))
    return [
        Subspace(
            tuple(network.layers),
            *(np.stack([v[s] for v in one]) for one in zip(*found, strict=True)),
        )
        for s in range(len(parts))
    ]


def specificity(different: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Return (E_diff − E_same) ÷ (E_diff + E_same), 0 where neither source changes anything."""
    total = different + same
    return np.divide(different - same, total, out=np.zeros_like(total), where=total > 1e-9)


def _thirds(level_index: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Split contexts into three sets of rows by level."""
    levels = rng.permutation(np.unique(level_index))
    return [np.flatnonzero(np.isin(level_index, levels[n::3])) for n in range(3)]


def pairs(
    rows: np.ndarray, level_index: np.ndarray, pulls: np.ndarray, rng: np.random.Generator
) -> Pairs:
    """Give each of at most `PAIRS` rows sources in other levels of the same set.

    Args:
      rows: int64[R] of contexts.
      level_index: int[C].
      pulls: float64[S, C, A, K], centred.
      rng: picks the rows and the sources of any pull.
    """
    base = np.sort(rng.permutation(rows)[:PAIRS])
    other = level_index[base][:, None] != level_index[base][None]
    chance = rng.random(other.shape) * other
    few = pulls[:, base]
    square = (few**2).sum(2)
    across = np.einsum("spak,sqak->spqk", few, few, optimize=True)
    apart = square[:, :, None] + square[:, None] - 2 * across
    apart = np.where(other[None, :, :, None], apart, np.inf)
    like = np.moveaxis(apart.argmin(2), 2, 1)
    return Pairs(base, base[like], base[chance.argmax(1)])


def _exchange(
    one: Pairs, observations: np.ndarray, hidden: np.ndarray, logits: np.ndarray, pulls: np.ndarray
) -> Exchange:
    """Gather activations and changes of pull: sources of a like pull, then of any."""
    every = np.stack([one.like, np.broadcast_to(one.any, one.like.shape)])  # [J, S, K, P]
    agent = np.arange(len(hidden))[None, :, None, None]
    change = pulls[agent, every] - pulls[:, one.base][None, :, None]
    return Exchange(
        jnp.asarray(observations[one.base]),
        jnp.asarray(hidden[agent, every]),
        logits[:, one.base],
        change,
    )


def readings(hidden: np.ndarray, pulls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return readers float64[S, K, D, B], best first, and writers float64[S, K, B, D].

    Args:
      hidden: float[S, P, D].
      pulls: float64[S, P, A, K], centred, so that they span one dimension less than A.
    """
    agents, _, actions, count = pulls.shape
    width = min(actions - 1, hidden.shape[2])
    reader = np.zeros((agents, count, hidden.shape[2], width))
    for agent, shard in np.ndindex(agents, count):
        weights, centre, _ = ridge(hidden[agent], pulls[agent, ..., shard])
        read = (hidden[agent] - centre) @ weights
        _, _, turn = np.linalg.svd(read, full_matrices=False)
        ranked = weights @ turn[:width].T
        reader[agent, shard] = ranked / np.maximum(np.linalg.norm(ranked, axis=0), 1e-9)
    return reader, np.linalg.pinv(reader)


def candidates(
    network: Network,
    layer: str,
    parameters: Any,
    on: Exchange,
    reader: np.ndarray,
    writer: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return readers float64[S, K, N, D, B] and writers, as they start and after the search.

    Both with 1, 2, … B dimensions, few first.
    """
    width = reader.shape[-1]
    masks = jnp.asarray(np.tri(width), jnp.float32)
    size = np.maximum(((on.wanted - on.before[:, None]) ** 2).sum((2, 3)), 1e-12)
    start = tuple(jnp.asarray(each, jnp.float32) for each in (reader, writer))
    wanted, size = jnp.asarray(on.wanted, jnp.float32), jnp.asarray(size, jnp.float32)
    with jax.numpy_dtype_promotion("standard"):  # optax raises floats to integer powers
        found = _search(
            network, layer, parameters, on.seen, on.source[1], wanted, size, start, masks
        )
    return np.asarray(found[0], np.float64), np.asarray(found[1], np.float64)


@partial(jax.jit, static_argnums=(0, 1))
def _search(network, layer, parameters, seen, source, wanted, size, start, masks):
    """Return readers [S, K, 2N, D, B] and writers: Adam on the missed part of the wanted change."""

    def loss(raw, mask, own, given, aim, size):
        reader, writer = projection(raw[0], raw[1], mask)
        logits = _swapped(network, layer, own, seen, given, reader, writer)
        return jnp.sum((logits - aim) ** 2) / size

    every = jax.vmap(loss, (0, 0, None, None, None, None))  # N
    every = jax.vmap(every, (0, None, None, 0, 0, 0))  # K
    every = jax.vmap(every, (0, None, 0, 0, 0, 0))  # S
    slope = jax.grad(lambda raw: jnp.sum(every(raw, masks, parameters, source, wanted, size)))
    rule = optax.adam(RATE)

    def step(carry, _):
        raw, memory = carry
        change, memory = rule.update(slope(raw), memory)
        return (jax.tree.map(jnp.add, raw, change), memory), None

    project = jax.vmap(jax.vmap(jax.vmap(projection), (0, 0, None)), (0, 0, None))

    def spread(each):
        return jnp.broadcast_to(each[:, :, None], (*each.shape[:2], len(masks), *each.shape[2:]))

    raw = tuple(spread(each) for each in start)
    # Each number of dimensions starts as an orthogonal projection on its readers.
    raw = project(raw[0], raw[1], masks)
    (after, _), _ = jax.lax.scan(step, (raw, rule.init(raw)), None, length=STEPS)
    ends = raw, project(after[0], after[1], masks)
    # Interleaved: fewest dimensions first, each as it starts and then searched.
    return tuple(
        jnp.stack(pair, 3).reshape(*pair[0].shape[:2], 2 * len(masks), *pair[0].shape[3:])
        for pair in zip(*ends, strict=True)
    )


def projection(
    reader: jax.Array, writer: jax.Array, mask: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return reader float32[D, B] and writer [B, D] as an oblique projection on mask's dimensions.

    The writer is changed so that what is written reads as what was read: writer @ reader = 1.
    """
    reader, writer = reader * mask, writer * mask[:, None]
    overlap = writer @ reader + jnp.diag(1.0 - mask)
    return reader, jnp.linalg.solve(overlap, writer)


def _swapped(network, layer, own, seen, given, reader, writer) -> jax.Array:
    """Return centred logits float32[P, A] with what `reader` reads taken from `given`."""

    def patch(hidden):
        return hidden + ((given - hidden) @ reader) @ writer

    logits = network.run(own, seen, {layer: patch}).logits
    return logits - jnp.mean(logits, axis=-1, keepdims=True)


@partial(jax.jit, static_argnums=(0, 1))
def _swap_all(network, layer, parameters, seen, source, readers, writers) -> jax.Array:
    swap = jax.vmap(partial(_swapped, network, layer), (None, None, None, 0, 0))
    swap = jax.vmap(swap, (None, None, 0, 0, 0))
    return jax.vmap(swap, (0, None, 0, 0, 0))(parameters, seen, source, readers, writers)


def _swap(network, layer, parameters, on: Exchange, source: int, readers, writers) -> np.ndarray:
    """Return centred logits float64[S, K, V, P, A] of readers and writers [S, K, V, D, B]."""
    reads, writes = jnp.asarray(readers, jnp.float32), jnp.asarray(writers, jnp.float32)
    logits = _swap_all(network, layer, parameters, on.seen, on.source[source], reads, writes)
    return np.asarray(logits, np.float64)


def part_explained(logits: np.ndarray, on: Exchange) -> np.ndarray:
    """Return float64[S, K, V]: 1 − squared miss ÷ squared wanted change, of [S, K, V, P, A]."""
    wanted = on.wanted
    miss = ((logits - wanted[:, :, None]) ** 2).sum((-2, -1))
    size = ((wanted - on.before[:, None]) ** 2).sum((-2, -1))
    return 1.0 - miss / np.maximum(size, 1e-12)[..., None]


def smallest(scores: np.ndarray) -> np.ndarray:
    """Return int64[S, K]: the first of scores [S, K, N] within `NEAR_BEST` of the best."""
    return (scores >= scores.max(-1, keepdims=True) - NEAR_BEST).argmax(-1)


def _tested(
    network, layer, parameters, on: Exchange, reader, writer, rotations: int, rng
) -> tuple[np.ndarray, ...]:
    """Exchange the found subspace on unseen levels: the fields of `Subspace` after `dimension`."""
    width = min(writer.shape[2:])
    turned = np.linalg.qr(rng.normal(size=(*writer.shape[:2], rotations, writer.shape[3], width)))
    scale = np.linalg.qr(writer.swapaxes(2, 3))[1].swapaxes(2, 3)  # keeps norms of what is written
    random = scale[:, :, None] @ turned[0].swapaxes(3, 4)
    writers = np.concatenate([np.stack([writer, -writer], 2), random], 2)
    readers = np.broadcast_to(reader[:, :, None], (*writers.shape[:3], *reader.shape[2:]))
    logits = np.stack([_swap(network, layer, parameters, on, j, readers, writers) for j in (0, 1)])
    chance = probabilities(logits)
    shift = total_variation(chance, probabilities(on.before)[:, None, None]).mean(-1)
    slope = change_slopes(logits[1] - on.before[:, None, None], on.change[1])
    own = np.einsum("skvk->skv", slope)
    explained = part_explained(logits[1], on)[..., 0]
    ends = shift[0, ..., 0], shift[1, ..., 0], shift[0, ..., 2:], shift[1, ..., 2:]
    return explained, slope[:, :, 0], own[..., 1], own[..., 2:], *ends


def change_slopes(change: np.ndarray, pulls: np.ndarray) -> np.ndarray:
    """Return float64[S, K, V, K]: changes [S, K, V, P, A] regressed on all shards' [S, K, P, A, K].

    Jointly, so that what two shards' changes share counts for neither.
    """
    design = pulls.reshape(*pulls.shape[:2], -1, pulls.shape[-1])
    square = np.einsum("sknj,skni->skji", design, design)
    square += 1e-9 * np.einsum("skjj->sk", square)[..., None, None] * np.eye(design.shape[-1])
    square += 1e-12 * np.eye(design.shape[-1])
    flat = change.reshape(*change.shape[:3], -1)
    cross = np.einsum("sknj,skvn->skjv", design, flat)
    return np.moveaxis(np.linalg.solve(square, cross), 3, 2)
