"""Between releases nothing is lost without a word."""

from __future__ import annotations

import dataclasses
import re

from hypothesis import given
from hypothesis import strategies as st

from builders import (
    CSM_1_4,
    CSM_1_6,
    CSM_1_7,
    boot_set,
    configuration,
    image,
    inventory,
    layer,
    template,
    vcluster,
)
from planning.stored import apply
from poya.model.intent import Intent
from poya.model.inventory import Capabilities
from poya.model.records import Configuration, Group, Node, SessionTemplate
from poya.model.vcluster import VCluster
from poya.planning import make_plan
from poya.planning.comparison import compare
from strategies import FEW, vclusters

CSM_1_3 = dataclasses.replace(
    CSM_1_4,
    release="CSM 1.3",
    has_configuration_description=False,
    has_template_tenants=False,
)
CSM_1_5 = dataclasses.replace(
    CSM_1_6,
    release="CSM 1.5",
    has_image_metadata=False,
    checks_arch=False,
    rootfs_providers=("cpss3",),
)
RELEASES = st.sampled_from([CSM_1_3, CSM_1_4, CSM_1_5, CSM_1_6, CSM_1_7])

# The last part of a pointer → the findings that tell of its loss.
_TOLD = {
    "description": {"lost-description"},
    "tenant_name": {"lost-tenant"},
    "arch": {"lost-arch", "arch-release", "lost-image-arch", "arch-filled"},
    "metadata": {"lost-metadata"},
    "source": {"source-unsupported"},
    # A layer by branch alone is resolved where it is stored.
    "branch": {"commit-unpinned"},
    "commit": {"commit-unpinned"},
}


def captured(cluster: VCluster, capabilities: Capabilities) -> tuple[VCluster, set[str]]:
    """The vCluster as it is captured again from a site that it was brought to."""
    held = inventory(capabilities, {x: Node(x) for x in cluster.xnames()})
    plan = make_plan(cluster, held, Intent())
    after = apply(plan, held)
    documents = {ref: after.entities[ref] for ref in (e.ref for e in plan.entities)}
    of_kind = {
        kind: [d for ref, d in documents.items() if ref.kind == kind]
        for kind in ("group", "configuration", "template")
    }
    again = dataclasses.replace(
        cluster,
        groups=tuple(Group.of(d) for d in of_kind["group"]),
        configurations=tuple(Configuration.of(d) for d in of_kind["configuration"]),
        templates=tuple(SessionTemplate.of(d) for d in of_kind["template"]),
        images=after.images,
    )
    return again, {finding.id for finding in plan.findings}


@FEW
@given(vclusters(), RELEASES, RELEASES)
def test_there_and_back_between_any_two_releases_changes_only_what_was_told_as_lost(
    cluster: VCluster, one: Capabilities, other: Capabilities
) -> None:
    down, told = captured(cluster, one)
    up, told_again = captured(down, other)
    told = told | told_again

    for difference in compare(cluster, up):
        assert difference.state == "differs"
        for change in difference.changes:
            fields = set(change.pointer.split("/")) & _TOLD.keys()
            is_word = change.pointer == "/exclusiveGroup" and change.before.lower() == '"false"'
            explained = any(told & _TOLD[field] for field in fields)
            assert explained or is_word, f"{difference}: {change}"


def test_every_loss_has_its_own_finding() -> None:
    one = boot_set("a1", arch="Other", node_groups=["gele"])
    cluster = dataclasses.replace(
        vcluster("gele: compute=X86@gele*2 image=a1"),
        configurations=(
            configuration(
                "gele-config",
                layer("base", clone_url=None, source="git"),
                description="what it is",
                tenant_name="blue",
            ),
        ),
        templates=(template("gele", {"compute": one}, cfs={"configuration": "gele-config"}),),
        images=(image("a1", metadata={"k": "v"}),),
    )
    _, told = captured(cluster, CSM_1_3)
    wanted = "lost-description lost-tenant lost-arch lost-metadata source-unsupported"
    assert set(wanted.split()) <= told


def test_losses_are_told_in_words_too() -> None:
    cluster = dataclasses.replace(
        vcluster("gele: compute=X86@gele*2 image=a1"),
        configurations=(configuration("gele-config", tenant_name="blue", description="d"),),
    )
    held = inventory(CSM_1_3, dict(cluster.nodes))
    (entity,) = make_plan(cluster, held, Intent()).of_kind("configuration")
    said = " ".join(entity.edits)
    assert re.search("description left out.*tenant_name left out", said)
    assert "tenant_name" not in entity.body
