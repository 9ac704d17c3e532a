"""Names of processors, which name the latency tables, and the commit."""

import re

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


def test_the_commit_is_named_where_there_is_one(tmp_path, monkeypatch):
    assert provenance.REVISION is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", provenance.REVISION)
    monkeypatch.setattr(provenance, "CLONE", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance._revision() is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    provenance.subprocess.run([*git, "init", "--quiet"], check=True)
    provenance.subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=a"], check=True)
    assert re.fullmatch(r"[0-9a-f]{40}", provenance._revision())
