"""The search: one training of weights w and hypernetwork a, for all S at once.

The loop follows the objective of the paper (slide 3): sample S -> logits alpha(S) -> sample gamma -> CE + kappa * Lat
-> step.
All randomness is a function of (seed, step, process), so that a resumed run repeats an uninterrupted one bit by bit.
"""

import contextlib
import csv
import io
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from simplexnas import cost, data, gumbel, objective, simplex
from simplexnas.config import SearchConfig
from simplexnas.errors import SimplexNASError, check_same
from simplexnas.files import check_writable, write_atomically
from simplexnas.hypernetwork import MLPHypernetwork, PivotHypernetwork, UtilityHypernetwork
from simplexnas.optimizers import Optimizers
from simplexnas.paths import relative
from simplexnas.supernet import Supernet

CHECKPOINT_VERSION = 3
CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"
LOG_EVERY = 20
GATES = {
    "relaxed": gumbel.gumbel_softmax,
    "straight_through": gumbel.straight_through,
    "reinmax": lambda logits, _, random: gumbel.reinmax(logits, random),
}


def generator(*key: int) -> torch.Generator:
    """A random generator that depends on nothing but the key, for example (seed, step, process)."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


@dataclass(frozen=True)
class Schedule:
    """What changes during training: kappa, the gain of the logits, the temperature, and whether the policy learns."""

    kappa: float
    gain: float
    temperature: float
    policy_learns: bool

    @classmethod
    def at(cls, config: SearchConfig, progress: float) -> "Schedule":
        """progress: share of the training that is done, 0 … 1."""
        ramp = min(1.0, progress / config.warmup) if config.warmup else 1.0
        kappa = ramp * config.kappa
        return cls(
            kappa=kappa,
            gain=kappa / config.tau if config.hypernetwork == "utility" else 1.0,
            temperature=gumbel.temperature(progress, config.temperature_start, config.temperature_end),
            policy_learns=progress < config.policy_until,
        )


class SearchModel(nn.Module):
    """Supernet and hypernetwork together; `forward` is one evaluation of the objective."""

    def __init__(self, config: SearchConfig):
        super().__init__()
        self.config = config
        self.supernet = Supernet(config.space)
        costs = cost.relative_costs(config.price, config.space, config.milliseconds)
        self.register_buffer("costs", costs, persistent=False)  # a function of the configuration
        if config.hypernetwork == "pivot":
            self.hypernetwork = PivotHypernetwork(config.space, generator=generator(config.seed, 0, 0, 1))
        elif config.hypernetwork == "mlp":
            self.hypernetwork = MLPHypernetwork(config.space)
        else:
            self.hypernetwork = UtilityHypernetwork(config.space, config.spread, config.parameter_price, costs)
            if config.random_utilities:
                self.hypernetwork.utility.data.normal_(generator=generator(config.seed, 0, 0, 1))

    def forward(self, images, labels, schedule: Schedule, random: torch.Generator) -> dict[str, torch.Tensor]:
        """images (B, 1, 28, 28) float, labels (B,). Returns scalars: loss (with gradient), cross_entropy, latency."""
        config = self.config
        S = simplex.sample(1, config.space.k, config.corner_share, random).to(images)
        logits = schedule.gain * self.hypernetwork(S)  # (1, E, k)
        if not schedule.policy_learns:
            logits = logits.detach()
        prices = cost.price(S, config.space, config.parameter_price, self.costs)
        latency = cost.latency_term(torch.softmax(logits, dim=-1), prices, config.space)
        if config.estimator == "score_function":
            losses, policy = self._sampled_losses(images, labels, logits, random)
        else:
            losses, policy = self._gated_losses(images, labels, logits, schedule.temperature, random), 0.0
        return {
            "loss": objective.objective(losses, latency, schedule.kappa) + policy,
            "cross_entropy": losses.mean().detach(),
            "latency": latency.mean().detach(),
        }

    def _sampled_losses(self, images, labels, logits, random):
        """One hard choice per path, of which alone runs: losses (paths,) and the term that carries the policy gradient.

        With `sandwich` the largest network sees all images, and the others, the smallest among them, learn its class
        probabilities (Yu and Huang 2019); losses then holds those two as well.
        """
        config = self.config
        choices = gumbel.hard_sample(logits.expand(config.paths, -1, -1), random)  # (paths, E)
        others, first = choices.tolist(), []
        if config.sandwich:
            macs = cost.edge_macs(config.space)
            taught = self.supernet(images, macs.argmax(axis=1).tolist())
            first = [objective.cross_entropy(taught, labels)]
            labels = torch.softmax(taught.detach(), dim=-1)
            others.append(macs.argmin(axis=1).tolist())
        shares = zip(images.tensor_split(len(others)), labels.tensor_split(len(others)), others, strict=True)
        losses = [objective.cross_entropy(self.supernet(share, choice), target) for share, target, choice in shares]
        sampled = torch.stack(losses[: config.paths])
        policy = objective.score_function_term(
            sampled, objective.log_probability(logits, choices), objective.leave_one_out(sampled)
        )
        return torch.stack(first + losses), policy

    def _gated_losses(self, images, labels, logits, temperature: float, random):
        """Every operation runs, times a gate that carries the gradient, drawn per image if relaxed, else per path."""
        config = self.config
        draw = GATES[config.estimator]
        draws = len(images) if config.estimator == "relaxed" else config.paths
        gamma = draw(logits.expand(draws, -1, -1), temperature, random)
        shares = zip(*(values.tensor_split(config.paths) for values in (images, labels, gamma)), strict=True)
        return torch.stack(
            [objective.cross_entropy(self.supernet(share, gates), target) for share, target, gates in shares]
        )


def batch_indices(config: SearchConfig, step: int, rank: int, world: int) -> np.ndarray:
    """Indices of the training images of one step and process; each epoch visits each image at most once."""
    per_epoch = steps_per_epoch(config, world)
    epoch, position = divmod(step, per_epoch)
    order = np.random.default_rng([config.seed, epoch]).permutation(config.train_images)
    start = (position * world + rank) * config.batch_size
    return order[start : start + config.batch_size]


def make_batch(train: data.Split, chosen: np.ndarray, config: SearchConfig, random: torch.Generator):
    """Images (B, 1, 28, 28) float, augmented and normalised, and labels (B,) of the chosen training images."""
    chosen = torch.from_numpy(chosen)
    images = data.augment(train.images[chosen], random, config.flip, config.shift)
    return data.normalize(images).contiguous(memory_format=config.memory_format), train.labels[chosen]


def steps_per_epoch(config: SearchConfig, world: int = 1) -> int:
    return config.train_images // (config.batch_size * world)


def check_images(config: SearchConfig, train: data.Split, world: int = 1) -> None:
    """Raise `SimplexNASError` if there are fewer images than the configuration uses, or than one batch."""
    if len(train) < config.train_images or steps_per_epoch(config, world) < 1:
        raise SimplexNASError(
            f"train_images = {config.train_images}; allowed: from {config.batch_size * world} (one batch) "
            f"to {len(train)}"
        )


def make_fabric(accelerator: str = "cpu", devices: int = 1, nodes: int = 1) -> Fabric:
    """One process by default; with more devices or nodes, distributed data parallel, one path set per process."""
    # Operations that no process chose have no gradient in that step.
    strategy = DDPStrategy(find_unused_parameters=True) if devices * nodes > 1 else "auto"
    try:
        return Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy)
    except (ImportError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise SimplexNASError(f"accelerator = {accelerator!r}, devices = {devices}: {reason}") from None


def search(
    config: SearchConfig,
    train: data.Split,
    run: Path,
    *,
    fabric: Fabric | None = None,
    resume: bool = False,
    checkpoint_every: int = 200,
    progress_bar: bool = True,
) -> SearchModel:
    """Train weights and hypernetwork; returns the trained model, or its moving average (on this process).

    train: uint8 images; the first `config.train_images` are used.
    run: folder of checkpoint.pt and log.csv. With `resume` training goes on from the checkpoint, if there is one.
    Raises `SimplexNASError` if the run exists already, its checkpoint is damaged, or belongs to another config.
    """
    fabric = fabric or make_fabric()
    fabric.launch()
    run, world = Path(run), fabric.world_size
    check_images(config, train, world)
    checkpoint = run / CHECKPOINT
    check_writable(checkpoint)  # known before the training
    head = _read_checkpoint(checkpoint, config, world) if checkpoint.exists() else None
    if head is not None and not resume:
        raise SimplexNASError(f"{relative(checkpoint)} exists; go on with --resume, or move it away to start again")

    torch.manual_seed(config.seed)
    model = SearchModel(config)
    model = model.to(memory_format=config.memory_format)
    per_epoch = steps_per_epoch(config, world)
    steps = config.epochs * per_epoch
    wrapped = fabric.setup_module(model)
    optimizers = Optimizers(model.supernet, config, steps, model.hypernetwork)
    state = {"model": wrapped, "optimizers": optimizers}
    averaged = None
    if config.ema:
        averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema))
        state["averaged"] = averaged
    step, log, seconds = 0, [], 0.0
    if head is not None:
        fabric.load(checkpoint, state)
        step, log, seconds = head["step"], head["log"], head["seconds"]

    bar = tqdm(
        total=steps,
        initial=step,
        desc=f"search {run.name}",
        disable=not (progress_bar and fabric.is_global_zero),
    )
    started = time.perf_counter()
    wrapped.train()
    while step < steps:
        schedule = Schedule.at(config, step / steps)
        random = generator(config.seed, step, fabric.global_rank)
        chosen = batch_indices(config, step, fabric.global_rank, world)
        batch, target = fabric.to_device(make_batch(train, chosen, config, random))

        result = wrapped(batch, target, schedule, random)
        fabric.backward(result["loss"])
        learning_rate = optimizers.learning_rate
        optimizers.step()
        if averaged is not None:
            averaged.update_parameters(model)

        bar.update()
        if step % LOG_EVERY == 0 or step + 1 == steps:
            log.append(_log_row(step, per_epoch, result, schedule, learning_rate))
            bar.set_postfix(CE=f"{log[-1]['cross_entropy']:.3f}")
        step += 1
        if step % checkpoint_every == 0 or step == steps:
            _check_finite(model, result["loss"].item(), step)
            spent = seconds + time.perf_counter() - started
            _save(fabric, checkpoint, state, config, world, step, log, spent)
    bar.close()
    return model if averaged is None else averaged.module


def _check_finite(model: nn.Module, loss: float, step: int) -> None:
    """Before every checkpoint, so that a diverged run leaves its last good one."""
    if not math.isfinite(loss):
        raise SimplexNASError(f"the loss is {loss} at step {step}; lower learning_rate")
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise SimplexNASError(f"{name} is no longer finite at step {step}; lower learning_rate")


def training_seconds(run: Path) -> float:
    """Seconds of training so far, those before a resume included, from the checkpoint."""
    return torch.load(Path(run) / CHECKPOINT, weights_only=True, map_location="cpu")["seconds"]


def _log_row(step, per_epoch, result, schedule, learning_rate) -> dict:
    return {
        "step": step,
        "epoch": round(step / per_epoch, 4),
        "loss": round(result["loss"].item(), 5),
        "cross_entropy": round(result["cross_entropy"].item(), 5),
        "latency": round(result["latency"].item(), 5),
        "kappa": round(schedule.kappa, 6),
        "gain": round(schedule.gain, 4),
        "temperature": round(schedule.temperature, 4),
        "learning_rate": round(learning_rate, 8),
    }


def _save(fabric, checkpoint: Path, state: dict, config, world: int, step: int, log: list, seconds: float) -> None:
    """Checkpoint and log, each under a temporary name first, so that a killed process leaves whole files."""
    temporary = checkpoint.with_suffix(".tmp")
    content = state | {
        "version": CHECKPOINT_VERSION,
        "config": config.to_dict(),
        "world": world,
        "step": step,
        "log": log,
        "seconds": seconds,
    }
    try:
        fabric.save(temporary, content)
        if fabric.is_global_zero:
            os.replace(temporary, checkpoint)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = " ".join(str(error).split())[:200]
        raise SimplexNASError(f"{relative(checkpoint)} cannot be written ({reason}); the last one is kept") from None
    if fabric.is_global_zero:
        text = io.StringIO()
        writer = csv.DictWriter(text, log[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(log)
        write_atomically(checkpoint.with_name(LOG), text.getvalue())
    fabric.barrier()


def _flat(config: dict) -> dict:
    """Settings with those of the search space beside the others, as on the command line."""
    return {key: value for key, value in config.items() if key != "space"} | config.get("space", {})


def _read_checkpoint(checkpoint: Path, config: SearchConfig, world: int) -> dict:
    """A checkpoint of this configuration; another one raises `SimplexNASError` with what differs."""
    name = relative(checkpoint)
    try:
        head = torch.load(checkpoint, weights_only=True, map_location="cpu")
        version, saved, saved_world = head["version"], head["config"], head["world"]
    except Exception as error:
        raise SimplexNASError(f"{name} is not a whole checkpoint ({type(error).__name__})") from None
    if version != CHECKPOINT_VERSION:
        raise SimplexNASError(f"{name} has format version {version}; this code reads {CHECKPOINT_VERSION}")
    check_same(name, _flat(saved), _flat(config.to_dict()))
    if saved_world != world:
        raise SimplexNASError(f"{name} was made by {saved_world} processes; this run has {world}")
    return head
