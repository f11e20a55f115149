# SPDX-License-Identifier: Apache-2.0
"""The marks that a run leaves on what it makes, so that it finds it again."""

from __future__ import annotations

# IMS metadata keys. An image that carries RUN_KEY and SOURCE_KEY of a run was made by that run:
# POST /images has no idempotency key, so a repeated run looks for these before it creates.
RUN_KEY = "poya.run"
SOURCE_KEY = "poya.source"
CONTENT_KEY = "poya.content"
OWN_KEYS = frozenset({RUN_KEY, SOURCE_KEY, CONTENT_KEY})
