"""The search: one training of the weights and of what chooses operations.

All randomness is a function of (seed, step), so that a resumed run repeats an uninterrupted one bit by bit.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.seeds import generator
from simplexnas.methods.choose import method_of
from simplexnas.methods.config import Config
from simplexnas.methods.method import Method, Step
from simplexnas.methods.settings import method_name
from simplexnas.tasks.task import Split
from simplexnas.training.batches import check_images, draw_batches
from simplexnas.training.optimizers import Optimizers
from simplexnas.training.run import Run


def make_fabric(accelerator: str = "cpu", devices: int = 1, nodes: int = 1) -> Fabric:
    """One process by default; more devices or nodes share out the paths of each step, and average their gradients."""
    # Operations that a process did not choose have no gradient there.
    strategy = DDPStrategy(find_unused_parameters=True, broadcast_buffers=False) if devices * nodes > 1 else "auto"
    try:
        return Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy)
    except (ImportError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise SimplexNASError(f"accelerator = {accelerator!r}, devices = {devices}: {reason}") from None


def allowed_processes(config: Config) -> list[int]:
    """How many processes can share out the paths of a step evenly, from 1 on."""
    return [n for n in range(1, config.most_processes + 1) if config.most_processes % n == 0]


def search(
    config: Config,
    train: Split,
    folder: Path,
    *,
    make: Callable[[Config], Method] = method_of,
    fabric: Fabric | None = None,
    resume: bool = False,
    checkpoint_every: int = 200,
    progress_bar: bool = True,
) -> Method:
    """Train a method's weights and its choices; returns the trained method, or its moving average (on this process).

    train: uint8 images; the first `config.train_images` are used. folder: of the run, with checkpoint.pt and log.csv.
    make: the method, from its configuration. With `resume` training goes on from the checkpoint, if there is one.
    fabric: of one process by default. The number of processes changes results by no more than rounding.
    Raises `SimplexNASError` as `run.Run` does, for fewer images than the configuration uses, and for a number of
    processes that cannot share out the paths of a step evenly.
    """
    fabric = fabric or make_fabric()
    check_images(config, train)
    rank, world = fabric.global_rank, fabric.world_size
    if world not in (allowed := allowed_processes(config)):
        raise SimplexNASError(f"{world} processes; allowed, to share out the paths: {', '.join(map(str, allowed))}")
    fabric.launch()
    per_epoch, steps = config.steps_per_epoch, config.steps
    torch.manual_seed(config.seed)
    method = make(config).to(memory_format=config.memory_format)
    identity = {"method": method_name(config)} | method.identity | {"data": train.task.fingerprint}
    with Run(folder, identity, fabric, steps, resume) as run:
        wrapped = fabric.setup_module(method)
        own = method.chooser_optimizer() if method.bilevel else None
        optimizers = Optimizers(method.supernet, config, steps, None if method.bilevel else method.chooser, own)
        run.start(method, wrapped, optimizers, config.ema, progress_bar)
        wrapped.train()
        while run.step < steps:
            random = generator(config.seed, run.step)
            batches = fabric.to_device(draw_batches(train, config, run.step, random))
            step = Step(run.step, steps, random, rank, world)
            if method.bilevel:
                method.teach(batches, step)
                optimizers.choose()
            result = wrapped(batches, step)
            fabric.backward(result["loss"])
            learning_rate = optimizers.learning_rate
            optimizers.step()
            run.done(result, run.step / per_epoch, learning_rate, checkpoint_every)
    return run.result
