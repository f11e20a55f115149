# SPDX-License-Identifier: Apache-2.0
"""The operator's configuration, read strictly; one file a table that has its own rules."""

from poya.settings.auth import AuthSettings, KubernetesSettings, ServiceAccount, token_variable
from poya.settings.bundles import BundleSettings, StoreSettings
from poya.settings.configuration import (
    Settings,
    SiteSettings,
    configuration_path,
    load_settings,
    set_current_site,
    state_directory,
)
from poya.settings.placement import PlacementSettings
from poya.settings.tables import SecretPlace
from poya.settings.transfer import TransferSettings

__all__ = [
    "AuthSettings",
    "BundleSettings",
    "KubernetesSettings",
    "PlacementSettings",
    "SecretPlace",
    "ServiceAccount",
    "Settings",
    "SiteSettings",
    "StoreSettings",
    "TransferSettings",
    "configuration_path",
    "load_settings",
    "set_current_site",
    "state_directory",
    "token_variable",
]
