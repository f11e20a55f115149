"""Survey and plan of a large vCluster between two large sites: `python -m benchmarks.planning`.

5,000 nodes, 10 templates, 20 images, between two emulated sites of 10,000 nodes each. Beside it,
in the same run, the least that any tool must do: fetch the same lists, one after the other, and
parse them. The sites run in this process, so what they take to answer is in both figures.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from poya.csm import Site
from poya.lab.pytest_plugin import LabPair, start_pair, stop_pair
from poya.lab.seed import records
from poya.lab.seed.bulk import add_nodes
from poya.lab.seed.images import Image, seed_image
from poya.lab.seed.sites import BootSetSeed, VClusterSeed
from poya.lab.state import tenant_key
from poya.settings import Settings, load_settings
from poya.site_config import site_config

SITE_NODES = 10_000
NODES = 5_000
TEMPLATES = 10
IMAGES = 20
ROUNDS = 3
LABEL = "large"
_KIBIBYTE = 1024
_REFUSED = 10
_GLANCE_S = 0.02
_NAMES = uuid.UUID("0f9a7a4e-6f0e-4b8e-9a53-6f3e1d3b2c11")

# What the plan reads of the source and of the target, as plain GETs.
_SOURCE = (
    "smd/hsm/v2/groups",
    "smd/hsm/v2/State/Components?type=Node",
    "bos/v2/sessiontemplates",
    "cfs/v3/configurations",
    "cfs/v3/components",
    "ims/v3/images",
    "bss/boot/v1/bootparameters",
)
_TARGET = (
    "smd/hsm/v2/groups",
    "smd/hsm/v2/State/Components?type=Node",
    "bos/v2/sessiontemplates",
    "cfs/v3/configurations",
    "ims/v3/images",
)

_PEER = """
import json, ssl, sys, urllib.request
for ca, url, token in json.loads(sys.argv[1]):
    context = ssl.create_default_context(cafile=ca)
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=context) as answer:
        json.loads(answer.read())
"""

_PURE = """
import sys, time
from pathlib import Path
from poya.model.intent import Intent
from poya.planning import make_plan
from poya.sites.saved import read_survey
here, there = (read_survey(Path(name)) for name in sys.argv[1:3])
started_s = time.perf_counter()
plan = make_plan(here.vcluster, there.inventory, Intent())
print(time.perf_counter() - started_s)
"""


@dataclass(frozen=True)
class Spent:
    """What a process took."""

    wall_s: float
    cpu_s: float
    most_mib: float
    out: str


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="poya-bench-") as directory:
        home = Path(directory)
        pair = start_pair(home / "lab", releases=("1.6", "1.6"))
        try:
            seed(pair)
            report(home, pair)
        finally:
            stop_pair(pair)


def seed(pair: LabPair) -> None:
    xnames: list[str] = []
    for site in (pair.alps, pair.prealps):
        xnames = add_nodes(site.ground, SITE_NODES)
    state, profile = pair.alps.ground.state, pair.alps.ground.profile
    members = tuple(xnames[:NODES])
    commits = {name: f"{n:040x}" for n, name in enumerate(records.branches(), 1)}
    domain = "alps.example.org"
    state.groups.put(LABEL, {"label": LABEL, "description": "", "members": {"ids": list(members)}})
    for number in range(TEMPLATES):
        images = [_image(number, which) for which in range(IMAGES // TEMPLATES)]
        etags = {}
        for image in images:
            record = seed_image(image, pair.alps.ground.objects, profile)
            state.images.put(image.id, record)
            etags[image.id] = record["link"]["etag"]
        vcluster = VClusterSeed(
            label=LABEL,
            description="",
            members=members,
            configuration=f"{LABEL}-config-{number}",
            template=f"{LABEL}-template-{number}",
            boot_sets=tuple(BootSetSeed(f"set{i}", image) for i, image in enumerate(images)),
        )
        template = records.template(vcluster, domain, etags, profile)
        configuration = records.configuration(vcluster, domain, commits, profile)
        state.templates.put(tenant_key(template["name"]), template)
        state.configurations.put(configuration["name"], configuration)


def _image(number: int, which: int) -> Image:
    name = f"{LABEL}-image-{number}-{which}"
    arch = "x86_64" if which else "aarch64"
    created = "2024-01-01T00:00:00.000001"
    return Image(str(uuid.uuid5(_NAMES, name)), name, arch, created, 256 * _KIBIBYTE)


def report(home: Path, pair: LabPair) -> None:
    environment = {**os.environ, "POYA_CONFIG": str(pair.config_path)}
    poya = [sys.executable, "-m", "poya"]
    between = [LABEL, "--from", "alps", "--to", "prealps"]
    plan, peer = [], []
    for _ in range(ROUNDS):
        plan.append(
            spend([*poya, "migrate", "plan", *between, "-o", str(home / "p")], environment)
        )
        peer.append(spend(_peer(pair), environment))
    for name, words in (("alps", [LABEL]), ("prealps", [])):
        spend([*poya, "survey", name, *words, "-o", str(home / name)], environment)
    pure = spend(
        [sys.executable, "-c", _PURE, str(home / "alps"), str(home / "prealps")], environment
    )
    best, floor = min(plan, key=_wall), min(peer, key=_wall)
    print(f"{NODES:,} nodes, {TEMPLATES} templates, {IMAGES} images; {SITE_NODES:,} nodes a site")
    for title, spent in (("survey and plan", best), ("the lists alone", floor)):
        figures = f"{spent.wall_s:6.2f} s  CPU {spent.cpu_s:6.2f} s  {spent.most_mib:6.0f} MiB"
        print(f"{title:17} {figures}")
    print(f"ratio             {best.wall_s / floor.wall_s:6.2f}")
    print(f"planning alone    {float(pure.out):6.2f} s")


def _wall(spent: Spent) -> float:
    return spent.wall_s


def _peer(pair: LabPair) -> list[str]:
    settings = load_settings(str(pair.config_path))
    urls = [
        (str(site.ca_path), f"{site.url}/apis/{path}", token)
        for site, paths in ((pair.alps, _SOURCE), (pair.prealps, _TARGET))
        for token in [asyncio.run(_token(settings, site.name))]
        for path in paths
    ]
    return [sys.executable, "-c", _PEER, json.dumps(urls)]


async def _token(settings: Settings, name: str) -> str:
    async with Site.connect(site_config(settings.site(name))) as site:
        token = await site.token()
        return token.reveal() if token else ""


def spend(command: list[str], environment: dict[str, str]) -> Spent:
    """Run a command to its end and answer what it alone took."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started_s = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        most_kib = 0
        while not (
            ended := os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        ):
            most_kib = max(most_kib, _most_kib(process.pid))
            time.sleep(_GLANCE_S)
        assert ended
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started_s
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode not in (0, _REFUSED):
            raise SystemExit(f"{command[:6]}: {process.returncode}\n{err.read()}")
        cpu_s = usage.ru_utime + usage.ru_stime
        return Spent(wall_s, cpu_s, most_kib / _KIBIBYTE, out.read())


def _most_kib(pid: int) -> int:
    """The most memory so far. Not `ru_maxrss`, which counts this process at the fork, too."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    words = status.partition("VmHWM:")[2].split()
    return int(words[0]) if words else 0


if __name__ == "__main__":
    main()
