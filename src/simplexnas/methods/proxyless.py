"""ProxylessNAS: one architecture from hard paths; gates let gradients reach the operations that were not chosen.

Source: Cai, Zhu, Han, ICLR 2019, sections 3.2 and 3.3, and the authors' code; the sections' numbers are from memory.
p = softmax(alpha). On an edge one operation runs, drawn from p: the gates g are one-hot. Weights: fresh gates in each
step, and the gradient of the path's loss on their images. Logits, on theirs, by one of three estimates (`gradient`):

gate: dL/dalpha_i = sum over j of dL/dg_j p_j (delta_ij - p_i), where dL/dg_j = <dL/doutput, o_j(x)>. All operations
run. It is the gradient of E[L] if L is linear in g, else an approximation.
two_path: two operations are drawn without replacement by p, and one of them is gated by q = softmax of their logits.
Only the two run, and dL/dalpha is as above with q for p. After the optimiser's step both logits shift by
-log(sum of exp(new) / sum of exp(old)), so that the probabilities of the others stay.
reinforce: grad E[R] = E[R(g) sum over edges of grad log p(g)], from networks that are drawn and only evaluated.

Cost: L = CE + cost_weight * (E - ref) / ref, E = sum over edges and operations of p * cost (`add#linear` in the code).

Published (code): logits from 1e-3 times normal noise, by Adam, rate 1e-3, betas (0, 0.999), no decay, once in 5 steps
of the weights; 40 epochs of warm-up with random paths, then 120; weights by SGD, 0.025 in a cosine, with momentum and
label smoothing 0.1; 50,000 images for the logits; cost weight 0.1, or a product, CE * 0.2 * (log E / log ref)^0.3.
R = accuracy * (ref / latency)^0.1 of 10 networks on a batch, less a moving average that contains the sample's own R.
From memory: 5,000 of the 50,000 images of CIFAR-10 for the logits.

Here: gate is the default, since two_path saves one operation of three. Logits from zeros, a tenth of the images for
them and hence one step in nine, after a quarter of the steps; their rate from `travel` (`bilevel`). No label smoothing;
weights by the optimiser of every method here; all edges stay. ref is E at equal probabilities. The code's two_path
prices the two operations alone; here E is of all, the others' probabilities being constants. reinforce has another
reward, R = -CE - cost, and the mean of the other networks for a baseline, which leaves the gradient unbiased; the
cost's share of grad E[R] is known and needs no samples. No limit on the cost is kept: say what was reached.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from simplexnas.io.settings import setting
from simplexnas.methods import gumbel, objective
from simplexnas.methods.bilevel import (
    BilevelConfig,
    Logits,
    OneArchitecture,
    said_of,
    set_gradients,
    still_statistics,
)
from simplexnas.methods.method import Batch, Entry, Step
from simplexnas.network.supernet import Supernet

GRADIENTS = ("gate", "two_path", "reinforce")
NETWORKS = 10  # that reinforce draws for a step of the logits


@dataclass(frozen=True)
class ProxylessConfig(BilevelConfig):
    """Settings of ProxylessNAS."""

    gradient: str = setting("gate", among=GRADIENTS, about="which estimate of the gradient of the logits")
    cost_weight: float = setting(0.0, least=0, about="of the expected cost, in nats for that of equal probabilities")

    def _check_together(self) -> None:
        super()._check_together()
        for name in ("choice_beta1", "choice_decay"):
            still = self.gradient != "two_path" or getattr(self, name) == 0
            self.allow(name, "0 with gradient two_path: logits of operations that were not drawn must not move", still)

    @property
    def choice_warmup(self) -> float:
        """Until then the logits are zeros, and so paths are uniform."""
        return 0.25


class Proxyless(OneArchitecture):
    """Supernet and logits. See `method.Method`."""

    def __init__(self, config: ProxylessConfig):
        super().__init__(config)
        self.chooser = Logits(config)
        # With two_path, between `teach` and the end of the optimiser's step: what `shift` needs.
        self.moving: tuple[torch.Tensor, torch.Tensor] | None = None

    def loss(self, batches: list[Batch], step: Step) -> dict[str, torch.Tensor | float]:
        """Cross-entropy of one hard path on the weights' images; the logits rest."""
        logits = self.chooser().detach()
        choice = gumbel.hard_sample(logits, step.random).tolist()
        loss = objective.cross_entropy(self.supernet(batches[0].images, choice), batches[0].labels)
        p = torch.softmax(logits, dim=-1)
        return {"loss": loss, "cross_entropy": loss.detach(), "cost": self.relative_cost(p)} | said_of(p)

    def teach(self, batches: list[Batch], step: Step) -> None:
        if self.config.chooses(step):
            estimate = {"gate": self.gate, "two_path": self.two_path, "reinforce": self.reinforce}
            with still_statistics(self.supernet):
                loss = self.with_cost(*estimate[self.config.gradient](batches[1], step.random))
            alpha = self.chooser.alpha
            set_gradients([alpha], torch.autograd.grad(loss, [alpha]))

    def with_cost(self, cross_entropy: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        """CE + cost_weight * (E - ref) / ref, p: (E, k)."""
        return cross_entropy + self.config.cost_weight * (self.relative_cost(p) - 1)

    def gate(self, batch: Batch, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy of one path, and p, (E, k), both with their gradient for the logits. All operations run."""
        logits = self.chooser()
        p = torch.softmax(logits, dim=-1)
        gates = hard_gates(p, gumbel.hard_sample(logits.detach(), random))
        outputs = self.supernet(batch.images, gates.expand(len(batch.labels), -1, -1))
        return objective.cross_entropy(outputs, batch.labels), p

    def two_path(self, batch: Batch, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """The same where two operations of an edge run; only their logits have a gradient other than 0."""
        logits = self.chooser()
        pairs = draw_pairs(logits.detach(), random)
        own = logits.gather(-1, pairs)  # (E, 2)
        self.moving = pairs, own.detach().logsumexp(dim=-1, keepdim=True)
        q = torch.softmax(own, dim=-1)
        gates = hard_gates(q, gumbel.hard_sample(own.detach(), random))
        with two_paths(self.supernet, pairs, gates):
            outputs = self.supernet(batch.images, pairs[:, 0].tolist())
        p = torch.softmax(logits, dim=-1).detach()
        together = p.gather(-1, pairs).sum(dim=-1, keepdim=True)
        return objective.cross_entropy(outputs, batch.labels), p.scatter(-1, pairs, together * q)

    def reinforce(self, batch: Batch, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """A term of value 0 with the gradient of E[CE] for the logits, and p, (E, k). Hard paths run, forward only."""
        logits = self.chooser()
        choices = gumbel.hard_sample(logits.detach().expand(NETWORKS, -1, -1), random)  # (NETWORKS, E)
        with torch.no_grad():
            outputs = (self.supernet(batch.images, choice) for choice in choices.tolist())
            losses = torch.stack([objective.cross_entropy(each, batch.labels) for each in outputs])
        log_p = objective.log_probability(logits, choices)
        term = objective.score_function_term(losses, log_p, objective.leave_one_out(losses))
        return term, torch.softmax(logits, dim=-1)

    def chooser_optimizer(self) -> torch.optim.Optimizer:
        optimizer = super().chooser_optimizer()
        optimizer.register_step_post_hook(lambda *_: self.shift())
        return optimizer

    @torch.no_grad()
    def shift(self) -> None:
        """After a step of two logits on each edge: move both alike, until the others' probabilities are as before."""
        if self.moving is not None:
            pairs, before = self.moving
            alpha = self.chooser.alpha
            change = before - alpha.gather(-1, pairs).logsumexp(dim=-1, keepdim=True)
            alpha.scatter_add_(-1, pairs, change.expand(-1, 2))
            self.moving = None


def hard_gates(p: torch.Tensor, choice: torch.Tensor) -> torch.Tensor:
    """One-hot gates with the gradient of p: (E, k) and a choice (E,) -> (E, k)."""
    return gumbel.one_hot(choice, p) + (p - p.detach())  # in this order the gates are exactly 0 and 1


def draw_pairs(logits: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Two operations of each edge, drawn without replacement by softmax(logits): (E, k) -> (E, 2) int64."""
    return (logits + gumbel.gumbel_noise(logits.shape, random).to(logits)).topk(2, dim=-1).indices


@contextmanager
def two_paths(network: Supernet, pairs: torch.Tensor, gates: torch.Tensor) -> Iterator[None]:
    """Within, the path pairs[:, 0] runs as gates[:, 0] * its own outputs + gates[:, 1] * those of pairs[:, 1].

    pairs: two operations of each edge, (E, 2); gates: (E, 2). A mixture would run, and keep in memory, all operations.
    """
    hooks = []
    for cell, part in zip(network.cells, network.parts, strict=True):
        for (target, source), pair, gate in zip(cell.edges, pairs[part].tolist(), gates[part], strict=True):
            names = [cell.names[m] for m in pair]
            operations = [
                (cell.source_parts[f"{source}/{m}"], cell.edge_parts[f"{target}<-{source}/{m}"]) for m in names
            ]
            hooks += run_together(*operations, gate)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def run_together(first: tuple[nn.Module, nn.Module], second: tuple[nn.Module, nn.Module], gate: torch.Tensor) -> list:
    """Let the first operation of an edge run the second as well, and add both, weighted by the gate, (2,).

    An operation: its source part and its edge part. Returns the hooks; until they are removed, it is so.
    """
    state = []  # of the node that the edge leaves: edges that share a source part find it there

    def keep(_, inputs: tuple) -> None:
        state[:] = inputs

    def add(_, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        source_part, edge_part = second
        return gate[0] * output + gate[1] * edge_part(source_part(*state))

    return [first[0].register_forward_pre_hook(keep), first[1].register_forward_hook(add)]


METHOD = Entry(
    "proxyless",
    "ProxylessNAS (Cai et al. 2019): one architecture from hard paths; --set gradient=two_path or reinforce",
    Proxyless.KNOB,
    ProxylessConfig,
    Proxyless,
    {"default": ProxylessConfig(preset="default", choice_share=0.1, choice_beta1=0.0, choice_decay=0.0)},
)
