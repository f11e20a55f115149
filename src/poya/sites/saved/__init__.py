# SPDX-License-Identifier: Apache-2.0
"""A survey in a file as a site: planned from and against, never written to."""

from poya.sites.saved.codec import Survey, decode_survey, encode_survey, is_survey
from poya.sites.saved.site import SavedSource, SavedTarget, read_survey, write_survey

__all__ = [
    "SavedSource",
    "SavedTarget",
    "Survey",
    "decode_survey",
    "encode_survey",
    "is_survey",
    "read_survey",
    "write_survey",
]
