# SPDX-License-Identifier: Apache-2.0
"""What to do with each group, configuration and template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poya.documents import Document, Json, JsonObject
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.names import normalise_xname
from poya.model.plan import Action, Binding, EntityPlan, ImagePlan
from poya.model.records import EntityRef, Kind, SessionTemplate
from poya.model.vcluster import VCluster
from poya.planning.canonical import are_equal, canonical_digest, canonical_form
from poya.planning.diff import changes
from poya.planning.nodes import NodeMap
from poya.planning.translation import to_body


class EntityPlanner:
    """Plans a vCluster's entities one kind after the other, carrying new names along."""

    def __init__(self, inventory: Inventory, intent: Intent, nodes: NodeMap) -> None:
        self._inventory = inventory
        self._intent = intent
        self._nodes = nodes
        self._renamed: dict[EntityRef, str] = {}

    def plan(self, vcluster: VCluster, images: Sequence[ImagePlan]) -> tuple[EntityPlan, ...]:
        """Plan groups, then configurations, then the templates that refer to both."""
        by_path = _images_by_path(vcluster, images)
        groups = [self._group(g.label, g.document) for g in vcluster.groups]
        configurations = [
            self._entity("configuration", c.name, c.document) for c in vcluster.configurations
        ]
        templates = [self._template(template, by_path) for template in vcluster.templates]
        return (*groups, *configurations, *templates)

    def _group(self, label: str, document: Document) -> EntityPlan:
        body, edits = to_body("group", document, self._inventory.capabilities)
        body["label"] = label
        if not self._nodes.is_identity:
            members = _strings(_member(body, "members").get("ids"))
            mapped: list[Json] = [*self._nodes.apply(members)]
            body["members"] = {"ids": mapped}
            edits = (*edits, f"{len(mapped)} members under their names at the target")
        return self._decide("group", label, body, edits)

    def _entity(self, kind: Kind, name: str, document: Document) -> EntityPlan:
        body, edits = to_body(kind, document, self._inventory.capabilities)
        return self._decide(kind, name, body, edits)

    def _template(self, template: SessionTemplate, images: Mapping[str, ImagePlan]) -> EntityPlan:
        capabilities = self._inventory.capabilities
        body, edits = to_body("template", template.document, capabilities)
        if capabilities.is_verbatim:
            return self._decide("template", template.name, body, edits)
        bindings: list[Binding] = []
        for boot_set in template.boot_sets:
            fields = _member(_member(body, "boot_sets"), boot_set.name)
            self._rewrite_nodes(fields)
            self._rewrite_names(fields)
            image = images.get(boot_set.path)
            if image is not None:
                bindings.extend(_bind_image(boot_set.name, fields, image))
        self._rewrite_names(body)
        return self._decide("template", template.name, body, edits, tuple(bindings))

    def _rewrite_nodes(self, boot_set: JsonObject) -> None:
        if "node_list" in boot_set and not self._nodes.is_identity:
            mapped: list[Json] = [*self._nodes.apply(_strings(boot_set["node_list"]))]
            boot_set["node_list"] = mapped
            if not mapped:
                del boot_set["node_list"]

    def _rewrite_names(self, body: JsonObject) -> None:
        cfs = body.get("cfs")
        if isinstance(cfs, dict) and isinstance(cfs.get("configuration"), str):
            name = str(cfs["configuration"])
            cfs["configuration"] = self._renamed.get(EntityRef("configuration", name), name)
        if isinstance(body.get("node_groups"), list):
            labels = [label.lower() for label in _strings(body["node_groups"], fold=False)]
            body["node_groups"] = [self._renamed.get(EntityRef("group", x), x) for x in labels]

    def _decide(
        self,
        kind: Kind,
        name: str,
        body: JsonObject,
        edits: tuple[str, ...],
        bindings: tuple[Binding, ...] = (),
    ) -> EntityPlan:
        present = self._inventory.entities.get(EntityRef(kind, name))
        action, new_name = self._action(kind, name, body, bindings, present)
        if new_name != name:
            self._renamed[EntityRef(kind, name)] = new_name
            edits = (*edits, f"renamed from {name}: that name is taken")
            if kind == "group":
                body["label"] = new_name
            present = None
        before = canonical_form(kind, present.value) if present else {}
        return EntityPlan(
            action=action,
            kind=kind,
            name=new_name,
            source_name=name,
            body=body,
            bindings=bindings,
            expected=canonical_digest(kind, present.value) if present else "",
            changes=changes(before, canonical_form(kind, body)) if present else (),
            edits=edits,
        )

    def _action(
        self,
        kind: Kind,
        name: str,
        body: JsonObject,
        bindings: tuple[Binding, ...],
        present: Document | None,
    ) -> tuple[Action, str]:
        if present is None:
            return "create", name
        if not bindings and are_equal(kind, present.value, body):
            return "reuse", name
        policy = self._intent.policy(kind)
        if policy == "rename":
            return "create", self._free_name(kind, name)
        return ("change" if policy == "overwrite" else "refuse"), name

    def _free_name(self, kind: Kind, name: str) -> str:
        taken = self._inventory.names(kind)
        candidate, count = f"{name}{self._intent.suffix}", 1
        while candidate in taken:
            count += 1
            candidate = f"{name}{self._intent.suffix}-{count}"
        return candidate


def _images_by_path(vcluster: VCluster, images: Sequence[ImagePlan]) -> dict[str, ImagePlan]:
    planned = {image.source_id: image for image in images}
    return {i.manifest_path: planned[i.id] for i in vcluster.images if i.id in planned}


def _bind_image(boot_set: str, fields: JsonObject, image: ImagePlan) -> tuple[Binding, ...]:
    """Point a boot set at the image's place at the target: now if known, else when it is."""
    if image.action == "reuse":
        fields["path"] = image.target_path
        fields["etag"] = image.target_etag
        return ()
    pointer = f"/boot_sets/{boot_set.replace('~', '~0').replace('/', '~1')}"
    return (
        Binding(f"{pointer}/path", image.source_id, "manifest-path"),
        Binding(f"{pointer}/etag", image.source_id, "manifest-etag"),
    )


def _member(value: JsonObject, key: str) -> JsonObject:
    found = value.get(key)
    if not isinstance(found, dict):
        found = {}
        value[key] = found
    return found


def _strings(value: Json, *, fold: bool = True) -> list[str]:
    texts = [str(item) for item in value] if isinstance(value, list) else []
    return [normalise_xname(text) for text in texts] if fold else texts
