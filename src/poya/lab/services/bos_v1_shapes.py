# SPDX-License-Identifier: Apache-2.0
"""What BOS v1 takes in requests (specifications of BOS 2.0 and 2.10)."""

from __future__ import annotations

from poya.lab.services.schema import BOOLEAN, TEXT, Shape, array, closed, text
from poya.lab.state import JsonObject

_NOT_IN_V2 = frozenset({"cfs_url", "cfs_branch", "partition", "links"})
_BOOT_SET_NOT_IN_V2 = frozenset({"boot_ordinal", "shutdown_ordinal", "network"})
_ORDINAL = Shape("integer", low=0)

_CFS = closed(dict.fromkeys(("clone_url", "branch", "commit", "playbook", "configuration"), TEXT))
_BOOT_SET = closed(
    {
        **dict.fromkeys(("name", "path", "type", "etag", "kernel_parameters"), TEXT),
        **dict.fromkeys(("rootfs_provider", "rootfs_provider_passthrough"), TEXT),
        **dict.fromkeys(("boot_ordinal", "shutdown_ordinal"), _ORDINAL),
        "network": text(pattern=r"^[nN][mM][nN]$"),
        **dict.fromkeys(("node_list", "node_roles_groups", "node_groups"), array(TEXT, 1, None)),
    },
    "path",
    "type",
)
TEMPLATE = closed(
    {
        "name": text(1),
        **dict.fromkeys(("description", "cfs_url", "cfs_branch", "partition"), TEXT),
        "enable_cfs": BOOLEAN,
        "cfs": _CFS,
        "boot_sets": Shape("object", values=_BOOT_SET),
        "links": Shape("array", read_only=True),
    },
    "name",
)
SESSION = closed(
    {
        "operation": text(
            pattern=r"^([bB][oO][oO][tT]|[cC][oO][nN][fF][iI][gG][uU][rR][eE]"
            r"|[rR][eE][bB][oO][oO][tT]|[sS][hH][uU][tT][dD][oO][wW][nN])$"
        ),
        **dict.fromkeys(("templateName", "templateUuid"), text(1)),
        "limit": TEXT,
        "job": Shape("string", read_only=True),
        "links": Shape("array", read_only=True),
    },
    "operation",
)


def as_v2(template: JsonObject) -> JsonObject:
    """A template without what v2 does not have, as BOS 2.10 stores it."""
    kept = {k: v for k, v in template.items() if k not in _NOT_IN_V2}
    if "cfs" in kept:
        kept["cfs"] = {k: v for k, v in kept["cfs"].items() if k == "configuration"}
    for name, boot_set in kept.get("boot_sets", {}).items():
        kept["boot_sets"][name] = {
            k: v for k, v in boot_set.items() if k not in _BOOT_SET_NOT_IN_V2
        }
    return kept
