"""Write to the disk: replace a file or folder whole, lock a folder, and turn what the system refuses into a message."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simlib.messages import Message, UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

MARK = ".~"  # no store id and no name that a command accepts holds a dot
STAGING, FORMER, LOCK = f"{MARK}new-", f"{MARK}former", f"{MARK}lock"

# What the system refuses, and the message that names the way out.
REASONS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "read_only",
    errno.EACCES: "not_allowed",
    errno.EPERM: "not_allowed",
    errno.ENAMETOOLONG: "name_too_long",
    errno.ENOTDIR: "file_for_folder",
    errno.EEXIST: "file_for_folder",
    errno.EISDIR: "folder_for_file",
    errno.ENOENT: "gone",
    errno.EMFILE: "too_many_open",
    errno.ENFILE: "too_many_open",
    errno.EBUSY: "in_use",
    errno.ETXTBSY: "in_use",
}


class FolderLockedError(UserError):
    """A folder is being written by another process."""


# --- what the outside world refuses -----------------------------------------------------------------------


def explain(error: OSError) -> UserError:
    """Return the message for an error of the system: which file, why, and what to do next.

    Examples
    --------
    >>> print(explain(OSError(errno.ENOSPC, "No space left on device", "out/report.html")).text("en"))
    out/report.html cannot be written: the disk is full. Free some space and run the command again.
    """
    paths = [os.fsdecode(path) for path in (error.filename, error.filename2) if isinstance(path, str | bytes)]
    path: object = paths[-1] if paths else Message("files.somewhere")
    key = REASONS.get(error.errno or 0, "other")
    if key == "other":
        return UserError(Message("files.other", path=path, reason=error.strerror or type(error).__name__))
    return UserError(Message(f"files.{key}", path=path))


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of the system into a :class:`UserError` in which the user reads what to do.

    Examples
    --------
    >>> try:
    ...     with explained():
    ...         _ = Path("nowhere.txt").read_text()
    ... except UserError as error:
    ...     print(error.text("en"))
    nowhere.txt does not exist, or was moved away just now. Check the path and run the command again.
    """
    try:
        yield
    except OSError as error:
        raise explain(error) from error


# --- one file, one folder, whole or not at all ------------------------------------------------------------


@contextmanager
def replace_file(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, and move the file there once it is written without an error.

    The data is on the disk before the name changes, so a crash leaves the old file or the new one.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made where it is missing.
    mode : int
        Permissions of the file.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.txt"
    ...     with replace_file(path) as staging:
    ...         _ = staging.write_text("whole")
    ...     path.read_text(), len(list(Path(folder).iterdir()))
    ('whole', 1)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:80]}{STAGING}", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    staging = Path(name)
    try:
        yield staging
        with staging.open("rb+") as file:
            os.fsync(file.fileno())
        staging.chmod(mode)
        os.replace(staging, path)
    finally:
        staging.unlink(missing_ok=True)


def write_file(path: Path, data: str | bytes, *, mode: int = 0o644) -> Path:
    """Replace a file by ``data`` (text as UTF-8 with plain line ends), whole or not at all, and return its path."""
    with replace_file(path, mode=mode) as staging:
        staging.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@contextmanager
def replace_folder(place: Path, *, keep: Collection[str] = ()) -> Iterator[Path]:
    """Yield an empty folder beside ``place``, and put it there once it is filled without an error.

    A run that fails or is killed leaves the last folder as it was. The caller holds the folder's lock, so what an
    earlier run left behind is removed first.

    Parameters
    ----------
    place : Path
        The folder to replace or to make.
    keep : collection of str
        Subfolders of the old folder that stay: what people made, not what a run made.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    restore_folder(place, keep=keep)
    sweep_leftovers(place)
    staging = Path(tempfile.mkdtemp(prefix=f".{place.name}{STAGING}", dir=place.parent))
    try:
        yield staging
        staging.chmod(0o755)
        _swap(staging, place, keep=keep)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, place: Path, *, keep: Collection[str]) -> None:
    """Put the new folder in the old one's place; the old one goes only when the new one stands."""
    try:
        if place.exists():
            os.replace(place, _former(place))
        os.replace(staging, place)
    finally:
        restore_folder(place, keep=keep)


def restore_folder(place: Path, *, keep: Collection[str] = ()) -> None:
    """Complete a swap that was cut short: the new folder with what is kept of the old one, else the old one."""
    former = _former(place)
    if not former.exists():
        return
    if not place.exists():
        os.replace(former, place)
        return
    for name in keep:
        for kept in sorted((former / name).glob("*")):
            goal = place / name / kept.name
            goal.parent.mkdir(exist_ok=True)
            while goal.exists():  # made while the swap was open
                goal = goal.with_name(f"{goal.name}-former")
            os.replace(kept, goal)
    shutil.rmtree(former)


def sweep_leftovers(place: Path) -> list[Path]:
    """Remove what killed runs left beside ``place``, and return it; call it under the folder's lock."""
    found = [path for path in place.parent.glob(f".{_escaped(place.name)}{STAGING}*") if path.is_dir()]
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return found


def _former(place: Path) -> Path:
    return place.with_name(f".{place.name}{FORMER}")


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


# --- one writer at a time ---------------------------------------------------------------------------------


@contextmanager
def lock_folder(place: Path) -> Iterator[None]:
    """Hold the right to write ``place``, for as long as this process lives at most.

    The lock is the system's own on a file beside the folder: it goes with the process that holds it, so a killed
    run locks nobody out.

    Raises
    ------
    FolderLockedError
        Another process writes there; the message names it.
    """
    path = place.with_name(f".{place.name}{LOCK}")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _take_lock(path, place)
    try:
        os.truncate(handle, 0)
        os.write(handle, f"{os.getpid()} {socket.gethostname()}".encode())
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file; the next holder takes it as it is
            path.unlink()
        os.close(handle)


def is_locked(place: Path) -> bool:
    """Return whether another process, or another part of this one, writes ``place``."""
    if not place.with_name(f".{place.name}{LOCK}").exists():
        return False
    try:
        with lock_folder(place):
            return False
    except FolderLockedError:
        return True


def _take_lock(path: Path, place: Path) -> int:
    """Open and lock a file that is still the one of that name when it is locked."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            holder = os.read(handle, 200).decode(errors="replace").partition(" ")
            os.close(handle)
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise
            message = Message("files.locked", folder=place, process=holder[0] or "?", host=holder[2] or "?")
            raise FolderLockedError(message) from None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # its holder removed it meanwhile
