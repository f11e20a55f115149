"""Does the image trust the certificate authority of the target?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import BUNDLE
from planning.checks.cases import AUTHORITY, cluster, contents, target, told
from poya.model.image_contents import Certificate, ImageContents

OTHER = Certificate("bb" * 32, "Root of the world", "/etc/pki/trust/anchors/world.pem")


def test_tells_of_images_without_it_in_one_finding() -> None:
    vcluster = cluster(contents(certificates=(OTHER,)), contents(certificates=()), contents())
    (finding,) = told("target-ca-absent", vcluster)
    assert finding.severity == "warning"
    assert finding.subject == "IMS images i0, i1"
    assert "'Platform CA' (sha256 aaaa" in finding.evidence


def test_says_that_an_authority_of_the_same_name_is_another_one() -> None:
    older = Certificate("cc" * 32, AUTHORITY.subject, "/etc/pki/trust/anchors/platform.crt")
    (finding,) = told("target-ca-absent", cluster(contents(certificates=(older,))))
    assert "/etc/pki/trust/anchors/platform.crt holds another one" in finding.evidence


def test_one_of_several_authorities_is_enough() -> None:
    several = (replace(OTHER, place="mars.pem"), AUTHORITY)
    assert not told("target-ca-absent", cluster(contents()), target(authorities=several))


def test_the_initrd_counts() -> None:
    inside = contents(certificates=(), initrd_certificates=(AUTHORITY,))
    assert not told("target-ca-absent", cluster(inside))


@pytest.mark.parametrize("inside", [None, ImageContents()], ids=["not looked", "unread"])
def test_is_silent_of_what_nobody_saw(inside: ImageContents | None) -> None:
    assert not told("target-ca-absent", cluster(inside))


def test_is_silent_where_the_target_uses_authorities_of_the_world() -> None:
    image = cluster(contents(certificates=()))
    many = tuple(Certificate(f"{n:064x}", f"CA {n}", "bundle.pem") for n in range(140))
    assert not told("target-ca-absent", image, target(authorities=()))
    assert not told("target-ca-absent", image, target(authorities=many))
    assert not told("target-ca-absent", image, target(BUNDLE))
