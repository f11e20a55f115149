"""`poya diff` tells what means something else, and nothing that does not."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given
from hypothesis import strategies as st

from builders import configuration, group, image, layer, template, vcluster
from poya.documents import Document
from poya.model.image import Image
from poya.model.vcluster import VCluster
from poya.planning.comparison import compare
from strategies import FEW, vclusters

GELE = vcluster("gele: compute=ARM@gele*2 image=a1")


def differences(other: VCluster) -> list[tuple[str, str]]:
    return [(str(d), c.pointer) for d in compare(GELE, other) for c in d.changes]


@FEW
@given(vclusters(), st.integers(0, 2**32))
def test_a_vcluster_means_the_same_as_itself_in_another_order(
    cluster: VCluster, seed: int
) -> None:
    dice = random.Random(seed)
    fields = ("templates", "configurations", "images", "groups")
    mixed = {f: tuple(dice.sample(v, len(v))) for f in fields for v in [getattr(cluster, f)]}
    assert compare(cluster, dataclasses.replace(cluster, **mixed)) == ()  # type: ignore[arg-type]


@FEW
@given(vclusters(), vclusters())
def test_the_other_way_round_finds_the_same_places(one: VCluster, other: VCluster) -> None:
    there, back = compare(one, other), compare(other, one)
    assert len(there) == len(back)
    assert (there == ()) == (back == ())


def test_ids_dates_and_etags_do_not_count() -> None:
    (boot_set,) = GELE.templates[0].boot_sets
    moved = image("new-id", name="a1", arch="aarch64", content="a1")
    dated = configuration("gele-config", last_updated="2031-01-01T00:00:00Z")
    value = GELE.templates[0].document.editable()
    fields = value["boot_sets"]["compute"]  # type: ignore[index,call-overload]
    fields["path"], fields["etag"] = moved.manifest_path, "another"  # type: ignore[index,call-overload]
    other = dataclasses.replace(
        GELE,
        site="prealps",
        images=(moved,),
        configurations=(dated,),
        templates=(type(GELE.templates[0]).of(Document.of(value)),),
    )
    assert boot_set.path != moved.manifest_path
    assert compare(GELE, other) == ()


def test_another_commit_is_told() -> None:
    other = configuration("gele-config", layer("base", commit="e" * 40))
    found = differences(dataclasses.replace(GELE, configurations=(other,)))
    assert found == [("CFS configuration gele-config", "/layers/0/commit")]


def test_members_are_told_by_name() -> None:
    one, two = GELE.groups[0].members
    other = group("gele", [one, "x9999c0s0b0n0"])
    found = differences(dataclasses.replace(GELE, groups=(other,)))
    assert found == [
        ("HSM group gele", f"/members/{two}"),
        ("HSM group gele", "/members/x9999c0s0b0n0"),
    ]


def test_another_file_in_an_image_is_told() -> None:
    other: Image = image("a1", arch="aarch64", content="rebuilt")
    found = differences(dataclasses.replace(GELE, images=(other,)))
    assert {subject for subject, _ in found} == {"IMS image a1"}
    assert all(pointer.endswith("/md5") for _, pointer in found)


def test_a_single_template_of_another_name_is_compared_and_its_name_told() -> None:
    other = template("other", {}, cfs={"configuration": "gele-config"})
    found = differences(dataclasses.replace(GELE, templates=(other,)))
    assert ("BOS session template gele", "/name") in found
    assert ("BOS session template gele", "/boot_sets/compute") in found


def test_an_architecture_that_one_site_does_not_record_is_no_difference() -> None:
    value = GELE.templates[0].document.editable()
    del value["boot_sets"]["compute"]["arch"]  # type: ignore[union-attr,index,call-overload,arg-type]
    old = dataclasses.replace(
        GELE,
        images=tuple(dataclasses.replace(one, arch="") for one in GELE.images),
        templates=(type(GELE.templates[0]).of(Document.of(value)),),
    )
    assert compare(old, GELE) == compare(GELE, old) == ()
    other = dataclasses.replace(GELE, images=(image("a1", arch="x86_64"),))
    assert [str(d) for d in compare(other, GELE)] == ["IMS image a1"]
