# SPDX-License-Identifier: Apache-2.0
"""What BOS takes in requests, release by release (its OpenAPI specifications)."""

from __future__ import annotations

from poya.lab.profiles import ReleaseProfile
from poya.lab.services.schema import (
    BOOLEAN,
    TEXT,
    Shape,
    array,
    closed,
    one_of,
    text,
)

_NAME = text(1, 127, pattern=r"^[a-zA-Z0-9](?:[-._a-zA-Z0-9]{0,125}[a-zA-Z0-9])?$")
_OLD_SESSION_NAME = text(
    1, 45, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
)
_TTL = text(1, 8, pattern=r"^(0|0[mMhHdDwW]|[1-9][0-9]*[mMhHdDwW])$")
_READ_TIMEOUT = Shape("integer", low=10, high=86400)
_WAIT = Shape("integer", low=0, high=1_048_576)


def template(profile: ReleaseProfile, *, patch: bool = False) -> Shape:
    """PUT and PATCH of a session template."""
    strict = profile.bos_strict
    properties = {
        "name": Shape("string", read_only=True),
        "description": text(1, 1023) if strict else TEXT,
        "enable_cfs": BOOLEAN,
        "cfs": _cfs(profile),
        "boot_sets": Shape("object", values=_boot_set(profile), low=1 if strict else None),
        "links": Shape("array", read_only=True),
    }
    if profile.bos_tenants:
        properties["tenant"] = Shape("string", read_only=True, nullable=True)
    needs = strict and (not patch or profile.bos_patch_needs_boot_sets)
    return closed(properties, *(("boot_sets",) if needs else ()))


def session(profile: ReleaseProfile) -> Shape:
    """POST /v2/sessions."""
    strict = profile.bos_strict
    return closed(
        {
            "name": _NAME if strict else _OLD_SESSION_NAME,
            "operation": one_of("boot", "reboot", "shutdown"),
            "template_name": _NAME if strict else text(1),
            "limit": Shape("string", high=524_288, nullable=True) if strict else TEXT,
            "stage": BOOLEAN,
            "include_disabled": BOOLEAN,
        },
        "operation",
        "template_name",
    )


def options(profile: ReleaseProfile) -> Shape:
    """PATCH /v2/options: options that BOS does not know are let in."""
    numbers = (
        "default_retry_policy",
        "discovery_frequency",
        "max_boot_wait_time",
        "max_component_batch_size",
        "max_power_off_wait_time",
        "max_power_on_wait_time",
        "polling_frequency",
    )
    timeouts = ("bss", "cfs", "hsm", "ims", "pcs")
    switches = ("clear_stage", "ims_errors_fatal", "ims_images_must_exist", "reject_nids")
    return Shape(
        "object",
        properties={
            **dict.fromkeys(numbers, _WAIT),
            **{f"{service}_read_timeout": _READ_TIMEOUT for service in timeouts},
            **dict.fromkeys(switches, BOOLEAN),
            "session_limit_required": BOOLEAN,
            "cleanup_completed_session_ttl": _TTL,
            "component_actual_state_ttl": _TTL,
            "logging_level": TEXT,
        },
        low=1 if profile.bos_strict else None,
    )


def _cfs(profile: ReleaseProfile) -> Shape:
    return closed({"configuration": text(high=127) if profile.bos_strict else TEXT})


def _boot_set(profile: ReleaseProfile) -> Shape:
    limited = profile.bos_strict
    entry = text(1, 127) if limited else TEXT
    properties = {
        "name": _NAME if limited else TEXT,
        "path": text(1, 4095) if limited else TEXT,
        "cfs": _cfs(profile),
        "type": text(1, 127) if limited else TEXT,
        "etag": text(high=65_536) if limited else TEXT,
        "kernel_parameters": text(high=4096) if limited else TEXT,
        "node_list": array(entry, 1, 65_535 if limited else None),
        "node_roles_groups": array(entry, 1, 1023 if limited else None),
        "node_groups": array(entry, 1, 4095 if limited else None),
        "rootfs_provider": text(1, 511) if limited else TEXT,
        "rootfs_provider_passthrough": text(high=4096) if limited else TEXT,
    }
    if profile.bos_arch:
        properties["arch"] = one_of("X86", "ARM", "Other", "Unknown")
    return closed(properties, "path", "type")


TEMPLATE_NAME = _NAME
APPLY_STAGED = closed({"xnames": array(TEXT, None, None)}, "xnames")
SESSION_UPDATE = closed(
    {
        "status": closed(
            {
                "start_time": TEXT,
                "end_time": Shape("string", nullable=True),
                "status": one_of("pending", "running", "complete"),
                "error": Shape("string", nullable=True),
            }
        ),
        "components": TEXT,
    }
)
