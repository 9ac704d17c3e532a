"""Random search with shared weights: a supernet of random paths, then the best of random architectures of each size.

Source: Li, Talwalkar, UAI 2019, sections 3 and 4.2, appendix A.2; details from the authors' code. Weights: in each
step a ~ uniform over the k^E architectures, and w moves by the gradient of L_train(w, a): only what was drawn moves.
Choice: a* = argmax over n random architectures of accuracy_validation(w, a), with inherited weights.

Published: 1,000 architectures on ten batches of validation images, the ten best of them on all; in the best setting
5,000; normalised by the statistics of the batch. 150 epochs, batches of 64, SGD, 0.025, gradient clipped at 1; four
trainings, whose architectures are trained alone, and the best of those is taken.

Here: not one architecture but a front. Sizes, total parameters from smallest to largest, fall into `bins` of equal
width in the logarithm, and a_b* is the best of equally many of bin b, each uniform among all architectures of that bin:
drawn from all, the smallest and the largest would never appear. The borders are parameters, also where latency is what
counts. One stage of few candidates, by default 40 in all, on the same images, since each takes a second or two;
batches of up to 250. The weights' optimiser is that of every method here; one training; all edges stay.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from simplexnas.io.seeds import generator
from simplexnas.io.settings import setting
from simplexnas.methods import objective
from simplexnas.methods.bilevel import still_statistics
from simplexnas.methods.config import Config
from simplexnas.methods.method import Batch, Entry, KnobOfNumber, Method, Step
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.space.search_space import genotype_edges
from simplexnas.space.strata import Strata
from simplexnas.tasks.task import Split, Splits

BATCH = 250  # validation images at a time, at most
NOTHING = 255  # in place of an operation: not chosen yet


@dataclass(frozen=True)
class RandomSearchConfig(Config):
    """Settings of random search."""

    bins: int = setting(8, least=2, about="of size, evenly in the logarithm: so many architectures are kept")
    candidates: int = setting(
        40, least=2, about="architectures to choose from, in all bins together; a multiple of bins"
    )
    validation_images: int = setting(1000, least=2, about="that judge a candidate; all, if there are fewer")

    def _check_together(self) -> None:
        super()._check_together()
        self.allow("candidates", f"multiples of bins, {self.bins}", self.candidates % self.bins == 0)


class RandomSearch(KnobOfNumber, Method):
    """Supernet, and after `finish` one choice for each bin. See `method.Method`."""

    KNOB = "0 to 1, from the smallest networks to the largest"
    chooser = None

    def __init__(self, config: RandomSearchConfig):
        super().__init__(config)
        self.supernet = Supernet(config.space)
        self.strata = Strata(config.space, config.bins)
        unknown = torch.full((config.bins, len(genotype_edges(config.space))), NOTHING, dtype=torch.uint8)
        self.register_buffer("choices", unknown)  # (bins, E), by size

    def path(self, random: torch.Generator) -> list[int]:
        """Operations of a step, (E,): each architecture is equally likely."""
        return torch.randint(self.config.space.k, self.choices.shape[1:], generator=random).tolist()

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor]:
        """The cross-entropy of one batch under random operations, of which alone run."""
        ((images, labels),) = batches
        loss = objective.cross_entropy(self.supernet(images, self.path(step.random)), labels)
        return {"loss": loss, "cross_entropy": loss.detach()}

    def finish(self, splits: Splits) -> None:
        """Keep the best candidate of each bin, of equally good ones the first. Weights and statistics stay the same."""
        batches = self.judges(splits.validation)
        with tqdm(total=self.config.candidates, desc="candidates") as bar:

            def judged(choice: list[int]) -> int:
                right = self.right(choice, batches)
                bar.update()
                return right

            for place, kept in enumerate(self.choices):
                kept.copy_(torch.tensor(max(self.candidates(place), key=judged)))

    def seconds_to_finish(self, splits: Splits) -> float:
        """From the time of a candidate of the smallest and one of the largest networks."""
        batches = self.judges(splits.validation)
        ends = [self.candidates(place)[0] for place in (0, -1)]
        started = time.perf_counter()
        for choice in ends:
            self.right(choice, batches)
        return (time.perf_counter() - started) / len(ends) * self.config.candidates

    def candidates(self, place: int) -> list[list[int]]:
        """Operations of the candidates of a bin, (n, E). More candidates begin with the same ones."""
        place %= self.config.bins
        random = generator(self.config.seed, 0, 0, 1 + place)
        return [self.strata.draw(place, random) for _ in range(self.config.candidates // self.config.bins)]

    def judges(self, validation: Split) -> list[Batch]:
        """The validation images that judge candidates, in batches of about the same size."""
        split = validation.head(self.config.validation_images)
        images = split.task.normalize(split.images).contiguous(memory_format=self.config.memory_format)
        parts = -(-len(split) // BATCH)
        return [
            Batch(*batch) for batch in zip(images.tensor_split(parts), split.labels.tensor_split(parts), strict=True)
        ]

    @torch.no_grad()
    def right(self, choice: list[int], batches: list[Batch]) -> int:
        """How many images the supernet classifies right with these operations, (E,), by the batches' statistics.

        The running ones mix all architectures; they stay the same, and so does the mode of the network.
        """
        mode = self.supernet.training
        self.supernet.train()
        with still_statistics(self.supernet):
            right = sum(int((self.supernet(x, choice).argmax(dim=1) == labels).sum()) for x, labels in batches)
        self.supernet.train(mode)
        return right

    def knobs(self, step: float) -> list[float]:
        """One value for each bin, whatever the step."""
        return np.linspace(0, 1, self.config.bins).round(6).tolist()

    def architecture(self, knob: float) -> Architecture:
        """The choice of the bin nearest to the knob. Raises `SimplexNASError` before `finish`."""
        return Architecture(self.config.space, self.choices[round(knob * (self.config.bins - 1))].tolist())


METHOD = Entry(
    "random_search",
    "random search with shared weights (Li and Talwalkar 2019): the best of random architectures of each size",
    RandomSearch.KNOB,
    RandomSearchConfig,
    RandomSearch,
    {"default": RandomSearchConfig(preset="default")},
)
