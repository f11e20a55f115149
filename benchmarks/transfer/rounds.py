"""Rounds of tools, one after the other: each does the task, and what arrived is looked at."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.transfer.tools import Cost, Failure, Tool, environment_of, run
from benchmarks.transfer.work import BUCKET, End, Known, Work, file_of
from poya import transfer
from poya.errors import NotFound

MIB = 1024 * 1024
# As IMS stores images: boto3's usual cut.
_SOURCE_PART_BYTES = 8 * MIB


class Bench:
    """Two sites, and what tools bring from one to the other.

    Args:
        directory: For files; what is in it is in the way.
        python: Of the environment that the other tools are installed in.
        ends: The source and the target.
        patience_s: What one tool may take.
    """

    def __init__(
        self, directory: Path, python: Path, ends: tuple[End, End], patience_s: float = 1800.0
    ) -> None:
        self._directory, self._python, self._patience_s = directory, python, patience_s
        self._source, self._target = ends
        self._known: dict[str, Known] = {}
        self._checked: set[tuple[str, str]] = set()
        self._stores = (store_at(ends[0]), store_at(ends[1]))
        self._bundle = directory / "both.pem"
        self._bundle.write_text("".join(Path(end.ca).read_text() for end in ends))

    def close(self) -> None:
        """Let go of both sites."""
        for store in self._stores:
            store.close()

    @property
    def size_bytes(self) -> int:
        """Of all objects."""
        return sum(known.size_bytes for known in self._known.values())

    def seed(self, objects: int, size_mib: int) -> None:
        """Put objects of random bytes at the source, and the same into files."""
        for key in (f"image{number}/rootfs" for number in range(objects)):
            file = self._directory / "seed" / key
            file.parent.mkdir(parents=True)
            md5 = _write_random(file, size_mib)
            # An etag of that many parts makes the engine cut as IMS does.
            size_bytes = size_mib * MIB
            parts = -(-size_bytes // _SOURCE_PART_BYTES)
            target = transfer.ObjectTarget(self._stores[0], transfer.ObjectPlace(BUCKET, key))
            cut = transfer.Expected(etag=f"{'0' * 32}-{parts}", md5=md5)
            job = transfer.Job(key, transfer.FileSource(file), target, cut)
            [result] = transfer.copy([job])
            self._known[key] = Known(size_bytes, md5, result.etag, _SOURCE_PART_BYTES)

    def rounds(
        self, tools: Sequence[Tool], operation: str, count: int, streams: int = 8
    ) -> Mapping[str, Sequence[Cost | Failure]]:
        """Let each tool do it once, then each again; one that fails is told, and stops nobody."""
        outcomes: dict[str, list[Cost | Failure]] = defaultdict(list)
        for _ in range(count):
            for tool in tools:
                outcomes[tool.name].append(self._one(tool, operation, streams))
        return outcomes

    def _one(self, tool: Tool, operation: str, streams: int) -> Cost | Failure:
        files = self._directory / ("seed" if operation == "up" else "files")
        work = Work(
            operation, self._source, self._target, tuple(self._known), str(files), streams,
            self._known,
        )  # fmt: skip
        for key in work.keys:
            file_of(work, key).parent.mkdir(parents=True, exist_ok=True)
        task = self._directory / "task.json"
        work.write(task)
        command = tool.command(self._python, work, task)
        log = self._directory / "tool.log"
        try:
            cost = run(command, environment_of(work, self._bundle), log, self._patience_s)
            self._check(tool, work)
        except subprocess.TimeoutExpired:
            return Failure(f"not done in {self._patience_s:g} s")
        except (RuntimeError, OSError, NotFound) as error:
            return Failure((str(error).strip().splitlines() or ["without a word"])[-1])
        finally:
            self._make_room(work)
        return cost

    def _check(self, tool: Tool, work: Work) -> None:
        """Once a tool and operation: is what arrived what was sent?"""
        if (tool.name, work.operation) in self._checked:
            return
        for key, known in self._known.items():
            if work.operation == "down":
                arrived = _md5_of_file(file_of(work, key))
            else:
                arrived = _md5_of_object(self._stores[1], transfer.ObjectPlace(BUCKET, key))
            if arrived != known.md5:
                raise RuntimeError(f"{key} arrived damaged")
        self._checked.add((tool.name, work.operation))

    def _make_room(self, work: Work) -> None:
        shutil.rmtree(self._directory / "files", ignore_errors=True)
        if work.operation != "down":
            for key in work.keys:
                self._stores[1].delete(transfer.ObjectPlace(BUCKET, key))


def store_at(end: End) -> transfer.S3Store:
    """poya's client for a side."""
    keys = transfer.Credentials(end.access_key, end.secret_key)
    return transfer.S3Store(transfer.S3Config("bench", end.url, Path(end.ca)), lambda: keys)


def _write_random(path: Path, size_mib: int) -> str:
    whole = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        for _ in range(size_mib):
            piece = os.urandom(MIB)
            whole.update(piece)
            file.write(piece)
    return whole.hexdigest()


def _md5_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _md5_of_object(store: transfer.S3Store, place: transfer.ObjectPlace) -> str:
    whole, size_bytes = hashlib.md5(usedforsecurity=False), store.head(place).size_bytes
    buffer = memoryview(bytearray(8 * MIB))
    for start in range(0, size_bytes, len(buffer)):
        piece = buffer[: min(len(buffer), size_bytes - start)]
        store.get_range(place, start, piece)
        whole.update(piece)
    return whole.hexdigest()
