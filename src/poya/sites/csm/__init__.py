# SPDX-License-Identifier: Apache-2.0
"""A live CSM as a site: captured from through a read-only client, or written to."""

from poya.sites.csm.opening import open_csm_source, open_csm_target

__all__ = ["open_csm_source", "open_csm_target"]
