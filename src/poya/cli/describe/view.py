# SPDX-License-Identifier: Apache-2.0
"""A vCluster as a tree: everything that its session templates lead to, and who else uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from poya.cli.text import count, printable, size
from poya.documents import JsonObject
from poya.model.host_lists import fold
from poya.model.image import Image
from poya.model.names import image_id_of
from poya.model.records import BootSet, Configuration, Group, Layer, SessionTemplate
from poya.model.usage import (
    Usage,
    Users,
    users_of_configuration,
    users_of_group,
    users_of_image,
)
from poya.model.vcluster import VCluster

_SHORT_COMMIT = 12
_MOST_NAMES = 5


@dataclass
class Branch:
    """A line of a tree, and the lines below it."""

    text: str
    below: list[Branch] = field(default_factory=list)

    def add(self, text: str) -> Branch:
        """Add a line below this one."""
        self.below.append(Branch(text))
        return self.below[-1]

    def lines(self, indent: str = "") -> Iterator[str]:
        """The tree as lines, this one first."""
        yield printable(self.text)
        for branch in self.below:
            is_last = branch is self.below[-1]
            first, *rest = branch.lines()
            yield f"{indent}{'└─' if is_last else '├─'} {first}"
            yield from (f"{indent}{'  ' if is_last else '│ '} {line}" for line in rest)


def tree_of(vcluster: VCluster, usage: Usage | None) -> Branch:
    """The vCluster as a tree; without `usage` (a bundle) nobody else is named."""
    release = f" ({vcluster.release})" if vcluster.release else ""
    root = Branch(f"vCluster {vcluster.name} at {vcluster.site}{release}")
    for template in vcluster.templates:
        _add_template(root, template, vcluster)
    for image in vcluster.images:
        users = users_of_image(image.id, vcluster, usage) if usage else Users()
        _add_image(root, image, users)
    for configuration in vcluster.configurations:
        users = users_of_configuration(configuration.name, vcluster, usage) if usage else Users()
        _add_configuration(root, configuration, users)
    for group in vcluster.groups:
        users = users_of_group(group.label, vcluster, usage) if usage else Users()
        _add_group(root, group, vcluster, users)
    if vcluster.gaps:
        missing = root.add(f"missing: {count(len(vcluster.gaps), 'thing')}")
        for gap in vcluster.gaps:
            missing.add(f"{gap.subject}: {gap.evidence or gap.id}")
    return root


def _add_template(root: Branch, template: SessionTemplate, vcluster: VCluster) -> None:
    tenant = f", tenant {template.tenant}" if template.tenant else ""
    branch = root.add(f"BOS session template {template.name}{tenant}")
    if template.configuration:
        branch.add(f"configuration {template.configuration}")
    for boot_set in template.boot_sets:
        _add_boot_set(branch, boot_set, vcluster)


def _add_boot_set(branch: Branch, boot_set: BootSet, vcluster: VCluster) -> None:
    traits = [boot_set.arch or "X86", boot_set.rootfs_provider or "no rootfs provider"]
    found = branch.add(f"boot set {boot_set.name}: {', '.join(traits)}")
    image = vcluster.image(image_id_of(boot_set.path) or "")
    found.add(f"image {image.name} ({image.id})" if image else f"image at {boot_set.path}")
    if boot_set.configuration:
        found.add(f"configuration {boot_set.configuration}")
    nodes = [f"group {label}" for label in boot_set.node_groups]
    nodes += [f"role {role}" for role in boot_set.node_roles_groups]
    nodes += [fold(boot_set.node_list)] if boot_set.node_list else []
    found.add(f"nodes: {', '.join(nodes) or 'none'}")


def _add_image(root: Branch, image: Image, users: Users) -> None:
    arch = f", {image.arch}" if image.arch else ""
    branch = root.add(f"IMS image {image.name} ({image.id}){arch}, {size(image.size_bytes)}")
    for artifact in image.manifest.artifacts if image.manifest else ():
        stored = "gone" if artifact.size_bytes is None else size(artifact.size_bytes)
        branch.add(f"{artifact.label}  {stored}")
    _add_users(branch, users)


def _add_configuration(root: Branch, configuration: Configuration, users: Users) -> None:
    branch = root.add(f"CFS configuration {configuration.name}")
    for number, layer in enumerate(configuration.layers, 1):
        branch.add(f"layer {number}: {_layer(layer)}")
    if configuration.additional_inventory:
        branch.add(f"inventory: {_layer(configuration.additional_inventory)}")
    _add_users(branch, users)


def _layer(layer: Layer) -> str:
    url = layer.clone_url or f"source {layer.source}"
    branch = f" (branch {layer.branch})" if layer.branch else ""
    playbook = f" {layer.playbook}" if layer.playbook else ""
    return f"{url}@{layer.commit[:_SHORT_COMMIT] or '?'}{branch}{playbook}"


def _add_group(root: Branch, group: Group, vcluster: VCluster, users: Users) -> None:
    states = Counter(
        vcluster.nodes[xname].state or "unknown" if xname in vcluster.nodes else "not in HSM"
        for xname in group.members
    )
    branch = root.add(f"HSM group {group.label}: {count(len(group.members), 'node')}")
    for state, number in sorted(states.items(), key=lambda pair: (-pair[1], pair[0])):
        members = (x for x in group.members if _state(vcluster, x) == state)
        branch.add(f"{number} {state}: {fold(members)}")
    if group.exclusive_group:
        branch.add(f"exclusive within {group.exclusive_group}")
    _add_users(branch, users)


def _state(vcluster: VCluster, xname: str) -> str:
    node = vcluster.nodes.get(xname)
    return (node.state or "unknown") if node else "not in HSM"


def _add_users(branch: Branch, users: Users) -> None:
    if users.templates:
        branch.add(f"also of template {_some(users.templates)}")
    if users.nodes:
        branch.add(f"also of {count(len(users.nodes), 'other node')}: {fold(users.nodes)}")


def _some(names: Iterable[str]) -> str:
    every = [*names]
    more = f" and {len(every) - _MOST_NAMES} more" if len(every) > _MOST_NAMES else ""
    return ", ".join(every[:_MOST_NAMES]) + more


def document_of(vcluster: VCluster, usage: Usage | None) -> JsonObject:
    """The same as one JSON object, with the records as the site has them."""
    images = [_image_object(image, vcluster, usage) for image in vcluster.images]
    return {
        "name": vcluster.name,
        "site": vcluster.site,
        "release": vcluster.release,
        "templates": [template.document.value for template in vcluster.templates],
        "images": [*images],
        "configurations": [
            {
                "record": one.document.value,
                "also_used_by": _users_object(
                    users_of_configuration(one.name, vcluster, usage) if usage else None
                ),
            }
            for one in vcluster.configurations
        ],
        "groups": [
            {
                "record": one.document.value,
                "also_used_by": _users_object(
                    users_of_group(one.label, vcluster, usage) if usage else None
                ),
            }
            for one in vcluster.groups
        ],
        "nodes": {xname: node.state for xname, node in sorted(vcluster.nodes.items())},
        "missing": [
            {"id": gap.id, "subject": gap.subject, "evidence": gap.evidence}
            for gap in vcluster.gaps
        ],
    }


def _image_object(image: Image, vcluster: VCluster, usage: Usage | None) -> JsonObject:
    artifacts = image.manifest.artifacts if image.manifest else ()
    return {
        "record": image.document.value,
        "size_bytes": image.size_bytes,
        "artifacts": [
            {
                "path": str(one.path),
                "type": one.type,
                "size_bytes": one.size_bytes,
                "md5": one.md5,
                "etag": one.stored_etag,
            }
            for one in artifacts
        ],
        "also_used_by": _users_object(
            users_of_image(image.id, vcluster, usage) if usage else None
        ),
    }


def _users_object(users: Users | None) -> JsonObject | None:
    if users is None:
        return None
    return {"templates": [*users.templates], "nodes": [*users.nodes]}
