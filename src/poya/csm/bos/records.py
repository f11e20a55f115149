# SPDX-License-Identifier: Apache-2.0
"""BOS's records, and what BOS accepts back of them."""

from __future__ import annotations

import msgspec

from poya.csm.records import Record, body_without
from poya.documents import Document, Json, JsonObject

_WRITTEN_BY_BOS = ("name", "tenant", "links")


class CfsChoice(msgspec.Struct, frozen=True):
    """Which CFS configuration booted nodes get."""

    configuration: str | None = None


class BootSet(msgspec.Struct, frozen=True):
    """The nodes of a template that boot the same image.

    Attributes:
        path: The manifest, `s3://boot-images/<image id>/manifest.json`.
        etag: The manifest's; BOS does not compare it.
        arch: X86, ARM, Other or Unknown; None means X86 (BOS 2.5 and later).
        rootfs_provider: sbps or cpss3.
    """

    path: str = ""
    type: str = ""
    etag: str | None = None
    kernel_parameters: str | None = None
    node_list: tuple[str, ...] | None = None
    node_groups: tuple[str, ...] | None = None
    node_roles_groups: tuple[str, ...] | None = None
    arch: str | None = None
    rootfs_provider: str | None = None
    rootfs_provider_passthrough: str | None = None
    cfs: CfsChoice | None = None


class SessionTemplate(Record, frozen=True):
    """A BOS session template; (name, tenant) is what makes it unique.

    Attributes:
        tenant: The TAPMS tenant that owns it; None or empty is nobody.
    """

    name: str
    tenant: str | None = None
    description: str | None = None
    enable_cfs: bool | None = None
    cfs: CfsChoice | None = None
    boot_sets: dict[str, BootSet] | None = None


class SessionState(msgspec.Struct, frozen=True):
    """A session's progress: pending, running, complete."""

    status: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    error: str | None = None


class BosSession(Record, frozen=True):
    """A BOS session."""

    name: str
    tenant: str | None = None
    operation: str = ""
    template_name: str = ""
    limit: str | None = None
    components: str | None = None
    status: SessionState | None = None


class Phases(msgspec.Struct, frozen=True):
    """Shares of a session's components, in per cent."""

    percent_complete: float = 0
    percent_powering_on: float = 0
    percent_powering_off: float = 0
    percent_configuring: float = 0


class BosProgress(Record, frozen=True):
    """How far a session is.

    Attributes:
        status: pending, running, complete.
        error_summary: What went wrong, by message: how many components, and which.
    """

    status: str = ""
    managed_components_count: int = 0
    phases: Phases = Phases()
    percent_successful: float = 0
    percent_failed: float = 0
    percent_staged: float = 0
    error_summary: dict[str, object] | None = None


class AppliedStages(msgspec.Struct, frozen=True):
    """What became of components whose staged state was to be applied."""

    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class ComponentStatus(msgspec.Struct, frozen=True):
    """Where a component is between its actual and its desired state."""

    phase: str | None = None
    status: str | None = None
    status_override: str | None = None


class BootArtifacts(msgspec.Struct, frozen=True):
    """What a node boots; all empty for one that is to be off."""

    kernel: str | None = None
    initrd: str | None = None
    kernel_parameters: str | None = None


class BootState(msgspec.Struct, frozen=True):
    """What a component boots and how it is configured."""

    boot_artifacts: BootArtifacts | None = None
    configuration: str | None = None


class BosComponent(Record, frozen=True):
    """A component as BOS sees it."""

    id: str
    enabled: bool | None = None
    error: str | None = None
    session: str | None = None
    status: ComponentStatus | None = None
    desired_state: BootState | None = None
    actual_state: BootState | None = None


def template_body(template: Document) -> JsonObject:
    """What BOS accepts back of a template that it served.

    BOS refuses its own fields (name, tenant, links), a boot set's `name` that is not its key,
    and nulls. Whose template it becomes, the tenant of the call says.
    """
    body = body_without(template.editable(), _WRITTEN_BY_BOS)
    boot_sets = body.get("boot_sets")
    if isinstance(boot_sets, dict):
        body["boot_sets"] = {key: _boot_set_body(item) for key, item in boot_sets.items()}
    return body


def _boot_set_body(boot_set: Json) -> Json:
    return body_without(boot_set, ("name",)) if isinstance(boot_set, dict) else boot_set
