"""Whole files or none: atomic writing, and reading JSON with one clear line when it is damaged."""

import contextlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from simplexnas.io.errors import SimplexNASError
from simplexnas.io.paths import relative


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write under a temporary name, then rename: a reader never sees half a file. Returns the path.

    A symbolic link stays, and the file that it names is written. A path that cannot be written, or that names a pipe,
    a device or a standard stream, raises `SimplexNASError` that names it.
    """
    return _write(Path(path), content, os.replace)


def write_new(path: Path, content: str | bytes, hint: str) -> Path:
    """The same for a file that must not be there yet: one that was made meanwhile stays as it is.

    hint: what to do then, for the message of the `SimplexNASError`.
    """

    def link(temporary: Path, path: Path) -> None:
        try:
            os.link(temporary, path)  # unlike a rename it fails where there is a file
        except FileExistsError:
            raise SimplexNASError(f"{relative(path)} exists; {hint}") from None

    return _write(Path(path), content, link)


def _write(path: Path, content: str | bytes, place: Callable[[Path, Path], None]) -> Path:
    target = _target(path)
    temporary = target.with_name(f"{target.name}.tmp{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
        place(temporary, target)
    except OSError as error:
        raise SimplexNASError(f"{path} cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def check_new(path: Path, hint: str) -> None:
    """Raise `SimplexNASError` if there is a file of this name, or none could be made: to know before it is measured."""
    if os.path.lexists(path):
        raise SimplexNASError(f"{relative(path)} exists; {hint}")
    check_writable(path)


def check_writable(path: Path) -> None:
    """Raise `SimplexNASError` if a file or folder of this name could not be made: to know before hours of work."""
    parent = _target(path).parent
    while not os.path.exists(parent):
        parent = parent.parent
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise SimplexNASError(f"{path} cannot be written ({parent} is not a folder that can be written to)")


def _target(path: Path) -> Path:
    """The file that a path names, through symbolic links; `SimplexNASError` if something else stands there.

    A rename would put a file in the place of a pipe or a device. Behind /dev/stdout may be a file, to which the rest of
    the output would be lost.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Path(os.path.realpath(path))
    except OSError as error:
        raise SimplexNASError(f"{path} cannot be written ({error.strerror})") from None
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise SimplexNASError(f"{path} cannot be written (it is no regular file); give the name of a file")
    if _is_standard_stream(found):
        raise SimplexNASError(f"{path} cannot be written (messages go there); give the name of another file")
    return Path(os.path.realpath(path))


def _is_standard_stream(found: os.stat_result) -> bool:
    for number in (1, 2):
        with contextlib.suppress(OSError):  # closed
            if os.path.samestat(found, os.fstat(number)):
                return True
    return False


def claim(lock: Path, what: str) -> AbstractContextManager:
    """Own a piece of work until the end of a `with` block, or of this process, however it ends.

    lock: the claim's file. what: the work, for the message. Raises `SimplexNASError` if another process owns it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    owner = FileLock(lock)
    try:
        return owner.acquire(timeout=0)
    except Timeout:
        raise SimplexNASError(f"{what} is being made by another process; wait for it, or stop it") from None


def check_format(content: Mapping, name: str, version: int, source: Path | str) -> None:
    """Raise `SimplexNASError` that names `source` unless the content says that it is of this format and version."""
    found = content.get("format"), content.get("version")
    if found != (name, version):
        raise SimplexNASError(
            f"{source}: expected format {name!r} version {version}, not {found[0]!r} version {found[1]!r}"
        )


def read_json(path: Path) -> dict:
    """Read a JSON object; a missing or damaged file raises `SimplexNASError` that names it."""
    try:
        content = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise SimplexNASError(f"{path} does not exist") from None
    except OSError as error:
        raise SimplexNASError(f"{path} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SimplexNASError(f"{path} is not a JSON file ({error})") from None
    if not isinstance(content, dict):
        raise SimplexNASError(f"{path} holds a JSON {type(content).__name__}; expected an object")
    return content
