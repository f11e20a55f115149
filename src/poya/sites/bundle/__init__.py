# SPDX-License-Identifier: Apache-2.0
"""A bundle directory as a site: captured from for a restore, written to by a backup."""

from poya.sites.bundle.examining import Examination, FileVerdict, examine
from poya.sites.bundle.listing import list_files
from poya.sites.bundle.opening import open_bundle, open_files
from poya.sites.bundle.schema import bundle_schema
from poya.sites.bundle.source import BundleSource
from poya.sites.bundle.target import BundleTarget

__all__ = [
    "BundleSource",
    "BundleTarget",
    "Examination",
    "FileVerdict",
    "bundle_schema",
    "examine",
    "list_files",
    "open_bundle",
    "open_files",
]
