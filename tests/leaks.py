"""What a failed connection leaves to the garbage collector.

A connection that is given up in the middle of its TLS handshake is not closed by httpcore2 2.16 but
by the garbage collector, which warns of it in whatever test comes next.
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
