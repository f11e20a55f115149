# SPDX-License-Identifier: Apache-2.0
"""Pure decisions: no I/O, no clock, no randomness."""

from poya.planning.planner import interest_of, make_plan

__all__ = ["interest_of", "make_plan"]
