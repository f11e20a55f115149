# SPDX-License-Identifier: Apache-2.0
"""BSS: what it keeps: boot parameters by host, and kernels and initrds beside them.

As hms-bss does: of `hosts`, `macs` and `nids` the first that is given counts; a record with none
of them is of its kernel, else of its initrd. Keys of kernels and initrds are hashes of their
paths, and lists go by key.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from poya.lab.services.answers import Problem
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

KERNEL, INITRD = "kernel", "initrd"
_HOME = ("pub_key_dsa", "pub_key_rsa", "pub_key_ecdsa", "instance_id", "hostname", "fqdn")


class ParametersIn(msgspec.Struct):
    """What requests carry."""

    hosts: list[str] | None = None
    macs: list[str] | None = None
    nids: list[int] | None = None
    params: str = ""
    kernel: str = ""
    initrd: str = ""
    cloud_init: dict[str, Any] | None = msgspec.field(name="cloud-init", default=None)

    def images(self) -> Iterator[tuple[str, str]]:
        """The kernel and the initrd that are given."""
        return ((kind, path) for kind in (KERNEL, INITRD) if (path := getattr(self, kind)))


class BootRecords:
    """The records of one site."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.boot_parameters
        self._images = site.state.boot_images
        self._tokens = site.state.kind("bss_tokens")

    def get(self, host: str) -> JsonObject | None:
        """What is kept of a host, a role, `Default` or `Global`."""
        return self._records.get(host)

    def token(self, host: str) -> str:
        """The referral token of what was last stored for a host."""
        return str((self._tokens.get(host) or {}).get("token", ""))

    def image(self, kind: str, path: str) -> JsonObject | None:
        """A kernel or an initrd by its path."""
        found = self._images.get(f"{kind}:{path}")
        return None if found is None else shown(found)

    def everything(self) -> list[JsonObject]:
        """Kernels, initrds and hosts, in this order, or an empty list."""
        images = [
            shown(image)
            for kind in (KERNEL, INITRD)
            for key, image in sorted(self._images.items(), key=lambda item: _image_key(item[0]))
            if key.startswith(f"{kind}:")
        ]
        return images + [shown(record) for _, record in sorted(self._records.items())]

    def hosts_of(self, macs: Iterable[str], nids: Iterable[int]) -> list[str]:
        """The names of the nodes that have these addresses and numbers, as far as HSM has them."""
        return [host for host in (*self._by_mac(macs), *self._by_nid(nids)) if host]

    def create(self, asked: ParametersIn) -> str:
        """Store what must not be there yet; the referral token, if there is one.

        Raises:
            Problem: 400 (not 409) for what is there.
        """
        for name in self._taken(asked):
            raise Problem(400, f"Bad Request: Already exists: {name}")
        return self.store(asked)

    def store(self, asked: ParametersIn) -> str:
        """Store, whoever had something; the referral token, if there is one."""
        hosts = self._stored_under(asked)
        self._remember_images(asked)
        if not hosts:
            self._set_image_params(asked)
            return ""
        self._records.put_many({host: _record(host, asked) for host in hosts})
        token = str(uuid.uuid4())
        self._tokens.put_many({host: {"token": token} for host in hosts})
        return token

    def update(self, asked: ParametersIn) -> None:
        """Change what is given of hosts that are there, and nothing if one is not.

        Raises:
            Problem: 404 for a host that is not there.
        """
        self._remember_images(asked)
        hosts = [*(asked.hosts or []), *self.hosts_of(asked.macs or [], asked.nids or [])]
        for host in hosts:
            if host not in self._records:
                words = f"Error looking up {host}: Key /params/{host} does not exist"
                raise Problem(404, f"Not Found: {words}")
        if not hosts:
            self._set_image_params(asked)
            return
        given = {k: v for k in ("params", KERNEL, INITRD) if (v := getattr(asked, k))}
        for host in hosts:
            record = self._records.get(host) or {}
            cloud = merge_cloud(record.get("cloud-init") or {}, asked.cloud_init or {})
            self._records.put(host, record | given | {"cloud-init": cloud})

    def remove(self, asked: ParametersIn) -> None:
        """Delete hosts, kernels and initrds, all that can be, and complain of the rest.

        A kernel or an initrd that goes is gone from the hosts that had it, too.

        Raises:
            Problem: 400 for the first host that is not there; the others are deleted.
        """
        hosts = [*(asked.hosts or []), *self.hosts_of(asked.macs or [], ())]
        pairs = zip(self._by_nid(asked.nids or []), asked.nids or [], strict=True)
        hosts += [host or f"nid{nid}" for host, nid in pairs]
        missing = [host for host in hosts if not self._records.delete(host)]
        for kind, path in asked.images():
            if self._images.delete(f"{kind}:{path}"):
                self._forget(kind, path)
        if missing:
            raise Problem(
                400, f"Key {missing[0]} deletion: Key /params/{missing[0]} does not exist"
            )

    def _taken(self, asked: ParametersIn) -> Iterator[str]:
        if asked.hosts or asked.macs or asked.nids:
            names: list[Any] = asked.hosts or asked.macs or asked.nids or []
            hosts = zip(self._stored_under(asked), names, strict=True)
            yield from (str(name) for host, name in hosts if host in self._records)
        else:
            for kind, path in list(asked.images())[:1]:
                if f"{kind}:{path}" in self._images:
                    yield path

    def _stored_under(self, asked: ParametersIn) -> list[str]:
        if asked.hosts:
            return asked.hosts
        if asked.macs:
            found = self._by_mac(asked.macs)
            return [host or mac for host, mac in zip(found, asked.macs, strict=True)]
        nids = asked.nids or []
        return [host or f"nid{nid}" for host, nid in zip(self._by_nid(nids), nids, strict=True)]

    def _remember_images(self, asked: ParametersIn) -> None:
        for kind, path in asked.images():
            if f"{kind}:{path}" not in self._images:
                self._images.put(f"{kind}:{path}", {kind: path})

    def _set_image_params(self, asked: ParametersIn) -> None:
        for kind, path in list(asked.images())[:1]:
            params = {"params": asked.params} if asked.params else {}
            self._images.put(f"{kind}:{path}", params | {kind: path})

    def _forget(self, kind: str, path: str) -> None:
        for host, record in list(self._records.items()):
            if record.get(kind) == path:
                del record[kind]
                self._records.put(host, record)

    def _by_mac(self, macs: Iterable[str]) -> list[str]:
        wanted = list(macs)
        interfaces = self._site.state.ethernet_interfaces.values() if wanted else ()
        known = {i.get("MACAddress", "").lower(): i.get("ComponentID", "") for i in interfaces}
        return [known.get(mac.lower(), "") for mac in wanted]

    def _by_nid(self, nids: Iterable[int]) -> list[str]:
        wanted = list(nids)
        components = self._site.state.components.values() if wanted else ()
        known = {component.get("NID"): component["ID"] for component in components}
        return [known.get(nid, "") for nid in wanted]


def shown(record: JsonObject) -> JsonObject:
    """Go encodes the nested structure even when nothing is in it."""
    return record if "cloud-init" in record else record | {"cloud-init": merge_cloud({}, {})}


def merge_cloud(old: JsonObject, new: JsonObject) -> JsonObject:
    """The cloud-init data after a change."""
    home = {**dict.fromkeys(_HOME, ""), **(old.get("phone-home") or {})}
    merged: JsonObject = {}
    for name in ("meta-data", "user-data"):
        both = {**(old.get(name) or {}), **(new.get(name) or {})}
        merged[name] = both or None
    return merged | {"phone-home": home | (new.get("phone-home") or {})}


def _record(host: str, asked: ParametersIn) -> JsonObject:
    record: JsonObject = {"hosts": [host]}
    record |= {k: v for k in ("params", KERNEL, INITRD) if (v := getattr(asked, k))}
    return record | {"cloud-init": merge_cloud({}, asked.cloud_init or {})}


def _image_key(name: str) -> int:
    """FNV-1a of the path: by it BSS keeps kernels and initrds."""
    digest = 0xCBF29CE484222325
    for byte in name.partition(":")[2].encode():
        digest = ((digest ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return digest
