"""One network with weights of its own, as a folder: weights and a description."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, read_json, write_atomically
from simplexnas.io.paths import relative
from simplexnas.io.weights import load_weights, save_weights
from simplexnas.network.architecture import Architecture, StandaloneNetwork
from simplexnas.tasks.task import Task

FORMAT = "simplexnas network"
VERSION = 1
DESCRIPTION = "network.json"


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that was trained alone.

    network: in eval mode. about: what else its description holds, for example accuracy, config and provenance.
    """

    architecture: Architecture
    network: StandaloneNetwork
    task: Task
    about: dict

    def save(self, folder: Path) -> Path:
        """Write weights and description; returns the folder."""
        own = {"format": FORMAT, "version": VERSION, "task": self.task.to_dict()}
        own["architecture"] = self.architecture.to_dict()
        content = own | save_weights(folder, self.network) | self.about
        write_atomically(folder / DESCRIPTION, json.dumps(content, indent=1) + "\n")
        return folder

    @classmethod
    def load(cls, folder: Path) -> "TrainedNetwork":
        """Read what `save` wrote. A missing, damaged or foreign file raises `SimplexNASError` that names it."""
        place = relative(folder / DESCRIPTION)
        content = read_json(folder / DESCRIPTION)
        check_format(content, FORMAT, VERSION, place)
        try:
            architecture = Architecture.from_dict(content.pop("architecture"), place)
            task, sha256 = Task.from_dict(content.pop("task")), content["sha256"]
        except KeyError as error:
            raise SimplexNASError(f"{place}: the key {error} is missing") from None
        network = architecture.build()
        load_weights(folder, network, sha256)
        return cls(architecture, network.to(memory_format=torch.channels_last).eval(), task, content)
