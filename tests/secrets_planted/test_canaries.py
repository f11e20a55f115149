"""Whatever happens to a migration, nothing that it prints or leaves behind holds a secret.

Every command is a process of its own and logs at its fullest (`--debug` shows tracebacks too).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from migration.console import CONFIGURATION, NODES, TEMPLATE
from migration.snapshot import open_uploads
from poya.lab.pytest_plugin import LabPair
from poya.lab.services.identity import TokenMint
from poya.lab.storage.credentials import CredentialMint
from poya.receipts import own_key
from secrets_planted.canaries import (
    Canaries,
    documents,
    environment,
    files_below,
    plant_at,
    record_of,
)

REFUSED, PART_WAY = 10, 12
RUN = (
    "migrate", "run", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES, "--yes",
)  # fmt: skip
# Says what is in the argument lists of all processes, as anybody on the machine can.
HOOK = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f 2>/dev/null; echo; done > {file}; true"


@dataclass
class Desk:
    """An operator's machine: configuration, environment, state; and all that was printed there."""

    directory: Path
    canaries: Canaries
    environment: dict[str, str]
    said: dict[str, bytes] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "poya", "--debug", *words]

    def types(self, *words: str) -> int:
        done = subprocess.run(
            self.command(*words), env=self.environment, capture_output=True, check=False
        )
        self.heard(words, done.stdout + done.stderr)
        return done.returncode

    def heard(self, words: tuple[str, ...], text: bytes) -> None:
        self.said[f"output {len(self.said)} of {' '.join(words)[:60]}"] = text

    def must(self, *words: str) -> None:
        status = self.types(*words)
        assert status == 0, list(self.said.values())[-1].decode()[-3000:]

    def last_run(self) -> str:
        words = [sys.executable, "-m", "poya", "migrate", "list", "--output", "json"]
        answer = subprocess.run(words, env=self.environment, capture_output=True, check=True)
        return str(json.loads(answer.stdout)[-1]["run"])

    def leaks(self) -> list[str]:
        """What shows where it must not."""
        left = files_below([self.directory / "state", self.directory / "kept"])
        keys = {path for path in left if path.endswith(".pem")}
        # What is written, or written back one day: files of 0600 in a directory of 0700.
        holding = {path for path in left if path.rpartition("/")[0].endswith("/secrets")}
        open_to_all = {p: text for p, text in left.items() if p not in keys | holding}
        guarded = {p: text for p, text in left.items() if p in holding}
        assert open_to_all
        return [
            *self.canaries.found_in({**self.said, **open_to_all}, held=True),
            *self.canaries.found_in(guarded, held=False),
        ]


@pytest.fixture
def desk(lab_pair: LabPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    canaries = Canaries()
    listen(canaries, monkeypatch)
    plant_at(canaries, lab_pair)
    (tmp_path / "kept").mkdir()
    config = tmp_path / "config.toml"
    config.write_text(lab_pair.config_path.read_text() + more_sites(canaries, lab_pair))
    config.chmod(0o600)
    key = tmp_path / "state" / "poya" / "keys" / "receipts.pem"
    own_key(key)
    canaries.planted["private key of the receipts"] = key.read_text().splitlines()[1]
    return Desk(
        tmp_path,
        canaries,
        {
            **os.environ,
            **environment(canaries),
            "POYA_CONFIG": str(config),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        },
    )


def listen(canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token and every temporary credential that the sites give out is a canary."""
    sign, issue = TokenMint._sign, CredentialMint.issue

    def signing(mint: TokenMint, claims: dict[str, object]) -> str:
        token = sign(mint, claims)
        canaries.given_out("token", token.rpartition(".")[2])
        return token

    def issuing(mint: CredentialMint, lifetime_s: int, endpoint_url: str) -> object:
        issued = issue(mint, lifetime_s, endpoint_url)
        canaries.given_out("S3 secret", issued.secret_access_key)
        canaries.given_out("S3 session token", issued.session_token)
        return issued

    monkeypatch.setattr(TokenMint, "_sign", signing)
    monkeypatch.setattr(CredentialMint, "issue", issuing)


def more_sites(canaries: Canaries, pair: LabPair) -> str:
    """A site behind a proxy with a login that is not there, and one with a person's password."""
    proxy = canaries.plant("password in a proxy's URL")
    other = canaries.plant("password in an HTTP proxy's URL")
    return f"""
[sites.elsewhere]
url = "https://127.0.0.1:9"
proxy = "socks5h://me:{proxy}@127.0.0.1:9"

[sites.nowhere]
url = "https://127.0.0.1:9"
proxy = "http://me:{other}@127.0.0.1:9"
auth = {{ method = "none" }}

[sites.person]
url = "{pair.prealps.url}"
ca = "{pair.prealps.ca_path}"
auth = {{ method = "password", username = "operator", password_file = "{pair.prealps.files.user_password}" }}

[stores.archive]
url = "s3://bundles/hpc"
endpoint = "https://127.0.0.1:9"
"""


@pytest.mark.slow
def test_no_secret_shows_anywhere(desk: Desk, lab_pair: LabPair) -> None:
    look_around(desk)
    refuse_logins_in_documents(desk, lab_pair)
    killed_and_stopped(desk, lab_pair)
    finished_and_taken_back(desk, lab_pair)
    assert len(desk.canaries.planted) >= 40
    assert desk.leaks() == []


def look_around(desk: Desk) -> None:
    desk.must("config", "show")
    desk.types("config", "check")
    for site in ("elsewhere", "nowhere"):
        assert desk.types("get", "groups", "--site", site) != 0
    desk.must("get", "groups", "--site", "person")
    desk.types("bundle", "list", "archive:x")
    desk.types("get", "boot-parameters", "--site", "alps")


def refuse_logins_in_documents(desk: Desk, pair: LabPair) -> None:
    """Clone URLs with logins in them: planning refuses, and shows them nowhere."""
    configurations = pair.alps.site.state.configurations
    before = configurations.get(CONFIGURATION)
    assert before is not None
    planted = documents(desk.canaries)
    layers = [dict(layer) for layer in before["layers"]]
    for layer, (_, url) in zip(layers, [p for p in planted if p[0] == "layer"], strict=False):
        layer["clone_url"] = url
    inventory = {"clone_url": planted[2][1], "commit": "a" * 40, "name": "inventory"}
    configurations.put(
        CONFIGURATION, {**before, "layers": layers, "additional_inventory": inventory}
    )
    kept = desk.directory / "kept"
    assert desk.types(*RUN) == REFUSED
    desk.types("migrate", "plan", *RUN[2:-1], "-o", str(kept / "gele.plan"))
    desk.types("show", str(kept / "gele.plan"), "--steps")
    desk.types("diff", "alps:gele", "prealps:gele")
    desk.types("survey", "gele", "--from", "alps", "-o", str(kept / "alps.survey"))
    desk.types("get", "configurations", "--site", "alps")
    configurations.put(CONFIGURATION, before)


def killed_and_stopped(desk: Desk, pair: LabPair) -> None:
    """A real SIGKILL in the middle of the bytes, then whatever a network can do."""
    hook = desk.directory / "hook.sh"
    hook.write_text(HOOK.format(file=desk.directory / "kept" / "processes"))
    pair.prealps.set_fault("latency", "/s3/boot-images/*/rootfs", method="PUT", times=0, delay_s=1)
    words = (*RUN, "--pre-hook", f"sh {hook}")
    process = subprocess.Popen(
        desk.command(*words),
        env=desk.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    until_s = time.monotonic() + 180
    while not any("rootfs" in key for key in open_uploads(pair.prealps)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until_s
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    desk.heard(words, process.communicate()[0])
    pair.prealps.clear_faults()

    run = desk.last_run()
    for path, method in (("/apis/smd/*", "POST"), ("/apis/bos/*", "PUT"), ("/keycloak/*", "POST")):
        pair.prealps.set_fault("status", path, method=method, status=500, times=0)
        desk.types("migrate", "resume", run)
        pair.prealps.clear_faults()
    pair.prealps.set_fault("garbage", "/apis/bos/*", method="PUT", status=200)
    pair.prealps.set_fault("status", "/apis/cfs/*", method="PUT", status=401)
    pair.prealps.set_fault("truncate", "/s3/*", method="GET")
    desk.types("migrate", "resume", run)
    pair.prealps.clear_faults()


def finished_and_taken_back(desk: Desk, pair: LabPair) -> None:
    run = desk.last_run()
    desk.must("migrate", "resume", run)
    kept = desk.directory / "kept"
    for verb in ("status", "log", "verify", "unlock"):
        desk.must("migrate", verb, run)
    desk.must("migrate", "receipt", run, "-o", str(kept / "receipt.json"))
    desk.must("receipt", "verify", str(kept / "receipt.json"), "--against", "prealps")
    bundle = str(kept / "bundle")
    desk.must("migrate", "backup", "-b", TEMPLATE, "-d", bundle, "--site", "alps", "--yes")
    desk.must("bundle", "verify", bundle)
    desk.must("migrate", "undo", run, "--yes")
    overwrite_a_secret(desk, pair)


def overwrite_a_secret(desk: Desk, pair: LabPair) -> None:
    """What the target held before is kept beside the journal, to be put back; nowhere else."""
    templates = pair.prealps.site.state.templates
    key, template = next(iter(templates.items()))
    secret = desk.canaries.hold("kernel parameter of an overwritten template")
    boot_sets = {
        name: {**boot_set, "kernel_parameters": f"quiet ldap_password={secret}"}
        for name, boot_set in template["boot_sets"].items()
    }
    bare = key.replace(template["name"], TEMPLATE)
    theirs = {**template, "name": TEMPLATE, "boot_sets": boot_sets}
    templates.put(bare, theirs)
    desk.must(*RUN, "--on-conflict", "overwrite")
    run = desk.last_run()
    desk.must("migrate", "receipt", run, "-o", str(desk.directory / "kept" / "second.json"))
    desk.must("migrate", "log", run)
    assert desk.leaks() == []
    (kept,) = (desk.directory / "state" / "poya" / "runs" / run / "secrets").iterdir()
    assert secret in kept.read_text()
    desk.must("migrate", "undo", run, "--yes")
    assert not kept.parent.exists()
    assert record_of(templates, TEMPLATE)[1]["boot_sets"] == boot_sets
