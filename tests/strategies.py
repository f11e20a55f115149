# SPDX-License-Identifier: Apache-2.0
"""Random documents and vClusters for hypothesis: every optional field may be absent.

Hypothesis draws a vCluster's sizes, which it can make smaller, and one seed for all that fills
it: drawing each field by itself would take a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import settings
from hypothesis import strategies as st

from builders import artifact, boot_set, configuration, group, image, template, xnames
from poya.documents import JsonObject
from poya.model.image import BOOT_PARAMETERS, INITRD, KERNEL, ROOTFS, Image
from poya.model.records import Configuration, Group, Node
from poya.model.vcluster import VCluster

QUICK = settings(max_examples=50, deadline=None, print_blob=True)
# For what is covered elsewhere, too.
FEW = settings(QUICK, max_examples=12)

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
_XNAMES = xnames(120)
_LABEL = "abcxyz0189-._"
_NAME = "abcxyzAZ09 .-_éßñİ漢🐄/~%'\"\\"
_FUTURE: tuple[object, ...] = (0, False, 1.5, 10**30, "ü", [None, {"a": ""}], {"b": [1, True]})


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


def vclusters() -> st.SearchStrategy[VCluster]:
    """Anything from one boot set by a node list to fifty groups and six boot sets a template."""
    return st.builds(
        lambda seed, groups, templates, boot_sets, images: _Dice(seed).vcluster(
            groups, templates, boot_sets, images
        ),
        st.integers(0, 2**32),
        st.integers(0, 4) | st.integers(0, 50),
        st.integers(1, 2),
        st.integers(1, 6),
        st.integers(1, 4),
    )


class _Dice:
    """Throws a vCluster: the same seed, the same vCluster."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def vcluster(self, groups: int, templates: int, boot_sets: int, images: int) -> VCluster:
        labels = self._words(_LABEL, groups)
        names = self._words(_NAME, self._random.randint(1, 4))
        made = tuple(self._image(f"id-{i}") for i in range(images))
        archs = ("X86", "ARM", "UNKNOWN", "")
        known = _XNAMES[:: self._random.randint(1, 40)]
        cluster = VCluster(
            name=self._word(_NAME),
            site="alps",
            release="CSM 1.6",
            templates=(),
            configurations=tuple(self._configuration(name) for name in names),
            images=made,
            groups=tuple(self._group(label) for label in labels),
            nodes={x: Node(x, arch=self._random.choice(archs)) for x in known},
        )
        return self._with_templates(cluster, templates, boot_sets)

    def _with_templates(self, cluster: VCluster, templates: int, boot_sets: int) -> VCluster:
        names = [c.name for c in cluster.configurations]
        made = []
        for name in self._words(_NAME, templates):
            sets = {key: self._boot_set(cluster) for key in self._words(_NAME, boot_sets)}
            extra = self._some(
                description=self._text,
                enable_cfs=self._flag,
                cfs=lambda: {"configuration": self._random.choice(names)},
            )
            made.append(template(name, sets, **extra))
        return VCluster(
            name=cluster.name,
            site=cluster.site,
            release=cluster.release,
            templates=tuple(made),
            configurations=cluster.configurations,
            images=cluster.images,
            groups=cluster.groups,
            nodes=cluster.nodes,
        )

    def _group(self, label: str) -> Group:
        members = self._random.sample(_XNAMES, self._random.randint(0, 8))
        spelt = [x.upper() if self._rarely() else x for x in members]
        extra = self._some(
            description=self._text,
            exclusiveGroup=lambda: self._random.choice(["false", "Tapms", ""]),
            tags=lambda: [self._word(_LABEL), "B", "b"],
        )
        return group(label, spelt, **extra)

    def _configuration(self, name: str) -> Configuration:
        extra = self._some(
            description=self._text,
            tenant_name=lambda: self._word(_LABEL),
            additional_inventory=self._layer,
            future_field=lambda: self._random.choice(_FUTURE),
        )
        count = self._random.randint(1, 4)
        return configuration(name, *(self._played_layer() for _ in range(count)), **extra)

    def _played_layer(self) -> JsonObject:
        dkms = {"ims_require_dkms": self._flag()}
        extra = self._some(
            playbook=lambda: self._word(_LABEL), special_parameters=lambda: dict(dkms)
        )
        return {**self._layer(), **extra}  # type: ignore[dict-item]

    def _layer(self) -> JsonObject:
        url = f"https://api-gw-service-nmn.local/vcs/cray/{self._word(_LABEL)}.git"
        extra = self._some(
            name=lambda: self._word(_NAME),
            branch=lambda: self._word(_LABEL),
            commit=lambda: f"{self._random.getrandbits(160):040x}",
        )
        return {"clone_url": url, **extra}  # type: ignore[dict-item]

    def _image(self, image_id: str) -> Image:
        kinds = (ROOTFS, KERNEL, INITRD, BOOT_PARAMETERS)
        content = self._random.choice([image_id, "shared"])
        entries = []
        for kind in kinds[: self._random.randint(1, 4)]:
            name = self._random.choice(["kernel", "rootfs", "manifest.json", "a b", "vmlinuz-漢"])
            entry = artifact(image_id, kind, f"{content} {kind}", name=name, future=1)
            if self._rarely():
                del entry["md5"]
            entries.append(entry)
        return image(
            image_id,
            name=self._word(_NAME),
            arch=self._random.choice(["x86_64", "aarch64", ""]),
            artifacts=entries,
            metadata={self._word(_LABEL): self._text()} if self._flag() else {},
        )

    def _boot_set(self, cluster: VCluster) -> JsonObject:
        names = ["", *(c.name for c in cluster.configurations)]
        listed = self._random.sample(_XNAMES, self._random.randint(1, 5))
        fields = self._some(
            arch=lambda: self._random.choice(["X86", "ARM", "Other", "Unknown"]),
            kernel_parameters=self._text,
            rootfs_provider=lambda: self._random.choice(["cpss3", "sbps", ""]),
            rootfs_provider_passthrough=self._text,
            node_list=lambda: listed,
            node_groups=lambda: self._labels(cluster),
            node_roles_groups=lambda: ["Compute"],
            cfs=lambda: {"configuration": self._random.choice(names)},
            future_field=lambda: self._random.choice(_FUTURE),
        )
        if not any(fields.get(k) for k in ("node_groups", "node_list", "node_roles_groups")):
            fields["node_list"] = listed
        return boot_set(self._random.choice(cluster.images).id, **fields)

    def _labels(self, cluster: VCluster) -> list[str]:
        labels = [g.label for g in cluster.groups]
        chosen = self._random.sample(labels, min(len(labels), self._random.randint(1, 4)))
        return [label.upper() if self._rarely() else label for label in chosen]

    def _some(self, **fields: Callable[[], object]) -> dict[str, object]:
        """Each field absent, null, or with a value of its own."""
        made: dict[str, object] = {}
        for key, value in fields.items():
            throw = self._random.random()
            if throw < 0.5:
                made[key] = value()
            elif throw < 0.6:
                made[key] = None
        return made

    def _flag(self) -> bool:
        return self._random.random() < 0.5

    def _rarely(self) -> bool:
        return self._random.random() < 0.15

    def _text(self) -> str:
        return self._random.choice(["", self._word(_NAME), "\x00\x1f\u2028\ufeff", "long " * 60])

    def _word(self, letters: str) -> str:
        return "".join(self._random.choices(letters, k=self._random.randint(1, 10)))

    def _words(self, letters: str, count: int) -> list[str]:
        words: dict[str, None] = {}
        while len(words) < count:
            words[self._word(letters)] = None
        return list(words)
