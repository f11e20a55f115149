"""What is read around a vCluster and of a target, from emulated sites."""

from __future__ import annotations

import base64
import json

from poya.bootstrap import Workshop
from poya.lab.pytest_plugin import LabPair
from poya.lab.state import tenant_key
from poya.model.inventory import Access, Interest, Inventory
from poya.model.vcluster import Selector, VCluster
from poya.settings import load_settings
from poya.sites.csm.circumstances import access_of

COMPUTE = "x1001c1s4b0n0"
TEMPLATE = "gele-cos-template-23.06.0-1"


async def captured(pair: LabPair, selector: Selector) -> VCluster:
    workshop = Workshop(load_settings(str(pair.config_path)))
    async with workshop.source(workshop.place("alps")) as source:
        return await source.capture(selector)


async def surveyed(pair: LabPair, interest: Interest) -> Inventory:
    workshop = Workshop(load_settings(str(pair.config_path)))
    async with workshop.surveyed(workshop.place("prealps")) as opener:
        return await opener(None).survey(interest)


async def test_what_nodes_boot_and_are_configured_with(lab_pair: LabPair) -> None:
    parameters = lab_pair.alps.site.state.boot_parameters
    record = dict(parameters.get(COMPUTE) or {})
    record["kernel"] = "s3://boot-images/another/kernel"
    record["cloud-init"] = {"user-data": {"root_password": "hunter2"}}
    parameters.put(COMPUTE, record)

    cluster = await captured(lab_pair, Selector("gele"))

    around = cluster.surroundings
    (booted,) = (b for b in around.booted if COMPUTE in b.hosts)
    assert (booted.image, booted.has_secrets) == ("another", True)
    assert around.configured[COMPUTE] == "gele-cos-config-23.06.0-1"
    assert set(around.configured) == set(cluster.xnames())
    assert around.unasked == ()
    assert "hunter2" not in repr(around)


async def test_others_who_use_the_same_parts(lab_pair: LabPair) -> None:
    templates = lab_pair.alps.site.state.templates
    record = next(r for r in templates.values() if r["name"] == TEMPLATE)
    templates.put(tenant_key("copy"), {**record, "name": "copy"})

    cluster = await captured(lab_pair, Selector(templates=(TEMPLATE,)))

    users = set(cluster.surroundings.sharers.values())
    assert users == {("session template copy",)}
    assert "HSM group gele" in cluster.surroundings.sharers


async def test_a_service_that_does_not_answer_is_noted(lab_pair: LabPair) -> None:
    lab_pair.alps.set_fault("status", "/apis/bss/*", status=403, times=100)

    around = (await captured(lab_pair, Selector("gele"))).surroundings

    assert around.booted == ()
    assert [noted.partition(":")[0] for noted in around.unasked] == [
        "BSS boot parameters",
        "BSS records of roles",
    ]


async def test_records_of_roles_and_for_everybody(lab_pair: LabPair) -> None:
    records = lab_pair.alps.site.state.boot_parameters
    for host in ("Global", "Compute", "Storage"):
        records.put(host, {"hosts": [host], "params": "", "kernel": "", "initrd": ""})

    around = (await captured(lab_pair, Selector("gele"))).surroundings

    assert [record.hosts for record in around.shared_boots] == [("Compute",), ("Global",)]


async def test_certificates_of_both_ends_and_their_authorities(lab_pair: LabPair) -> None:
    here = (await captured(lab_pair, Selector("gele"))).surroundings.endings
    there = (await surveyed(lab_pair, Interest())).circumstances.endings
    for endings in (here, there):
        assert [ending.what for ending in endings] == [
            "the gateway's certificate",
            "the object store's certificate",
            "its certificate authority",
        ]
        assert all(ending.days_left > 0 and ending.day > "2020" for ending in endings)


async def test_rights_clock_and_storage_of_the_target(lab_pair: LabPair) -> None:
    stand = (await surveyed(lab_pair, Interest(xnames=("x9000c1s1b0n0",)))).circumstances

    assert stand.access.roles == ("admin",)
    assert stand.access.expires_in_s is None, "poya renews tokens of its own"
    assert stand.clock_ahead_s is not None
    assert abs(stand.clock_ahead_s) < 60
    assert stand.storage.state == "ok"
    assert (stand.storage.may_write, stand.storage.lists_uploads) == (True, True)
    assert lab_pair.prealps.requests(mutating=True) == []
    assert stand.bos_options["default_retry_policy"] == 3
    assert stand.tenants == {}
    assert stand.sources == {}
    assert stand.unasked == ()


async def test_nodes_that_a_session_works_on(lab_pair: LabPair) -> None:
    session = {
        "name": "theirs",
        "tenant": "",
        "operation": "boot",
        "template_name": "x",
        "components": "x9000c1s1b0n0,x9000c1s1b1n0",
        "status": {"status": "running", "start_time": "", "end_time": None, "error": None},
    }
    lab_pair.prealps.site.state.bos_sessions.put(tenant_key("theirs"), session)

    stand = (await surveyed(lab_pair, Interest())).circumstances

    assert stand.busy == {"x9000c1s1b0n0": "theirs", "x9000c1s1b1n0": "theirs"}


def test_a_token_says_what_its_bearer_may_do() -> None:
    claims = {
        "exp": 1100,
        "resource_access": {"shasta": {"roles": ["user"]}},
        "groups": ["/blue-tenant-admin", "/others"],
    }
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert access_of(f"x.{payload}.y", 1000.0) == Access(("user",), ("blue",), 100.0)
    for other in ("", "opaque", "a.b.c", "a.!!!.c"):
        assert access_of(other, 0.0) == Access()
