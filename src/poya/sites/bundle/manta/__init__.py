# SPDX-License-Identifier: Apache-2.0
"""Bundles for manta: its file shapes, what they cannot carry, and writing them."""

from poya.sites.bundle.manta.writing import MantaExport, export_for_manta

__all__ = ["MantaExport", "export_for_manta"]
