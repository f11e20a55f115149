# SPDX-License-Identifier: Apache-2.0
"""How CFS judges a component: configured, pending, failed or unconfigured."""

from __future__ import annotations

from poya.lab.state import JsonObject

_WORST_FIRST = ("unconfigured", "failed", "pending", "configured")


def configuration_status(
    component: JsonObject, configuration: JsonObject | None, options: JsonObject
) -> str:
    """The `configuration_status` of a component that wants a configuration (None: unknown)."""
    if "desired_config" not in component:
        return "config_deprecated"
    if configuration is None:
        return "configured" if component["state"] else "unconfigured"
    exhausted = _is_exhausted(component, options)
    statuses = [
        _layer_status(layer, component["state"], options["default_playbook"], exhausted=exhausted)
        for layer in configuration["layers"]
    ]
    worst = min(statuses, key=_WORST_FIRST.index, default="configured")
    return "failed" if worst == "pending" and exhausted else worst


def _is_exhausted(component: JsonObject, options: JsonObject) -> bool:
    retries = component.get("retry_policy")
    if retries is None:
        retries = options.get("default_batcher_retry_policy", 1)
    return bool(retries != -1 and component.get("error_count", 0) >= retries)


def _layer_status(
    layer: JsonObject, applied: list[JsonObject], default_playbook: str, *, exhausted: bool
) -> str:
    wanted = (
        layer.get("clone_url", ""),
        layer.get("playbook") or default_playbook,
        layer.get("commit", ""),
    )
    if not all(wanted):
        return "unconfigured"
    for done in applied:
        if (done.get("clone_url"), done.get("playbook"), done.get("commit")) == wanted:
            if done.get("status") == "failed":
                return "failed" if exhausted else "pending"
            # incomplete: the node was well, but another's failure ended the playbook
            return "pending" if done.get("status") == "incomplete" else "configured"
    return "pending"
