"""The settings of a search, as frozen dataclasses with three presets.

`paper`: the objective, hypernetwork, relaxed sampling and temperatures of the author's code, about as many steps of the
same batch, and his optimiser of the hypernetwork; our AdamW with its schedule, classifier and data split, no
augmentation (`methods.published`). `default`: ours, with worths in nats from the losses of random paths, and S drawn
where the predicted front is (`methods.simplex`). `quick`: ours in two epochs, to try things.
"""

import dataclasses
import difflib
import hashlib
import importlib
import json
from collections.abc import Sequence
from dataclasses import Field, dataclass
from functools import cache
from pkgutil import iter_modules

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import allowed_in_words, setting
from simplexnas.methods.config import Config
from simplexnas.methods.method import Entry
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import NAME_OF_FASHION_MNIST

HYPERNETWORKS = ("worth", "pivot")
_OF_WORTH = ("spread", "gain", "warmup")  # settings of one form alone, beside those checked by name
_OF_PIVOT = (
    "kappa",
    "hypernetwork_learning_rate",
    "hypernetwork_beta1",
    "temperature_start",
    "temperature_end",
    "temperature_steps",
)


@dataclass(frozen=True)
class SearchConfig(Config):
    """The settings of the simplex method, ours and as published."""

    hypernetwork: str = setting("worth", among=HYPERNETWORKS, about="its form: ours (worth), or as published (pivot)")
    # ours: what operations are worth, and which S are drawn
    spread: float = setting(
        0.3, least=0, about="with worth: root mean square of worths, in units of S; kappa follows; 0: price alone"
    )
    gain: float = setting(
        400.0, above=0, about="with worth: certainty of a choice, from softmax(gain * (worth - price))"
    )
    paths: int = setting(1, least=1, about="with worth: paths per step, each on its share of the batch")
    warmup: float = setting(
        0.15, least=0, below=1, about="with worth: share of the steps in which choices are random, to learn from"
    )
    corner_share: float = setting(
        0.25, least=0, most=1, about="share of S drawn from Dirichlet(1/2) instead of uniformly: nearer to the corners"
    )
    front_share: float = setting(
        0.8, least=0, most=1, about="with worth: share of S drawn where the predicted front of loss and parameters is"
    )
    random_share: float = setting(
        0.0, least=0, most=1, about="with worth: share of paths with random choices, after the warm-up"
    )
    random_worths: bool = setting(False, about="with worth: random numbers in place of what data say")
    # as published: a hypernetwork that learns by gradient, through relaxed samples
    kappa: float = setting(50.0, least=0, about="with pivot: weight of the price Lat in the objective")
    hypernetwork_learning_rate: float = setting(2e-3, above=0, about="with pivot: of AdamW, for the hypernetwork")
    hypernetwork_beta1: float = setting(
        0.5, least=0, below=1, about="with pivot: AdamW's decay of the mean gradient, for the hypernetwork"
    )
    temperature_start: float = setting(1.0, above=0, about="with pivot: of relaxed samples, at the start")
    temperature_end: float = setting(0.2, above=0, about="with pivot: of relaxed samples, at the end of the training")
    temperature_steps: int = setting(
        10, least=0, about="with pivot: in so many equal steps, constant within each; 0: in a line"
    )
    # price
    parameter_price: float = setting(1.0, least=0, about="price of the largest convolution's parameters, in units of S")
    price: str = setting("unit", among=cost.PRICES, about="what S_m is multiplied by on each edge")
    latency_batch: int = setting(64, least=1, about="with price latency: images at a time, one of the table's batches")
    latency_table: str = ""  # with price latency: the table's name,
    milliseconds: tuple[tuple[float, ...], ...] = ()  # and its LatencyTable.edge_ms, (E, k)

    def __post_init__(self):
        object.__setattr__(self, "milliseconds", tuple(map(tuple, self.milliseconds)))
        super().__post_init__()

    def _check_together(self) -> None:
        super()._check_together()
        check = self.allow
        ours = self.hypernetwork == "worth"
        check("random_worths", "true only with hypernetwork worth", ours or not self.random_worths)
        for name in ("front_share", "random_share"):
            check(name, "0 with hypernetwork pivot", ours or not getattr(self, name))
        fields = {each.name: each for each in dataclasses.fields(self)}
        for name in _OF_PIVOT if ours else _OF_WORTH:
            given, default = getattr(self, name), fields[name].default
            check(name, f"{default!r} with hypernetwork {self.hypernetwork}, which has no use for it", given == default)
        edges = len(genotype_edges(self.space)) if self.price == "latency" else 0
        shape = [self.space.k] * edges
        whole = list(map(len, self.milliseconds)) == shape and all(t > 0 for row in self.milliseconds for t in row)
        check("milliseconds", f"with price {self.price} {edges} rows of {self.space.k} times above 0", whole)
        check("paths", "1 with hypernetwork pivot", ours or self.paths == 1)
        check("batch_size", "multiples of paths", self.batch_size % self.paths == 0)
        if self.space.normalise_features:  # then batch normalisation needs two images per network
            check(
                "batch_size", f"from {2 * self.paths}, two images for each network", self.batch_size >= 2 * self.paths
            )

    @property
    def timed(self) -> "SearchConfig":
        """With random choices, which cost about what S chooses once worths are known; until then S asks for pooling."""
        return dataclasses.replace(self, random_share=1.0) if self.hypernetwork == "worth" else self

    @property
    def chooser_group(self) -> dict:
        return {"lr": self.hypernetwork_learning_rate, "betas": (self.hypernetwork_beta1, 0.999)}

    @property
    def limits_chooser(self) -> bool:
        """Not of relaxed samples: with kappa 50 the hypernetwork's gradient would take nearly all of the limit."""
        return False

    @property
    def most_processes(self) -> int:
        """The paths of a step."""
        return self.paths


PRESETS: dict[str, SearchConfig] = {
    "paper": SearchConfig(
        preset="paper",
        epochs=5,  # 4,295 steps; the author's 10 epochs of half of the 60,000 images are 4,690
        matrix_learning_rate=0.0,
        flip=False,
        corner_share=0.0,
        front_share=0.0,
        hypernetwork="pivot",
        parameter_price=0.0,
    ),
    "default": SearchConfig(preset="default", epochs=12, batch_size=32),
    "quick": SearchConfig(preset="quick", epochs=2, batch_size=32, warmup=0.3),  # so few steps need more to learn from
}

_SPACE_SETTINGS = tuple(f.name for f in dataclasses.fields(SearchSpace) if f.name not in ("operations", "shape"))
# Not from `--set`: what the latency table says, what has an option of its own, and what the data say.
_OF_TABLE = ("latency_table", "milliseconds", "other_milliseconds")
_SAID_OTHERWISE = ("preset", "seed", "space", "budget_minutes")
LONGEST_NAME = 150  # bytes; file systems allow 255, and temporary names add to it
ALIKE = 0.8  # from 0 to 1: a name so near to a setting's is that setting, misspelt
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
SIMPLEX = "simplex"


@cache
def methods() -> dict[str, Entry]:
    """All methods by name: the `METHOD` of every module of this package that has one, ours first."""
    package = importlib.import_module("simplexnas.methods")
    modules = [importlib.import_module(f"{package.__name__}.{each.name}") for each in iter_modules(package.__path__)]
    found = {module.METHOD.name: module.METHOD for module in modules if hasattr(module, "METHOD")}
    return {SIMPLEX: found.pop(SIMPLEX)} | found


def find(method: str) -> Entry:
    """The method of that name; an unknown one raises `SimplexNASError` with the known ones."""
    if method not in methods():
        raise SimplexNASError(f"method = {method!r}; allowed: {', '.join(methods())}")
    return methods()[method]


def method_name(config: Config) -> str:
    """The name of the method that a configuration is of."""
    return next(name for name, entry in methods().items() if entry.config is type(config))


def preset(name: str, method: str = SIMPLEX, **changes) -> Config:
    """A method's preset, with some settings replaced; numbers, switches and shape of the space count as settings too.

    A setting that the method does not have raises `SimplexNASError` with those it has.
    """
    presets = find(method).presets
    if name not in presets:
        raise SimplexNASError(f"preset = {name!r}; allowed: {', '.join(presets)}")
    base = presets[name]
    of_space = {key: changes.pop(key) for key in (*_SPACE_SETTINGS, "shape") if key in changes}
    space = dataclasses.replace(changes.pop("space", base.space), **of_space)
    known = [each.name for each in dataclasses.fields(base)]
    if unknown := [key for key in changes if key not in known]:
        raise SimplexNASError(f"{method} has no setting {unknown[0]!r}; it has: {', '.join(sorted(known))}")
    return dataclasses.replace(base, space=space, **changes)


def family_name(preset: str, seed: int, changes: dict, task: str = NAME_OF_FASHION_MNIST, method: str = SIMPLEX) -> str:
    """Name of a family's folder: "quick-seed0", or "quick-gain=40-seed0" with the settings that were changed.

    Other data than Fashion-MNIST come first: "digits-quick-seed0". Another method stands in place of its one preset:
    "darts-seed0". Of many changes stands a short hash; the family's description has them all.
    """
    values = {
        key: repr(value).removesuffix(".0") if isinstance(value, float) else _shown(value)
        for key, value in sorted(changes.items())
    }
    start = [preset if method == SIMPLEX else method]
    if task != NAME_OF_FASHION_MNIST:
        start = [task, *start]
    changed = [f"{key}={value}" for key, value in values.items()]
    name = "-".join([*start, *changed, f"seed{seed}"])
    if len(name.encode()) > LONGEST_NAME:
        digest = hashlib.sha256("-".join(changed).encode()).hexdigest()[:12]
        name = "-".join([*start, digest, f"seed{seed}"])
    return name


def settable(method: str = SIMPLEX) -> list[Field]:
    """The settings that `search --set` takes, those of the search space last."""
    own = [each for each in dataclasses.fields(find(method).config) if each.name not in (*_SAID_OTHERWISE, *_OF_TABLE)]
    return own + [each for each in dataclasses.fields(SearchSpace) if each.name in _SPACE_SETTINGS]


def described(name: str = "default", method: str = SIMPLEX) -> list[tuple[str, str, str, str]]:
    """Name, value in a preset, allowed values and meaning of each of the `settable` ones, in words."""
    values = preset(name, method).to_dict()
    values |= values["space"]
    return [
        (each.name, _shown(values[each.name]), allowed_in_words(each), each.metadata["about"])
        for each in settable(method)
    ]


def _shown(value) -> str:
    """A value as `--set` takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def parse_changes(assignments: list[str], method: str = SIMPLEX) -> dict:
    """Settings from the command line, "epochs=3" or "flip=false", for `preset(name, method, **changes)`."""
    of_method = "" if method == SIMPLEX else f" --method {method}"
    return _parsed(assignments, settable(method), f"`simplexnas settings{of_method}` lists all")


def parse_recipe(assignments: list[str]) -> dict:
    """The same for one network trained alone, on all images: what all methods have, but epochs and search space."""
    elsewhere = (*_SAID_OTHERWISE, "epochs", "train_images")
    alone = [each for each in dataclasses.fields(Config) if each.name not in elsewhere]
    names = ", ".join(sorted(each.name for each in alone))
    return _parsed(assignments, alone, f"allowed for a network alone: {names}")


def _parsed(assignments: list[str], allowed: Sequence[Field], hint: str) -> dict:
    """hint: where a name that is not allowed finds the allowed ones."""
    kinds = {each.name: each.type for each in allowed}
    changes = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        if name not in kinds:
            near = "".join(f"did you mean {each}? " for each in difflib.get_close_matches(name, kinds, 1, ALIKE))
            raise SimplexNASError(f"--set {assignment}: no setting {name!r}; {near}{hint}")
        kind = kinds[name]
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
