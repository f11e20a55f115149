"""What a process that is taken for dead leaves to the garbage collector.

A real one's sockets are closed by its kernel; ours would warn in whatever test comes next.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def collected() -> Iterator[None]:
    """Collect what the block leaves behind, without those warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()
