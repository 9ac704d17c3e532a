"""Whole files or none."""

import errno
import os
from pathlib import Path

import pytest

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.files import check_format, check_writable, read_json, write_atomically


@pytest.mark.parametrize("content", ["α\n", b"\x00\xff"])
def test_write(content, tmp_path):
    path = write_atomically(tmp_path / "new" / "folder" / "file", content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert list(path.parent.iterdir()) == [path], "no temporary file stays"


def test_interrupted_write_keeps_the_old_content(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "file", "old")

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_full_disk_is_one_line_and_keeps_the_old_content(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "file", "old")

    def half(self, content, write=Path.write_bytes):
        write(self, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(SimplexNASError, match=r"file cannot be written \(No space left on device\)"):
        write_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["folder", "file/below"])
def test_path_that_cannot_be_written_is_one_line(place, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(SimplexNASError, match=rf"{place} cannot be written \(") as error:
        write_atomically(tmp_path / place, "new")
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"], "no temporary file stays"


@pytest.mark.parametrize("refuse", [check_writable, lambda path: write_atomically(path, "new")])
def test_pipes_devices_and_streams_are_refused_and_stay(refuse, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "circle").symlink_to("circle")
    for name, reason in (("pipe", "regular"), ("link", "regular"), ("circle", "levels of symbolic links")):
        with pytest.raises(SimplexNASError, match=rf"{name} cannot be written \(.*{reason}") as error:
            refuse(tmp_path / name)
        assert "\n" not in str(error.value)
    assert (tmp_path / "pipe").is_fifo() and all((tmp_path / name).is_symlink() for name in ("link", "circle"))


@pytest.mark.parametrize("refuse", [check_writable, lambda path: write_atomically(path, "new")])
def test_the_file_behind_standard_output_is_not_replaced(refuse, tmp_path, capfd):
    shown, link = tmp_path / "shown", tmp_path / "link"
    link.symlink_to("/proc/self/fd/1")  # as /dev/stdout, which root could lose here
    before = os.dup(1)
    try:
        with shown.open("w") as file:
            os.dup2(file.fileno(), 1)
        for path in (shown, link):
            with pytest.raises(SimplexNASError, match="messages go there"):
                refuse(path)
    finally:
        os.dup2(before, 1)
        os.close(before)
    assert shown.read_text() == ""


@pytest.mark.parametrize("there", [True, False])
def test_symbolic_link_stays_and_its_file_is_written(there, tmp_path):
    target, link = tmp_path / "folder" / "file", tmp_path / "link"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    link.symlink_to("folder/file")
    check_writable(link)
    assert write_atomically(link, "new") == link
    assert link.is_symlink() and target.read_text() == "new" and list(target.parent.iterdir()) == [target]


def test_read_json(tmp_path):
    assert read_json(write_atomically(tmp_path / "file", '{"a": 1}')) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not a JSON file"),
        (b"\xff", "not a JSON file"),
        (b"[1]", "JSON list; expected an object"),
        (None, "does not exist"),
    ],
)
def test_bad_json_is_one_line_that_names_the_file(content, reason, tmp_path):
    path = tmp_path / "file.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SimplexNASError, match=reason) as error:
        read_json(path)
    assert "file.json" in str(error.value) and "\n" not in str(error.value)


def test_folder_instead_of_a_json_file_is_one_line(tmp_path):
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(SimplexNASError, match=r"folder\.json cannot be read") as error:
        read_json(tmp_path / "folder.json")
    assert "\n" not in str(error.value)


def test_format_and_version_are_named():
    check_format({"format": "a", "version": 2, "more": 0}, "a", 2, "file")
    for content, found in (({"format": "a", "version": 1}, "'a' version 1"), ({}, "None version None")):
        with pytest.raises(SimplexNASError, match=f"file: expected format 'a' version 2, not {found}"):
            check_format(content, "a", 2, "file")
