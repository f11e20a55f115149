# SPDX-License-Identifier: Apache-2.0
"""The only place that names concrete sites and wires them to the use cases."""

from poya.bootstrap.bundles import Bundles
from poya.bootstrap.places import (
    AwayPlace,
    BundlePlace,
    FilesPlace,
    OutgoingPlace,
    Place,
    SitePlace,
    SurveyPlace,
)
from poya.bootstrap.runs import Runs
from poya.bootstrap.workshop import SurveyedOpener, TargetOpener, Workshop

__all__ = [
    "AwayPlace",
    "BundlePlace",
    "Bundles",
    "FilesPlace",
    "OutgoingPlace",
    "Place",
    "Runs",
    "SitePlace",
    "SurveyPlace",
    "SurveyedOpener",
    "TargetOpener",
    "Workshop",
]
