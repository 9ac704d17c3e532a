"""The trained family: any S -> architecture with inherited weights. Published as safetensors and JSON."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from simplexnas.io import paths
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, read_json, write_atomically
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.methods.settings import SearchConfig
from simplexnas.methods.simplex import SimplexMethod
from simplexnas.network.architecture import Architecture, StandaloneNetwork
from simplexnas.tasks import fashion_mnist
from simplexnas.tasks.task import Task

FORMAT = "simplexnas family"
VERSION = 3
WEIGHTS = "weights.safetensors"
DESCRIPTION = "family.json"


@dataclass
class Family:
    """A search model after training, with the logits' final gain.

    name: folder name under data/families, for example "default-seed0".
    task: the data that it was trained on.
    description: what family.json holds (config, provenance, hash), empty before export.
    """

    name: str
    model: SimplexMethod
    description: dict
    task: Task = fashion_mnist.TASK

    @property
    def config(self) -> SearchConfig:
        return self.model.config

    @property
    def space(self):
        return self.config.space

    def logits(self, S) -> torch.Tensor:
        """alpha(S) at the end of training: (E, k). S: anything that `penalties.parse` takes."""
        return self.model.logits(S)

    def architecture(self, S) -> Architecture:
        """The architecture of S: the operation with the largest logit on every edge."""
        return self.model.architecture(S)

    def select(self, batch: int = 1, table: str | None = None, **limits) -> dict:
        """The best member within a budget, timed end to end; see `selection.select`.

        limits: any of max_latency_ms, max_edge_parameters, max_macs, min_accuracy, as in `selection.Budget`.
        """
        from simplexnas.use import selection

        return selection.select(self, selection.Budget(**limits), batch, table)

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

    def export(self, folder: Path, seconds: float, device: str = "cpu") -> Path:
        """Write weights and description; returns the folder. seconds: training time, device: "cpu" or "cuda"."""
        tensors = {name: tensor.contiguous() for name, tensor in self.model.state_dict().items()}
        weights = safetensors.torch.save(tensors)
        self.description = {
            "format": FORMAT,
            "version": VERSION,
            "task": self.task.to_dict(),
            "config": self.config.to_dict(),
            "sha256": hashlib.sha256(weights).hexdigest(),
            "tensors": {name: list(tensor.shape) for name, tensor in tensors.items()},
            "training_seconds": round(seconds, 1),
        } | computed(device)
        folder = Path(folder)
        write_atomically(folder / WEIGHTS, weights)
        write_atomically(folder / DESCRIPTION, json.dumps(self.description, indent=1) + "\n")
        return folder

    @classmethod
    def load(cls, name: str | Path) -> "Family":
        """Load a published family by its name under data/families, or by a folder's path.

        Raises `SimplexNASError` if a file is missing, damaged (hash), foreign, or its tensors do not fit its config.
        """
        published = paths.FAMILIES / str(name)
        folder = published if published.is_dir() else Path(name)
        if not str(name) or not folder.is_dir():
            known = sorted(path.parent.name for path in paths.FAMILIES.glob(f"*/{DESCRIPTION}"))
            raise SimplexNASError(
                f"family = {str(name)!r}; allowed: a folder, or one of {', '.join(known) or '(none)'}"
            )
        description = read_json(folder / DESCRIPTION)
        place = relative(folder / DESCRIPTION)
        if description.get("version") == 2:  # from when there was one data set
            description |= {"version": VERSION, "task": fashion_mnist.TASK.to_dict()}
        check_format(description, FORMAT, VERSION, place)
        try:
            weights = (folder / WEIGHTS).read_bytes()
        except OSError as error:
            raise SimplexNASError(f"{relative(folder / WEIGHTS)} cannot be read ({error.strerror})") from None
        if hashlib.sha256(weights).hexdigest() != description.get("sha256"):
            raise SimplexNASError(
                f"{relative(folder / WEIGHTS)} is damaged: its SHA-256 is not the one in {DESCRIPTION}"
            )
        try:
            tensors = safetensors.torch.load(weights)
            task = Task.from_dict(description["task"])
            model = SimplexMethod(SearchConfig.from_dict(description["config"]))
            model.load_state_dict(tensors)
        except (KeyError, TypeError, RuntimeError, SimplexNASError, safetensors.SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise SimplexNASError(f"{relative(folder)}: weights and config do not fit together ({reason})") from None
        model.eval()
        return cls(name=folder.name, model=model, description=description, task=task)
