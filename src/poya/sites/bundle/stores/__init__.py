# SPDX-License-Identifier: Apache-2.0
"""Other places for a bundle than a directory: a tar stream, a bucket; encrypted on the way."""

from poya.sites.bundle.stores.base import Parcel, Store, parcel_of
from poya.sites.bundle.stores.folders import FolderStore
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.objects import ObjectStore
from poya.sites.bundle.stores.parts import SealedFolderStore
from poya.sites.bundle.stores.tar import TarStore

__all__ = [
    "FolderStore",
    "Landing",
    "ObjectStore",
    "Parcel",
    "SealedFolderStore",
    "Store",
    "TarStore",
    "parcel_of",
]
