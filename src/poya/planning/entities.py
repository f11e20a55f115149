# SPDX-License-Identifier: Apache-2.0
"""What to do with each group, configuration and template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from poya.documents import Document, Json, JsonObject, pointer_key
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.names import new_names, normalise_xname
from poya.model.plan import Action, Binding, Change, EntityPlan, ImagePlan
from poya.model.records import EntityRef, Group, Kind, SessionTemplate
from poya.model.vcluster import VCluster
from poya.planning.canonical import are_equal, canonical_digest, canonical_form
from poya.planning.diff import changes
from poya.planning.mapping.applying import Mapped
from poya.planning.nodes import NodeMap
from poya.planning.translation import tenant_at, to_body


class EntityPlanner:
    """Plans a vCluster's entities one kind after the other, carrying new names along."""

    def __init__(
        self, inventory: Inventory, intent: Intent, nodes: NodeMap, mapped: Mapped
    ) -> None:
        self._inventory = inventory
        self._intent = intent
        self._nodes = nodes
        self._mapped = mapped
        self._renamed: dict[EntityRef, str] = {}
        self._claimed: set[EntityRef] = set()

    def plan(self, vcluster: VCluster, images: Sequence[ImagePlan]) -> tuple[EntityPlan, ...]:
        """Plan groups, then configurations, then the templates that refer to both."""
        by_path = _images_by_path(vcluster, images)
        self._claimed.update(own_refs(vcluster))
        groups = [self._group(g.label, g.document) for g in _by_label(vcluster.groups)]
        configurations = [
            self._entity("configuration", c.name, c.document)
            for c in sorted(vcluster.configurations, key=lambda c: c.name)
        ]
        templates = [
            self._template(template, by_path)
            for template in sorted(vcluster.templates, key=lambda t: t.name)
        ]
        return (*groups, *configurations, *templates)

    @property
    def _is_verbatim(self) -> bool:
        return self._inventory.capabilities.is_verbatim

    def _group(self, label: str, document: Document) -> EntityPlan:
        body, edits = to_body("group", document, self._inventory.capabilities)
        if not self._is_verbatim:
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
        body, edits = to_body("template", template.document, self._inventory.capabilities)
        bindings: list[Binding] = []
        for boot_set in template.boot_sets:
            fields = _member(_member(body, "boot_sets"), boot_set.name)
            edits = (*edits, *self._rewrite_nodes(boot_set.name, fields))
            self._rewrite_names(fields)
            image = images.get(boot_set.path)
            if image is not None and not self._is_verbatim:
                bindings.extend(_bind_image(boot_set.name, fields, image))
        self._rewrite_names(body)
        tenant = tenant_at(template, self._inventory.capabilities)
        if template.tenant and tenant != template.tenant and not self._is_verbatim:
            release = self._inventory.capabilities.release
            edits = (*edits, f"tenant '{template.tenant}' left out: {release} has none")
        return self._decide("template", template.name, body, edits, tuple(bindings), tenant)

    def _rewrite_nodes(self, name: str, boot_set: JsonObject) -> tuple[str, ...]:
        if "node_list" not in boot_set or self._nodes.is_identity:
            return ()
        mapped: list[Json] = [*self._nodes.apply(_strings(boot_set["node_list"]))]
        boot_set["node_list"] = mapped
        if not mapped:
            del boot_set["node_list"]
        return (f"boot set '{name}': {len(mapped)} nodes under their names at the target",)

    def _rewrite_names(self, body: JsonObject) -> None:
        cfs = body.get("cfs")
        if isinstance(cfs, dict) and isinstance(cfs.get("configuration"), str):
            name = str(cfs["configuration"])
            cfs["configuration"] = self._renamed.get(EntityRef("configuration", name), name)
        if isinstance(body.get("node_groups"), list):
            body["node_groups"] = [
                self._group_name(x) for x in _strings(body["node_groups"], fold=False)
            ]

    def _group_name(self, label: str) -> str:
        """The group's label at the target; HSM knows labels in lower case only."""
        kept = label if self._is_verbatim else label.lower()
        return self._renamed.get(EntityRef("group", label.lower()), kept)

    def _decide(
        self,
        kind: Kind,
        name: str,
        body: JsonObject,
        edits: tuple[str, ...],
        bindings: tuple[Binding, ...] = (),
        tenant: str = "",
    ) -> EntityPlan:
        present = self._inventory.entities.get(EntityRef(kind, name, tenant))
        action = self._action(kind, body, bindings, present)
        new_name = name
        if action == "refuse" and self._intent.policy(kind) == "rename":
            new_name = self._free_name(kind, name, body, bindings)
            edits = (*edits, f"renamed from {name}: that name is taken")
            body = _called(kind, new_name, body)
            present = self._inventory.entities.get(EntityRef(kind, new_name, tenant))
            action = "reuse" if present else "create"
        self._claim(kind, name, new_name)
        before = canonical_form(kind, present.value) if present else {}
        edits = (*self._alterations(EntityRef(kind, name)), *edits)
        return EntityPlan(
            action=action,
            kind=kind,
            name=new_name,
            source_name=self._mapped.origins.get(EntityRef(kind, name), name),
            body=body,
            bindings=bindings,
            expected=canonical_digest(kind, present.value) if present else "",
            changes=()
            if action in ("create", "reuse")
            else changes(before, canonical_form(kind, body)),
            edits=edits,
            tenant=tenant,
        )

    def _alterations(self, ref: EntityRef) -> tuple[str, ...]:
        """What was altered of an entity before anything was decided, in words."""
        mapped = (f"mapped: {_in_words(change)}" for change in self._mapped.changes.get(ref, ()))
        return (*mapped, *self._mapped.notes.get(ref, ()))

    def _action(
        self, kind: Kind, body: JsonObject, bindings: tuple[Binding, ...], present: Document | None
    ) -> Action:
        if present is None:
            return "create"
        if not bindings and are_equal(kind, present.value, body):
            return "reuse"
        return "change" if self._intent.policy(kind) == "overwrite" else "refuse"

    def _free_name(
        self, kind: Kind, name: str, body: JsonObject, bindings: tuple[Binding, ...]
    ) -> str:
        """The first new name that nobody has, or that an earlier run gave to the very same."""

        def is_free(candidate: str) -> bool:
            ref = EntityRef(kind, candidate)
            present = self._inventory.entities.get(ref)
            action = self._action(kind, _called(kind, candidate, body), bindings, present)
            return ref not in self._claimed and action != "refuse"

        suffix = self._intent.suffix.lower() if kind == "group" else self._intent.suffix
        return next(n for n in new_names(name, suffix) if is_free(n))

    def _claim(self, kind: Kind, name: str, new_name: str) -> None:
        self._claimed.add(EntityRef(kind, new_name))
        if new_name != name:
            self._renamed[EntityRef(kind, name)] = new_name


def own_refs(vcluster: VCluster) -> tuple[EntityRef, ...]:
    """The vCluster's entities under their names at the source, in an order of their own."""
    return (
        *(EntityRef("group", group.label) for group in _by_label(vcluster.groups)),
        *(
            EntityRef("configuration", name)
            for name in sorted(c.name for c in vcluster.configurations)
        ),
        *(EntityRef("template", name) for name in sorted(t.name for t in vcluster.templates)),
    )


def _in_words(change: Change) -> str:
    before, after = change.before or "(absent)", change.after or "(left out)"
    return f"{change.pointer} {before} → {after}"


def _by_label(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: group.label)


def _called(kind: Kind, name: str, body: JsonObject) -> JsonObject:
    """The body under another name, where it holds its name."""
    key = "label" if kind == "group" else "name"
    return {**body, key: name} if key in body else body


def _images_by_path(vcluster: VCluster, images: Sequence[ImagePlan]) -> dict[str, ImagePlan]:
    planned = {image.source_id: image for image in images}
    return {i.manifest_path: planned[i.id] for i in vcluster.images if i.id in planned}


def _bind_image(boot_set: str, fields: JsonObject, image: ImagePlan) -> tuple[Binding, ...]:
    """Point a boot set at the image's place at the target: now if known, else when it is."""
    if image.action == "reuse":
        fields["path"] = image.target_path
        fields["etag"] = image.target_etag
        return ()
    pointer = f"/boot_sets/{pointer_key(boot_set)}"
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
