# SPDX-License-Identifier: Apache-2.0
"""Mappings applied, inverted and proposed; pure like all of planning."""

from poya.planning.mapping.applying import Mapped, apply_mapping
from poya.planning.mapping.inverting import inverse
from poya.planning.mapping.nodes import with_nodes
from poya.planning.mapping.suggesting import rules_of, suggest

__all__ = ["Mapped", "apply_mapping", "inverse", "rules_of", "suggest", "with_nodes"]
