"""Data by name or by folder, and the data of a trained family."""

from simplexnas.io.errors import SimplexNASError
from simplexnas.tasks.task import NAMED, Splits, Task


def load(source: str = "fashion-mnist", image_size: int | None = None) -> Splits:
    """The splits of "fashion-mnist", of "digits", or of a folder of pictures (torchvision's ImageFolder layout).

    image_size: of a folder's pictures, a multiple of 4 up to 96; by default 28 for grey, 32 for colour. The other two
    have their own. Raises `SimplexNASError` for data that are missing or damaged.
    """
    from simplexnas.tasks import digits, fashion_mnist, folder

    if source not in NAMED:
        return folder.load(source, image_size)
    if image_size is not None:
        raise SimplexNASError(f"image_size = {image_size}; {source} has its own")
    return {fashion_mnist.NAME: fashion_mnist, digits.NAME: digits}[source].load()


def load_of(task: Task, source: str | None = None) -> Splits:
    """The data that a family was trained on.

    source: where they lie now, as for `load`; by default where they lay then, or the images that were kept of them.
    Other data are an error.
    """
    from simplexnas.tasks import folder

    if source is None and task.source not in NAMED and (kept := folder.load_kept(task)) is not None:
        return kept
    source = source or task.source
    splits = load(source, None if source in NAMED else task.shape.size)
    if splits.task.fingerprint != task.fingerprint:
        raise SimplexNASError(
            f"{source} holds other data (fingerprint {splits.task.fingerprint[:12]}) than {task.source} "
            f"(fingerprint {task.fingerprint[:12]}), on which the family was trained"
        )
    return splits
