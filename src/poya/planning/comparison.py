# SPDX-License-Identifier: Apache-2.0
"""How two captures of a vCluster differ in what they mean.

Ids, dates, etags of manifests and the order of what has no order say nothing: two sites never
agree on them. What an image contains, a commit, a member, a kernel parameter say a lot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from poya.documents import Document, Json, JsonObject
from poya.model.image import Image
from poya.model.plan import Change
from poya.model.records import KIND_TITLES, KINDS, SessionTemplate
from poya.model.run import OWN_KEYS
from poya.model.vcluster import VCluster
from poya.planning.canonical import canonical_form
from poya.planning.diff import changes

_MEDIA_TYPES = "application/vnd.cray.image."

State: TypeAlias = Literal["only-first", "only-second", "differs"]
_Forms: TypeAlias = dict[str, JsonObject]


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One entity that the two captures do not have alike.

    Attributes:
        kind: `group`, `configuration`, `template` or `image`.
        changes: Field by field, where both have it.
    """

    kind: str
    name: str
    state: State
    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        return f"{KIND_TITLES[self.kind]} {self.name}"


def compare(one: VCluster, other: VCluster) -> tuple[Difference, ...]:
    """Every entity in which the two differ, images first; empty if they mean the same.

    Entities are matched by name; where each side has one of a kind, these two are compared.
    Architectures count where both sites record them (CSM 1.5 and later).
    """
    if not (_records_archs(one) and _records_archs(other)):
        one, other = _without_archs(one), _without_archs(other)
    found: list[Difference] = []
    for kind in ("image", *KINDS):
        forms = _FORMS[kind]
        found.extend(_compared(kind, forms(one), forms(other)))
    return tuple(found)


def _records_archs(vcluster: VCluster) -> bool:
    boot_sets = (boot_set for t in vcluster.templates for boot_set in t.boot_sets)
    said = [image.arch for image in vcluster.images]
    return not said or any(said) or any(boot_set.arch for boot_set in boot_sets)


def _without_archs(vcluster: VCluster) -> VCluster:
    return replace(
        vcluster,
        images=tuple(replace(image, arch="") for image in vcluster.images),
        templates=tuple(_without_arch(template) for template in vcluster.templates),
    )


def _without_arch(template: SessionTemplate) -> SessionTemplate:
    value = template.document.editable()
    boot_sets = value.get("boot_sets")
    for boot_set in boot_sets.values() if isinstance(boot_sets, dict) else ():
        if isinstance(boot_set, dict):
            boot_set.pop("arch", None)
    return SessionTemplate.of(Document.of(value))


def _compared(kind: str, ours: _Forms, theirs: _Forms) -> Iterator[Difference]:
    if len(ours) == len(theirs) == 1 and ours.keys() != theirs.keys():
        (name, mine), (their_name, yours) = *ours.items(), *theirs.items()
        found = changes({**mine, "name": name}, {**yours, "name": their_name})
        yield Difference(kind, name, "differs", found)
        return
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            yield Difference(kind, name, "only-first")
        elif name not in ours:
            yield Difference(kind, name, "only-second")
        elif found := changes(ours[name], theirs[name]):
            yield Difference(kind, name, "differs", found)


def _images(vcluster: VCluster) -> _Forms:
    return {name: _image(image) for image, name in _image_names(vcluster)}


def _image_names(vcluster: VCluster) -> Iterator[tuple[Image, str]]:
    """Each image with its name, numbered by content where several share one."""
    seen: dict[str, int] = {}
    for image in sorted(vcluster.images, key=lambda i: (i.name, i.content_digest(), i.id)):
        seen[image.name] = seen.get(image.name, 0) + 1
        number = seen[image.name]
        yield image, image.name if number == 1 else f"{image.name} ({number})"


def _image(image: Image) -> JsonObject:
    artifacts = image.manifest.artifacts if image.manifest else ()
    files: dict[str, Json] = {}
    for artifact in sorted(artifacts, key=lambda a: (a.type, a.md5, a.stored_etag)):
        # File names differ by who made the image; what a file is for, and contains, does not.
        role = artifact.type.removeprefix(_MEDIA_TYPES)
        twins = sum(1 for name in files if name.partition(" ")[0] == role)
        content = artifact.md5.lower() or artifact.stored_etag
        label = f"{role} {twins + 1}" if twins else role
        files[label] = {"size_bytes": artifact.size_bytes, "md5": content}
    metadata = {k: v for k, v in image.metadata.items() if k not in OWN_KEYS}
    # IMS takes what does not say it for x86_64.
    return {"arch": image.arch or "x86_64", "metadata": {**metadata}, "files": files}


def _templates(vcluster: VCluster) -> _Forms:
    names = {image.manifest_path: name for image, name in _image_names(vcluster)}
    return {t.name: _template(t, names) for t in vcluster.templates}


def _template(template: SessionTemplate, names: Mapping[str, str]) -> JsonObject:
    form = canonical_form("template", template.document.value)
    boot_sets = form.get("boot_sets")
    for boot_set in boot_sets.values() if isinstance(boot_sets, dict) else ():
        if isinstance(boot_set, dict):
            path = str(boot_set.pop("path", ""))
            boot_set.pop("etag", None)
            boot_set["image"] = names.get(path, path)
            _fold(boot_set, "node_groups")
            _as_sets(boot_set, ("node_list", "node_groups", "node_roles_groups"))
    return form


def _groups(vcluster: VCluster) -> _Forms:
    forms = {g.label: canonical_form("group", g.document.value) for g in vcluster.groups}
    for form in forms.values():
        _as_sets(form, ("members", "tags"))
    return forms


def _fold(form: JsonObject, key: str) -> None:
    """HSM knows labels in lower case only."""
    names = form.get(key)
    if isinstance(names, list):
        form[key] = [str(name).lower() for name in names]


def _as_sets(form: JsonObject, keys: Iterable[str]) -> None:
    """Say which names differ, not at which place of a sorted list."""
    for key in keys:
        names = form.get(key)
        if isinstance(names, list):
            form[key] = {str(name): True for name in names}


def _configurations(vcluster: VCluster) -> _Forms:
    return {
        c.name: canonical_form("configuration", c.document.value) for c in vcluster.configurations
    }


_FORMS: Mapping[str, Callable[[VCluster], _Forms]] = {
    "image": _images,
    "group": _groups,
    "configuration": _configurations,
    "template": _templates,
}
