"""One run of a search on disk: its owner, checkpoint, log, progress bar and moving average."""

import contextlib
import time
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_writable, claim
from simplexnas.io.paths import relative
from simplexnas.io.provenance import Spent
from simplexnas.training.checkpoint import CHECKPOINT, check_finite, read_checkpoint, save
from simplexnas.training.optimizers import Optimizers

LOG_EVERY = 20
OWNER = ".owner.lock"


def _number(value: torch.Tensor | float) -> float:
    return value.item() if isinstance(value, torch.Tensor) else value


class Run:
    """A training that may stop at any time and go on.

    identity: what tells this training from another, as JSON.
    folder: of checkpoint.pt and log.csv, owned by this process within the `with` block; steps: of the whole training.
    Raises `SimplexNASError` if another process owns the folder, or if it has a checkpoint and `resume` is false, or one
    that is damaged or of another training.
    """

    def __init__(self, folder: Path, identity: dict, fabric: Fabric, steps: int, resume: bool):
        self.folder, self.identity, self.fabric, self.steps = Path(folder), identity, fabric, steps
        self.checkpoint = self.folder / CHECKPOINT
        check_writable(self.checkpoint)  # known before the training
        self.step, self.log, self.before = 0, [], Spent()
        self.saved, self.owner = None, contextlib.ExitStack()
        with self.owner:
            if fabric.is_global_zero:
                self.owner.enter_context(claim(self.folder / OWNER, relative(self.folder)))
            if self.checkpoint.exists():
                self.saved = read_checkpoint(self.checkpoint, identity)
                if not resume:
                    raise SimplexNASError(
                        f"{relative(self.checkpoint)} exists; go on with --resume, or move it away to start again"
                    )
            self.owner = self.owner.pop_all()  # nothing went wrong: keep the claim

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_) -> None:
        self.owner.close()

    def start(self, method: nn.Module, wrapped: nn.Module, optimizers: Optimizers, ema: float, bar: bool) -> None:
        """Take up what was saved.

        wrapped: the method as Fabric runs it. ema: decay of the moving average, 0 for none. bar: show the progress.
        """
        self.method, self.state = method, {"model": wrapped, "optimizers": optimizers}
        self.averaged = None
        if ema:
            self.averaged = AveragedModel(method, multi_avg_fn=get_ema_multi_avg_fn(ema))
            self.state["averaged"] = self.averaged
        if self.saved is not None:
            self.fabric.load(self.checkpoint, self.state)
            self.step, self.log = self.saved["step"], self.saved["log"]
            self.before = Spent(*(self.saved[key] for key in Spent._fields))
        self.started = Spent(time.perf_counter(), time.process_time())
        self.bar = tqdm(
            total=self.steps,
            initial=self.step,
            desc=self.folder.name,
            disable=not (bar and self.fabric.is_global_zero),
        )

    def done(self, result: dict, epoch: float, learning_rate: float, checkpoint_every: int) -> None:
        """One more step is done: average, bar, log, and now and then a checkpoint."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.method)
        self.bar.update()
        last = self.step + 1 == self.steps
        if self.step % LOG_EVERY == 0 or last:
            numbers = {name: round(_number(value), 6) for name, value in result.items()}
            self.log.append(
                {"step": self.step, "epoch": round(epoch, 4)} | numbers | {"learning_rate": round(learning_rate, 8)}
            )
            self.bar.set_postfix(CE=f"{numbers['cross_entropy']:.3f}")
        self.step += 1
        if last:
            self.bar.close()
        if self.step % checkpoint_every == 0 or last:
            check_finite(self.method, _number(result["loss"]), self.step)
            now = Spent(time.perf_counter(), time.process_time())
            spent = Spent(*(a + b - c for a, b, c in zip(self.before, now, self.started, strict=True)))
            save(
                self.fabric,
                self.checkpoint,
                self.state,
                self.identity,
                {"step": self.step, "log": self.log} | spent._asdict(),
            )

    @property
    def result(self) -> nn.Module:
        """The trained method, or its moving average."""
        return self.method if self.averaged is None else self.averaged.module
