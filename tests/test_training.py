"""The training loop: ours and the published method, exact resume, kills, several processes, refusals."""

import csv
import dataclasses
import itertools
import json
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch

from simplexnas.io import seeds
from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import ROOT
from simplexnas.methods import gumbel, objective, penalties, published, simplex
from simplexnas.methods.choose import method_of
from simplexnas.methods.method import Batch, Step
from simplexnas.space import cost
from simplexnas.space.search_space import SearchSpace
from simplexnas.tasks import fashion_mnist
from simplexnas.training import batches, checkpoint, loop
from simplexnas.training import run as run_module

FIVE = SearchSpace(operations=tiny.FIVE_OPERATIONS, channels=4, nodes=2)


@pytest.fixture(autouse=True)
def log_every_step(monkeypatch):
    monkeypatch.setattr(run_module, "LOG_EVERY", 1)


def train(config, split, run, **options):
    return loop.search(config, split, run, progress_bar=False, **options)


def train_until(step, config, split, run):
    """Stopped by the keyboard before that step, with a checkpoint of it."""

    def indices(config, present, *rest, kept=batches.batch_indices):
        if present == step:
            raise KeyboardInterrupt
        return kept(config, present, *rest)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(batches, "batch_indices", indices)
        train(config, split, run, checkpoint_every=step)


def read_log(run) -> list[dict[str, float]]:
    with (run / checkpoint.LOG).open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def assert_same(first, second, path="checkpoint"):
    """Equality bit by bit of nested dictionaries, lists and tensors."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), path
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), path
        for key in first:
            assert_same(first[key], second[key], f"{path}/{key}")
    elif isinstance(first, list):
        assert len(first) == len(second), path
        for index, pair in enumerate(zip(first, second, strict=True)):
            assert_same(*pair, f"{path}/{index}")
    else:
        assert first == second, path


def assert_same_run(first, second):
    """Same weights, hypernetwork, optimizer and scheduler state, and log; only the seconds may differ."""
    contents = [torch.load(run / checkpoint.CHECKPOINT, weights_only=True) for run in (first, second)]
    for content in contents:
        assert content.pop("seconds") > 0 and content.pop("cpu_seconds") > 0
        assert {"model", "optimizers", "identity", "step", "log"} <= content.keys()
    assert any("hypernetwork" in name for name in contents[0]["model"])
    assert_same(*contents)
    assert (first / checkpoint.LOG).read_text() == (second / checkpoint.LOG).read_text()


def refused(match, *arguments, **options):
    with pytest.raises(SimplexNASError, match=match) as error:
        train(*arguments, **options)
    assert len(str(error.value).splitlines()) == 1


# Training


@pytest.mark.parametrize(
    ("preset", "space"),
    [
        pytest.param("default", tiny.SPACE, id="default"),
        pytest.param("default", FIVE, id="default, five operations"),
        pytest.param("paper", tiny.FEW_EDGES, id="paper"),
        pytest.param("paper", FIVE, id="paper, five operations", marks=pytest.mark.slow),
    ],
)
def test_cross_entropy_falls(preset, space, few, tmp_path):
    config = tiny.config(preset, space=space, epochs=5, learning_rate=2e-2)
    model = train(config, few.train, tmp_path)
    log = read_log(tmp_path)
    assert len(log) == 40
    assert log[0]["cross_entropy"] == pytest.approx(np.log(10), rel=0.01)
    assert np.mean([row["cross_entropy"] for row in log[-8:]]) < 0.85 * np.log(10)
    before = method_of(config).hypernetwork.state_dict()
    after = model.hypernetwork.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    "changes",
    [
        {"paths": 1, "space": tiny.FEW_EDGES},
        {"matrix_learning_rate": 0.0},
        {"space": SearchSpace(channels=4, nodes=2, mean_nodes=True, normalise_features=True)},
    ],
    ids=str,
)
def test_each_variant_learns_both_weights_and_worths(changes, few, tmp_path):
    config = tiny.config(**({"learning_rate": 2e-2} | changes))
    model = train(config, few.train, tmp_path)
    assert np.mean([row["cross_entropy"] for row in read_log(tmp_path)[-8:]]) < 0.9 * np.log(10)
    assert model.hypernetwork.nats.any()


def test_a_published_step_is_the_objective_and_its_gradient_written_plainly(few, monkeypatch):
    config = tiny.config("paper", space=tiny.FEW_EDGES, kappa=0.3)
    model = method_of(config)
    tiny.awake(model.supernet)
    S = torch.tensor([[0.2, 0.3, 0.5]])
    gates = torch.softmax(torch.randn(8, 4, 3, generator=seeds.generator(1)), dim=-1)
    monkeypatch.setattr(penalties, "sample", lambda *_: S)
    monkeypatch.setattr(
        gumbel, "gumbel_softmax", lambda logits, t, _: gates + (logits - logits.detach()) / t if t == 0.6 else None
    )
    images, labels = fashion_mnist.TASK.normalize(few.train.images[:8]), few.train.labels[:8]
    parameters = [*model.hypernetwork.parameters(), *model.supernet.parameters()]

    def gradients(loss):
        return torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)

    found = model([Batch(images, labels)], Step(1, 2, seeds.generator(0)))["loss"]
    logits = model.hypernetwork(S)[0]
    p = torch.softmax(logits, dim=-1)
    price = sum(
        cells * p[edge, m] * S[0, m] for edge, cells in enumerate(cost.instances(config.space)) for m in range(3)
    )
    through = gates + (logits - logits.detach()) / 0.6
    expected = torch.nn.functional.cross_entropy(model.supernet(images, through), labels) + 0.3 * price
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(gradients(found), gradients(expected), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert gradients(price)[1].abs().max() > 1e-4


@pytest.mark.parametrize("kind", ["parameters", "macs", "latency"])
def test_the_objective_and_the_logits_have_the_price_of_the_configuration(kind, few):
    milliseconds = (np.arange(30.0).reshape(10, 3) + 1).tolist() if kind == "latency" else ()
    config = tiny.config(price=kind, parameter_price=0.0, milliseconds=milliseconds, front_share=0.0, paths=1)
    model, random = method_of(config), seeds.generator(0)
    torch.rand((), generator=random)  # whether S lies on the front
    S = penalties.sample(1, 3, config.corner_share, random)
    prices = S[:, None, :] * cost.relative_costs(kind, config.space, milliseconds)
    torch.testing.assert_close(model.hypernetwork(S), -prices, msg="worths start at 0")
    expected = cost.price_term(torch.softmax(-config.gain * prices, dim=-1), prices, config.space).mean()
    images = fashion_mnist.TASK.normalize(few.train.images[:32])
    found = model([Batch(images, few.train.labels[:32])], Step(1, 2, seeds.generator(0)))["price"]
    torch.testing.assert_close(found, expected)


def test_moving_average_is_what_comes_out_and_resumes(few, tmp_path):
    config = tiny.config(space=tiny.FEW_EDGES, epochs=2)
    last = train(config, few.train, tmp_path / "none").supernet.stem[0].weight
    config = dataclasses.replace(config, ema=0.9)
    averaged = train(config, few.train, tmp_path / "whole").supernet.stem[0].weight
    content = torch.load(tmp_path / "whole" / checkpoint.CHECKPOINT, weights_only=True)
    assert torch.equal(content["model"]["supernet.stem.0.weight"], last)
    torch.manual_seed(config.seed)
    first = method_of(config).supernet.stem[0].weight
    assert 0 < (averaged - last).norm() < 0.5 * (first - last).norm()
    train_until(8, config, few.train, tmp_path / "halves")
    resumed = train(config, few.train, tmp_path / "halves", resume=True).supernet.stem[0].weight
    assert torch.equal(resumed, averaged)


def test_log_columns(tiny_run):
    folder, _ = tiny_run
    rows = read_log(folder)
    assert list(rows[0]) == [
        *("step", "epoch", "loss", "cross_entropy", "price", "learning_rate"),
    ]
    assert [row["step"] for row in rows] == [0, 7]
    assert rows[0]["learning_rate"] == pytest.approx(tiny.config().learning_rate / 25), "of this step, not the next one"
    assert checkpoint.spent(folder).seconds > 0


def test_time_spent_adds_up_over_stops(few, tmp_path, monkeypatch):
    """A pause counts by the clock, but the processor rests in it."""
    clock, cpu = iter([100.0, 130.0, 500.0, 507.0]), iter([10.0, 50.0, 3.0, 5.0])
    watch = SimpleNamespace(perf_counter=lambda: next(clock), process_time=lambda: next(cpu))
    monkeypatch.setattr(run_module, "time", watch)
    save = run_module.save

    def stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        loop.search(tiny.config(epochs=1), few.train, tmp_path, checkpoint_every=4, progress_bar=False)
    assert checkpoint.spent(tmp_path) == (30.0, 40.0)
    monkeypatch.setattr(run_module, "save", save)
    loop.search(tiny.config(epochs=1), few.train, tmp_path, checkpoint_every=8, resume=True, progress_bar=False)
    assert checkpoint.spent(tmp_path) == (37.0, 42.0)


def test_every_image_at_most_once_per_epoch():
    config = tiny.config(train_images=250)
    steps = config.steps_per_epoch
    seen = [batches.batch_indices(config, step) for step in range(steps)]
    assert len(np.unique(np.concatenate(seen))) == steps * 32 == 224
    first, second = (batches.batch_indices(config, step) for step in (0, 7))
    assert not np.array_equal(first, second)


def test_generator_depends_on_the_whole_key():
    keys = list(itertools.product([0, 1, 2, 7, 2**32 - 1], repeat=3))
    draws = {tuple(torch.rand(4, generator=seeds.generator(*key)).tolist()) for key in keys}
    assert len(draws) == len(keys)
    first, second = (torch.rand(4, generator=seeds.generator(7, 2, 1)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_no_two_draws_of_a_run_share_their_generator(preset, few, tmp_path, monkeypatch):
    """Keys may differ and their generators not: numpy pads a short key with zeros."""
    made, kept = [], seeds.generator
    for module in (loop, simplex, published):
        monkeypatch.setattr(module, "generator", lambda *key: made.append(kept(*key)) or made[-1])
    train(tiny.config(preset, space=tiny.FEW_EDGES, epochs=1), few.train, tmp_path)
    seen = {random.initial_seed() for random in made}  # of 8 steps, and the front or the first values
    assert len(seen) == 9 and len(made) == (10 if preset == "default" else 9), "the front is drawn before and after"


# Resume


@pytest.mark.parametrize("preset", ["default", pytest.param("paper", marks=pytest.mark.slow)])
def test_two_epochs_and_two_more_equal_four(preset, few, tmp_path):
    config = tiny.config(preset)
    train(config, few.train, tmp_path / "whole")
    train_until(16, config, few.train, tmp_path / "halves")
    assert len(read_log(tmp_path / "halves")) == 16
    train(config, few.train, tmp_path / "halves", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "halves")


def test_checkpoint_within_an_epoch_resumes(few, tmp_path, monkeypatch):
    """Stopped by an exception in step 13: the checkpoint of step 10 is whole."""
    config = tiny.config(epochs=2)
    train(config, few.train, tmp_path / "whole")
    with monkeypatch.context() as patch:
        done = run_module.Run.done
        patch.setattr(run_module.Run, "done", lambda run, *rest: 1 / 0 if run.step == 13 else done(run, *rest))
        with pytest.raises(ZeroDivisionError):
            train(config, few.train, tmp_path / "broken", checkpoint_every=5)
    assert len(read_log(tmp_path / "broken")) == 10
    train(config, few.train, tmp_path / "broken", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_early_stop_adds_no_row_to_the_log(few, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "LOG_EVERY", 5)
    config = tiny.config(space=tiny.FEW_EDGES, epochs=2)
    train(config, few.train, tmp_path / "whole")
    train_until(8, config, few.train, tmp_path / "halves")
    assert [row["step"] for row in read_log(tmp_path / "halves")] == [0, 5]
    train(config, few.train, tmp_path / "halves", resume=True)
    assert [row["step"] for row in read_log(tmp_path / "halves")] == [0, 5, 10, 15]
    assert_same_run(tmp_path / "whole", tmp_path / "halves")


KILLED = """
import os, signal, sys, torch
sys.path.insert(0, sys.argv[1])
import tiny
from simplexnas.methods import simplex
from simplexnas.tasks import fashion_mnist
from simplexnas.training import loop, run
torch.set_num_threads(1)
run.LOG_EVERY = 1

def die_at_step_13(self, *rest, kept=run.Run.done):
    if self.step == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    kept(self, *rest)

def die_before_the_name_is_right(source, target, kept=os.replace):
    if os.path.basename(target) == "checkpoint.pt" and torch.load(source, weights_only=True)["step"] == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    kept(source, target)

if sys.argv[3] == "in a step":
    run.Run.done = die_at_step_13
else:
    os.replace = die_before_the_name_is_right
loop.search(tiny.config(), fashion_mnist.load().train, sys.argv[2], checkpoint_every=1, progress_bar=False)
"""


def run_script(text, tmp_path, *arguments, **options):
    script = tmp_path / "script.py"
    script.write_text(text)
    command = [sys.executable, script, ROOT / "tests", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["in a step", "while writing"])
def test_killed_process_resumes_from_a_whole_checkpoint(when, few, tmp_path):
    killed = run_script(KILLED, tmp_path, tmp_path / "killed", when)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    steps = 13 if when == "in a step" else 12
    assert torch.load(tmp_path / "killed" / checkpoint.CHECKPOINT, weights_only=True)["step"] == steps
    train(tiny.config(), few.train, tmp_path / "whole")
    train(tiny.config(), few.train, tmp_path / "killed", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


KILLED_OFTEN = """
import os, pathlib, random, signal, sys, time, torch
sys.path.insert(0, sys.argv[1])
import tiny
from simplexnas.methods import simplex
from simplexnas.space import cost
from simplexnas.tasks import fashion_mnist
from simplexnas.training import loop, run
torch.set_num_threads(1)
run.LOG_EVERY = 1
train = fashion_mnist.load().train
checkpoint = pathlib.Path(sys.argv[2], "checkpoint.pt")
cost.edge_parameters(tiny.SPACE)  # counted once, before the children
moments = random.Random(0)
steps, unit = [0], None
for _ in range(21):
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        options = {"checkpoint_every": 1, "resume": True, "progress_bar": False}
        loop.search(tiny.config(epochs=1000), train, checkpoint.parent, **options)
        os._exit(0)
    if unit is None:  # the first one tells how long this machine takes to a first checkpoint
        while not checkpoint.exists():
            time.sleep(0.005)
        unit = time.perf_counter() - started
    else:
        time.sleep(moments.uniform(0.1, 2.5) * unit)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the run ended before it was killed"
    steps.append(torch.load(checkpoint, weights_only=True)["step"])
assert steps == sorted(steps) and len(set(steps)) >= 5, steps
"""


@pytest.mark.slow
def test_killed_at_20_random_moments_the_checkpoint_is_whole_and_never_older(tmp_path):
    killed = run_script(KILLED_OFTEN, tmp_path, tmp_path / "killed")
    assert killed.returncode == 0, killed.stderr[-2000:]
    content = torch.load(tmp_path / "killed" / checkpoint.CHECKPOINT, weights_only=True)
    assert [row["step"] for row in content["log"]] == list(range(content["step"]))
    rows = [row["step"] for row in read_log(tmp_path / "killed")]  # written after the checkpoint: at most one behind
    assert content["step"] - len(rows) in (0, 1) and rows == list(range(len(rows)))


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import tiny
from simplexnas.methods import simplex
from simplexnas.tasks import fashion_mnist
from simplexnas.training import loop, run
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    loop.search(tiny.config(), fashion_mnist.load().train, sys.argv[2], resume=True, progress_bar=False)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
def test_full_disk_is_one_line_and_leaves_the_last_checkpoint(few, tmp_path):
    config = tiny.config()
    train_until(16, config, few.train, tmp_path / "run")
    before = (tmp_path / "run" / checkpoint.CHECKPOINT).read_bytes()
    done = run_script(FULL_DISK, tmp_path, tmp_path / "run")
    assert done.stdout.startswith("SimplexNASError ") and "checkpoint.pt cannot be written" in done.stdout, done
    assert done.stdout.count("\n") == 1
    assert (tmp_path / "run" / checkpoint.CHECKPOINT).read_bytes() == before
    assert not list((tmp_path / "run").glob("*.tmp"))
    train(config, few.train, tmp_path / "run", resume=True)


TWO_PROCESSES = """
import json, sys, torch
sys.path.insert(0, sys.argv[1])
import tiny
from simplexnas.tasks import fashion_mnist
from simplexnas.training import loop, run
run.LOG_EVERY = 1
torch.set_num_threads(1)
fabric = loop.make_fabric("cpu", devices=2)
model = loop.search(
    tiny.config(**json.loads(sys.argv[3])),
    fashion_mnist.load().train, sys.argv[2], fabric=fabric, resume=True, progress_bar=False
)
torch.save(model.state_dict(), f"{sys.argv[2]}/{fabric.global_rank} of {fabric.world_size}.pt")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"front_share": 0.5}, {"random_share": 1.0}],
    ids=lambda changes: next(iter(changes)),
)
def test_two_processes_train_as_one_does(changes, splits, tmp_path):
    changes = {"epochs": 1, "paths": 4} | changes
    one = train(tiny.config(**changes), splits.train, tmp_path / "one")
    done = run_script(TWO_PROCESSES, tmp_path, tmp_path / "two", json.dumps(changes))
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (torch.load(tmp_path / "two" / f"{rank} of 2.pt", weights_only=True) for rank in (0, 1))
    for name, weight in one.state_dict().items():
        if (
            "running" in name or "num_batches" in name
        ):  # of batch normalisation, which are re-estimated for each network
            continue
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name].float(), weight.float(), atol=3e-3), f"{name} is more than rounding away"
    for ours, theirs in zip(read_log(tmp_path / "two"), read_log(tmp_path / "one"), strict=True):
        del ours["loss"], theirs["loss"]  # a process logs the loss of its own paths
        assert ours == pytest.approx(theirs, rel=1e-2)


@pytest.mark.slow
def test_two_processes_go_on_where_one_stopped(splits, tmp_path):
    changes = {"epochs": 1, "paths": 4}
    train_until(4, tiny.config(**changes), splits.train, tmp_path)
    done = run_script(TWO_PROCESSES, tmp_path, tmp_path, json.dumps(changes))
    assert done.returncode == 0, done.stderr[-2000:]
    assert torch.load(tmp_path / checkpoint.CHECKPOINT, weights_only=True)["step"] == 8


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, [1, 2]),
        ({"paths": 8}, [1, 2, 4, 8]),
        ({"paths": 1, "epochs": 8}, [1]),
    ],
)
def test_processes_share_out_the_paths(changes, allowed):
    assert loop.allowed_processes(tiny.config(**changes)) == allowed


def test_more_processes_than_paths_are_refused(few, tmp_path):
    fabric = SimpleNamespace(global_rank=0, world_size=3)
    with pytest.raises(SimplexNASError, match=r"^3 processes; allowed, to share out the paths: 1, 2$"):
        train(tiny.config(), few.train, tmp_path, fabric=fabric)


# Refusals


def test_existing_run_is_not_overwritten(few, tmp_path):
    train(tiny.config(epochs=1), few.train, tmp_path)
    refused("exists; go on with --resume", tiny.config(epochs=1), few.train, tmp_path)
    other = tiny.config(epochs=1, flip=False, seed=5)
    refused("made with flip = True, seed = 0; this run asks for flip = False, seed = 5", other, few.train, tmp_path)


def test_resume_of_nothing_starts(few, tmp_path):
    train(tiny.config(epochs=1), few.train, tmp_path, resume=True)
    assert (tmp_path / checkpoint.CHECKPOINT).exists()


def test_resume_with_another_config(few, tmp_path):
    train_until(8, tiny.config(), few.train, tmp_path)
    asked = tiny.config(seed=1, gain=40.0)
    refused("gain = 400.0, seed = 0; this run asks for gain = 40.0, seed = 1", asked, few.train, tmp_path, resume=True)
    refused("epochs = 4", tiny.config(epochs=5), few.train, tmp_path, resume=True)
    message = "made with channels = 4, nodes = 2; this run asks for channels = 2, nodes = 1"
    refused(message, tiny.config(space=tiny.FEW_EDGES), few.train, tmp_path, resume=True)


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "foreign", "old version"])
def test_damaged_or_foreign_checkpoint(damage, few, tiny_run, tmp_path):
    source, target = tiny_run[0] / checkpoint.CHECKPOINT, tmp_path / checkpoint.CHECKPOINT
    whole, content = source.read_bytes(), torch.load(source, weights_only=True)
    if damage == "foreign":
        torch.save({"weights": torch.zeros(3)}, target)
    elif damage == "old version":
        torch.save(content | {"version": 0}, target)
    else:
        target.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "text": b"checkpoint"}[damage])
    refused(rf"{checkpoint.CHECKPOINT} ", tiny.config(epochs=1), few.train, tmp_path, resume=True)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (31, "^batch_size = 32; allowed: up to 31, train_images$"),
        (601, "^train_images = 601; allowed: up to 600, as many as there are$"),
    ],
)
def test_too_few_images(images, message, few, tmp_path):
    refused(message, tiny.config(train_images=images), few.train, tmp_path)


def test_unwritable_run_is_known_before_the_training(few, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(batches, "make_batch", None)
    refused("checkpoint.pt cannot be written", tiny.config(), few.train, tmp_path / "file" / "run")


def test_diverging_loss_is_one_line(few, tmp_path):
    refused(
        "lower learning_rate",
        tiny.config("paper", space=tiny.FEW_EDGES, epochs=1, learning_rate=1e20),
        few.train,
        tmp_path,
    )
    assert not (tmp_path / checkpoint.CHECKPOINT).exists()


def test_diverged_run_keeps_its_last_good_checkpoint(few, tmp_path, monkeypatch):
    config = tiny.config(space=tiny.FEW_EDGES, epochs=1)
    train(config, few.train, tmp_path / "whole")
    losses, kept = [], objective.cross_entropy

    def nan_from_step_3(logits, labels):
        losses.append(kept(logits, labels))
        return losses[-1] * (1 if len(losses) <= 3 * config.paths else float("nan"))

    with monkeypatch.context() as patch:
        patch.setattr(objective, "cross_entropy", nan_from_step_3)
        refused("the loss is nan at step 4", config, few.train, tmp_path / "broken", checkpoint_every=2)
    step, steps = loop.Optimizers.step, []

    def broken_in_the_second_step(self):
        step(self)
        steps.append(0)
        if len(steps) == 2:
            self.optimizers["adamw"].param_groups[0]["params"][0].data.fill_(torch.inf)

    with monkeypatch.context() as patch:  # the loss of step 4 is still finite
        patch.setattr(loop.Optimizers, "step", broken_in_the_second_step)
        refused(
            "is no longer finite at step 4", config, few.train, tmp_path / "broken", checkpoint_every=2, resume=True
        )
    content = torch.load(tmp_path / "broken" / checkpoint.CHECKPOINT, weights_only=True)
    assert content["step"] == 2 and all(t.isfinite().all() for t in content["model"].values())
    train(config, few.train, tmp_path / "broken", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize(("accelerator", "devices"), [("foo", 1), ("foo", 2), ("tpu", 1)])
def test_bad_accelerator_is_one_line(accelerator, devices):
    with pytest.raises(SimplexNASError, match=f"accelerator = '{accelerator}', devices = {devices}: ") as error:
        loop.make_fabric(accelerator, devices)
    assert len(str(error.value).splitlines()) == 1
