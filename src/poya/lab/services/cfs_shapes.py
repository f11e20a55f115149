# SPDX-License-Identifier: Apache-2.0
"""What CFS takes in requests, release by release (its OpenAPI specifications)."""

from __future__ import annotations

from poya.lab.profiles import ReleaseProfile
from poya.lab.services.schema import (
    BOOLEAN,
    INTEGER,
    READ_ONLY,
    TEXT,
    Shape,
    array,
    closed,
    one_of,
    text,
)

_WORD = text(pattern=r"^[^\s;]*$")
_COMMIT = text(pattern=r"^[a-f0-9]{40}$")
_LAYER_NAME = text(1, 45)
_TAGS = Shape("object", values=TEXT)
_LAYER_STATUS = one_of("applied", "failed", "skipped")
_CONFIGURED = Shape(
    "string", choices=("unconfigured", "pending", "failed", "configured"), read_only=True
)
NAME_LIMIT = 60
SESSION_NAME = text(
    1, 45, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
)


def configuration_v2(profile: ReleaseProfile) -> Shape:
    """PUT /v2/configurations/{name}."""
    where = {"name": TEXT, "cloneUrl": _WORD, "commit": _COMMIT, "branch": _WORD}
    layer = {**where, "playbook": _WORD}
    if profile.cfs_special_parameters:
        layer["specialParameters"] = closed({"imsRequireDkms": BOOLEAN})
    properties = {"name": READ_ONLY, "lastUpdated": READ_ONLY}
    if profile.cfs_description:
        properties["description"] = TEXT
    properties["layers"] = array(closed(layer, "cloneUrl"))
    properties["additional_inventory"] = closed(where, "cloneUrl")
    return closed(properties)


def configuration_v3(profile: ReleaseProfile) -> Shape:
    """PUT /v3/configurations/{name}."""
    where = {
        "name": _LAYER_NAME,
        "clone_url": _WORD,
        "source": TEXT,
        "commit": _COMMIT,
        "branch": _WORD,
    }
    special = closed({"ims_require_dkms": BOOLEAN})
    layer = closed({**where, "playbook": _WORD, "special_parameters": special}, "playbook")
    inventory = closed(where, *(() if profile.cfs_inventory_source else ("clone_url",)))
    properties = {"name": READ_ONLY, "last_updated": READ_ONLY, "description": TEXT}
    if profile.cfs_tenants:
        properties["tenant_name"] = TEXT
    return closed({**properties, "layers": array(layer), "additional_inventory": inventory})


def component_v2() -> Shape:
    """PUT and PATCH of a v2 component."""
    layer = {"cloneUrl": TEXT, "playbook": TEXT, "commit": TEXT, "sessionName": TEXT}
    return closed(
        {
            "id": TEXT,
            "state": array(closed({**layer, "lastUpdated": READ_ONLY})),
            "stateAppend": closed(layer),
            "desiredState": Shape("array", read_only=True),
            "desiredConfig": TEXT,
            "errorCount": INTEGER,
            "retryPolicy": INTEGER,
            "enabled": BOOLEAN,
            "configurationStatus": _CONFIGURED,
            "tags": _TAGS,
        }
    )


def component_v3() -> Shape:
    """PUT and PATCH of a v3 component."""
    layer = {
        "clone_url": TEXT,
        "playbook": TEXT,
        "commit": TEXT,
        "status": _LAYER_STATUS,
        "session_name": TEXT,
    }
    return closed(
        {
            "id": TEXT,
            "state": array(closed({**layer, "last_updated": READ_ONLY})),
            "state_append": closed(layer),
            "desired_state": Shape("array", read_only=True),
            "desired_config": text(0, NAME_LIMIT),
            "error_count": INTEGER,
            "retry_policy": INTEGER,
            "enabled": BOOLEAN,
            "configuration_status": _CONFIGURED,
            "tags": _TAGS,
            "logs": READ_ONLY,
        }
    )


def source_created() -> Shape:
    """POST /v3/sources."""
    credentials = {
        "authentication_method": one_of("password"),
        "username": text(1),
        "password": text(1),
    }
    return closed(
        {
            "name": text(1),
            "description": TEXT,
            "clone_url": text(1),
            "credentials": closed(credentials, "username", "password"),
            "ca_cert": _ca_cert(),
        },
        "clone_url",
        "credentials",
    )


def source_patched() -> Shape:
    """PATCH /v3/sources/{name}."""
    credentials = {
        "authentication_method": one_of("password"),
        "secret_name": READ_ONLY,
        "username": TEXT,
        "password": TEXT,
    }
    return closed(
        {
            "description": TEXT,
            "clone_url": text(1),
            "credentials": closed(credentials),
            "ca_cert": _ca_cert(),
        }
    )


def source_restored() -> Shape:
    """POST /v3/sources/{name}."""
    credentials = {"authentication_method": one_of("password"), "secret_name": text(1)}
    return closed(
        {
            "description": TEXT,
            "clone_url": text(1),
            "credentials": closed(credentials, "authentication_method", "secret_name"),
            "ca_cert": _ca_cert(),
        },
        "clone_url",
        "credentials",
    )


def _ca_cert() -> Shape:
    names = {"configmap_name": text(1), "configmap_namespace": TEXT}
    return Shape(
        "object", properties=names, required=("configmap_name",), closed=True, nullable=True
    )


def session_v3() -> Shape:
    """POST /v3/sessions."""
    group = Shape(
        "object",
        properties={"name": TEXT, "members": array(TEXT)},
        required=("name", "members"),
    )
    mapped = Shape(
        "object",
        properties={"source_id": TEXT, "result_name": TEXT},
        required=("source_id", "result_name"),
    )
    target = {
        "definition": one_of("image", "spec", "repo", "dynamic"),
        "groups": array(group),
        "image_map": array(mapped),
    }
    return closed(
        {
            "name": SESSION_NAME,
            "configuration_name": text(1, NAME_LIMIT),
            "configuration_limit": TEXT,
            "ansible_limit": _WORD,
            "ansible_config": TEXT,
            "ansible_verbosity": Shape("integer", low=0, high=4),
            "ansible_passthrough": TEXT,
            "target": Shape("object", properties=target),
            "tags": _TAGS,
            "debug_on_failure": BOOLEAN,
        },
        "name",
        "configuration_name",
    )


def session_v2() -> Shape:
    """POST /v2/sessions."""
    return closed(
        {
            "name": SESSION_NAME,
            "configurationName": TEXT,
            "configurationLimit": TEXT,
            "ansibleLimit": _WORD,
            "ansibleConfig": TEXT,
            "ansibleVerbosity": Shape("integer", low=0, high=4),
            "ansiblePassthrough": TEXT,
            "target": Shape("object"),
            "tags": _TAGS,
        },
        "name",
        "configurationName",
    )


def options_v3() -> Shape:
    """PATCH /v3/options."""
    at_least_one = (
        "hardware_sync_interval",
        "batcher_check_interval",
        "batch_size",
        "batcher_pending_timeout",
        "default_page_size",
    )
    at_least_none = (
        "batch_window",
        "default_batcher_retry_policy",
        "batcher_max_backoff",
        "debug_wait_time",
    )
    return closed(
        {
            **dict.fromkeys(at_least_one, Shape("integer", low=1)),
            **dict.fromkeys(at_least_none, Shape("integer", low=0)),
            "default_playbook": Shape("string", read_only=True),
            "default_ansible_config": text(0, 60),
            "session_ttl": text(0, 10),
            "additional_inventory_url": text(0, 240, pattern=r"^[^\s;]*$"),
            "additional_inventory_source": text(0, 60),
            "batcher_disable": BOOLEAN,
            "logging_level": one_of("DEBUG", "INFO", "WARNING", "ERROR"),
            "include_ara_links": BOOLEAN,
        }
    )


def options_v2() -> Shape:
    """PATCH /v2/options."""
    numbers = (
        "hardwareSyncInterval",
        "batcherCheckInterval",
        "batchSize",
        "batchWindow",
        "defaultBatcherRetryPolicy",
        "batcherMaxBackoff",
        "batcherPendingTimeout",
    )
    words = ("defaultAnsibleConfig", "sessionTTL", "loggingLevel")
    return closed(
        {
            **dict.fromkeys(numbers, INTEGER),
            **dict.fromkeys(words, TEXT),
            "defaultPlaybook": _WORD,
            "additionalInventoryUrl": _WORD,
            "batcherDisable": BOOLEAN,
        }
    )
