# SPDX-License-Identifier: Apache-2.0
"""A plan as data: what to do, in order, what each step expects to find and will leave.

Plans are saved, read, compared and applied later, so every class here encodes to JSON and back.
The classes decide nothing; `poya.planning` makes plans and `poya.migration` carries them out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from poya.documents import Json, canonical
from poya.errors import UsageError
from poya.model.finding import Finding
from poya.model.intent import Intent
from poya.model.records import EntityRef, Kind
from poya.model.step import Right, Step
from poya.model.vcluster import Selector
from poya.model.withholding import Withheld, put_back, slow_digest, withhold

PLAN_VERSION = 1
# A poya that reads version 1 only would write the masks of a sealed plan.
SEALED_VERSION = 2
# What is written to the target or decides what is; the rest of a plan is for people.
_WRITTEN = ("/images/", "/entities/", "/intent/")

Action: TypeAlias = Literal["create", "change", "reuse", "refuse"]
GLYPHS: dict[Action, str] = {"create": "+", "change": "~", "reuse": "=", "refuse": "!"}


class ArtifactTwin(msgspec.Struct, frozen=True):
    """An object that the target holds: the same bytes, or an older version of them.

    Attributes:
        path: Where it is (`s3://bucket/key`).
        etag: What the target's store told of it.
        md5: Of the whole, as its manifest says; empty if it does not.
        size_bytes: Its length.
    """

    path: str
    etag: str
    md5: str = ""
    size_bytes: int = 0


class ArtifactPlan(msgspec.Struct, frozen=True):
    """One artifact to bring to the target.

    Attributes:
        path: Where the source keeps it (`s3://bucket/key`).
        name: The file's name below the image's own prefix; may contain slashes.
        etag: What the source's store calls its content; empty where unknown.
        md5: Of the whole file; empty where the source's manifest does not say.
        twin: What the target can copy it from, instead of having it sent.
        ancestors: Older versions at the target, of which it may have something in common.
    """

    type: str
    path: str
    name: str
    size_bytes: int
    etag: str
    md5: str
    twin: ArtifactTwin | None = None
    ancestors: tuple[ArtifactTwin, ...] = ()


class ImagePlan(msgspec.Struct, frozen=True):
    """One image: brought to the target, or found there.

    Attributes:
        source_id: Its id at the source; later steps refer to it by this.
        name: Its name at the target.
        arch: `x86_64` or `aarch64`; None where the target does not record it.
        metadata: What the target's record shall carry besides poya's own marks.
        source_manifest: The source's manifest, as it is; what the new one is made from.
        source_record: The source's IMS record, as it is.
        content: Digest of what it contains, equal at every site.
        target_id: Its id at the target where it is reused; empty where it is created.
        target_path: The manifest's place where it is reused.
        target_etag: The manifest's etag where it is reused.
    """

    action: Action
    source_id: str
    name: str
    arch: str | None
    metadata: dict[str, str]
    artifacts: tuple[ArtifactPlan, ...]
    source_manifest: str
    source_record: str
    content: str
    target_id: str = ""
    target_path: str = ""
    target_etag: str = ""

    @property
    def size_bytes(self) -> int:
        """What its artifacts weigh together."""
        return sum(artifact.size_bytes for artifact in self.artifacts)

    @property
    def copied_bytes(self) -> int:
        """What of them the target can copy from other images of its own."""
        return sum(artifact.size_bytes for artifact in self.artifacts if artifact.twin)


class Binding(msgspec.Struct, frozen=True):
    """A place in a document that is known only once an image stands at the target.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the body.
        image: The source id of the image concerned.
        value: Which of the published image's values belongs there.
    """

    pointer: str
    image: str
    value: Literal["manifest-path", "manifest-etag"]


class Change(msgspec.Struct, frozen=True):
    """One field that differs between the target now and the target planned.

    Attributes:
        pointer: JSON pointer of the field.
        before: Its JSON before, shortened for people; empty where it was absent.
        after: Its JSON after; empty where it goes.
    """

    pointer: str
    before: str
    after: str


class EntityPlan(msgspec.Struct, frozen=True):
    """One group, configuration or template: written to the target, or found there.

    Attributes:
        source_name: Its name at the source.
        body: What the target shall hold, as the target accepts it; bindings still open.
        expected: Digest of what the target holds now (see `planning.canonical`); empty if nothing.
        changes: Field by field, for `change`.
        edits: What was altered on the way from the source, each said in words.
        tenant: Whose template it becomes; empty for nobody's, and for all other kinds.
    """

    action: Action
    kind: Kind
    name: str
    source_name: str
    body: dict[str, Any]
    bindings: tuple[Binding, ...] = ()
    expected: str = ""
    changes: tuple[Change, ...] = ()
    edits: tuple[str, ...] = ()
    tenant: str = ""

    @property
    def ref(self) -> EntityRef:
        """What it will be called at the target."""
        return EntityRef(self.kind, self.name, self.tenant)

    @property
    def step(self) -> str:
        """The id of its step, in the journal and in messages."""
        return f"{self.kind}/{self.name}" + (f"@{self.tenant}" if self.tenant else "")


class NodePair(msgspec.Struct, frozen=True):
    """A node of the source and the node of the target that takes its place."""

    source: str
    target: str


class Plan(msgspec.Struct, frozen=True):
    """Everything that will be done, from what, against what.

    Attributes:
        vcluster: The vCluster's name.
        source: Name of the site or bundle that is read.
        target: Name of the site or bundle that is written.
        images: In the order of their ids; brought first.
        entities: In the order of writing: groups, configurations, templates.
        nodes: How the node names were mapped; empty where they stay as they are.
        findings: All of them, the gravest first.
        predicted: Texts that the target's validation of a template is expected to answer
            besides `Valid`, because a finding told of them.
        holds: Nodes that change hands, and are locked in HSM while they do.
        selector: What of the source it is made from.
        intent: What the operator wished; with it and the selector the same plan is made again.
        steps: What is done, in order, request by request.
        rights: What carrying it out, and undoing it, takes.
        withheld: What looks like a secret and is not in the plan, but masked: only what is kept
            or shown is so sealed, and what is carried out is not.
    """

    vcluster: str
    source: str
    source_release: str
    target: str
    target_release: str
    images: tuple[ImagePlan, ...]
    entities: tuple[EntityPlan, ...]
    nodes: tuple[NodePair, ...] = ()
    findings: tuple[Finding, ...] = ()
    predicted: tuple[str, ...] = ()
    verbatim: bool = False
    holds: tuple[str, ...] = ()
    selector: Selector = msgspec.field(default_factory=Selector)
    intent: Intent = msgspec.field(default_factory=Intent)
    steps: tuple[Step, ...] = ()
    rights: tuple[Right, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    version: int = PLAN_VERSION

    def of_kind(self, kind: Kind) -> tuple[EntityPlan, ...]:
        """The planned entities of one kind."""
        return tuple(entity for entity in self.entities if entity.kind == kind)

    def image(self, source_id: str) -> ImagePlan:
        """The planned image with this source id. Raises KeyError if the plan has none."""
        for image in self.images:
            if image.source_id == source_id:
                return image
        raise KeyError(source_id)

    @property
    def bytes_to_move(self) -> int:
        """Payload that is not at the target yet."""
        new = [image for image in self.images if image.action == "create"]
        return sum(image.size_bytes - image.copied_bytes for image in new)

    @property
    def bytes_there(self) -> int:
        """Payload that the target already holds, in these images or in others."""
        new = [image for image in self.images if image.action == "create"]
        reused = [image for image in self.images if image.action == "reuse"]
        return sum(i.size_bytes for i in reused) + sum(i.copied_bytes for i in new)

    def is_empty(self) -> bool:
        """Say whether nothing is left to write."""
        actions = [i.action for i in self.images] + [e.action for e in self.entities]
        return all(action == "reuse" for action in actions)

    @property
    def is_regrouping(self) -> bool:
        """Whether it only changes who is in groups of one site, and moves no vCluster."""
        only_groups = bool(self.entities) and all(e.kind == "group" for e in self.entities)
        return only_groups and self.source == self.target and not self.images

    def blocking(self) -> tuple[Finding, ...]:
        """The findings that refuse it."""
        return tuple(finding for finding in self.findings if finding.severity == "critical")

    def warnings(self) -> tuple[Finding, ...]:
        """The findings that somebody must accept."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def sealed(self) -> Plan:
        """The same plan without the secrets in it."""
        return self._part()[0]

    def secrets(self) -> dict[str, Json]:
        """What `sealed` leaves out, by its digest."""
        return self._part()[1]

    def _part(self) -> tuple[Plan, dict[str, Json]]:
        if self.withheld:
            return self, {}
        whole = json.loads(msgspec.json.encode(self))
        parted = withhold(whole)
        if not parted.taken:
            return self, {}
        written = {p: v for p, v in parted.taken.items() if p.startswith(_WRITTEN)}
        digests = {p: slow_digest(canonical(value)) for p, value in written.items()}
        clean = msgspec.convert(parted.clean, Plan)
        withheld = tuple(Withheld(*pair) for pair in sorted(digests.items()))
        sealed = msgspec.structs.replace(clean, withheld=withheld, version=SEALED_VERSION)
        return sealed, {digests[p]: value for p, value in written.items()}

    def unsealed(self, secrets: Mapping[str, Json]) -> Plan:
        """The plan with its secrets, given by their digests, where they belong.

        Raises:
            KeyError: One of them is not given.
        """
        if not self.withheld:
            return self
        taken = {withheld.pointer: secrets[withheld.digest] for withheld in self.withheld}
        whole = put_back(json.loads(msgspec.json.encode(self)), taken)
        plan = msgspec.convert(whole, Plan)
        return msgspec.structs.replace(plan, withheld=(), version=PLAN_VERSION)

    def encode(self) -> bytes:
        """The plan as canonical JSON, sealed: the same plan, the same bytes."""
        raw = msgspec.json.encode(self.sealed(), order="sorted")
        return msgspec.json.format(raw, indent=2) + b"\n"

    def digest(self) -> str:
        """Sha256 of the encoded plan."""
        return hashlib.sha256(self.encode()).hexdigest()


def decode_plan(raw: bytes) -> Plan:
    """Read a saved plan.

    Raises:
        UsageError: Not a plan, or made by a poya whose plans this one does not know.
    """
    try:
        version = msgspec.json.decode(raw, type=_Versioned).version
        if version not in (PLAN_VERSION, SEALED_VERSION):
            raise UsageError(
                f"The plan has version {version}; this poya reads up to {SEALED_VERSION}.",
                todo="Make the plan anew with this version of poya.",
            )
        return msgspec.json.decode(raw, type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError("This is not a plan of poya's.", why=str(error)) from error


class _Versioned(msgspec.Struct):
    """The one field that every version of a plan has."""

    version: int
