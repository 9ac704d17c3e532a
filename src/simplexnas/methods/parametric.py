"""Parametric complexity control: weights of a fixed network as a function of how much their complexity costs.

Source: Grebenkova, Bakhteev, Strijov, ICAART 2023, and the public code of the first author's thesis; of the paper's
equations only some were seen. The structure is fixed: every edge runs its convolution. Weights w of the convolutions
have the posterior q(w) = Normal(mu, diag(sigma^2)) and the prior Normal(0, 1). h in [0, 1], the knob, is the place of
log lambda between its ends, and a linear hypernetwork gives mu(h) = m_0 + h m_1, log sigma(h) = s_0 + h s_1. With h
uniform, m and s minimise the mean over h of
E_q[CE] + lambda / |D| * KL(q, prior), KL = 1/2 sum of (sigma^2 + mu^2 - 1 - ln sigma^2), |D| training images.
Pruning (`pruned`): in each layer the weights with the smallest mu^2 / sigma^2 become zero. That takes parameters away,
and no time: a convolution with zeros takes as long as one without.

Published: a perceptron, 784-50-10, on MNIST. Paper: 50 epochs, batches of 256, bounds -3 and 3, read as log10 lambda.
Thesis: 15 epochs, batches of 64, log10 lambda from -2 to 2, 5 of them a batch, Adam, rate 5e-4, log sigma from -3,
gradients clipped by value at 1. Also a piecewise linear and a low-rank hypernetwork, and a prior of variance lambda and
plain weights beside the posterior. Weights are pruned at 0, 10, ..., 90 % and may be trained further.

Here: convolutional cells. Stem, preprocessing, classifier and batch normalisation are plain and the same for all h.
lambda from 1e-4 to 1, one in a step, and a rise from 0 in the first steps (`kl_warmup`): our estimates, as the KL at
the start, 2.5 nats a weight, is far above CE. One sample of the weights serves a whole batch: no local
reparametrisation, which draws outputs image by image, with less noise, in twice the time. m_0 starts as PyTorch
initialises convolutions, m_1 and s_1 from zeros. Tables by AdamW; no weight decay, a second prior. Adam moves a number
by at most about rate * steps: in a short training log sigma stays near its start, and the knob has little say.

Ours: architectures (`architecture`). The score of an edge at h is the mean of log(mu^2 / sigma^2) over all weights of
its convolutions, in every cell where it stands; it keeps the convolution if its score is above `threshold`, the same
for all h, else it takes the pooling. A larger lambda widens sigma and shrinks mu, hence fewer convolutions, but
nothing forces it. Networks inherit mu(0), whatever h chose them: one set of weights serves the family. No pooling
ran in the training, so that inherited accuracies say little: train the architectures alone.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.settings import setting
from simplexnas.methods import objective
from simplexnas.methods.config import Config
from simplexnas.methods.method import Batch, Entry, KnobOfNumber, Method, Step
from simplexnas.network.architecture import Architecture, StandaloneNetwork
from simplexnas.network.supernet import Supernet
from simplexnas.space.operations import OPERATIONS
from simplexnas.space.search_space import SearchSpace, genotype_edges
from simplexnas.tasks.task import Splits

LOG_SIGMA = -3.0  # at the start


@dataclass(frozen=True)
class ParametricConfig(Config):
    """Settings of parametric complexity control."""

    weight_decay: float = setting(0.0, least=0, about="of the weights; above 0 it is a second prior")
    lambda_from: float = setting(1e-4, above=0, about="weight of the KL, at knob 0")
    lambda_to: float = setting(1.0, above=0, about="weight of the KL, at knob 1")
    kl_warmup: float = setting(0.2, least=0, most=1, about="share of the steps in which it rises from 0")
    threshold: float = setting(
        0.0, about="score, in nats, above which an edge keeps its convolution; 0: where |mu| = sigma"
    )

    def _check_together(self) -> None:
        super()._check_together()
        self.allow("lambda_to", f"from lambda_from, {self.lambda_from}", self.lambda_to >= self.lambda_from)


class Posterior(nn.Module):
    """q of N weights: means and logarithms of standard deviations, linear in a number from 0 to 1."""

    def __init__(self, weights: torch.Tensor):
        """weights: the means at the start, (N,)."""
        super().__init__()
        zeros = torch.zeros_like(weights)
        self.mean = nn.Parameter(torch.stack([weights, zeros]))  # (2, N): at 0, and the slope
        self.log_sigma = nn.Parameter(torch.stack([zeros + LOG_SIGMA, zeros]))

    def forward(self, place: float) -> tuple[torch.Tensor, torch.Tensor]:
        """mu and log sigma, (N,) each."""
        return self.mean[0] + place * self.mean[1], self.log_sigma[0] + place * self.log_sigma[1]


def sample(mean: torch.Tensor, log_sigma: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """One draw from Normal(mean, exp(log_sigma)^2), with gradient: (...) twice -> (...)."""
    return mean + log_sigma.exp() * torch.randn(mean.shape, generator=random).to(mean)


def divergence(mean: torch.Tensor, log_sigma: torch.Tensor) -> torch.Tensor:
    """KL from Normal(mean, exp(log_sigma)^2) to Normal(0, 1), in nats, summed over all weights."""
    return ((2 * log_sigma).exp() + mean.square() - 1 - 2 * log_sigma).sum() / 2


def log_ratio(mean: torch.Tensor, log_sigma: torch.Tensor) -> torch.Tensor:
    """log(mu^2 / sigma^2), in nats: (...) twice -> (...). Finite also for mu = 0."""
    return mean.square().clamp(min=torch.finfo(mean.dtype).tiny).log() - 2 * log_sigma


def without_smallest(weight: torch.Tensor, ratio: torch.Tensor, share: float) -> torch.Tensor:
    """weight with zeros in place of the share, from 0 to 1, that has the smallest ratios; both of one shape."""
    gone = ratio.flatten().argsort(stable=True)[: round(share * ratio.numel())]
    return weight.flatten().index_fill(0, gone, 0.0).view_as(weight)


def of_family(space: SearchSpace, family: str) -> int:
    """The first operation of a family. Raises `SimplexNASError` if the space has none."""
    found = [m for m, name in enumerate(space.operations) if OPERATIONS[name].family == family]
    if not found:
        raise SimplexNASError(f"operations {space.operations}; allowed with this method: those with a {family}")
    return found[0]


class VariationalSupernet(Supernet):
    """A supernet with a posterior of the weights of one operation on all edges.

    Those weights themselves do not learn: in the training samples stand in for them, as flat tensors (N,) in the order
    of `shapes`. posterior: `Posterior` of the N weights. edge_of_weight: the genotype edge of each, (N,).
    """

    def __init__(self, space: SearchSpace, operation: int):
        super().__init__(space)
        name = space.operations[operation]
        self.shapes: dict[str, torch.Size] = {}  # by names of parameters
        edges = range(len(genotype_edges(space)))
        flat, marks = [], []
        for number, (cell, part) in enumerate(zip(self.cells, self.parts, strict=True)):
            for edge, (target, source) in zip(edges[part], cell.edges, strict=True):
                place = f"edge_parts.{target}<-{source}/{name}"
                for key, weight in cell.get_submodule(place).named_parameters():
                    self.shapes[f"cells.{number}.{place}.{key}"] = weight.shape
                    flat.append(weight.detach().flatten())
                    marks.append(torch.full((weight.numel(),), edge))
        self.posterior = Posterior(torch.cat(flat))
        self.register_buffer("edge_of_weight", torch.cat(marks), persistent=False)

    def by_layer(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """(N,) -> tensors of the layers' shapes, by names of parameters."""
        parts = flat.split([shape.numel() for shape in self.shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def scores(self, place: float) -> torch.Tensor:
        """Mean of log(mu^2 / sigma^2) over the weights of each genotype edge, in nats: (E,)."""
        ratios = log_ratio(*self.posterior(place))
        sums = ratios.new_zeros(len(genotype_edges(self.space))).index_add(0, self.edge_of_weight, ratios)
        return sums / self.edge_of_weight.bincount()


class Parametric(KnobOfNumber, Method):
    """Supernet with a posterior; the knob is the place of log lambda. See `method.Method`."""

    KNOB = "0 to 1, the place of log lambda between its ends"
    chooser = None

    def __init__(self, config: ParametricConfig):
        super().__init__(config)
        self.convolution, self.pool = (of_family(config.space, family) for family in ("convolution", "pool"))
        self.supernet = VariationalSupernet(config.space, self.convolution)
        self.structure = Architecture(config.space, (self.convolution,) * len(genotype_edges(config.space)))

    def price(self, knob: float) -> float:
        """lambda."""
        return self.config.lambda_from * (self.config.lambda_to / self.config.lambda_from) ** knob

    def warmth(self, progress: float) -> float:
        """Share of lambda that counts at this progress of the training, from 0 to 1."""
        return min(1.0, progress / self.config.kl_warmup) if self.config.kl_warmup else 1.0

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """Cross-entropy of one batch with sampled weights, and the KL at the price of a random lambda."""
        ((images, labels),) = batches
        knob = torch.rand((), generator=step.random).item()
        mean, log_sigma = self.supernet.posterior(knob)
        weights = self.supernet.by_layer(sample(mean, log_sigma, step.random))
        output = functional_call(self.supernet, weights, (images, self.structure.operations))
        cross_entropy, kl = objective.cross_entropy(output, labels), divergence(mean, log_sigma)
        price = self.warmth(step.progress) * self.price(knob) / self.config.train_images
        said = {"cross_entropy": cross_entropy.detach(), "kl": kl.detach(), "knob": knob}
        return {"loss": cross_entropy + price * kl} | said

    @torch.no_grad()
    def finish(self, splits: Splits) -> None:
        """Networks inherit the means at knob 0."""
        self.supernet.load_state_dict(self.supernet.by_layer(self.supernet.posterior(0.0)[0]), strict=False)

    @torch.no_grad()
    def architecture(self, knob: float) -> Architecture:
        """Ours: convolutions on the edges whose score is above the threshold, poolings on the others."""
        kept = self.supernet.scores(knob) > self.config.threshold
        return Architecture(self.config.space, [self.convolution if own else self.pool for own in kept.tolist()])

    @torch.no_grad()
    def pruned(self, knob: float, share: float) -> StandaloneNetwork:
        """The network of convolutions with the means at the knob, that share of each layer zero, as published.

        share: from 0 to 1, of the weights with the smallest mu^2 / sigma^2. Batch normalisation has the running
        statistics of the training, of all knobs and samples together: to be estimated again.
        """
        mean, log_sigma = self.supernet.posterior(knob)
        ratios = self.supernet.by_layer(log_ratio(mean, log_sigma))
        weights = self.supernet.state_dict()
        for name, weight in self.supernet.by_layer(mean).items():
            weights[name] = without_smallest(weight, ratios[name], share)
        network = self.structure.build()
        network.load_state_dict({name: weights[name] for name in network.state_dict()})
        return network


METHOD = Entry(
    "parametric",
    "parametric complexity control (Grebenkova et al. 2023): weights for each price of their complexity",
    Parametric.KNOB,
    ParametricConfig,
    Parametric,
    {"default": ParametricConfig(preset="default")},
)
