# SPDX-License-Identifier: Apache-2.0
"""The only place that names concrete sites and wires them to the use cases."""

from poya.bootstrap.places import BundlePlace, FilesPlace, Place, SitePlace, SurveyPlace
from poya.bootstrap.runs import Runs
from poya.bootstrap.workshop import SurveyedOpener, TargetOpener, Workshop

__all__ = [
    "BundlePlace",
    "FilesPlace",
    "Place",
    "Runs",
    "SitePlace",
    "SurveyPlace",
    "SurveyedOpener",
    "TargetOpener",
    "Workshop",
]
