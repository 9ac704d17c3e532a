"""Our method: one hard architecture for each path, drawn from logits alpha(S) that path losses teach.

Each path follows the objective of slide 3: sample S -> logits alpha(S) -> sample an operation for each edge -> CE. The
weights learn by gradient, and Lat enters alpha(S) in closed form, as the price (`hypernetwork.WorthHypernetwork`).

A training has two parts. In the warm-up all paths are drawn at random, and what operations are worth is regressed once
on the losses of its second half: later estimates would confirm themselves, as what is drawn often is trained well and
looks good. Then S chooses, mostly where the predicted front is (`Front`), as Wang et al. 2021 (AttentiveNAS) draw.
"""

from typing import NamedTuple

import moocore
import numpy as np
import torch

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.seeds import generator
from simplexnas.methods import gumbel, objective, penalties
from simplexnas.methods.hypernetwork import WorthHypernetwork
from simplexnas.methods.method import Batch, Entry, KnobOfS, Method, Step
from simplexnas.methods.published import PublishedMethod
from simplexnas.methods.regression import CELL_TYPES, PathLosses, worth
from simplexnas.methods.settings import PRESETS, SIMPLEX, SearchConfig
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.space import cost
from simplexnas.space.search_space import genotype_edges

LEAST_PATHS = 8  # of a warm-up, whose second half teaches
FRONT_DRAWS = 1000  # S among which the front is looked for
SMALL = 1 / 40  # of the largest number of edge parameters: below that, sizes hardly differ


class Front(NamedTuple):
    """Penalties whose members no other's beat in both edge parameters and predicted loss, by size.

    S: (n, k). place: (n,), ascending, the logarithm of a member's edge parameters + SMALL * the largest number.
    """

    S: torch.Tensor
    place: np.ndarray

    def draw(self, random: torch.Generator) -> torch.Tensor:
        """S, (1, k): of the members next to a place that is uniform between smallest and largest, one at random."""
        first, last = self.place[[0, -1]]
        place = first + (last - first) * torch.rand((), generator=random, dtype=torch.float64).item()
        distance = np.abs(self.place - place)
        nearest = np.flatnonzero(distance == distance.min())
        return self.S[nearest[torch.randint(len(nearest), (1,), generator=random)]].reshape(1, -1)


class SimplexMethod(KnobOfS, Method):
    """Supernet and hypernetwork together; the knob is S. See `method.Method`."""

    chooser = None

    def __init__(self, config: SearchConfig):
        super().__init__(config)
        self.supernet = Supernet(config.space)
        costs = cost.relative_costs(config.price, config.space, config.milliseconds)
        self.register_buffer("costs", costs, persistent=False)  # a function of the configuration
        self.hypernetwork = WorthHypernetwork(config.space, config.spread, config.parameter_price, costs)
        if config.random_worths:
            self.hypernetwork.draw(generator(config.seed, 0, 0, 1))
        self.warmup_steps = round(config.warmup * config.steps)
        paths = self.warmup_steps * config.paths
        said = f"warmup = {config.warmup} of {config.steps} steps"
        if not config.random_worths and paths < LEAST_PATHS:
            raise SimplexNASError(f"{said}: {paths} paths to learn from; allowed: from {LEAST_PATHS}")
        if not config.random_worths and self.warmup_steps == config.steps:
            raise SimplexNASError(f"{said}: none is left for what was learned; allowed: a smaller warmup")
        self.paths = PathLosses(config.space, paths)
        self._front: Front | None = None

    def front(self) -> Front:
        """Where the present worths predict the front, by edge parameters; remembered until worths change."""
        if self._front is None:
            space, random = self.config.space, generator(self.config.seed, 0, 0, 2)
            S = penalties.sample(FRONT_DRAWS, space.k, corner_share=1.0, generator=random)
            members = self.hypernetwork(S.to(self.costs.device)).argmax(dim=-1).cpu()  # (n, E)
            edges, parameters = np.arange(members.shape[1]), cost.edge_parameters(space)
            size = parameters[edges, members.numpy()].sum(axis=1)
            gained = self.hypernetwork.nats.cpu()[edges, members].sum(dim=1).numpy().astype(np.float64)
            best = np.flatnonzero(moocore.is_nondominated(np.column_stack([size, -gained]), keep_weakly=True))
            ordered = best[np.argsort(size[best], kind="stable")]
            place = np.log(size[ordered] + max(1.0, SMALL * parameters.max(axis=1).sum()))
            self._front = Front(S[ordered], place)
        return self._front

    def condition(self, random: torch.Generator) -> torch.Tensor:
        """S of a path: (1, k). A share of them lies where the front is."""
        if torch.rand((), generator=random) < self.config.front_share:
            return self.front().draw(random)
        return penalties.sample(1, self.config.space.k, self.config.corner_share, random)

    def random_choice(self, random: torch.Generator) -> torch.Tensor:
        """Operations of a path that S does not choose: (1, E). In each cell type drawn with shares of their own, so
        that paths differ in how much they compute."""
        space = self.config.space
        shares = penalties.sample(CELL_TYPES, space.k, generator=random)
        return torch.multinomial(shares, len(genotype_edges(space)) // CELL_TYPES, True, generator=random).view(1, -1)

    def choice(self, S: torch.Tensor, step: Step) -> torch.Tensor:
        """Operations of one path, (1, E): at random in the warm-up and for `random_share` after it, else chosen by S,
        (1, k)."""
        if step.number < self.warmup_steps or torch.rand((), generator=step.random) < self.config.random_share:
            return self.random_choice(step.random)
        return gumbel.hard_sample(self.config.gain * self.hypernetwork(S), step.random).cpu()

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """The cross-entropy of the paths of one batch, and the price Lat of what S, one for each path, would choose:
        random paths, as in the warm-up, ran other operations."""
        ((images, labels),) = batches
        config, random = self.config, step.random
        if step.number == self.warmup_steps and not config.random_worths:
            self._learn()
        S = torch.cat([self.condition(random) for _ in range(config.paths)]).to(images)  # (paths, k)
        choices = torch.cat([self.choice(own[None], step) for own in S])  # (paths, E)
        own = step.own(choices).tolist()
        shares = zip(*(step.own(values).tensor_split(len(own)) for values in (images, labels)), own, strict=True)
        losses = torch.stack([objective.cross_entropy(self.supernet(x, choice), y) for x, y, choice in shares])
        everyone = step.everyone(losses)
        if step.number < self.warmup_steps:
            self.paths.record(step.number * config.paths, choices, everyone)
        prices = cost.price(S, config.space, config.parameter_price, self.costs)
        price = cost.price_term(torch.softmax(self.config.gain * self.hypernetwork(S), dim=-1), prices, config.space)
        return {"loss": losses.mean(), "cross_entropy": everyone.mean(), "price": price.mean()}

    def _learn(self) -> None:
        """What operations are worth, from the second half of the warm-up; the first is of weights that knew nothing."""
        choices, losses = self.paths.latest()
        self.hypernetwork.learn(worth(choices, losses, self.config.space))
        self._front = None

    @torch.no_grad()
    def logits(self, S: np.ndarray) -> torch.Tensor:
        """alpha(S) at the end of training: (E, k). S: what `penalties.parse` gives, (k,)."""
        return self.config.gain * self.hypernetwork(torch.from_numpy(S)[None].float())[0]

    def architecture(self, knob) -> Architecture:
        """The architecture of S: the operation with the largest logit on every edge."""
        return Architecture.from_logits(self.logits(knob), self.config.space)


METHOD = Entry(
    SIMPLEX,
    "Firsov 2024, ours and as published (--preset paper): a hypernetwork from penalties S to logits",
    KnobOfS.KNOB,
    SearchConfig,
    lambda config: (SimplexMethod if config.hypernetwork == "worth" else PublishedMethod)(config),
    PRESETS,
)
