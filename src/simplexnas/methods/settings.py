"""The settings of a search, as frozen dataclasses with three presets.

`paper`: the objective, hypernetwork and relaxed sampling of the author's code, about as many steps of the same batch,
and his rate for the hypernetwork; our optimiser, classifier and data split, no augmentation.
`default`: ours. `quick`: ours in three epochs, to try things.
"""

import dataclasses
import json
from dataclasses import dataclass, field

import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.space import cost
from simplexnas.space.search_space import IMAGE_SIZE, SearchSpace, check_settings, genotype_edges

HYPERNETWORKS = ("utility", "pivot", "mlp")
# relaxed: a soft mixture per image, as published. The others draw one operation per edge and path: score_function runs
# only those, straight_through and reinmax run all operations.
ESTIMATORS = ("score_function", "relaxed", "straight_through", "reinmax")


@dataclass(frozen=True)
class SearchConfig:
    """Everything that decides the outcome of a search, beside the data and the number of processes."""

    preset: str
    seed: int = 0
    space: SearchSpace = field(default_factory=SearchSpace)
    # optimisation
    epochs: int = 24
    batch_size: int = 64  # images per step and process
    train_images: int = 55_000  # of the 55,000; fewer only to try things
    learning_rate: float = 3e-3  # peak of the one-cycle schedule, AdamW
    matrix_learning_rate: float = 2e-2  # the same of Muon, for ungrouped 1x1 convolutions; 0: AdamW for them too
    weight_decay: float = 1e-4
    hypernetwork_learning_rate: float = 1e-2
    flip: bool = True  # augmentation: horizontal flips of half of the images
    shift: int = 0  # augmentation: random shifts by up to this many pixels in each direction
    channels_last: bool = True  # memory format
    ema: float = 0.0  # decay per step of a moving average of weights and hypernetwork, the result; 0: none
    # choice of operations
    estimator: str = "score_function"  # gradient of the cross-entropy for the hypernetwork: one of ESTIMATORS
    paths: int = 2  # hard paths per step, each on its share of the batch
    sandwich: bool = False  # also the largest and the smallest network in each step; the largest teaches the others
    temperature_start: float = 1.0
    temperature_end: float = 0.2
    corner_share: float = 0.25  # share of S drawn from Dirichlet(1/2) instead of uniformly
    # hypernetwork and objective
    hypernetwork: str = "utility"  # or "pivot", "mlp"
    kappa: float = 0.02  # final weight of Lat in the objective
    tau: float = 5e-4  # entropy weight of the utility form; its gain is kappa / tau
    warmup: float = 0.2  # share of the steps in which kappa rises linearly from 0
    policy_until: float = 0.6  # share of the steps in which the hypernetwork learns
    random_utilities: bool = False  # utilities start as random numbers, not as 0; never learned with policy_until 0
    spread: float = 0.15  # standard deviation of the utilities over the edges of a cell, in units of S
    parameter_price: float = 0.4  # price of the largest number of parameters, in units of S
    price: str = "unit"  # what S_m is multiplied by on each edge: one of cost.PRICES
    latency_batch: int = 64  # with price latency: images at a time,
    latency_table: str = ""  # the table's name,
    milliseconds: tuple[tuple[float, ...], ...] = ()  # and its LatencyTable.edge_ms, (E, k)

    def __post_init__(self):
        def check(name: str, allowed: str, ok: bool):
            if not ok:
                raise SimplexNASError(f"{name} = {getattr(self, name)!r}; allowed: {allowed}")

        for name in ("epochs", "batch_size", "train_images", "paths", "latency_batch"):
            check(
                name,
                "whole numbers from 1",
                isinstance(getattr(self, name), int) and getattr(self, name) >= 1,
            )
        for name, allowed, end in (("seed", "below 2**63", 2**63), ("shift", IMAGE_SIZE - 1, IMAGE_SIZE)):
            whole = isinstance(getattr(self, name), int) and 0 <= getattr(self, name) < end
            check(name, f"whole numbers from 0 to {allowed}", whole)
        for name in (
            "learning_rate",
            "hypernetwork_learning_rate",
            "temperature_start",
            "temperature_end",
            "tau",
        ):
            check(name, "numbers above 0", 0 < getattr(self, name) < float("inf"))
        for name in ("weight_decay", "matrix_learning_rate", "kappa", "spread", "parameter_price"):
            check(name, "numbers from 0", 0 <= getattr(self, name) < float("inf"))
        for name in ("corner_share", "warmup", "policy_until"):
            check(name, "numbers from 0 to 1", 0 <= getattr(self, name) <= 1)
        check("ema", "numbers from 0 to below 1", 0 <= self.ema < 1)
        choices = (("hypernetwork", HYPERNETWORKS), ("estimator", ESTIMATORS), ("price", cost.PRICES))
        for name, allowed in choices:
            check(name, ", ".join(allowed), getattr(self, name) in allowed)
        for name in ("flip", "channels_last", "sandwich", "random_utilities"):
            check(name, "true, false", isinstance(getattr(self, name), bool))
        utility = self.hypernetwork == "utility"
        check("kappa", "above 0 with hypernetwork utility, whose gain is kappa / tau", self.kappa > 0 or not utility)
        check("random_utilities", "true only with hypernetwork utility", utility or not self.random_utilities)
        object.__setattr__(self, "milliseconds", tuple(map(tuple, self.milliseconds)))
        edges = len(genotype_edges(self.space)) if self.price == "latency" else 0
        shape = [self.space.k] * edges
        whole = list(map(len, self.milliseconds)) == shape and all(t > 0 for row in self.milliseconds for t in row)
        check("milliseconds", f"with price {self.price} {edges} rows of {self.space.k} times above 0", whole)
        hard = self.estimator == "score_function"
        check("paths", "from 2 with score_function, which compares paths", self.paths >= 2 or not hard)
        check("sandwich", "true only with score_function", hard or not self.sandwich)
        check("batch_size", "multiples of paths", self.batch_size % self.paths == 0)
        if self.sandwich or self.space.normalise_features:  # then batch normalisation needs two images per network
            least = 2 * (self.paths + self.sandwich)
            check("batch_size", f"from {least}, two images for each network", self.batch_size >= least)

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "SearchConfig":
        """The inverse of `to_dict`; an unknown or missing key raises `SimplexNASError`."""
        check_settings(cls, values)
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
}

_SPACE_SETTINGS = tuple(f.name for f in dataclasses.fields(SearchSpace) if f.name != "operations")
_OF_TABLE = ("latency_table", "milliseconds")  # taken from the latency table, not from a command line
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def preset(name: str, **changes) -> SearchConfig:
    """A preset, with some settings replaced; numbers and switches of the search space count as settings too."""
    if name not in PRESETS:
        raise SimplexNASError(f"preset = {name!r}; allowed: {', '.join(PRESETS)}")
    base = PRESETS[name]
    of_space = {key: changes.pop(key) for key in _SPACE_SETTINGS if key in changes}
    space = dataclasses.replace(changes.pop("space", base.space), **of_space)
    return dataclasses.replace(base, space=space, **changes)


def family_name(preset: str, seed: int, changes: dict) -> str:
    """Name of a family's folder: "quick-seed0", or "quick-kappa=0.01-seed0" with the settings that were changed."""
    values = {
        key: repr(value).removesuffix(".0")
        if isinstance(value, float)
        else value
        if isinstance(value, str)
        else json.dumps(value)
        for key, value in sorted(changes.items())
    }
    return "-".join([preset, *(f"{key}={value}" for key, value in values.items()), f"seed{seed}"])


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
