# SPDX-License-Identifier: Apache-2.0
"""Images that do not trust the target: every CSM site has a certificate authority of its own.

Nodes call the target's services (BSS, Spire, CFS state, S3) over HTTPS; where the image lacks the
target's authority they fail after the kernel has started, one service after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from poya.model.finding import Finding
from poya.model.image import Image
from poya.model.image_contents import Certificate
from poya.planning.checks import Case, images_named

# A file with more is a bundle of the world's authorities, which says nothing about this site.
_MOST_OWN = 10
_SHORT = 16


def check(case: Case) -> Iterator[Finding]:
    """Look for the target's authorities, by fingerprint, in each image."""
    wanted = case.inventory.authorities
    if not 0 < len(wanted) <= _MOST_OWN or case.inventory.capabilities.is_verbatim:
        return
    without = [image for image in case.vcluster.images if _is_without(image, wanted)]
    if without:
        pronoun = "The image does" if len(without) == 1 else f"These {len(without)} images do"
        yield Finding(
            "target-ca-absent",
            "warning",
            images_named(without),
            f"{pronoun} not trust the certificate authority of {case.inventory.label}.",
            evidence=_evidence(without, wanted),
            remedy="Add it to /etc/pki/trust/anchors (CFS image customization), or make sure that "
            "the nodes' configuration adds it before it is needed.",
        )


def _is_without(image: Image, wanted: Sequence[Certificate]) -> bool:
    contents = image.contents
    if contents is None or contents.rootfs is None:
        return False  # not looked into, which another finding tells
    trusted = contents.certificates()
    return not any(authority.sha256 in trusted for authority in wanted)


def _evidence(images: Sequence[Image], wanted: Sequence[Certificate]) -> str:
    names = {authority.subject for authority in wanted}
    trusted = [c for i in images if i.contents for c in i.contents.certificates().values()]
    namesakes = [c for c in trusted if c.subject and c.subject in names]
    evidence = f"looked for {_named(wanted)}"
    if namesakes:
        first = namesakes[0]
        evidence += f"; {first.place} holds another one of that name ({_short(first)})"
    return evidence


def _named(certificates: Sequence[Certificate]) -> str:
    return ", ".join(f"'{c.subject or 'unnamed'}' ({_short(c)})" for c in certificates)


def _short(certificate: Certificate) -> str:
    return f"sha256 {certificate.sha256[:_SHORT]}…"
