# SPDX-License-Identifier: Apache-2.0
"""Hold the lab against the official specifications: `make test-specs SPECS=DIRECTORY`.

DIRECTORY has the specifications of the Cray-HPE repositories, `csm-<release>-<service>.yaml` for
each release. Schemathesis drives every operation of each; what it finds must be accepted in
`accepted.toml`, with the reason. Exits with 1 for a deviation that is not, and for an acceptance
that nothing needs any more.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlencode

from poya.lab.lifecycle import Lab, SiteStatus
from poya.lab.wanted import Wanted

HERE = Path(__file__).parent
JUDGE = ("uv", "run", "--no-project", "--with", "schemathesis>=4,<5", "--with", "pyyaml", "python")
EXAMPLES = {"smd": 2}
USUAL_EXAMPLES = 6
PREFIXES = {
    "bos": "/apis/bos",
    "bss": "/apis/bss",
    "cfs": "/apis/cfs",
    "ims": "/apis/ims",
    "pcs": "/apis/power-control/v1",
    "sls": "/apis/sls/v1",
    "smd": "/apis/smd/hsm/v2",
    "sts": "/apis/sts",
    "tapms": "/apis/tapms",
}
WHOLE_PATHS = frozenset({("1.4", "tapms")})


@dataclass(frozen=True, slots=True)
class Deviation:
    """What the judge found: an operation, a kind of deviation, the status answered."""

    release: str
    service: str
    operation: str
    kind: str
    status: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Patterns of a deviation that is right as it is, and why."""

    service: str
    operation: str
    kind: str
    status: str
    reason: str

    def covers(self, found: Deviation) -> bool:
        """Whether a deviation is of this kind."""
        return all(
            fnmatchcase(getattr(found, field), getattr(self, field))
            for field in ("service", "operation", "kind", "status")
        )


def main(specifications: Path) -> int:
    """Judge every specification; the exit status."""
    content = tomllib.loads((HERE / "accepted.toml").read_text())
    accepted = [Acceptance(**entry) for entry in content["accepted"]]
    needed: set[Acceptance] = set()
    wrong = 0
    for found in _found(specifications):
        why = next((entry for entry in accepted if entry.covers(found)), None)
        if why is not None:
            needed.add(why)
            continue
        wrong += 1
        words = " ".join(found.example.split())[:160]
        about = f"{found.release} {found.service} {found.operation}"
        print(f"{about}: {found.kind} {found.status}: {words}")
    for entry in accepted:
        if entry not in needed:
            print(f"nothing needs this any more: {entry}")
    print(f"{wrong} deviations that nobody accepted, {len(needed)} kinds accepted")
    return 1 if wrong or len(needed) < len(accepted) else 0


def _found(specifications: Path) -> Iterator[Deviation]:
    files = sorted(specifications.glob("csm-*-*.yaml"))
    releases = sorted({file.name.split("-")[1].removesuffix("approx") for file in files})
    with tempfile.TemporaryDirectory(prefix="poya-specs-") as directory:
        lab = Lab(Path(directory))
        for release in releases:
            name = f"csm{release.replace('.', '')}"
            wanted = Wanted(sites=((name, release),), image_bytes=1024 * 1024)
            status = next(s for s in lab.up(wanted) if s.spec.name == name)
            try:
                for file in files:
                    if file.name.split("-")[1].removesuffix("approx") == release:
                        yield from _judged(file, release, status)
            finally:
                lab.down()


def _judged(file: Path, release: str, status: SiteStatus) -> Iterator[Deviation]:
    service = file.stem.split("-")[2]
    prefix = "" if (release, service) in WHOLE_PATHS else PREFIXES[service]
    examples = str(EXAMPLES.get(service, USUAL_EXAMPLES))
    place = (f"{status.spec.url}{prefix}", str(status.files.ca), examples)
    command = [*JUDGE, str(HERE / "drive.py"), str(file), *place]
    environment = {**os.environ, "LAB_TOKEN": _token(status)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{file.name}: the judge failed.\n{done.stderr[-2000:]}")
    for line in done.stdout.splitlines():
        said = json.loads(line)
        if "operation" in said:
            kind, answered = said["deviation"], said["status"]
            yield Deviation(release, service, said["operation"], kind, answered, said["example"])


def _token(status: SiteStatus) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": "admin-client",
        "client_secret": status.files.secret(status.files.client_secret),
    }
    url = f"{status.spec.url}/keycloak/realms/shasta/protocol/openid-connect/token"
    trust = ssl.create_default_context(cafile=str(status.files.ca))
    with urllib.request.urlopen(url, urlencode(form).encode(), context=trust) as answer:
        return str(json.load(answer)["access_token"])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
