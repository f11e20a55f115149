# SPDX-License-Identifier: Apache-2.0
"""CFS's records in one spelling: v3's, whichever API version served them.

CFS keeps one store behind both. v2 says `cloneUrl` where v3 says `clone_url`; `raw` and
`document` stay as they were served, `v3_document` and the views are in the v3 spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import msgspec

from poya.csm.http.answers import Answer
from poya.csm.records import Record, bind, body_without, records_of
from poya.documents import Document, Json, JsonObject
from poya.errors import BadAnswer

# Every key that the two versions spell differently (config-framework-service, api/openapi.yaml).
_V3_OF_V2: Mapping[str, str] = MappingProxyType(
    {
        "additionalInventoryUrl": "additional_inventory_url",
        "ansibleConfig": "ansible_config",
        "ansibleLimit": "ansible_limit",
        "ansiblePassthrough": "ansible_passthrough",
        "ansibleVerbosity": "ansible_verbosity",
        "batchSize": "batch_size",
        "batchWindow": "batch_window",
        "batcherCheckInterval": "batcher_check_interval",
        "batcherDisable": "batcher_disable",
        "batcherMaxBackoff": "batcher_max_backoff",
        "batcherPendingTimeout": "batcher_pending_timeout",
        "cloneUrl": "clone_url",
        "completionTime": "completion_time",
        "configurationLimit": "configuration_limit",
        "configurationName": "configuration_name",
        "configurationStatus": "configuration_status",
        "defaultAnsibleConfig": "default_ansible_config",
        "defaultBatcherRetryPolicy": "default_batcher_retry_policy",
        "defaultPlaybook": "default_playbook",
        "desiredConfig": "desired_config",
        "desiredState": "desired_state",
        "errorCount": "error_count",
        "hardwareSyncInterval": "hardware_sync_interval",
        "imsRequireDkms": "ims_require_dkms",
        "lastUpdated": "last_updated",
        "loggingLevel": "logging_level",
        "retryPolicy": "retry_policy",
        "sessionName": "session_name",
        "sessionTTL": "session_ttl",
        "specialParameters": "special_parameters",
        "startTime": "start_time",
        "stateAppend": "state_append",
    }
)
_V2_OF_V3: Mapping[str, str] = MappingProxyType({v3: v2 for v2, v3 in _V3_OF_V2.items()})
# Keys below these are the user's.
_FREE = frozenset({"tags"})
_WRITTEN_BY_CFS = ("name", "last_updated")


class CfsRecord(Record, frozen=True, kw_only=True):
    """A record of CFS."""

    _v3_document: Document | None = msgspec.field(default=None, name="\x7fv3")

    @property
    def v3_document(self) -> Document:
        """The whole record in the v3 spelling; `document` itself if v3 served it."""
        return self._v3_document or self.document


class Layer(msgspec.Struct, frozen=True):
    """One layer of a configuration, or its additional inventory.

    Attributes:
        commit: 40 hex digits; where a branch was given, what CFS resolved it to.
        source: The CFS source that holds the repository's URL, in place of `clone_url`.
    """

    name: str | None = None
    clone_url: str | None = None
    source: str | None = None
    playbook: str | None = None
    commit: str | None = None
    branch: str | None = None
    special_parameters: dict[str, object] | None = None


class Configuration(CfsRecord, frozen=True):
    """A CFS configuration.

    Attributes:
        tenant_name: The TAPMS tenant that owns it (CFS 1.26 and later).
    """

    name: str
    layers: tuple[Layer, ...]
    description: str | None = None
    additional_inventory: Layer | None = None
    last_updated: str | None = None
    tenant_name: str | None = None


class CfsComponent(CfsRecord, frozen=True):
    """A component as CFS sees it.

    Attributes:
        configuration_status: unconfigured, pending, failed, configured.
    """

    id: str
    desired_config: str | None = None
    enabled: bool | None = None
    error_count: int | None = None
    configuration_status: str | None = None
    tags: dict[str, str] | None = None


class Source(CfsRecord, frozen=True):
    """A CFS source: a repository's URL and how to log in to it; its password is never told."""

    name: str
    clone_url: str
    description: str | None = None
    credentials: dict[str, object] | None = None
    ca_cert: dict[str, object] | None = None
    last_updated: str | None = None


class SessionProgress(msgspec.Struct, frozen=True):
    """How far a session is.

    Attributes:
        status: pending, running, complete.
        succeeded: `true`, `false`, `none`, `unknown`: words, as CFS sends them.
    """

    status: str | None = None
    succeeded: str | None = None
    job: str | None = None
    start_time: str | None = None
    completion_time: str | None = None


class SessionArtifact(msgspec.Struct, frozen=True):
    """An image that a session made from another."""

    image_id: str | None = None
    result_id: str | None = None
    type: str | None = None


class SessionStatus(msgspec.Struct, frozen=True):
    """A session's progress and what it made."""

    session: SessionProgress = SessionProgress()
    artifacts: tuple[SessionArtifact, ...] | None = None


class CfsSession(CfsRecord, frozen=True):
    """A CFS session: one run of a configuration."""

    name: str
    status: SessionStatus = SessionStatus()


C = TypeVar("C", bound=CfsRecord)


def configuration_body(configuration: Document) -> JsonObject:
    """What CFS v3 accepts back of a configuration that it served, in either spelling.

    CFS refuses its own fields (name, last_updated) and a layer with both branch and commit,
    although it serves both; the commit is kept, since it is the exact history. Nulls go.
    """
    body = body_without(to_v3(configuration.editable()), _WRITTEN_BY_CFS)
    layers = body.get("layers")
    if isinstance(layers, list):
        body["layers"] = [_layer_body(layer) for layer in layers]
    if "additional_inventory" in body:
        body["additional_inventory"] = _layer_body(body["additional_inventory"])
    return body


def _layer_body(layer: Json) -> Json:
    if not isinstance(layer, dict):
        return layer
    return body_without(layer, ("branch",) if layer.get("commit") else ())


def to_v3(value: JsonObject) -> JsonObject:
    """An object of CFS in the v3 spelling; one that is in it already stays as it is."""
    return _respelled(value, _V3_OF_V2)


def to_v2(value: JsonObject) -> JsonObject:
    """An object of CFS in the v2 spelling. Fields that v2 does not have stay, and are refused."""
    return _respelled(value, _V2_OF_V3)


def _respelled(value: JsonObject, names: Mapping[str, str]) -> JsonObject:
    return {
        names.get(key, key): item if key in _FREE else _respelled_within(item, names)
        for key, item in value.items()
    }


def _respelled_within(item: Json, names: Mapping[str, str]) -> Json:
    if isinstance(item, dict):
        return _respelled(item, names)
    if isinstance(item, list):
        return [_respelled_within(element, names) for element in item]
    return item


def cfs_records(
    kind: type[C], rows: list[msgspec.Raw], answer: Answer, *, is_v2: bool
) -> tuple[C, ...]:
    """Read records that came in a list, from either version of the API.

    Raises:
        BadAnswer: An element is not such a record.
    """
    if not is_v2:
        return records_of(kind, rows, answer)
    return tuple(_read_v2(kind, bytes(row), answer) for row in rows)


def cfs_record(kind: type[C], answer: Answer, *, is_v2: bool) -> C:
    """Read the one record in an answer, from either version of the API.

    Raises:
        BadAnswer: The body is not such a record.
    """
    return cfs_records(kind, [msgspec.Raw(answer.body)], answer, is_v2=is_v2)[0]


def _read_v2(kind: type[C], raw: bytes, answer: Answer) -> C:
    try:
        v3_document = Document.of(to_v3(Document(raw).editable()))
        record = bind(msgspec.convert(v3_document.value, kind), raw)
    except (BadAnswer, msgspec.MsgspecError) as error:
        raise answer.bad(f"{error}") from error
    msgspec.structs.force_setattr(record, "_v3_document", v3_document)
    return record
