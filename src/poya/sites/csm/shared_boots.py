# SPDX-License-Identifier: Apache-2.0
"""Records of BSS that are no node's own: it falls back to them, and merges their cloud-init."""

from __future__ import annotations

from poya.csm import BootParameters, Site
from poya.errors import NotFound

# What BSS looks up where a node has no record (its role, Default), and beside the node's own
# (Global and the role, for cloud-init's meta-data). BSS 1.31, `/boot/v1/bootparameters`.
_EVERYBODYS = ("Global", "Default")


async def shared_boots(site: Site, roles: frozenset[str]) -> tuple[BootParameters, ...]:
    """Those for everybody and for these roles; empty where there are none."""
    try:
        return await site.bss.boot_parameters.list((*_EVERYBODYS, *sorted(roles)))
    except NotFound:  # BSS answers so where it has none of them
        return ()
