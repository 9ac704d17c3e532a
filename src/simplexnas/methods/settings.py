"""The settings of a search, as frozen dataclasses with four presets.

`paper`: the objective, hypernetwork and relaxed sampling of the author's code, about as many steps of the same batch,
and his rate for the hypernetwork; our optimiser, classifier and data split, no augmentation.
`default`: ours. `quick`: ours in three epochs, to try things. `worth`: ours with worths in nats, from the losses of
random paths, and S drawn where the predicted front is (`methods.worth`).
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field

import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import check_keys, check_values, setting
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import NAME_OF_FASHION_MNIST

HYPERNETWORKS = ("utility", "worth", "pivot", "mlp")
# relaxed: a soft mixture per image, as published. The others draw one operation per edge and path: score_function runs
# only those, straight_through and reinmax run all operations.
ESTIMATORS = ("score_function", "relaxed", "straight_through", "reinmax")


@dataclass(frozen=True)
class SearchConfig:
    """Everything that decides the outcome of a search, beside the data and the number of processes."""

    preset: str
    seed: int = setting(0, least=0, below=2**63)
    space: SearchSpace = field(default_factory=SearchSpace)
    # optimisation
    epochs: int = setting(24, least=1)
    batch_size: int = setting(64, least=1)  # images per step
    train_images: int = setting(55_000, least=1)  # fewer than there are only to try things
    learning_rate: float = setting(3e-3, above=0)  # peak of the one-cycle schedule, AdamW
    matrix_learning_rate: float = setting(2e-2, least=0)  # the same of Muon, for ungrouped 1x1 convolutions; 0: AdamW
    weight_decay: float = setting(1e-4, least=0)
    hypernetwork_learning_rate: float = setting(1e-2, above=0)
    hypernetwork_beta1: float = setting(0.9, least=0, below=1)  # AdamW's decay of the hypernetwork's mean gradient
    flip: bool = setting(True)  # augmentation: horizontal flips of half of the images
    shift: int = setting(0, least=0)  # augmentation: random shifts by up to this many pixels in each direction
    channels_last: bool = setting(True)  # memory format
    ema: float = setting(
        0.0, least=0, below=1
    )  # decay per step of a moving average of all weights, the result; 0: none
    # choice of operations
    estimator: str = setting("score_function", among=ESTIMATORS)  # gradient of the cross-entropy for the hypernetwork
    paths: int = setting(2, least=1)  # hard paths per step, each on its share of the batch
    sandwich: bool = setting(False)  # also largest and smallest network in each step; the largest teaches the others
    temperature_start: float = setting(1.0, above=0)
    temperature_end: float = setting(0.2, above=0)
    temperature_steps: int = setting(0, least=0)  # in so many equal steps, constant within each; 0: linearly
    corner_share: float = setting(0.25, least=0, most=1)  # share of S drawn from Dirichlet(1/2) instead of uniformly
    front_share: float = setting(0.0, least=0, most=1)  # with worth: share of S drawn where the predicted front is
    random_share: float = setting(0.0, least=0, most=1)  # with worth: share of paths with random choices, after warm-up
    # hypernetwork and objective
    hypernetwork: str = setting("utility", among=HYPERNETWORKS)
    kappa: float = setting(0.02, least=0)  # final weight of Lat in the objective
    tau: float = setting(5e-4, above=0)  # entropy weight of the utility form; its gain is kappa / tau
    # share of the steps in which kappa rises linearly from 0; with worth: in which choices are random, to learn from
    warmup: float = setting(0.2, least=0, most=1)
    policy_until: float = setting(0.6, least=0, most=1)  # share of the steps in which the hypernetwork learns
    random_utilities: bool = setting(False)  # utilities start as random numbers; never learned with policy_until 0
    spread: float = setting(0.15, least=0)  # standard deviation of utilities over the edges of a cell, in units of S
    parameter_price: float = setting(0.4, least=0)  # price of the largest number of parameters, in units of S
    price: str = setting("unit", among=cost.PRICES)  # what S_m is multiplied by on each edge
    latency_batch: int = setting(64, least=1)  # with price latency: images at a time,
    latency_table: str = ""  # the table's name,
    milliseconds: tuple[tuple[float, ...], ...] = ()  # and its LatencyTable.edge_ms, (E, k)

    def __post_init__(self):
        check_values(self)
        object.__setattr__(self, "milliseconds", tuple(map(tuple, self.milliseconds)))
        self._check_together()

    def _check_together(self) -> None:
        """What no field can say alone."""

        def check(name: str, allowed: str, ok: bool):
            if not ok:
                raise SimplexNASError(f"{name} = {getattr(self, name)!r}; allowed: {allowed}")

        largest = self.space.shape.size - 1
        check("shift", f"whole numbers from 0 to {largest}", self.shift <= largest)
        ours = self.hypernetwork in ("utility", "worth")
        check(
            "kappa",
            f"above 0 with hypernetwork {self.hypernetwork}: its gain is kappa / tau",
            self.kappa > 0 or not ours,
        )
        check("random_utilities", "true only with hypernetwork utility or worth", ours or not self.random_utilities)
        for name in ("front_share", "random_share"):
            check(name, "above 0 only with hypernetwork worth", self.hypernetwork == "worth" or not getattr(self, name))
        edges = len(genotype_edges(self.space)) if self.price == "latency" else 0
        shape = [self.space.k] * edges
        whole = list(map(len, self.milliseconds)) == shape and all(t > 0 for row in self.milliseconds for t in row)
        check("milliseconds", f"with price {self.price} {edges} rows of {self.space.k} times above 0", whole)
        hard = self.estimator == "score_function"
        compared = hard and self.hypernetwork != "worth"
        check("paths", "from 2 with score_function, which compares paths", self.paths >= 2 or not compared)
        check("sandwich", "true only with score_function", hard or not self.sandwich)
        check("batch_size", "multiples of paths", self.batch_size % self.paths == 0)
        if self.sandwich or self.space.normalise_features:  # then batch normalisation needs two images per network
            least = 2 * (self.paths + self.sandwich)
            check("batch_size", f"from {least}, two images for each network", self.batch_size >= least)

    @property
    def steps_per_epoch(self) -> int:
        return self.train_images // self.batch_size

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.epochs * self.steps_per_epoch

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "SearchConfig":
        """The inverse of `to_dict`; an unknown or missing key raises `SimplexNASError`."""
        check_keys(cls, values)
        return cls(**values | {"space": SearchSpace.from_dict(values["space"])})


PRESETS: dict[str, SearchConfig] = {
    "paper": SearchConfig(
        preset="paper",
        epochs=5,  # 4,295 steps; the author's 10 epochs of half of the 60,000 images are 4,690
        hypernetwork_learning_rate=2e-3,  # the mean over the schedule is his constant 1e-3
        flip=False,
        channels_last=False,
        estimator="relaxed",
        paths=1,
        corner_share=0.0,
        hypernetwork="pivot",
        kappa=50.0,
        warmup=0.0,
        policy_until=1.0,
        parameter_price=0.0,
    ),
    "default": SearchConfig(preset="default"),
    "quick": SearchConfig(preset="quick", epochs=3),
    "worth": SearchConfig(
        preset="worth",
        epochs=14,
        batch_size=32,
        paths=1,
        front_share=0.8,
        hypernetwork="worth",
        kappa=0.0125,
        tau=3.125e-5,
        warmup=0.15,
        parameter_price=1.4,
    ),
}

_SPACE_SETTINGS = tuple(f.name for f in dataclasses.fields(SearchSpace) if f.name not in ("operations", "shape"))
_OF_TABLE = ("latency_table", "milliseconds")  # taken from the latency table, not from a command line
LONGEST_NAME = 150  # bytes; file systems allow 255, and temporary names add to it
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def preset(name: str, **changes) -> SearchConfig:
    """A preset, with some settings replaced; numbers, switches and shape of the search space count as settings too."""
    if name not in PRESETS:
        raise SimplexNASError(f"preset = {name!r}; allowed: {', '.join(PRESETS)}")
    base = PRESETS[name]
    of_space = {key: changes.pop(key) for key in (*_SPACE_SETTINGS, "shape") if key in changes}
    space = dataclasses.replace(changes.pop("space", base.space), **of_space)
    return dataclasses.replace(base, space=space, **changes)


def family_name(preset: str, seed: int, changes: dict, task: str = NAME_OF_FASHION_MNIST) -> str:
    """Name of a family's folder: "quick-seed0", or "quick-kappa=0.01-seed0" with the settings that were changed.

    Other data than Fashion-MNIST come first: "digits-quick-seed0". Of many changes stands a short hash; the family's
    description has them all.
    """
    values = {
        key: repr(value).removesuffix(".0")
        if isinstance(value, float)
        else value
        if isinstance(value, str)
        else json.dumps(value)
        for key, value in sorted(changes.items())
    }
    start = [preset] if task == NAME_OF_FASHION_MNIST else [task, preset]
    changed = [f"{key}={value}" for key, value in values.items()]
    name = "-".join([*start, *changed, f"seed{seed}"])
    if len(name.encode()) > LONGEST_NAME:
        digest = hashlib.sha256("-".join(changed).encode()).hexdigest()[:12]
        name = "-".join([*start, digest, f"seed{seed}"])
    return name


def parse_changes(assignments: list[str]) -> dict:
    """Settings from the command line, "epochs=3" or "flip=false", for `preset(name, **changes)`."""
    base = PRESETS["default"]
    defaults = base.to_dict() | {name: getattr(base.space, name) for name in _SPACE_SETTINGS}
    allowed = sorted(defaults.keys() - {"preset", "seed", "space", *_OF_TABLE})
    changes = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        if name not in allowed:
            raise SimplexNASError(f"--set {assignment}: no setting {name!r}; allowed: {', '.join(allowed)}")
        kind = type(defaults[name])
        try:
            value = text if kind is str else json.loads(text)
        except ValueError:
            value = None
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise SimplexNASError(f"--set {assignment}: {name} is {_KINDS[kind]}")
        changes[name] = value
    return changes
