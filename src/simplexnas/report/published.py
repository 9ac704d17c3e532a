"""Names of the families that the book shows: the Snakefile trains them, tables and chapters read them.

A family's name says how it is trained: <preset>-<setting>=<value>-…-seed<seed>, as `config.family_name` makes it.
"""

import re
from collections.abc import Iterable

DEFAULT = tuple(f"default-seed{seed}" for seed in (0, 1, 2))
# The default without its price of parameters, and the same with measured latency as price.
UNIT = "default-parameter_price=0-seed0"
LATENCY = "default-parameter_price=0-price=latency-seed0"
LATENCY_TABLE = "intel-r-xeon-r-processor-family-6-model-207-stepping-2-cpu-1-thread"  # its prices
TIMED_TABLE = "amd-epyc-family-25-model-17-stepping-1-cpu-1-thread"  # of the machine that the book's times are of
# Random utilities that never change: nothing of the hypernetwork is learned.
RANDOM = "default-policy_until=0-random_utilities=true-seed0"
# The published method (channels last, which changes speed alone).
PAPER = "paper-channels_last=true-seed0"
WHOLE = (*DEFAULT, UNIT, LATENCY, RANDOM, PAPER)  # measured on the lattice with step 0.05
# What kappa does to it in half an epoch, where ten times the hypernetwork's rate stands for ten times the steps.
KAPPA = tuple(
    f"paper-channels_last=true-epochs=1-hypernetwork_learning_rate=0.02-kappa={kappa}-train_images=27500-seed0"
    for kappa in (0, 0.1, 1, 5, 50)
)
# Past the paper's three rows in minutes. Only the results are published, not these families, nor those below.
QUICK = ("quick-seed0", "quick-seed1")
# The same with softer choices while it trains: a fourth and a fortieth of the gain.
SOFTER = ("quick-tau=0.002-seed0", "quick-tau=0.02-seed0")
# Weights that rank the networks retrained of DEFAULT[0], beside its own (in words).
RANKING = {
    DEFAULT[1]: "the same with seed 1",
    DEFAULT[2]: "the same with seed 2",
    RANDOM: "random utilities, never learned",
    PAPER: "published method, 5 epochs",
    QUICK[0]: "quick preset, 3 epochs",
    SOFTER[0]: "quick preset, a fourth of the gain",
    SOFTER[1]: "quick preset, a fortieth of the gain",
}
# The quick preset for two epochs: as it is, and with one setting changed (in words).
UNCHANGED = "nothing changed"
ABLATED = {
    "quick-epochs=2": UNCHANGED,
    "quick-epochs=2-mean_nodes=true": "nodes take the mean of their edges, not the sum",
    "quick-epochs=2-normalise_features=true": "the classifier's input is normalised",
    "quick-epochs=2-matrix_learning_rate=0": "AdamW for every weight, no Muon",
    "quick-epochs=2-flip=false": "no horizontal flips",
    "quick-epochs=2-shift=2": "also random shifts by up to 2 pixels",
    "quick-ema=0.99-epochs=2": "moving average of the weights",
    "quick-epochs=2-paths=4": "four paths in each step, not two",
    "quick-epochs=2-sandwich=true": "also largest and smallest network in each step, with distillation (sandwich)",
    "quick-epochs=2-hypernetwork_learning_rate=0.001": "a tenth of the hypernetwork's learning rate",
    "quick-epochs=2-hypernetwork_learning_rate=0.1": "ten times the hypernetwork's learning rate",
    "quick-epochs=2-policy_until=0": "utilities stay 0, nothing learned",
    "quick-epochs=2-random_utilities=true": "utilities start at random, learned",
    "quick-epochs=2-policy_until=0-random_utilities=true": "utilities random, nothing learned",
    "quick-epochs=2-policy_until=1": "the hypernetwork learns to the end",
    "quick-epochs=2-warmup=0": "no warm-up of kappa and gain",
    "quick-epochs=2-kappa=0.0002-tau=5e-06": "kappa a hundredth, same gain",  # the gain kappa / tau stays as it is
    "quick-epochs=2-tau=0.002": "a fourth of the gain, softer choices",
    "quick-corner_share=0-epochs=2": "S uniform, no share from the sides of the triangle",
    "quick-epochs=2-parameter_price=0": "no price of parameters",
    "quick-epochs=2-spread=0.05": "a third of the utilities' spread",
    "quick-epochs=2-spread=0.3": "twice the utilities' spread",
}
# The other estimators run all operations, which is slow: one epoch, with a base of their own.
ESTIMATORS = {
    "quick-epochs=1": UNCHANGED,
    "quick-epochs=1-estimator=straight_through": "straight-through gradient",
    "quick-epochs=1-estimator=reinmax": "ReinMax gradient",
    "quick-epochs=1-estimator=relaxed": "relaxed samples, as published",
}
# The other hypernetworks have no gain and need a larger kappa, so that two things change.
FORMS = ("quick-epochs=2", "quick-epochs=2-hypernetwork=pivot-kappa=0.1", "quick-epochs=2-hypernetwork=mlp-kappa=0.1")


def with_seeds(settings: Iterable[str]) -> tuple[str, ...]:
    """Names of the families of an ablation, each with seeds 0 and 1."""
    return tuple(f"{name}-seed{seed}" for name in settings for seed in (0, 1))


ABLATION = with_seeds(dict.fromkeys([*ABLATED, *ESTIMATORS, *FORMS]))


def read_name(name: str) -> tuple[str, list[str], int]:
    """Preset, changed settings ("kappa=0.1") and seed of a family's name."""
    preset, *changes, seed = re.split(r"-(?=[a-z_]+=|seed\d+$)", name)
    return preset, changes, int(seed.removeprefix("seed"))
