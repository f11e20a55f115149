# SPDX-License-Identifier: Apache-2.0
"""Random documents and vClusters for hypothesis: every optional field may be absent."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from builders import artifact, boot_set, configuration, group, image, template, xnames
from poya.documents import JsonObject
from poya.model.image import INITRD, KERNEL, ROOTFS, Image
from poya.model.records import Configuration, Group, Node
from poya.model.vcluster import VCluster

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)

_LETTERS = "abcxyz0189"
_WORDS = st.text(st.sampled_from("abcxyzAZ09 .-_éßñİ漢🐄/~%'\"\\"), min_size=1, max_size=12)
_LABELS = st.text(st.sampled_from(_LETTERS + "-._"), min_size=1, max_size=10)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
_HEX = st.text(st.sampled_from("0123456789abcdef"), min_size=40, max_size=40)
_XNAMES = xnames(120)


def json_values(leaves: int = 20) -> st.SearchStrategy[object]:
    """Any JSON value: big integers, floats, every character that UTF-8 can carry."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(min_value=10**18, max_value=10**60)
        | st.floats(allow_nan=False, allow_infinity=False)
        | _TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
        max_leaves=leaves,
    )


def json_objects() -> st.SearchStrategy[dict[str, object]]:
    """Any JSON object."""
    return st.dictionaries(_TEXTS, json_values(), max_size=6)


def _maybe(draw: st.DrawFn, fields: Mapping[str, st.SearchStrategy[object]]) -> dict[str, object]:
    """Some of the fields, each with a value of its own; some of them null."""
    chosen = {key: draw(st.none() | value) for key, value in fields.items() if draw(st.booleans())}
    return dict(chosen)


@st.composite
def layers(draw: st.DrawFn, *, is_inventory: bool = False) -> JsonObject:
    """A layer as CFS or a bundle may hold it."""
    value: dict[str, object] = {
        "clone_url": f"https://api-gw-service-nmn.local/vcs/cray/{draw(_LABELS)}.git",
        **_maybe(draw, {"name": _WORDS, "branch": _LABELS, "commit": _HEX}),
    }
    if not is_inventory:
        extra = {"ims_require_dkms": draw(st.booleans())}
        value |= _maybe(draw, {"playbook": _LABELS, "special_parameters": st.just(extra)})
    return value  # type: ignore[return-value]


@st.composite
def configurations(draw: st.DrawFn, name: str) -> Configuration:
    """A CFS configuration with any of its optional fields absent."""
    extra = _maybe(
        draw,
        {
            "description": _TEXTS,
            "tenant_name": _LABELS,
            "additional_inventory": layers(is_inventory=True),
            "future_field": json_values(3),
        },
    )
    return configuration(name, *draw(st.lists(layers(), min_size=1, max_size=4)), **extra)


@st.composite
def images_of(draw: st.DrawFn, image_id: str) -> Image:
    """An image with any of the optional parts of record and manifest absent."""
    kinds = [ROOTFS, KERNEL, INITRD, "application/vnd.cray.image.parameters.boot"]
    names = st.sampled_from(["kernel", "rootfs", "manifest.json", "a b", "vmlinuz-漢"])
    content = draw(st.sampled_from([image_id, "shared"]))
    entries = []
    for kind in kinds[: draw(st.integers(1, 4))]:
        extra = {"future": 1} if draw(st.booleans()) else {}
        entry = artifact(image_id, kind, f"{content} {kind}", name=draw(names), **extra)
        if draw(st.integers(0, 9)) == 0:
            del entry["md5"]
        entries.append(entry)
    return image(
        image_id,
        name=draw(_WORDS),
        arch=draw(st.sampled_from(["x86_64", "aarch64", ""])),
        artifacts=entries,
        metadata=draw(st.dictionaries(_LABELS, _TEXTS, max_size=2)),
    )


@st.composite
def boot_sets_of(
    draw: st.DrawFn, images: tuple[Image, ...], labels: tuple[str, ...], names: tuple[str, ...]
) -> JsonObject:
    """A boot set of one of the images, on some of the groups and nodes."""
    nodes_ = st.lists(st.sampled_from(_XNAMES), min_size=1, max_size=5)
    fields = _maybe(
        draw,
        {
            "arch": st.sampled_from(["X86", "ARM", "Other", "Unknown"]),
            "kernel_parameters": _TEXTS,
            "rootfs_provider": st.sampled_from(["cpss3", "sbps", ""]),
            "rootfs_provider_passthrough": _TEXTS,
            "node_list": nodes_,
            "node_roles_groups": st.just(["Compute"]),
            "cfs": st.fixed_dictionaries({"configuration": st.sampled_from(["", *names])}),
            "future_field": json_values(3),
        },
    )
    in_groups: bool = draw(st.booleans())
    if labels and in_groups:
        chosen = st.lists(st.sampled_from(labels), min_size=1, max_size=4)
        fields["node_groups"] = [
            label.upper() if draw(st.integers(0, 5)) == 0 else label for label in draw(chosen)
        ]
    if not any(fields.get(k) for k in ("node_groups", "node_list", "node_roles_groups")):
        fields["node_list"] = draw(nodes_)
    return boot_set(draw(st.sampled_from(images)).id, **fields)


@st.composite
def groups_of(draw: st.DrawFn, label: str) -> Group:
    """An HSM group of any size, its names spelt as people spell them."""
    members = draw(st.lists(st.sampled_from(_XNAMES), max_size=8, unique=True))
    spelt = [x.upper() if draw(st.integers(0, 7)) == 0 else x for x in members]
    extra = _maybe(
        draw,
        {
            "exclusiveGroup": st.sampled_from(["false", "Tapms", ""]),
            "tags": st.lists(_LABELS, max_size=3),
        },
    )
    return group(label, spelt, description=draw(_TEXTS), **extra)


@st.composite
def vclusters(draw: st.DrawFn) -> VCluster:
    """Anything from one boot set by a node list to fifty groups and six boot sets a template."""
    labels = tuple(draw(st.lists(_LABELS, max_size=draw(st.sampled_from([3, 50])), unique=True)))
    names = tuple(draw(st.lists(_WORDS, min_size=1, max_size=4, unique=True)))
    ids = tuple(f"id-{i}" for i in range(draw(st.integers(1, 4))))
    images = tuple(draw(images_of(image_id)) for image_id in ids)
    archs = st.sampled_from(["X86", "ARM", "UNKNOWN", ""])
    templates = []
    for name in draw(st.lists(_WORDS, min_size=1, max_size=2, unique=True)):
        keys = draw(st.lists(_WORDS, min_size=1, max_size=6, unique=True))
        sets = {key: draw(boot_sets_of(images, labels, names)) for key in keys}
        extra = _maybe(draw, {"description": _TEXTS, "enable_cfs": st.booleans()})
        if draw(st.booleans()):
            extra["cfs"] = {"configuration": draw(st.sampled_from(names))}
        templates.append(template(name, sets, **extra))
    return VCluster(
        name=draw(_WORDS),
        site="alps",
        release="CSM 1.6",
        templates=tuple(templates),
        configurations=tuple(draw(configurations(name)) for name in names),
        images=images,
        groups=tuple(draw(groups_of(label)) for label in labels),
        nodes={x: Node(x, arch=draw(archs)) for x in _XNAMES[:: draw(st.integers(1, 40))]},
    )
