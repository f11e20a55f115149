"""Each check fires where it must, and is silent on a vCluster with nothing the matter."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    BUNDLE,
    CSM_1_4,
    CSM_1_6,
    CSM_1_7,
    boot_set,
    configuration,
    group,
    image,
    inventory,
    layer,
    template,
    vcluster,
    xnames,
)
from poya.errors import UsageError
from poya.model.declaration import parse_declaration
from poya.model.ending import Ending
from poya.model.finding import Finding
from poya.model.intent import Intent
from poya.model.inventory import Access, Capabilities, Circumstances, Inventory, Storage
from poya.model.plan import Plan, decode_plan
from poya.model.records import EntityRef, Node
from poya.model.vcluster import Booted, Surroundings, VCluster
from poya.planning import make_plan
from strategies import FEW, vclusters

GELE = vcluster("gele: compute=X86@gele*2 image=a1")
ONE, TWO = GELE.groups[0].members
URL = "https://api-gw-service-nmn.local/vcs/cray/base.git"
PLACE = (URL, "integration")


def target(
    capabilities: Capabilities = CSM_1_6, entities: Any = (), **circumstances: Any
) -> Inventory:
    held = inventory(capabilities, dict(GELE.nodes), entities)
    layers = [la for c in GELE.configurations for la in c.layers]
    return dataclasses.replace(
        held,
        circumstances=Circumstances(**circumstances),
        commits={(la.clone_url, la.commit): True for la in layers},
    )


STRICT = target(
    storage=Storage("ok", may_write=True, lists_uploads=True),
    endings=(Ending("its CA", "2030-12-01", 900),),
    partitions={ONE: "p1", TWO: "p1"},
    shared_boots=("Compute", "Global"),
    bos_options={"ims_images_must_exist": False, "ims_errors_fatal": False},
)


def around(**surroundings: Any) -> VCluster:
    return dataclasses.replace(GELE, surroundings=Surroundings(**surroundings))


def booting(**fields: Any) -> VCluster:
    one = boot_set("a1", arch="X86", node_groups=["gele"], **fields)
    cfs = {"configuration": "gele-config"}
    return dataclasses.replace(GELE, templates=(template("gele", {"compute": one}, cfs=cfs),))


def configured(*layers: Any, **extra: Any) -> VCluster:
    return dataclasses.replace(
        GELE, configurations=(configuration("gele-config", *layers, **extra),)
    )


def nodes(**changed: Any) -> dict[str, Any]:
    known = {x: dataclasses.replace(node, **changed) for x, node in GELE.nodes.items()}
    return {"nodes": known}


def with_nodes(held: Inventory, **changed: Any) -> Inventory:
    return dataclasses.replace(held, **nodes(**changed))


def of_tenant(name: str) -> VCluster:
    return dataclasses.replace(
        GELE,
        templates=(dataclasses.replace(GELE.templates[0], tenant=name),),
    )


def found(cluster: VCluster, held: Inventory, intent: Intent | None = None) -> list[Finding]:
    return list(make_plan(cluster, held, intent or Intent()).findings)


def test_nothing_is_told_where_nothing_is_the_matter() -> None:
    assert found(GELE, target()) == []
    assert found(around(shared_boots=(Booted(("Global",), ""),)), STRICT) == []


def test_whatever_number_of_questions_is_not_answered_one_finding_tells_of_them() -> None:
    (finding,) = found(GELE, target(unasked=tuple(f"question {n}" for n in range(50))))
    assert finding.message.startswith("50 questions were not answered")
    assert "question 0; question 1" in finding.evidence
    assert "and 44 more" in finding.evidence


_CASES: list[tuple[str, str, Callable[[], tuple[VCluster, Inventory]]]] = [
    (
        "branch-moved",
        "info",
        lambda: (around(branches={PLACE: "f" * 40}), target()),
    ),
    (
        "branch-absent",
        "critical",
        lambda: (configured(layer("base", commit=None)), target(branches={PLACE: ""})),
    ),
    (
        "branch-differs",
        "warning",
        lambda: (
            dataclasses.replace(
                configured(layer("base", commit=None)),
                surroundings=Surroundings(branches={PLACE: "a" * 40}),
            ),
            target(branches={PLACE: "b" * 40}),
        ),
    ),
    (
        "source-absent",
        "critical",
        lambda: (configured(layer("base", clone_url=None, source="git")), target(sources={})),
    ),
    (
        "source-differs",
        "warning",
        lambda: (
            dataclasses.replace(
                configured(layer("base", clone_url=None, source="git")),
                surroundings=Surroundings(sources={"git": "https://a"}),
            ),
            target(sources={"git": "https://b"}),
        ),
    ),
    ("node-management", "critical", lambda: (GELE, with_nodes(target(), role="Management"))),
    ("node-empty", "warning", lambda: (GELE, with_nodes(target(), state="Empty"))),
    ("node-up", "info", lambda: (GELE, with_nodes(target(), state="Ready"))),
    ("node-reserved", "warning", lambda: (GELE, target(reserved=frozenset({ONE})))),
    ("node-busy", "warning", lambda: (GELE, target(busy={TWO: "their-session"}))),
    ("node-in-group", "warning", lambda: (GELE, target(entities=[group("theirs", [ONE])]))),
    ("tenant-unknown", "critical", lambda: (of_tenant("blue"), target(tenants={}))),
    ("node-of-tenant", "critical", lambda: (GELE, target(tenants={"red": (ONE,)}))),
    ("node-not-of-tenant", "warning", lambda: (of_tenant("blue"), target(tenants={"blue": ()}))),
    (
        "group-of-tenant",
        "warning",
        lambda: (
            dataclasses.replace(
                GELE,
                groups=(
                    group(
                        "gele",
                        [ONE, TWO],
                        exclusiveGroup="tapms-exclusive-group-label",
                        tags=["blue"],
                    ),
                ),
            ),
            target(tenants={}),
        ),
    ),
    (
        "template-of-tenant",
        "info",
        lambda: (around(foreign_templates=("x (blue)",)), target()),
    ),
    (
        "site-name",
        "warning",
        lambda: (
            booting(rootfs_provider="sbps", rootfs_provider_passthrough=_passthrough("alps")),
            target(
                entities=[
                    template(
                        "t",
                        {"c": boot_set("b", rootfs_provider_passthrough=_passthrough("prealps"))},
                    )
                ]
            ),
        ),
    ),
    (
        "site-address",
        "warning",
        lambda: (booting(kernel_parameters="nfs=10.252.1.4:/x"), target()),
    ),
    (
        "boot-set-by-role",
        "warning",
        lambda: (
            booting(node_roles_groups=["Compute"]),
            dataclasses.replace(
                target(),
                nodes={**GELE.nodes, "x9c0s0b0n0": Node("x9c0s0b0n0", role="Compute")},
            ),
        ),
    ),
    ("nid-in-node-list", "warning", lambda: (booting(node_list=["nid001001"]), target())),
    (
        "nid-in-node-list",
        "critical",
        lambda: (booting(node_list=["nid001001"]), target(bos_options={"reject_nids": True})),
    ),
    (
        "session-limit-required",
        "info",
        lambda: (GELE, target(bos_options={"session_limit_required": True})),
    ),
    ("token-rights", "critical", lambda: (GELE, target(access=Access(roles=("user",))))),
    ("token-expires", "warning", lambda: (GELE, target(access=Access(("admin",), (), 5.0)))),
    ("clock-skew", "warning", lambda: (GELE, target(clock_ahead_s=-300.0))),
    ("clock-skew", "critical", lambda: (GELE, target(clock_ahead_s=1000.0))),
    ("bucket-absent", "critical", lambda: (GELE, target(storage=Storage("absent")))),
    ("bucket-denied", "critical", lambda: (GELE, target(storage=Storage("denied")))),
    ("bucket-full", "critical", lambda: (GELE, target(storage=Storage("ok", 100)))),
    (
        "secret-in-clone-url",
        "critical",
        lambda: (configured(layer("base", clone_url="https://u:pass@git/x.git")), target()),
    ),
    (
        "secret-in-kernel-parameters",
        "warning",
        lambda: (booting(kernel_parameters="quiet root_password=hunter2"), target()),
    ),
    (
        "secret-in-cloud-init",
        "info",
        lambda: (around(booted=(Booted((ONE,), "a1", has_secrets=True),)), target()),
    ),
    (
        "boots-another-image",
        "warning",
        lambda: (around(booted=(Booted((ONE,), "other"),)), target()),
    ),
    ("configured-otherwise", "warning", lambda: (around(configured={ONE: "other"}), target())),
    ("boot-set-etag", "info", lambda: (booting(etag="stale"), target())),
    (
        "shared-at-source",
        "info",
        lambda: (around(sharers={"HSM group gele": ("session template x",)}), target()),
    ),
    (
        "bucket-write-unproven",
        "info",
        lambda: (GELE, target(storage=Storage("ok", may_write=False))),
    ),
    (
        "uploads-unlisted",
        "warning",
        lambda: (GELE, target(storage=Storage("ok", lists_uploads=False))),
    ),
    (
        "certificate-ends",
        "warning",
        lambda: (GELE, target(endings=(Ending("its CA", "2026-12-01", 20),))),
    ),
    (
        "certificate-ends",
        "critical",
        lambda: (around(endings=(Ending("its CA", "2026-12-01", 0),)), target()),
    ),
    (
        "partition-split",
        "warning",
        lambda: (GELE, target(partitions={ONE: "p1", TWO: "p2"})),
    ),
    (
        "partition-not-brought",
        "info",
        lambda: (around(partitions={ONE: "p1"}), target(partitions={ONE: "p1"})),
    ),
    (
        "shared-boot-record",
        "info",
        lambda: (around(shared_boots=(Booted(("Global",), ""),)), target()),
    ),
    (
        "shared-boot-record",
        "info",
        lambda: (around(shared_boots=(Booted(("Compute",), ""),)), STRICT),
    ),
    ("bos-asks-ims", "info", lambda: (GELE, target(bos_options={"ims_errors_fatal": True}))),
    (
        "image-not-brought",
        "critical",
        lambda: (
            dataclasses.replace(GELE, images=()),
            target(bos_options={"ims_images_must_exist": True}),
        ),
    ),
    ("not-asked", "info", lambda: (GELE, target(unasked=("BSS: no answer",)))),
    ("lost-description", "info", lambda: (configured(layer("base"), description="d"), _csm_1_3())),
    ("lost-tenant", "warning", lambda: (of_tenant("blue"), _csm_1_3())),
    (
        "lost-metadata",
        "info",
        lambda: (
            dataclasses.replace(GELE, images=(image("a1", metadata={"k": "v"}),)),
            target(CSM_1_4),
        ),
    ),
    (
        "lost-image-arch",
        "critical",
        lambda: (
            dataclasses.replace(GELE, images=(image("a1", arch="aarch64"),)),
            target(CSM_1_4),
        ),
    ),
    ("value-refused", "critical", lambda: (configured(layer("base", commit="main")), target())),
    (
        "value-refused",
        "critical",
        lambda: (configured(layer("base"), layer("x", clone_url=URL)), target()),
    ),
    ("value-refused", "critical", lambda: (configured(layer("n" * 46)), target())),
    ("value-refused", "critical", lambda: (booting(kernel_parameters="x" * 4097), target())),
    (
        "value-refused",
        "critical",
        lambda: (
            dataclasses.replace(GELE, images=(dataclasses.replace(GELE.images[0], name=" "),)),
            target(),
        ),
    ),
    ("field-unknown", "warning", lambda: (booting(boots_twice=True), target(CSM_1_7))),
    ("lost-old-fields", "info", lambda: (booting(boot_ordinal=2, network="nmn"), target())),
    (
        "lost-old-fields",
        "warning",
        lambda: (
            dataclasses.replace(
                GELE,
                templates=(
                    template(
                        "gele",
                        {"compute": boot_set("a1", node_groups=["gele"])},
                        cfs={"clone_url": "https://x", "branch": "main"},
                    ),
                ),
            ),
            target(),
        ),
    ),
]


def _passthrough(site: str) -> str:
    return f"sbps:v1:iqn.2023-06.csm.iscsi:_sbps-hsn._tcp.{site}.example.org:300"


def _csm_1_3() -> Inventory:
    none = dataclasses.replace(
        CSM_1_4, has_configuration_description=False, has_template_tenants=False
    )
    return target(none, tenants={})


@pytest.mark.parametrize(("kind", "severity", "case"), _CASES, ids=[c[0] for c in _CASES])
def test_fires(kind: str, severity: str, case: Callable[[], tuple[VCluster, Inventory]]) -> None:
    told = [finding for finding in found(*case()) if finding.id == kind]
    assert [finding.severity for finding in told][:1] == [severity]
    assert all(finding.subject and finding.message for finding in told)


DECLARED = """
group = "gele"
package-repositories = ["cos", "csm"]
[[mount]]
path = "/scratch"
source = "nfs.alps.example.org:/scratch"
at.prealps = "nfs.prealps.example.org:/scratch"
[[access]]
to = "ldap.example.org:636"
why = "accounts"
"""


def test_what_the_owner_declared_is_looked_for() -> None:
    intent = Intent(declared=parse_declaration(DECLARED))
    held = target(package_repositories=frozenset({"csm"}))
    told = {f.id: f.evidence for f in found(GELE, held, intent)}
    assert told == {
        "mount-unmapped": "nfs.alps.example.org:/scratch at alps",
        "access-declared": "accounts",
        "package-repository-absent": "cos",
    }
    there = dataclasses.replace(
        target(package_repositories=frozenset({"cos", "csm"})), label="prealps"
    )
    assert [f.id for f in found(GELE, there, intent)] == ["access-declared"]
    assert decode_plan(make_plan(GELE, held, intent).encode()).intent == intent


@pytest.mark.parametrize(
    ("server", "told"), [("nfs.here.example.org:/x", True), ("nfs.else.org:/x", False)]
)
def test_a_declared_server_in_the_sources_domain_is_told(server: str, told: bool) -> None:
    text = f"""group = "gele"
[[mount]]
path = "/scratch"
source = "a:/b"
at.test-target = "{server}"
[[access]]
to = "{server.partition(":")[0]}:636"
"""
    sites = (
        booting(rootfs_provider_passthrough=f"sbps:v1:iqn:_sbps-hsn._tcp.{name}.example.org:300")
        for name in ("here", "there")
    )
    here, there = sites
    held = dataclasses.replace(target(entities=there.templates), label="test-target")
    ids = [f.id for f in found(here, held, Intent(declared=parse_declaration(text)))]
    assert ids.count("declared-of-source") == (2 if told else 0)


def test_the_example_of_the_documentation_can_be_read() -> None:
    page = Path(__file__).parents[2] / "docs/reference/vcluster-file.md"
    example = page.read_text().split("```toml")[1].split("```")[0]
    assert parse_declaration(example).group == "gele"


@pytest.mark.parametrize("text", ["", "[", "group = 1", 'group = "a"\nthings = 1', DECLARED * 2])
def test_a_file_that_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_declaration(text)


def test_a_tenants_configuration_is_not_taken_away() -> None:
    theirs = configuration("gele-config", layer("other"), tenant_name="blue")
    held = target(CSM_1_7, entities=[theirs], tenants={"blue": ()})
    told = found(GELE, held, Intent(policies={"configuration": "overwrite"}))
    assert "configuration-of-tenant" in {f.id for f in told if f.severity == "critical"}


def test_what_bos_refuses_of_its_first_version_is_left_out() -> None:
    cluster = booting(boot_ordinal=2, shutdown_ordinal=1, network="nmn")
    (entity,) = make_plan(cluster, target(), Intent()).of_kind("template")
    assert (
        not {"boot_ordinal", "shutdown_ordinal", "network"}
        & entity.body["boot_sets"]["compute"].keys()
    )
    assert any("of BOS v1" in edit for edit in entity.edits)


def test_a_change_that_touches_others_is_told() -> None:
    theirs = template("theirs", {"c": boot_set("b", node_groups=["gele"])})
    held = target(entities=[group("gele", [ONE], description="old"), theirs])
    told = found(GELE, held, Intent(policies={"group": "overwrite"}))
    assert ("shared-at-target", "HSM group gele") in {(f.id, f.subject) for f in told}


def test_secrets_are_told_without_being_told() -> None:
    cluster = configured(layer("base", clone_url="https://user:hunter2@git.example.org/x.git"))
    for capabilities in (CSM_1_6, BUNDLE):
        plan: Plan = make_plan(cluster, inventory(capabilities, dict(GELE.nodes)), Intent())
        assert plan.blocking()
        assert b"hunter2" not in plan.encode()
        (entity,) = plan.of_kind("configuration")
        assert entity.body["layers"][0]["clone_url"] == "https://git.example.org/x.git"
    spoken = booting(kernel_parameters="spire_join_token=${SPIRE_JOIN_TOKEN}")
    assert found(spoken, target()) == []


def test_a_template_becomes_its_tenants() -> None:
    held = target(tenants={"blue": (ONE, TWO)})
    plan = make_plan(of_tenant("blue"), held, Intent())
    (entity,) = plan.of_kind("template")
    assert entity.ref == EntityRef("template", "gele", "blue")
    assert entity.action == "create"
    theirs = {EntityRef("template", "gele"): template("gele", {}).document}
    beside = dataclasses.replace(held, entities=theirs)
    (entity,) = make_plan(of_tenant("blue"), beside, Intent()).of_kind("template")
    assert entity.action == "create", "the same name of another tenant is another template"


def test_without_tenants_at_the_target_the_template_is_nobodys() -> None:
    (entity,) = make_plan(of_tenant("blue"), _csm_1_3(), Intent()).of_kind("template")
    assert entity.tenant == ""
    assert any("tenant 'blue' left out" in edit for edit in entity.edits)


@FEW
@given(vclusters(), st.sampled_from([CSM_1_4, CSM_1_6, CSM_1_7, BUNDLE]))
def test_no_check_ever_raises_and_none_stops_another(
    cluster: VCluster, capabilities: Capabilities
) -> None:
    stand = Circumstances(
        access=Access(roles=()),
        clock_ahead_s=5000,
        storage=Storage("denied", 0),
        bos_options={"reject_nids": True, "session_limit_required": True},
        tenants={"red": cluster.xnames()},
        reserved=frozenset(cluster.xnames()),
        busy=dict.fromkeys(cluster.xnames(), "x"),
        sources={},
        unasked=("one", "two"),
    )
    held = inventory(capabilities, dict(cluster.nodes), [group("others", xnames(40))])
    held = dataclasses.replace(held, circumstances=stand)
    ids = {finding.id for finding in make_plan(cluster, held, Intent()).findings}
    assert {"token-rights", "clock-skew", "bucket-denied", "not-asked"} <= ids


def test_every_finding_has_a_place_in_the_documentation() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "findings.md").read_text()
    anchors = set(re.findall(r'<a id="([a-z-]+)"></a>', page))
    planning = root / "src" / "poya" / "planning"
    ids: set[str] = set()
    for source in planning.rglob("*.py"):
        text = source.read_text()
        ids |= set(re.findall(r'Finding\(\s*(?:id=)?"([a-z-]+)"', text))
        ids |= set(re.findall(r'^    "([a-z-]+)": \($', text, re.MULTILINE))
    ids |= {kind for kind, _, _ in _CASES}
    assert sorted(ids - anchors) == []
