"""A real Ceph RGW of the distribution's packages: one monitor, one OSD, one gateway over TLS.

Debian: `apt-get install ceph-mon ceph-osd radosgw`. Everything lives in one directory and listens
on loopback only; no manager, no authentication inside the cluster, one copy of each object.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from poya.lab.certificates import certificates_in

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
ACCESS_KEY, SECRET_KEY = "AKPOYABENCH", "poya-bench-secret"
_START_S = 240.0
_STOP_S = 15.0
_MOST_STARTS = 5
_MEMSTORE = "memstore"


@dataclass(frozen=True)
class Gateway:
    """A running gateway.

    Attributes:
        site: Its name.
        url: `https://127.0.0.1:port`.
        ca: The CA of its certificate.
        pids: Its daemons, for those who want to know their CPU time.
    """

    site: str
    url: str
    ca: Path
    pids: tuple[int, ...]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def missing_programs() -> list[str]:
    """What of Ceph is not installed here."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def gateway(
    directory: Path, site: str, *, store_gib: int = 6, store: str = _MEMSTORE
) -> Iterator[Gateway]:
    """Run a cluster of its own while the block lasts.

    Args:
        directory: For its files; a short path (Ceph puts sockets there).
        site: Names it.
        store_gib: How much it can hold.
        store: `memstore` (in memory) or `bluestore` (in a file).
    """
    cluster = _Cluster(_made(directory), site)
    with ExitStack() as running:
        cluster.configure(store, store_gib)
        daemons = [running.enter_context(started) for started in cluster.daemons()]
        pids = tuple(daemon.pid for daemon in daemons)
        yield Gateway(site, f"https://127.0.0.1:{cluster.s3_port}", cluster.ca, pids)


class _Cluster:
    def __init__(self, directory: Path, site: str) -> None:
        self._directory, self._site = directory, site
        self._conf = directory / "ceph.conf"
        self._fsid = str(uuid.uuid4())
        self._mon_port, self.s3_port = _free_port(), _free_port()
        certificates = certificates_in(_made(directory / "tls"), site)
        self.ca, pem = certificates.ca, certificates.server
        self._tls = f"ssl_certificate={pem} ssl_private_key={pem}"

    def configure(self, store: str, store_gib: int) -> None:
        size = store_gib * 1024**3
        self._conf.write_text(
            f"""[global]
fsid = {self._fsid}
mon_host = v1:127.0.0.1:{self._mon_port}/0
mon_initial_members = a
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr2 = false
run_dir = {self._directory}
admin_socket =
log_file = {self._directory}/$name.log
pid_file =
crash_dir = {self._directory}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_crush_chooseleaf_type = 0
mon_warn_on_pool_no_redundancy = false
mon_data = {self._directory}/mon
osd_data = {self._directory}/osd
mon_data_avail_crit = 1
[osd]
osd_objectstore = {store}
memstore_device_bytes = {size}
bluestore_block_size = {size}
bluestore_fsck_quick_fix_on_mount = false
osd_memory_target = 1073741824
[client.rgw]
rgw_frontends = beast ssl_endpoint=127.0.0.1:{self.s3_port} {self._tls}
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
rgw_enable_gc_threads = true
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_enable_lc_threads = false
rgw_dynamic_resharding = false
"""
        )

    def daemons(self) -> Iterator[_Daemon]:
        self._make_monitor()
        yield self._daemon("ceph-mon", "-i", "a")
        self._wait("status")
        osd = str(uuid.uuid4())
        # The monitor answers before it has elected itself; asked again it gives the same number.
        self._wait("osd", "new", osd)
        _made(self._directory / "osd")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        yield self._daemon("ceph-osd", "-i", "0", is_up=self._has_osd)
        self._make_user()
        yield self._daemon("radosgw", "-n", "client.rgw")
        _wait_for_port(self.s3_port)

    def _make_monitor(self) -> None:
        monmap = self._directory / "monmap"
        address = f"v1:127.0.0.1:{self._mon_port}/0"
        self._run(
            "monmaptool",
            "--create",
            "--fsid",
            self._fsid,
            "--addv",
            "a",
            f"[{address}]",
            str(monmap),
            with_conf=False,
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(monmap))

    def _make_user(self) -> None:
        keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        self._run(
            "radosgw-admin",
            "user",
            "create",
            "--uid",
            "poya",
            "--display-name",
            "poya",
            *keys,
            "--caps",
            "roles=*",
        )

    def _wait(self, *command: str) -> None:
        deadline_s = time.monotonic() + _START_S
        while True:
            try:
                self._ceph(*command)
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.2)
            else:
                return

    def _ceph(self, *command: str) -> None:
        self._run("ceph", "--connect-timeout", "10", *command)

    def _run(self, *command: str, with_conf: bool = True) -> str:
        conf = ("--conf", str(self._conf)) if with_conf else ()
        done = subprocess.run(
            [command[0], *conf, *command[1:]],
            check=True,
            capture_output=True,
            text=True,
            timeout=_START_S,
        )
        return done.stdout

    def _has_osd(self) -> bool:
        return '"num_up_osds":1' in self._run("ceph", "osd", "stat", "--format", "json")

    def _daemon(self, *command: str, is_up: Callable[[], bool] = lambda: True) -> _Daemon:
        full = [command[0], "--conf", str(self._conf), "-f", *command[1:]]
        return _Daemon(full, self._directory, is_up)


class _Daemon:
    def __init__(self, command: list[str], directory: Path, is_up: Callable[[], bool]) -> None:
        self._command, self._directory, self._is_up = command, directory, is_up

    def __enter__(self) -> subprocess.Popen[bytes]:
        """Start it, and once more if it ends at once.

        An OSD of Ceph 16 does, now and then, when it speaks before it knows the monitor's map
        ("wrong fsid"); radosgw-admin then waits for it for ever.
        """
        for _ in range(_MOST_STARTS):
            self._start()
            while self._process.poll() is None:
                if self._is_up():
                    return self._process
                time.sleep(0.5)
        raise RuntimeError(f"{self._command[0]} does not stay up; see {self._directory}")

    def _start(self) -> None:
        out = (self._directory / f"{self._command[0]}.out").open("wb")
        with out:
            self._process = subprocess.Popen(
                self._command, stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait_for_port(port: int) -> None:
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.2)
        else:
            return
