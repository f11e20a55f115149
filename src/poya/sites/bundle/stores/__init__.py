# SPDX-License-Identifier: Apache-2.0
"""Other places for a bundle than a directory: a tar stream, a bucket; encrypted on the way."""

from poya.sites.bundle.stores.base import Parcel, Store, parcel_of
from poya.sites.bundle.stores.folders import FolderStore
from poya.sites.bundle.stores.landing import Landing
from poya.sites.bundle.stores.objects import ObjectStore
from poya.sites.bundle.stores.shelf import Shelf
from poya.sites.bundle.stores.tar import TarStore
from poya.sites.bundle.stores.tar_files import TarFileStore

__all__ = [
    "FolderStore",
    "Landing",
    "ObjectStore",
    "Parcel",
    "Shelf",
    "Store",
    "TarFileStore",
    "TarStore",
    "parcel_of",
]
