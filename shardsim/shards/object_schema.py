"""The vocabulary of `shards.nc` for what objects do by intervention, and for the residual."""

from __future__ import annotations

from shardsim.base.schema import Variable

TOWARD = "logits per move"  # of a gate: what it adds to an action that loses one move less

OBJECT_COORDINATES = {
    "object": Variable(("object",), "concept that can be removed"),
    "object_part": Variable(("object_part",), "part of the logits by removal of objects"),
    "base_part": Variable(("base_part",), "part of what agents do where there is no object"),
    "residual_part": Variable(("residual_part",), "part of the residual"),
    "remedy": Variable(("remedy",), "what is added to the fitted model"),
    "place": Variable(("place",), "concept that cannot be removed"),
    "place_test": Variable(("place_test",), "what is flipped east-west"),
    "place_target": Variable(("place_target",), "cell that the pull is toward"),
}

OBJECTS = {
    "object_share": Variable(
        ("seed", "object_part"),
        "intervention share: of base, of each object's main effect and of interactions",
    ),
    "object_share_interval": Variable(
        ("object_part", "end"), "intervention share: interval over levels and seeds"
    ),
    "object_share_untrained": Variable(
        ("seed", "object_part"),
        "intervention share in untrained networks of equal entropy",
    ),
    "object_share_interval_by_seed": Variable(
        ("seed", "object_part", "end"), "intervention share: interval over levels"
    ),
    "base_share": Variable(
        ("seed", "base_part"), "share of what agents do where there is no object"
    ),
    "objects_explained": Variable(
        ("seed",),
        "fraction of the bits that objects add to the base which the fitted shards explain",
    ),
    "objects_explained_by_covariates": Variable(
        ("seed",),
        "the same with strengths along each object's advantage that trees of the covariates learn "
        "from the effects on other levels",
    ),
    "objects_explained_freely": Variable(
        ("seed",),
        "the same with, in every context, the best strength along each object's advantage",
    ),
    "effect_along": Variable(
        ("seed", "object"), "part of the main effect's variance along the exact advantage"
    ),
    "effect_gate_correlation": Variable(
        ("seed", "object"), "correlation over contexts of fitted pull and main effect"
    ),
    "effect_gate_gap": Variable(
        ("seed", "object", "distance_bin"), "fitted pull minus that of the main effect", TOWARD
    ),
    "residual_part_by_distance": Variable(
        ("seed", "residual_part", "distance_bin"),
        "part of the residual's variance by distance to the nearest object; all sum to 1",
    ),
    "residual_covariate": Variable(
        ("seed",), "covariate that tells best how large the residual is"
    ),
    "residual_located": Variable(
        ("seed",),
        "part of the variance of the residual's size that covariates tell, held-out levels",
    ),
    "residual_reduced": Variable(
        ("seed", "remedy"), "part of the residual's variance that it explains, held-out levels"
    ),
    "place_pull": Variable(
        ("seed", "place", "place_test", "place_target"),
        "mean pull without objects toward the place in the maze and in the frame",
        TOWARD,
    ),
    "place_shifted": Variable(
        ("seed", "place"), "mean pull toward the place in the shifted maze", TOWARD
    ),
    "place_shiftable": Variable(
        (), "part of the contexts whose maze can be shifted by one cell whole"
    ),
}
