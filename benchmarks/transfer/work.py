"""What a tool is asked to do: read by the scripts in `peers/` from a JSON file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

BUCKET = "boot-images"


@dataclass(frozen=True)
class End:
    """One side.

    Attributes:
        url: Its S3.
        ca: The certificate authority's file.
    """

    url: str
    ca: str
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Known:
    """What a site's manifest (md5) and a bundle's index (all of it) say of an object.

    Attributes:
        part_size_bytes: How it is cut, as boto3 cuts.
    """

    size_bytes: int
    md5: str
    etag: str
    part_size_bytes: int


@dataclass(frozen=True)
class Work:
    """One task.

    Attributes:
        operation: `copy` from source to target, `down` to the directory, or `up` from it.
        keys: The objects, and the files in the directory.
        streams: How many requests at once the tool may make, each way.
        known: What is recorded of each object, for tools that compare.
        part_bytes: How the tool cuts, if it must be told.
    """

    operation: str
    source: End
    target: End
    keys: tuple[str, ...]
    directory: str
    streams: int = 8
    known: Mapping[str, Known] = field(default_factory=dict)
    part_bytes: int = 16 * 1024 * 1024

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @property
    def end(self) -> End:
        """The one side of `up` or `down`."""
        return self.target if self.operation == "up" else self.source


def read_work() -> Work:
    """The task that the script's first argument names."""
    value = json.loads(Path(sys.argv[1]).read_text())
    source, target = End(**value.pop("source")), End(**value.pop("target"))
    value["known"] = {key: Known(**known) for key, known in value["known"].items()}
    return Work(source=source, target=target, **{**value, "keys": tuple(value["keys"])})


def file_of(work: Work, key: str) -> Path:
    return Path(work.directory) / key
