"""The trained family: any S -> architecture with inherited weights. Published as safetensors and JSON."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, read_json, write_atomically
from simplexnas.io.paths import is_path, relative
from simplexnas.io.provenance import Spent, computed
from simplexnas.io.weights import load_weights, save_weights
from simplexnas.methods.choose import method_of
from simplexnas.methods.config import Config
from simplexnas.methods.method import KnobOfS, Method
from simplexnas.methods.settings import find, method_name
from simplexnas.network.architecture import Architecture, StandaloneNetwork
from simplexnas.space.search_space import SearchSpace
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Task

FORMAT = "simplexnas family"
VERSION = 4
DESCRIPTION = "family.json"


@dataclass(frozen=True)
class Description:
    """What is known of a family without its weights.

    name: its folder's name, for example "default-seed0". task: the data that it was trained on.
    content: what family.json holds (task, method, config, provenance, hash).
    """

    name: str
    folder: Path
    task: Task
    config: Config
    content: dict

    @property
    def space(self) -> SearchSpace:
        return self.config.space

    @property
    def sha256(self) -> str:
        """Hash of the weights."""
        return self.content["sha256"]

    @property
    def training_seconds(self) -> float:
        return self.content["training_seconds"]

    @property
    def results(self) -> Path:
        """Where its results lie: data/results/<name>, or beside the weights of a family that lies elsewhere."""
        return paths.RESULTS / self.name if self._published else self.folder / "results"

    @property
    def runs(self) -> Path:
        """Where its half-done measurements lie: data/runs/<name>, or beside the weights of one that lies elsewhere."""
        return paths.RUNS / self.name if self._published else self.folder / "runs"

    @property
    def _published(self) -> bool:
        return self.folder.parent == Path(os.path.abspath(paths.FAMILIES))


def describe(family: str | Path) -> Description:
    """The description of a family: of the name under data/families, or of the folder that a path (`is_path`) names.

    Raises `SimplexNASError` if there is no such folder, or its family.json is missing, damaged or foreign.
    """
    folder = Path(os.path.abspath(os.path.expanduser(family) if is_path(family) else paths.FAMILIES / family))
    if not str(family) or not folder.is_dir():
        known = sorted(path.parent.name for path in paths.FAMILIES.glob(f"*/{DESCRIPTION}"))
        raise SimplexNASError(
            f"family = {str(family)!r}; allowed: a name under data/families ({', '.join(known) or 'none there'}), "
            f"or a folder; for a folder write ./NAME{paths.another_folder()}"
        )
    place = relative(folder / DESCRIPTION)
    content = read_json(folder / DESCRIPTION)
    check_format(content, FORMAT, VERSION, place)
    keys = ("task", "method", "config", "sha256", "training_seconds")
    if missing := [key for key in keys if key not in content]:
        raise SimplexNASError(f"{place}: the key {missing[0]!r} is missing")
    try:
        task, config = Task.from_dict(content["task"]), find(content["method"]).config.from_dict(content["config"])
    except (TypeError, SimplexNASError) as error:
        raise SimplexNASError(f"{place}: {error}") from None
    return Description(name=folder.name, folder=folder, task=task, config=config, content=content)


@dataclass
class Family:
    """A search method after training.

    description: None before export. task: the data that it was trained on.
    """

    name: str
    model: Method
    description: Description | None = None
    task: Task = fashion_mnist.TASK

    @property
    def config(self) -> Config:
        return self.model.config

    @property
    def space(self) -> SearchSpace:
        return self.config.space

    @property
    def sha256(self) -> str:
        return self.description.sha256

    @property
    def results(self) -> Path:
        return self.description.results

    @property
    def runs(self) -> Path:
        return self.description.runs

    def check_S(self) -> None:
        """Raise `SimplexNASError` unless the family's knob is S."""
        if not isinstance(self.model, KnobOfS):
            raise SimplexNASError(f"family {self.name} is of method {method_name(self.config)}, which has no S")

    def logits(self, S) -> torch.Tensor:
        """alpha(S) of the simplex method at the end of training: (E, k). S: anything that `penalties.parse` takes."""
        self.check_S()
        return self.model.logits(self.model.knob(S))

    def architecture(self, knob=None) -> Architecture:
        """The architecture for a value of the method's knob, with the simplex method S."""
        return self.model.architecture(self.model.knob(knob))

    def network(self, architecture: Architecture) -> StandaloneNetwork:
        """The architecture's standalone network with the family's weights and the running BN statistics of training.

        Those statistics mix many architectures; `evaluate.reestimate_batch_norm` replaces them. Raises
        `SimplexNASError` for an architecture of another search space.
        """
        if architecture.space != self.space:
            raise SimplexNASError(f"the architecture is of another search space than family {self.name}")
        network = architecture.build()
        own = network.state_dict()
        inherited = self.model.supernet.state_dict()
        network.load_state_dict({name: inherited[name] for name in own})
        return network.to(memory_format=torch.channels_last).eval()

    def export(self, folder: Path, time: Spent, device: str = "cpu") -> Path:
        """Write weights and description; returns the folder. time: of the training; device: "cpu" or "cuda"."""
        folder = Path(folder)
        content = {
            "format": FORMAT,
            "version": VERSION,
            "task": self.task.to_dict(),
            "method": method_name(self.config),
            "config": self.config.to_dict(),
            **save_weights(folder, self.model),
            "training_seconds": round(time.seconds, 1),
            "training_cpu_seconds": round(time.cpu_seconds, 1),
        } | computed(device)
        write_atomically(folder / DESCRIPTION, json.dumps(content, indent=1) + "\n")
        self.description = describe(folder)
        return folder

    @classmethod
    def load(cls, family: str | Path) -> "Family":
        """Load the family that `describe` finds.

        Raises `SimplexNASError` if a file is missing, damaged (hash), foreign, or its tensors do not fit its config.
        """
        description = describe(family)
        model = method_of(description.config)
        load_weights(description.folder, model, description.sha256)
        model.eval()
        return cls(name=description.name, model=model, description=description, task=description.task)
