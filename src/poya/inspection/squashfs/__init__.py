# SPDX-License-Identifier: Apache-2.0
"""Reading squashfs 4.0 file systems through ranges.

Format: Linux Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h. Paths are
looked up one directory at a time, so that a few files out of many cost a few requests.
"""

from __future__ import annotations

from poya.inspection.squashfs.filesystem import FileSystem, Listed
from poya.inspection.squashfs.inodes import Inode

__all__ = ["FileSystem", "Inode", "Listed"]
