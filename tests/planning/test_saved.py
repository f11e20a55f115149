"""A survey in a file says what the site said, and nothing can be smuggled in through it."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import BUNDLE, CSM_1_4, CSM_1_6, entities_of, inventory, ref_of, vcluster
from poya.errors import NotFound, UsageError
from poya.model.intent import Intent
from poya.model.inventory import Access, Circumstances, Storage
from poya.model.vcluster import Booted, Gap, Selector, Surroundings, VCluster
from poya.planning import make_plan
from poya.planning.closure import narrow
from poya.sites.saved import Survey, decode_survey, encode_survey
from strategies import FEW, vclusters

GELE = "gele: compute=ARM@gele*4 image=a1; login=X86@uan image=a2 cfs=other"

CIRCUMSTANCES = Circumstances(
    access=Access(roles=("admin",), tenants=("blue",), expires_in_s=3.5),
    clock_ahead_s=-1.25,
    storage=Storage("ok", 10**15),
    bos_options={"reject_nids": True, "discovery_frequency": 300},
    partitions={"x1000c0s0b0n0": "p1"},
    tenants={"blue": ("x1000c0s0b0n0",)},
    reserved=frozenset({"x1000c0s0b0n0"}),
    busy={"x1000c0s0b0n0": "session"},
    branches={("https://git/x.git", "main"): "a" * 40, ("https://git/x.git", "gone"): ""},
    sources={"ours": "https://git/y.git"},
    unasked=("BSS: not there",),
)
SURROUNDINGS = Surroundings(
    branches={("https://git/x.git", "main"): "b" * 40},
    sources={"ours": "https://git/y.git"},
    partitions={"x1000c0s0b0n0": "p1"},
    booted=(Booted(("x1000c0s0b0n0",), "a1", has_secrets=True),),
    configured={"x1000c0s0b0n0": "gele-config"},
    sharers={"HSM group gele": ("session template x",)},
    foreign_templates=("x (blue)",),
    unasked=("BSS: not there",),
)


def survey_of(cluster: VCluster, capabilities: object = CSM_1_6) -> Survey:
    held = inventory(capabilities, dict(cluster.nodes), entities_of(cluster), cluster.images)  # type: ignore[arg-type]
    held = dataclasses.replace(
        held,
        label=cluster.site,
        commits={("https://git/x.git", "a" * 40): True, ("https://git/y.git", "b" * 40): False},
        desired_by={"gele-config": 3},
        circumstances=CIRCUMSTANCES,
    )
    cluster = dataclasses.replace(cluster, surroundings=SURROUNDINGS)
    return Survey(cluster.site, "2026-01-01T00:00:00+00:00", cluster, held)


@FEW
@given(vclusters(), st.sampled_from([CSM_1_4, CSM_1_6, BUNDLE]))
def test_a_survey_survives_being_saved(cluster: VCluster, capabilities: object) -> None:
    survey = survey_of(cluster, capabilities)
    raw = encode_survey(survey)

    read = decode_survey(raw)

    assert encode_survey(read) == raw
    assert read.vcluster == survey.vcluster
    assert read.inventory == survey.inventory


@FEW
@given(vclusters())
def test_a_plan_from_saved_surveys_is_the_plan_from_the_sites(cluster: VCluster) -> None:
    survey = survey_of(cluster)
    read = decode_survey(encode_survey(survey))

    assert read.vcluster is not None
    assert survey.vcluster is not None
    plan = make_plan(read.vcluster, read.inventory, Intent())

    assert plan.encode() == make_plan(survey.vcluster, survey.inventory, Intent()).encode()


def test_damage_is_told_and_nothing_is_guessed() -> None:
    raw = encode_survey(survey_of(vcluster(GELE)))
    document = json.loads(raw)
    document["inventory"]["capabilities"]["rootfs_providers"] = 7
    for broken in (raw[:200], b"", b"[]", b"{}", b"\xff", json.dumps(document).encode()):
        with pytest.raises(UsageError):
            decode_survey(broken)


def test_a_survey_of_another_version_is_refused() -> None:
    document = json.loads(encode_survey(survey_of(vcluster(GELE))))
    document["version"] = 99
    with pytest.raises(UsageError, match="version 99"):
        decode_survey(json.dumps(document).encode())


def test_a_part_of_a_capture_is_what_a_capture_of_that_part_would_be() -> None:
    gele, uan = vcluster(GELE), vcluster("bise: compute=X86@bise*3 image=b1", cabinet=2000)
    both = dataclasses.replace(
        gele,
        name="alps",
        templates=(*gele.templates, *uan.templates),
        configurations=(*gele.configurations, *uan.configurations),
        images=(*gele.images, *uan.images),
        groups=(*gele.groups, *uan.groups),
        nodes={**gele.nodes, **uan.nodes},
        gaps=(Gap("image-gone", "boot set compute of bise"), Gap("x", "IMS image a1 (a1)")),
    )

    part = narrow(both, Selector(name="bise"))

    gap = Gap("image-gone", "boot set compute of bise")
    assert part == dataclasses.replace(uan, selector=Selector(name="bise"), gaps=(gap,))


@pytest.mark.parametrize("selector", [Selector(name="nobody"), Selector(templates=("nothing",))])
def test_what_a_capture_does_not_hold_cannot_be_selected(selector: Selector) -> None:
    with pytest.raises(NotFound):
        narrow(vcluster(GELE), selector)


def test_entities_keep_fields_that_poya_does_not_know() -> None:
    cluster = vcluster(GELE)
    read = decode_survey(encode_survey(survey_of(cluster)))
    assert read.vcluster is not None
    for before, after in zip(entities_of(cluster), entities_of(read.vcluster), strict=True):
        assert after.document.raw == before.document.raw
        assert ref_of(after) == ref_of(before)
