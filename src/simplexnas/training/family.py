"""From settings and data to a family in a folder: what `simplexnas search` does."""

from pathlib import Path

from lightning_fabric import Fabric

from simplexnas.family import DESCRIPTION, Family
from simplexnas.io import paths, records
from simplexnas.io.errors import Diverged, SimplexNASError
from simplexnas.io.files import check_writable
from simplexnas.io.paths import relative
from simplexnas.io.provenance import computed
from simplexnas.methods.config import Config
from simplexnas.tasks.task import Splits
from simplexnas.training.checkpoint import CHECKPOINT, LOG, spent
from simplexnas.training.loop import make_fabric, search


def train_family(
    name: str,
    config: Config,
    splits: Splits,
    *,
    fabric: Fabric | None = None,
    resume: bool = False,
    checkpoint_every: int = 200,
    progress_bar: bool = True,
) -> tuple[Path, Path]:
    """Train a family; returns its folder, data/families/<name>, and the log of the training, in data/runs/<name>.

    name: for example `settings.family_name(…)`. resume: go on from the run's last checkpoint, if any. With several
    processes (`fabric`) each returns, the first one after it has written. Raises `SimplexNASError` if there is such a
    family already, and as `training.loop.search` does. A training that diverges leaves the step and the reason in
    data/results/<name>/diverged.json, until one with that name ends well.
    """
    fabric = fabric or make_fabric()
    run, folder = paths.RUNS / name, paths.FAMILIES / name
    check_writable(folder)  # known before the training
    if (folder / DESCRIPTION).exists() and not (run / CHECKPOINT).exists():
        results = paths.RESULTS / name
        measured = f", and {relative(results)}, its results, with it" if results.exists() else ""
        raise SimplexNASError(
            f"{relative(folder)} is trained already; use it with `simplexnas front --family {name}`, or give another "
            f"--seed; to train it again move it away{measured}"
        )
    diverged = paths.RESULTS / name / records.DIVERGED
    try:
        method = search(
            config,
            splits.train,
            run,
            fabric=fabric,
            resume=resume,
            checkpoint_every=checkpoint_every,
            progress_bar=progress_bar,
        )
    except Diverged as error:
        if fabric.is_global_zero:
            about = {"family": name, "seed": config.seed, "config": config.to_dict()}
            records.save(diverged, about | {"step": error.step, "reason": str(error)} | computed())
        raise
    if fabric.is_global_zero:
        diverged.unlink(missing_ok=True)
        method.cpu().eval().finish(splits)
        family = Family(name, method, task=splits.task)
        family.export(folder, spent(run), fabric.device.type)
        (run / CHECKPOINT).unlink()  # the family holds the weights
    return folder, run / LOG
