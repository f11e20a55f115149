"""How each tool is started for a task; what it costs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.transfer.work import BUCKET, End, Work, file_of

_PEERS = Path(__file__).with_name("peers.txt")
_COSTING = Path(__file__).with_name("costing.py")
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cost:
    """What a run took.

    Attributes:
        wall_s: From start to exit of the process.
        cpu_s: User and system, of the process and its children.
        peak_bytes: The largest resident set of any one process.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


@dataclass(frozen=True)
class Failure:
    """That a run did not do what it should.

    Attributes:
        why: In a line.
    """

    why: str


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: In the table.
        operations: What it can do.
        command: Made from the Python to use, the task and the task's file.
        note: What it does less, or more, than the others.
    """

    name: str
    operations: tuple[str, ...]
    command: Callable[[Path, Work, Path], list[str]]
    note: str = ""


def make_peers(directory: Path) -> Path:
    """Install the other tools into a virtual environment, once; its Python."""
    python = directory / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", _PEERS], check=True)
    return python


def run(command: list[str], environment: Mapping[str, str], log: Path, patience_s: float) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed; the text is the end of what it said.
        TimeoutExpired: It took longer than `patience_s`; it was killed.
    """
    costing = [sys.executable, "-IS", str(_COSTING), str(log), *command]
    done = subprocess.run(
        costing, cwd=_ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=patience_s, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-500:] + log.read_text(errors="replace")[-1500:])
    return Cost(**json.loads(done.stdout))


def environment_of(work: Work, bundle: Path) -> dict[str, str]:
    """Both ends for the tools that read their settings from the environment.

    Args:
        work: The task.
        bundle: A file with the certificate authorities of both ends.
    """
    return {
        **_rclone_remote("FROM", work.source),
        **_rclone_remote("TO", work.target),
        "RCLONE_CA_CERT": str(bundle),
        "RCLONE_CONFIG": "/dev/null",
        "AWS_CA_BUNDLE": str(bundle),
        "AWS_ACCESS_KEY_ID": work.source.access_key,
        "AWS_SECRET_ACCESS_KEY": work.source.secret_key,
        "AWS_REGION": "us-east-1",
        "PYTHONPATH": f"{_ROOT}:{_ROOT / 'src'}",
    }


def _rclone_remote(name: str, end: End) -> dict[str, str]:
    settings = {
        "TYPE": "s3", "PROVIDER": "Ceph", "ENDPOINT": end.url,
        "ACCESS_KEY_ID": end.access_key, "SECRET_ACCESS_KEY": end.secret_key,
    }  # fmt: skip
    return {f"RCLONE_CONFIG_{name}_{key}": value for key, value in settings.items()}


def _script(name: str) -> Callable[[Path, Work, Path], list[str]]:
    def command(python: Path, _work: Work, task: Path) -> list[str]:
        return [str(python), "-m", f"benchmarks.transfer.peers.{name}", str(task)]

    return command


def _poya(_python: Path, _work: Work, task: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.transfer.peers.with_poya", str(task)]


def _rclone(python: Path, work: Work, task: Path) -> list[str]:
    names = task.with_suffix(".keys")
    names.write_text("".join(f"{key}\n" for key in work.keys))
    ends = {
        "copy": (f"from:{BUCKET}", f"to:{BUCKET}"),
        "down": (f"from:{BUCKET}", work.directory),
        "up": (work.directory, f"to:{BUCKET}"),
    }[work.operation]
    part, streams = f"{work.part_bytes}B", str(work.streams)
    return [
        str(python.with_name("rclone")), "copy", *ends, "--files-from", str(names),
        "--ignore-times", "--transfers", "4", "--s3-chunk-size", part,
        "--s3-upload-cutoff", part, "--s3-upload-concurrency", streams,
        "--multi-thread-streams", streams, "--multi-thread-cutoff", part,
        "--multi-thread-chunk-size", part, "--s3-disable-checksum", "--s3-no-check-bucket",
    ]  # fmt: skip


def _s5cmd(python: Path, work: Work, _task: Path) -> list[str]:
    s5cmd = str(python.with_name("s5cmd"))
    how = f"-c {work.streams} -p {work.part_bytes // 1024**2}"
    lines = []
    for key in work.keys:
        file, thing = shlex.quote(str(file_of(work, key))), f"s3://{BUCKET}/{key}"
        down = f"{s5cmd} --endpoint-url {work.source.url}"
        up = f"{s5cmd} --endpoint-url {work.target.url}"
        lines.append(
            {
                "copy": f"{down} cat {how} {thing} | {up} pipe {how} {thing}",
                "down": f"{down} cp {how} {thing} {file}",
                "up": f"{up} cp {how} {file} {thing}",
            }[work.operation]
        )
    return ["bash", "-o", "pipefail", "-ec", "\n".join(lines)]


_ALL = ("copy", "down", "up")
TOOLS = (
    Tool("poya", _ALL, _poya, "equal etag, read back; copy, down: md5 of the whole too"),
    Tool("rclone", _ALL, _rclone, "no md5 of the whole"),
    Tool("s5cmd", _ALL, _s5cmd, "no md5 of the whole; a copy is cat | pipe"),
    Tool("boto3", _ALL, _script("with_boto3"), "copy: md5 of the whole; files: none"),
    Tool("obstore", _ALL, _script("with_obstore"), "copy: md5 of the whole; files: none"),
    Tool("like manta", _ALL, _script("like_manta"), "manta's structure re-created with boto3"),
)
