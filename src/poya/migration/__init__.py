# SPDX-License-Identifier: Apache-2.0
"""The use cases: each a short sequence of decide, act, journal."""
