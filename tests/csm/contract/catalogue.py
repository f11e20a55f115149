# SPDX-License-Identifier: Apache-2.0
"""Every request that the client can send, as one call each, with the release that it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from poya.csm import IpAddress, Reservation, Secret, Site
from poya.documents import JsonObject

X = "x1000c0s0b0n0"
ID = "5a133284-97c6-4eef-bc04-8ab98c1322eb"
COMMIT = "a" * 40
LINK = f"s3://boot-images/{ID}/manifest.json"
HELD = [Reservation(X, Secret.of("deputy"), Secret.of("reservation"))]
LAYER: JsonObject = {
    "name": "cos",
    "clone_url": "https://api-gw-service-nmn.local/vcs/cray/cos.git",
    "playbook": "site.yml",
    "commit": COMMIT,
}
BOOT_SET: JsonObject = {"path": LINK, "type": "s3", "etag": "e", "node_groups": ["blue"]}
TEMPLATE: JsonObject = {
    "description": "cos",
    "enable_cfs": True,
    "cfs": {"configuration": "cos"},
    "boot_sets": {"compute": BOOT_SET},
}
SOURCE: JsonObject = {"name": "mine", "clone_url": "https://git.example.org/mine.git"}
PASSWORD = Secret.of("hunter2hunter2")
HARDWARE: JsonObject = {"Class": "River", "ExtraProperties": {"Role": "Compute", "NID": 7}}
NETWORK: JsonObject = {"Name": "HSN", "Type": "slingshot10", "IPRanges": ["10.253.0.0/16"]}
JOB: JsonObject = {
    "job_type": "create",
    "artifact_id": ID,
    "public_key_id": ID,
    "image_root_archive_name": "cos",
}
NEW: JsonObject = {"name": "s1", "configuration_name": "cos", "ansible_limit": X}
COMPONENT: JsonObject = {"Component": {"ID": X, "State": "On", "Type": "Node", "NID": 7}}


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        since: The first release that has what it asks for.
    """

    name: str
    call: Callable[[Site], Awaitable[Any]]
    since: str = "1.3"

    def __str__(self) -> str:
        return self.name


async def _drain(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


CASES = (
    Case("hsm.ready", lambda s: s.hsm.ready()),
    Case("hsm.groups.list", lambda s: s.hsm.groups.list(tag="t")),
    Case("hsm.groups.labels", lambda s: s.hsm.groups.labels()),
    Case("hsm.groups.get", lambda s: s.hsm.groups.get("blue")),
    Case(
        "hsm.groups.create",
        lambda s: s.hsm.groups.create(
            "zinal-blue", members=[X], description="d", tags=["t"], exclusive_group="e"
        ),
    ),
    Case("hsm.groups.update", lambda s: s.hsm.groups.update("blue", description="", tags=["t"])),
    Case("hsm.groups.delete", lambda s: s.hsm.groups.delete("blue")),
    Case("hsm.groups.add_member", lambda s: s.hsm.groups.add_member("blue", X)),
    Case("hsm.groups.remove_member", lambda s: s.hsm.groups.remove_member("blue", X)),
    Case("hsm.partitions.list", lambda s: s.hsm.partitions.list()),
    Case("hsm.partitions.get", lambda s: s.hsm.partitions.get("p1")),
    Case(
        "hsm.partitions.create",
        lambda s: s.hsm.partitions.create("p1", members=[X], description="d", tags=["t"]),
    ),
    Case(
        "hsm.partitions.update",
        lambda s: s.hsm.partitions.update("p1", description="d", tags=["t"]),
    ),
    Case("hsm.partitions.delete", lambda s: s.hsm.partitions.delete("p1")),
    Case("hsm.partitions.add_member", lambda s: s.hsm.partitions.add_member("p1", X)),
    Case("hsm.partitions.remove_member", lambda s: s.hsm.partitions.remove_member("p1", X)),
    Case("hsm.memberships.list", lambda s: s.hsm.memberships.list(group="blue", partition="p1")),
    Case("hsm.memberships.get", lambda s: s.hsm.memberships.get(X)),
    Case(
        "hsm.components.list",
        lambda s: s.hsm.components.list(role="Compute", group="blue", partition="p1"),
    ),
    Case("hsm.components.stream", lambda s: _drain(s.hsm.components.stream())),
    Case("hsm.components.get", lambda s: s.hsm.components.get(X)),
    Case("hsm.components.by_nid", lambda s: s.hsm.components.by_nid(7)),
    Case("hsm.components.query", lambda s: s.hsm.components.query([X])),
    Case("hsm.components.set_enabled", lambda s: s.hsm.components.set_enabled([X], enabled=False)),
    Case(
        "hsm.components.set_role",
        lambda s: s.hsm.components.set_role([X], "Application", "UAN"),
    ),
    Case("hsm.components.put", lambda s: s.hsm.components.put(X, COMPONENT)),
    Case("hsm.components.delete", lambda s: s.hsm.components.delete(X)),
    Case("hsm.hardware.inventory", lambda s: s.hsm.hardware.inventory(xnames=[X])),
    Case("hsm.hardware.stream", lambda s: _drain(s.hsm.hardware.stream(types=["Memory"]))),
    Case("hsm.hardware.get", lambda s: s.hsm.hardware.get(X)),
    Case("hsm.hardware.below", lambda s: s.hsm.hardware.below(X)),
    Case(
        "hsm.ethernet_interfaces.list",
        lambda s: s.hsm.ethernet_interfaces.list(
            component=X, mac="a4:bf:01:2b:73:10", ip="10.252.0.1", network="NMN", type="Node"
        ),
    ),
    Case("hsm.ethernet_interfaces.get", lambda s: s.hsm.ethernet_interfaces.get("a4:bf:01")),
    Case(
        "hsm.ethernet_interfaces.create",
        lambda s: s.hsm.ethernet_interfaces.create(
            "a4:bf:01:2b:73:10", component=X, addresses=[IpAddress("10.252.0.1", "NMN")]
        ),
    ),
    Case(
        "hsm.ethernet_interfaces.update",
        lambda s: s.hsm.ethernet_interfaces.update(
            "a4bf01", component=X, description="d", addresses=[IpAddress("10.252.0.1")]
        ),
    ),
    Case("hsm.ethernet_interfaces.delete", lambda s: s.hsm.ethernet_interfaces.delete("a4bf01")),
    Case("hsm.locks.list", lambda s: s.hsm.locks.list()),
    Case("hsm.locks.status", lambda s: s.hsm.locks.status([X])),
    Case("hsm.locks.lock", lambda s: s.hsm.locks.lock([X])),
    Case("hsm.locks.unlock", lambda s: s.hsm.locks.unlock([X])),
    Case("hsm.locks.disable_reservations", lambda s: s.hsm.locks.disable_reservations([X])),
    Case("hsm.locks.repair_reservations", lambda s: s.hsm.locks.repair_reservations([X])),
    Case("hsm.locks.reservations.create", lambda s: s.hsm.locks.reservations.create([X])),
    Case("hsm.locks.reservations.release", lambda s: s.hsm.locks.reservations.release(HELD)),
    Case("hsm.locks.reservations.remove", lambda s: s.hsm.locks.reservations.remove([X])),
    Case("hsm.locks.reservations.hold", lambda s: s.hsm.locks.reservations.hold([X], minutes=5)),
    Case(
        "hsm.locks.reservations.renew",
        lambda s: s.hsm.locks.reservations.renew(HELD, minutes=5),
    ),
    Case("hsm.locks.reservations.let_go", lambda s: s.hsm.locks.reservations.let_go(HELD)),
    # CFS
    Case("cfs.dialect", lambda s: s.cfs.dialect()),
    Case("cfs.options", lambda s: s.cfs.options()),
    Case("cfs.set_options", lambda s: s.cfs.set_options({"session_ttl": "7d", "batch_size": 25})),
    Case("cfs.configurations.list", lambda s: s.cfs.configurations.list()),
    Case("cfs.configurations.get", lambda s: s.cfs.configurations.get("cos")),
    Case("cfs.configurations.put", lambda s: s.cfs.configurations.put("cos", {"layers": [LAYER]})),
    Case(
        "cfs.configurations.put",
        lambda s: s.cfs.configurations.put("cos", {"layers": [LAYER], "description": "d"}),
        "1.4",
    ),
    Case(
        "cfs.configurations.put",
        lambda s: s.cfs.configurations.put("cos", {"layers": [LAYER]}, drop_branches=True),
        "1.5",
    ),
    Case(
        "cfs.configurations.put",
        lambda s: s.cfs.configurations.put("cos", {"layers": [LAYER], "tenant_name": "blue"}),
        "1.7",
    ),
    Case(
        "cfs.configurations.follow_branches", lambda s: s.cfs.configurations.follow_branches("c")
    ),
    Case("cfs.configurations.delete", lambda s: s.cfs.configurations.delete("cos")),
    Case("cfs.sources.list", lambda s: s.cfs.sources.list()),
    Case("cfs.sources.get", lambda s: s.cfs.sources.get("https://a/b.git"), "1.5"),
    Case(
        "cfs.sources.create",
        lambda s: s.cfs.sources.create(SOURCE, username="u", password=PASSWORD),
        "1.5",
    ),
    Case(
        "cfs.sources.update",
        lambda s: s.cfs.sources.update("mine", {}, username="u", password=PASSWORD),
        "1.5",
    ),
    Case(
        "cfs.sources.restore",
        lambda s: s.cfs.sources.restore(
            "mine", {"clone_url": "https://g/x.git"}, secret_name="cfs-source-credentials-1"
        ),
        "1.7",
    ),
    Case("cfs.sources.delete", lambda s: s.cfs.sources.delete("mine"), "1.5"),
    Case(
        "cfs.components.list",
        lambda s: s.cfs.components.list(
            xnames=[X], configuration="cos", status="failed", enabled=True, tags={"a": "b"}
        ),
    ),
    Case("cfs.components.get", lambda s: s.cfs.components.get(X)),
    Case("cfs.components.desiring", lambda s: s.cfs.components.desiring("cos")),
    Case(
        "cfs.components.update",
        lambda s: s.cfs.components.update(
            X, {"desired_config": "cos", "enabled": True, "error_count": 0, "retry_policy": 3}
        ),
    ),
    Case(
        "cfs.components.update_many",
        lambda s: s.cfs.components.update_many(
            [X], {"desired_config": "cos", "tags": {"a_b": "c"}}
        ),
    ),
    Case("cfs.components.put", lambda s: s.cfs.components.put(X, {"desired_config": "cos"})),
    Case("cfs.components.delete", lambda s: s.cfs.components.delete(X)),
    Case(
        "cfs.sessions.list",
        lambda s: s.cfs.sessions.list(
            min_age="1d", max_age="7d", status="complete", name_contains="b", succeeded="true"
        ),
    ),
    Case("cfs.sessions.get", lambda s: s.cfs.sessions.get("s1")),
    Case("cfs.sessions.create", lambda s: s.cfs.sessions.create(NEW)),
    Case("cfs.sessions.delete", lambda s: s.cfs.sessions.delete("s1")),
    # BOS
    Case("bos.version", lambda s: s.bos.version()),
    Case("bos.options", lambda s: s.bos.options()),
    Case("bos.set_options", lambda s: s.bos.set_options({"polling_frequency": 15})),
    Case("bos.templates.list", lambda s: s.bos.templates.list()),
    Case("bos.templates.get", lambda s: s.bos.templates.get("cos")),
    Case("bos.templates.put", lambda s: s.bos.templates.put("cos", TEMPLATE)),
    Case(
        "bos.templates.patch",
        lambda s: s.bos.templates.patch("cos", {"boot_sets": {"compute": BOOT_SET}}),
    ),
    Case("bos.templates.delete", lambda s: s.bos.templates.delete("cos")),
    Case("bos.templates.validate", lambda s: s.bos.templates.validate("cos")),
    Case("bos.templates.example", lambda s: s.bos.templates.example()),
    Case(
        "bos.sessions.list",
        lambda s: s.bos.sessions.list(min_age="1d", max_age="2w", status="running"),
    ),
    Case("bos.sessions.get", lambda s: s.bos.sessions.get("s1")),
    Case("bos.sessions.status", lambda s: s.bos.sessions.status("s1")),
    Case(
        "bos.sessions.create",
        lambda s: s.bos.sessions.create(
            {"template_name": "cos", "operation": "boot", "name": "s1", "limit": X}
        ),
    ),
    Case("bos.sessions.delete", lambda s: s.bos.sessions.delete("s1")),
    Case("bos.sessions.apply_staged", lambda s: s.bos.sessions.apply_staged([X])),
    Case(
        "bos.components.list",
        lambda s: s.bos.components.list(
            xnames=[X], session="s1", enabled=True, phase="powering_on", status="failed"
        ),
    ),
    Case("bos.components.get", lambda s: s.bos.components.get(X)),
    Case("bos.components.update", lambda s: s.bos.components.update(X, {"enabled": False})),
    Case(
        "bos.components.update_many",
        lambda s: s.bos.components.update_many([X], {"enabled": False, "retry_policy": 1}),
    ),
    Case("bos.components.delete", lambda s: s.bos.components.delete(X)),
    # IMS
    Case("ims.version", lambda s: s.ims.version()),
    Case("ims.images.list", lambda s: s.ims.images.list()),
    Case("ims.images.get", lambda s: s.ims.images.get(ID)),
    Case("ims.images.create", lambda s: s.ims.images.create("cos")),
    Case("ims.images.create", lambda s: s.ims.images.create("c", arch="aarch64"), "1.5"),
    Case("ims.images.set_link", lambda s: s.ims.images.set_link(ID, path=LINK, etag="e")),
    Case("ims.images.set_arch", lambda s: s.ims.images.set_arch(ID, "aarch64"), "1.5"),
    Case("ims.images.set_metadata", lambda s: s.ims.images.set_metadata(ID, "k", "v"), "1.6"),
    Case("ims.images.remove_metadata", lambda s: s.ims.images.remove_metadata(ID, "k"), "1.6"),
    Case("ims.images.delete", lambda s: s.ims.images.delete(ID)),
    Case("ims.images.list_deleted", lambda s: s.ims.images.list_deleted()),
    Case("ims.images.undelete", lambda s: s.ims.images.undelete(ID)),
    Case("ims.images.purge", lambda s: s.ims.images.purge(ID)),
    Case("ims.recipes.list", lambda s: s.ims.recipes.list()),
    Case("ims.recipes.get", lambda s: s.ims.recipes.get(ID)),
    Case("ims.recipes.create", lambda s: s.ims.recipes.create("r", values={"A": "b"})),
    Case("ims.recipes.create", lambda s: s.ims.recipes.create("r", arch="aarch64"), "1.5"),
    Case("ims.recipes.set_link", lambda s: s.ims.recipes.set_link(ID, path=LINK, etag="e")),
    Case("ims.recipes.delete", lambda s: s.ims.recipes.delete(ID)),
    Case("ims.recipes.list_deleted", lambda s: s.ims.recipes.list_deleted()),
    Case("ims.recipes.undelete", lambda s: s.ims.recipes.undelete(ID)),
    Case("ims.recipes.purge", lambda s: s.ims.recipes.purge(ID)),
    Case("ims.public_keys.list", lambda s: s.ims.public_keys.list()),
    Case("ims.public_keys.get", lambda s: s.ims.public_keys.get(ID)),
    Case("ims.public_keys.create", lambda s: s.ims.public_keys.create("k", "ssh-ed25519 A")),
    Case("ims.public_keys.delete", lambda s: s.ims.public_keys.delete(ID)),
    Case("ims.public_keys.list_deleted", lambda s: s.ims.public_keys.list_deleted()),
    Case("ims.public_keys.undelete", lambda s: s.ims.public_keys.undelete(ID)),
    Case("ims.public_keys.purge", lambda s: s.ims.public_keys.purge(ID)),
    Case("ims.jobs.list", lambda s: s.ims.jobs.list()),
    Case("ims.jobs.get", lambda s: s.ims.jobs.get(ID)),
    Case("ims.jobs.create", lambda s: s.ims.jobs.create(JOB)),
    Case("ims.jobs.delete", lambda s: s.ims.jobs.delete(ID)),
    Case("ims.remote_build_nodes.list", lambda s: s.ims.remote_build_nodes.list(), "1.5"),
    Case("ims.remote_build_nodes.get", lambda s: s.ims.remote_build_nodes.get(X), "1.5"),
    Case("ims.remote_build_nodes.add", lambda s: s.ims.remote_build_nodes.add(X), "1.5"),
    Case("ims.remote_build_nodes.remove", lambda s: s.ims.remote_build_nodes.remove(X), "1.5"),
    Case("ims.remote_build_nodes.status", lambda s: s.ims.remote_build_nodes.status(), "1.6"),
    # The rest
    Case("bss.version", lambda s: s.bss.version()),
    Case("bss.hosts", lambda s: s.bss.hosts()),
    Case("bss.boot_script", lambda s: s.bss.boot_script(X)),
    Case("bss.dump", lambda s: s.bss.dump()),
    Case("bss.boot_parameters.list", lambda s: s.bss.boot_parameters.list([X])),
    Case("bss.boot_parameters.get", lambda s: s.bss.boot_parameters.get(X)),
    Case("bss.boot_parameters.put", lambda s: s.bss.boot_parameters.put({"hosts": [X]})),
    Case("bss.boot_parameters.create", lambda s: s.bss.boot_parameters.create({"hosts": [X]})),
    Case("bss.boot_parameters.patch", lambda s: s.bss.boot_parameters.patch({"hosts": [X]})),
    Case("bss.boot_parameters.delete", lambda s: s.bss.boot_parameters.delete([X])),
    Case("sts.credentials", lambda s: s.sts.credentials()),
    Case("sls.dump", lambda s: s.sls.dump()),
    Case("sls.change_counter", lambda s: s.sls.change_counter()),
    Case("sls.hardware.list", lambda s: s.sls.hardware.list()),
    Case("sls.hardware.get", lambda s: s.sls.hardware.get(X)),
    Case(
        "sls.hardware.search",
        lambda s: s.sls.hardware.search(
            type="comptype_node", class_="River", parent="x1000", properties={"Role": "Compute"}
        ),
    ),
    Case("sls.hardware.create", lambda s: s.sls.hardware.create({"Xname": X, **HARDWARE})),
    Case("sls.hardware.put", lambda s: s.sls.hardware.put(X, HARDWARE)),
    Case("sls.hardware.delete", lambda s: s.sls.hardware.delete(X)),
    Case("sls.networks.list", lambda s: s.sls.networks.list()),
    Case("sls.networks.get", lambda s: s.sls.networks.get("HSN")),
    Case("sls.networks.of_address", lambda s: s.sls.networks.of_address("10.253.0.1")),
    Case("sls.networks.create", lambda s: s.sls.networks.create(NETWORK)),
    Case("sls.networks.put", lambda s: s.sls.networks.put("HSN", NETWORK)),
    Case("sls.networks.delete", lambda s: s.sls.networks.delete("HSN")),
    Case("pcs.is_there", lambda s: s.pcs.is_there()),
    Case("pcs.status", lambda s: s.pcs.status([X], state="on")),
    Case("pcs.status", lambda s: s.pcs.status([f"x{i}c0s0b0n0" for i in range(300)], state="on")),
    Case("pcs.transitions.list", lambda s: s.pcs.transitions.list(), "1.4"),
    Case("pcs.transitions.get", lambda s: s.pcs.transitions.get(ID), "1.4"),
    Case(
        "pcs.transitions.start",
        lambda s: s.pcs.transitions.start("on", [X], deadline_minutes=5),
        "1.4",
    ),
    Case("pcs.transitions.abort", lambda s: s.pcs.transitions.abort(ID), "1.4"),
    Case("pcs.power_caps.snapshot", lambda s: s.pcs.power_caps.snapshot([X]), "1.4"),
    Case(
        "pcs.power_caps.set",
        lambda s: s.pcs.power_caps.set(
            {"components": [{"xname": X, "controls": [{"name": "Node", "value": 500}]}]}
        ),
        "1.4",
    ),
    Case("pcs.power_caps.tasks", lambda s: s.pcs.power_caps.tasks(), "1.4"),
    Case("pcs.power_caps.task", lambda s: s.pcs.power_caps.task(ID), "1.4"),
    Case("tapms.api", lambda s: s.tapms.api()),
    Case("tapms.list", lambda s: s.tapms.list(), "1.4"),
    Case("tapms.get", lambda s: s.tapms.get("blue"), "1.4"),
    Case("tapms.owning", lambda s: s.tapms.owning([X]), "1.4"),
)
