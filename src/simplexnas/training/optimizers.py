"""The optimisers of a training: Muon for the weights of ungrouped 1x1 convolutions, AdamW for everything else.

Sources of Muon: Jordan et al. 2024 for the method and the iteration's coefficients; Liu et al. 2025 for the size of a
step. `torch.optim.Muon` takes matrices one after the other, in bfloat16, which is slow for many small ones on a CPU;
the tests compare the two.
"""

import torch
from torch import nn

from simplexnas.io.errors import SimplexNASError
from simplexnas.methods.config import Config

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
RMS = 0.2  # root mean square of a step's entries at learning rate 1: about that of AdamW
MAX_GRADIENT_NORM = 5.0
LEAST_STEPS = 6  # the rise of the one-cycle schedule has to be longer than a step


def orthogonalise(matrices: torch.Tensor) -> torch.Tensor:
    """Bring the singular values of each matrix near 1 (Newton–Schulz): (n, rows, columns) -> same."""
    tall = matrices.shape[1] > matrices.shape[2]
    X = matrices.mT if tall else matrices
    X = X / X.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    return X.mT if tall else X


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonalised momentum. params: weights (rows, columns, 1, 1) of 1x1 convolutions.

    All weights of one shape move together. One without gradient, of an operation that was not drawn, keeps its value
    and its momentum.
    """

    def __init__(self, params, lr: float, weight_decay: float = 0.0, momentum: float = 0.95):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[torch.Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    by_shape.setdefault(weight.shape, []).append(weight)
            for weights in by_shape.values():
                self._step_together(weights, group["lr"], group["weight_decay"], group["momentum"])

    def _step_together(self, weights: list[torch.Tensor], lr: float, weight_decay: float, momentum: float) -> None:
        """One step of weights of one shape, with Nesterov momentum."""
        for weight in weights:
            if not self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        gradients = torch.stack([weight.grad for weight in weights])
        averages = torch.stack([self.state[weight]["momentum"] for weight in weights]).lerp_(gradients, 1 - momentum)
        directions = orthogonalise(gradients.lerp(averages, momentum).flatten(2))
        size = lr * RMS * max(directions.shape[1:]) ** 0.5
        for weight, average, direction in zip(weights, averages, directions, strict=True):
            self.state[weight]["momentum"].copy_(average)
            weight.mul_(1 - lr * weight_decay).add_(direction.view_as(weight), alpha=-size)


class Optimizers:
    """Muon and AdamW, each under a one-cycle schedule over `steps`, as one object.

    With `matrix_learning_rate` 0 there is no Muon, and AdamW trains all weights. The norm of the gradient is limited.
    hypernetwork: what chooses operations, if it is trained together with the weights; AdamW takes what
    `config.chooser_group` says, without weight decay, and `config.limits_chooser` whether its gradient is limited too.
    chooser: an optimiser of what chooses operations in steps of its own, `choose`; it has no schedule.
    Raises `SimplexNASError` for fewer than `LEAST_STEPS` steps.
    """

    def __init__(
        self,
        network: nn.Module,
        config: Config,
        steps: int,
        hypernetwork: nn.Module | None = None,
        chooser: torch.optim.Optimizer | None = None,
    ):
        if steps < LEAST_STEPS:
            raise SimplexNASError(f"{steps} training steps; allowed: from {LEAST_STEPS}")
        matrices = {
            module.weight
            for module in network.modules()
            if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
        }
        if not config.matrix_learning_rate:
            matrices = set()
        others = [weight for weight in network.parameters() if weight not in matrices]
        decay = config.weight_decay
        groups = [{"params": others, "weight_decay": decay, "lr": config.learning_rate}]
        self.limited = list(others)
        if hypernetwork is not None:
            policy = list(hypernetwork.parameters())
            groups.append({"params": policy, "weight_decay": 0.0} | config.chooser_group)
            if config.limits_chooser:
                self.limited += policy
        self.optimizers = {"adamw": torch.optim.AdamW(groups, fused=True)}
        if matrices:
            ordered = [weight for weight in network.parameters() if weight in matrices]
            self.optimizers["muon"] = Muon(ordered, config.matrix_learning_rate, decay)
            self.limited += ordered
        self.schedules = {
            name: torch.optim.lr_scheduler.OneCycleLR(
                optimizer,
                [group["lr"] for group in optimizer.param_groups],
                total_steps=steps,
                pct_start=0.2,
                cycle_momentum=False,
                final_div_factor=1e3,
            )
            for name, optimizer in self.optimizers.items()
        }
        if chooser is not None:
            self.optimizers["chooser"] = chooser

    def step(self) -> None:
        """A step of the weights: clip their gradients, step, move the schedules, and forget the gradients."""
        nn.utils.clip_grad_norm_(self.limited, MAX_GRADIENT_NORM)
        for name, schedule in self.schedules.items():
            self.optimizers[name].step()
            schedule.step()
            self.optimizers[name].zero_grad()

    def choose(self) -> None:
        """A step of what chooses, and forget its gradients."""
        self.optimizers["chooser"].step()
        self.optimizers["chooser"].zero_grad()

    @property
    def learning_rate(self) -> float:
        """The present rate of the weights under AdamW."""
        return self.schedules["adamw"].get_last_lr()[0]

    def state_dict(self) -> dict:
        return {
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "schedules": {name: schedule.state_dict() for name, schedule in self.schedules.items()},
        }

    def load_state_dict(self, state: dict) -> None:
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, schedule in self.schedules.items():
            schedule.load_state_dict(state["schedules"][name])
