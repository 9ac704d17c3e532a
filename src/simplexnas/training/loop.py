"""The search: one training of weights w and hypernetwork a, for all S at once.

All randomness is a function of (seed, step, process), so that a resumed run repeats an uninterrupted one bit by bit.
"""

import time
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_writable
from simplexnas.io.paths import relative
from simplexnas.io.seeds import generator
from simplexnas.methods.settings import SearchConfig
from simplexnas.methods.simplex import Schedule, SearchModel
from simplexnas.tasks import task
from simplexnas.training.batches import batch_indices, check_images, make_batch, steps_per_epoch
from simplexnas.training.checkpoint import CHECKPOINT, check_finite, read_checkpoint, save
from simplexnas.training.optimizers import Optimizers

LOG_EVERY = 20


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
    train: task.Split,
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
    head = read_checkpoint(checkpoint, config, world) if checkpoint.exists() else None
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
            check_finite(model, result["loss"].item(), step)
            spent = seconds + time.perf_counter() - started
            save(fabric, checkpoint, state, config, world, step, log, spent)
    bar.close()
    return model if averaged is None else averaged.module


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
