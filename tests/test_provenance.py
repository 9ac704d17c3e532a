"""Names of processors, which name the latency tables, and the commit."""

import re
import subprocess

from simplexnas import latency
from simplexnas.io import provenance


def test_processors_have_names_of_their_own(tmp_path, monkeypatch):
    arm = "processor: 0\nCPU implementer\t: 0x41\nCPU variant: 0x3\nCPU part: 0xd0c\nCPU revision: 1\n\nprocessor: 1\n"
    monkeypatch.setattr(provenance.platform, "system", lambda: "Linux")
    monkeypatch.setattr(provenance, "Path", lambda _: tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(arm)
    assert latency.machine_name("torch") == "arm-implementer-0x41-part-0xd0c-variant-0x3-revision-1-cpu-1-thread"
    (tmp_path / "cpuinfo").unlink()
    assert provenance.processor() == (provenance.platform.processor() or provenance.platform.machine())
    monkeypatch.setattr(provenance.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(provenance.subprocess, "check_output", lambda *_, **__: "Apple M1\n")
    assert latency.machine_name(threads=2) == "apple-m1-cpu-2-threads-onnxruntime"


def git(folder, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_the_commit_is_that_of_the_clone_or_of_its_worktree(tmp_path, monkeypatch):
    assert provenance.REVISION is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", provenance.REVISION)
    clone, worktree = tmp_path / "clone", tmp_path / "worktree"
    clone.mkdir()
    monkeypatch.setattr(provenance, "CLONE", clone)
    git(clone, "init", "--quiet")
    assert provenance._revision() is None, "no commit yet"
    (clone / "file").touch()
    git(clone, "add", "file")
    git(clone, "commit", "--message=a")
    git(clone, "worktree", "add", str(worktree))
    commit = provenance._revision()
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    monkeypatch.setattr(provenance, "CLONE", worktree)
    assert provenance._revision() == commit
    (worktree / "file").write_text("changed")
    assert provenance._revision() == f"{commit}-dirty"


def test_the_commit_of_a_foreign_repository_is_not_named(tmp_path, monkeypatch):
    """A copy that was unpacked inside another repository, and code that lies in no clone at all."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--allow-empty", "--message=a")
    (tmp_path / "unpacked").mkdir()
    for place in (tmp_path / "unpacked", None):
        monkeypatch.setattr(provenance, "CLONE", place)
        assert provenance._revision() is None
