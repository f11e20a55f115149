"""A site that serves the same bytes again and again, from another process."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

COMPONENTS = 10_000
HARDWARE_NODES = 5_000
CONFIGURATIONS = 10_000
PER_PAGE = 1_000
SMD = "/apis/smd/hsm/v2"


def xname(number: int) -> str:
    cabinet, chassis, blade = 1000 + number // 512, number // 64 % 8, number // 8 % 8
    return f"x{cabinet}c{chassis}s{blade}b{number // 4 % 2}n{number % 4}"


def component(number: int) -> dict[str, Any]:
    return {
        "ID": xname(number), "Type": "Node", "State": "Ready", "Flag": "OK", "Enabled": True,
        "SoftwareStatus": "", "Role": "Compute", "SubRole": "", "NID": 1000 + number,
        "NetType": "Sling", "Arch": "X86", "Class": "Mountain", "ReservationDisabled": False,
        "Locked": False,
    }  # fmt: skip


def parts(number: int) -> Iterator[dict[str, Any]]:
    """Two processors, sixteen modules of memory, four accelerators, four interfaces."""
    node = xname(number)
    counts = (
        ("Processor", "p", 2),
        ("Memory", "d", 16),
        ("NodeAccel", "a", 4),
        ("NodeHsnNic", "h", 4),
    )
    for kind, letter, count in counts:
        for ordinal in range(count):
            yield {
                "ID": f"{node}{letter}{ordinal}", "Type": kind, "Ordinal": ordinal,
                "Status": "Populated", "HWInventoryByLocationType": f"HWInvByLoc{kind}",
                f"{kind}LocationInfo": {"Id": f"{kind}{ordinal}", "Name": f"{kind} {ordinal}"},
                "PopulatedFRU": {
                    "FRUID": f"{kind}.HPE.{number}.{ordinal}", "Type": kind, "Subtype": "",
                    f"{kind}FRUInfo": {
                        "Manufacturer": "HPE", "Model": f"Model of a {kind}",
                        "CapacityMiB": 32768, "PartNumber": "P43322-B21", "SerialNumber": "S" * 12,
                    },
                },
            }  # fmt: skip


def configuration(number: int) -> dict[str, Any]:
    layer = {
        "name": "cos", "clone_url": "https://api-gw-service-nmn.local/vcs/cray/cos.git",
        "playbook": "site.yml", "commit": f"{number:040x}",
    }  # fmt: skip
    return {
        "name": f"configuration-{number:06}", "last_updated": "2026-11-25T02:10:04Z",
        "layers": [{**layer, "name": f"layer-{i}", "playbook": f"p{i}.yml"} for i in range(6)],
    }  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers from what was encoded once."""

    protocol_version = "HTTP/1.1"
    bodies: dict[str, bytes]

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        after = re.search(r"after_id=configuration-0*(\d+)", query)
        body = self.bodies.get(f"{path}?{int(after[1]) + 1}" if after else path)
        if body is None and path.startswith(f"{SMD}/State/Components/"):
            body = self.bodies["one component"]
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"{}")))
        self.end_headers()
        self.wfile.write(body or b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _encoded() -> dict[str, bytes]:
    bodies = {
        f"{SMD}/State/Components": {"Components": [component(n) for n in range(COMPONENTS)]},
        f"{SMD}/Inventory/Hardware": [p for n in range(HARDWARE_NODES) for p in parts(n)],
        "one component": component(0),
        "/apis/cfs/v3": {"major": "1", "minor": "27", "patch": "0"},
    }
    path = "/apis/cfs/v3/configurations"
    for start in range(0, CONFIGURATIONS, PER_PAGE):
        end = start + PER_PAGE
        last = f"configuration-{end - 1:06}"
        following = {"after_id": last, "limit": PER_PAGE, "in_use": None}
        bodies[f"{path}?{start}" if start else path] = {
            "configurations": [configuration(n) for n in range(start, end)],
            "next": following if end < CONFIGURATIONS else None,
        }
    compact = (",", ":")
    return {key: json.dumps(value, separators=compact).encode() for key, value in bodies.items()}


def _serve(started: Connection) -> None:
    Handler.bodies = _encoded()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    started.send(server.server_port)
    server.serve_forever()


@contextmanager
def serving() -> Iterator[str]:
    """The address of the server, for as long as the block lasts."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()
