# SPDX-License-Identifier: Apache-2.0
"""Saved surveys behind the ports that planning reads from."""

from __future__ import annotations

from pathlib import Path

from poya import transfer
from poya.errors import NotFound, UsageError
from poya.files import read_given, write_private
from poya.model.inventory import Interest, Inventory
from poya.model.vcluster import Selector, VCluster
from poya.planning.closure import narrow
from poya.sites.saved.codec import Survey, decode_survey, encode_survey


class SavedSource:
    """The source port for a saved survey: records only, no bytes of images."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    @property
    def label(self) -> str:
        """The name of the site that was surveyed."""
        return self._survey.site

    async def capture(self, selector: Selector) -> VCluster:
        """The selected part of what was captured.

        Raises:
            NotFound: The survey has no capture, or not of this.
        """
        if self._survey.vcluster is None:
            raise NotFound(
                f"The survey of {self.label} holds no vCluster.",
                todo=f"poya survey {self.label} NAME -o FILE captures one.",
            )
        return narrow(self._survey.vcluster, selector)

    async def readable(self, path: str) -> transfer.Source:
        """Nothing can be read from here.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"A survey holds no files, so {path} cannot be read from it.",
            todo="Carry the plan out from the site itself: poya apply PLAN --from SITE.",
        )


class SavedTarget:
    """What a plan is made against when the site itself is out of reach."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    @property
    def label(self) -> str:
        """The name of the site that was surveyed."""
        return self._survey.site

    async def survey(self, interest: Interest) -> Inventory:  # noqa: ARG002 - all of it is here
        """What was found when the survey was taken."""
        return self._survey.inventory


def read_survey(path: Path) -> Survey:
    """Read a survey's file.

    Raises:
        UsageError: It cannot be read, or is no survey.
    """
    return decode_survey(read_given(path, "survey"))


def write_survey(path: Path, survey: Survey) -> None:
    """Write a survey's file, readable by its owner only, whole or not at all.

    Raises:
        UsageError: It cannot be written.
    """
    write_private(path, encode_survey(survey))
