"""Our method: one hard architecture for each path, drawn from logits alpha(S) that path losses teach.

Each path follows the objective of slide 3: sample S -> logits alpha(S) -> sample an operation for each edge -> CE. The
weights learn by gradient, and Lat enters alpha(S) in closed form, as the price (`hypernetwork.WorthHypernetwork`).
What operations are worth is regressed on the losses of paths whose operations are drawn at random: all at first, a
share of them later. On chosen paths the estimates would confirm themselves: what is drawn seldom is trained little,
looks bad, and is drawn still less.
"""

import moocore
import numpy as np
import torch
from torch import nn

from simplexnas.io.seeds import generator
from simplexnas.methods import gumbel, objective, penalties
from simplexnas.methods.hypernetwork import WorthHypernetwork
from simplexnas.methods.method import Batch, Step
from simplexnas.methods.regression import PathLosses, worth
from simplexnas.methods.settings import SearchConfig
from simplexnas.network.architecture import Architecture
from simplexnas.network.supernet import Supernet
from simplexnas.space import cost

FRONT_DRAWS = 16  # points S, of which one on the front of predicted loss and size is taken
LESSONS = 50  # regressions in a whole training
LEAST_LOSSES = 3  # from one more on a trend is more than its own points
LATEST = 0.6  # share of the training so far whose path losses a regression sees: early ones are of other weights


class WorthMethod(nn.Module):
    """Supernet and hypernetwork together; the knob is S. See `method.Method`."""

    batches, chooser = 1, None

    def __init__(self, config: SearchConfig):
        super().__init__()
        self.config = config
        self.supernet = Supernet(config.space)
        costs = cost.relative_costs(config.price, config.space, config.milliseconds)
        self.register_buffer("costs", costs, persistent=False)  # a function of the configuration
        self.hypernetwork = WorthHypernetwork(config.space, config.kappa, config.parameter_price, costs)
        if config.random_utilities:
            self.hypernetwork.draw(config.spread, generator(config.seed, 0, 0, 1))
        self.paths = PathLosses(config.space, config.steps * config.paths)

    @property
    def identity(self) -> dict:
        return self.config.to_dict()

    @property
    def gain(self) -> float:
        """Of the logits."""
        return self.config.kappa / self.config.tau

    def random_share(self, progress: float) -> float:
        """Of the paths, at a share `progress` of the training: falls from 1 in a line, and ends with the warm-up."""
        warmup, last = self.config.warmup, self.config.random_share
        return max(last, 1 + (last - 1) * progress / warmup) if warmup else last

    def condition(self, random: torch.Generator) -> torch.Tensor:
        """S of a path: (1, k). A share of them lies where the front is."""
        config = self.config
        on_front = torch.rand((), generator=random) < config.front_share
        drawn = penalties.sample(FRONT_DRAWS if on_front else 1, config.space.k, config.corner_share, random)
        if not on_front:
            return drawn
        best = self._undominated(drawn.to(self.costs.device)).cpu()
        return drawn[best[torch.randint(len(best), (1,), generator=random)]]

    def _undominated(self, S: torch.Tensor) -> torch.Tensor:
        """Indices of those S (n, k) whose members no other's beat in both edge parameters and predicted loss."""
        space = self.config.space
        members = self.hypernetwork(S).argmax(dim=-1).cpu()  # (n, E)
        edges = torch.arange(members.shape[1])
        size = torch.tensor(cost.edge_parameters(space))[edges, members].sum(dim=1)
        gained = self.hypernetwork.nats.cpu()[edges, members].sum(dim=1)
        both = np.column_stack([size.numpy(), -gained.numpy().astype(np.float64)])
        return torch.from_numpy(np.flatnonzero(moocore.is_nondominated(both, keep_weakly=True)))

    def forward(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """`loss`: Fabric distributes what `forward` computes."""
        return self.loss(batches, step)

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """The cross-entropy of the paths of one batch, each at an S of its own, and their price Lat."""
        ((images, labels),) = batches
        config, random = self.config, step.random
        self._learn(step)
        S = torch.cat([self.condition(random) for _ in range(config.paths)]).to(images)  # (paths, k)
        logits = self.gain * self.hypernetwork(S)  # (paths, E, k)
        chosen = gumbel.hard_sample(logits, random)  # (paths, E)
        at_random = (torch.rand(config.paths, generator=random) < self.random_share(step.progress)).to(images.device)
        anything = torch.randint(config.space.k, chosen.shape, generator=random).to(images.device)
        choices = torch.where(at_random[:, None], anything, chosen)
        own = step.own(choices).tolist()
        shares = zip(*(step.own(values).tensor_split(len(own)) for values in (images, labels)), own, strict=True)
        losses = torch.stack([objective.cross_entropy(self.supernet(x, choice), y) for x, y, choice in shares])
        everyone = step.everyone(losses)
        self.paths.record(step.number * config.paths, choices, everyone, at_random)
        prices = cost.price_of_instance(S, config.space, config.parameter_price, self.costs)
        price = cost.price_term(torch.softmax(logits, dim=-1), prices, config.space)
        return {"loss": losses.mean(), "cross_entropy": everyone.mean(), "price": price.mean()}

    def _learn(self, step: Step) -> None:
        """Now and then, until `policy_until`, what operations are worth from the latest paths drawn at random."""
        config = self.config
        if step.progress >= config.policy_until or step.number == 0 or step.number % max(1, step.steps // LESSONS):
            return
        since, until = (int(share * step.number) * config.paths for share in (1 - LATEST, 1))
        numbers, choices, losses = self.paths.at_random(since, until)
        if len(losses) > LEAST_LOSSES:
            self.hypernetwork.learn(worth(numbers, choices, losses, config.space))

    @torch.no_grad()
    def logits(self, S: np.ndarray) -> torch.Tensor:
        """alpha(S) at the end of training: (E, k). S: what `penalties.parse` gives, (k,)."""
        return self.gain * self.hypernetwork(torch.from_numpy(S)[None].float())[0]

    def architecture(self, knob) -> Architecture:
        """The architecture of S: the operation with the largest logit on every edge."""
        return Architecture.from_logits(self.logits(knob), self.config.space)
