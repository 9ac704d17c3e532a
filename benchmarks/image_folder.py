"""Processor time, disk and memory that a folder of 100,000 colour pictures takes: decoded, then read again.

Random PNG files of 32 x 32 pixels in ten classes, made in a temporary folder. Each stage runs in a process of its own.
Of its memory two peaks are given: all that is resident, pages of mapped files among it, which the system takes back
where it needs them; and anonymous memory, which it cannot take back. Linux only.

    python benchmarks/image_folder.py      # a few minutes, writes data/results/image_folder.json
"""

import multiprocessing
import re
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from simplexnas.io import paths, records
from simplexnas.io.paths import RESULTS, relative
from simplexnas.io.provenance import computed
from simplexnas.tasks import folder
from simplexnas.training.batches import augment

PICTURES, CLASSES, SIZE, BATCH = 100_000, 10, 32, 64


def make_pictures(place: Path) -> None:
    random = np.random.default_rng(0)
    for label in range(CLASSES):
        (place / "train" / str(label)).mkdir(parents=True)
    for number in tqdm(range(PICTURES), desc="making pictures"):
        pixels = random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(place / "train" / str(number % CLASSES) / f"{number}.png", compress_level=1)


def memory(name: str) -> float:
    """A value of /proc/self/status, in MB."""
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000


def read_all(source: str) -> None:
    """One epoch of batches in random order, and all other images."""
    splits = folder.load(source)
    order = np.random.default_rng(0).permutation(len(splits.train))
    for start in range(0, len(order), BATCH):
        splits.task.normalize(augment(splits.train.images[order[start : start + BATCH]], None, flip=False))
    for split in (splits.validation, splits.test):
        for images in split.images.split(BATCH):
            splits.task.normalize(images)


def stage(function, source: str, images: Path, results) -> None:
    """Processor seconds of function(source), and this process's memory before it and at its peaks, MB."""
    paths.IMAGES = images
    before = {"resident": memory("VmRSS"), "anonymous": memory("RssAnon")}
    peak, stopped = before["anonymous"], threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stopped.wait(0.01):
            peak = max(peak, memory("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.process_time()
    function(source)
    seconds = time.process_time() - started
    stopped.set()
    watcher.join()
    found = {"before": before, "peak": {"resident": memory("VmHWM"), "anonymous": peak}}
    results.put(
        {"processor_seconds": round(seconds, 1)} | {f"mb_{when}": _rounded(values) for when, values in found.items()}
    )


def _rounded(values: dict[str, float]) -> dict[str, int]:
    return {name: round(value) for name, value in values.items()}


def main() -> None:
    start = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary:
        place, images = Path(temporary) / "pictures", Path(temporary) / "images"
        make_pictures(place)
        stages = {}
        for name, function in (("decode", folder.load), ("find", folder.load), ("read", read_all)):
            results = start.Queue()
            process = start.Process(target=stage, args=(function, str(place), images, results))
            process.start()
            stages[name] = results.get()
            process.join()
            print(name, stages[name])
        kept = sum(path.stat().st_size for path in images.rglob("*"))
    content = {"pictures": PICTURES, "channels": 3, "size": SIZE, "mb_on_disk": round(kept / 1e6, 1), "stages": stages}
    print(relative(records.save(RESULTS / "image_folder.json", content | computed())))


if __name__ == "__main__":
    main()
