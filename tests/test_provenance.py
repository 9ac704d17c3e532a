"""Names of processors, which name the latency tables."""

from simplexnas import latency, provenance


def test_processors_have_names_of_their_own(tmp_path, monkeypatch):
    arm = "processor: 0\nCPU implementer\t: 0x41\nCPU variant: 0x3\nCPU part: 0xd0c\nCPU revision: 1\n\nprocessor: 1\n"
    monkeypatch.setattr(provenance.platform, "system", lambda: "Linux")
    monkeypatch.setattr(provenance, "Path", lambda _: tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(arm)
    assert latency.machine_name() == "arm-implementer-0x41-part-0xd0c-variant-0x3-revision-1-cpu-1-thread"
    (tmp_path / "cpuinfo").unlink()
    assert provenance.processor() == (provenance.platform.processor() or provenance.platform.machine())
    monkeypatch.setattr(provenance.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(provenance.subprocess, "check_output", lambda *_, **__: "Apple M1\n")
    assert latency.machine_name(threads=2) == "apple-m1-cpu-2-threads"
