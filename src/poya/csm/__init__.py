# SPDX-License-Identifier: Apache-2.0
"""A typed client of the CSM APIs, useful on its own; it knows nothing of migration.

    config = SiteConfig("alps", "https://api.cmn.alps.example", StaticToken(Secret.from_env("T")))
    async with Site.connect(config) as site:
        for image in await site.ims.images.list():
            print(image.id, image.name)

A site is read-only unless `connect` is told otherwise. One file a service; transport, retries,
tokens and errors are the same for all.
"""

from poya.csm.bos import Validation
from poya.csm.bos_records import BootSet, BosComponent, BosSession, SessionTemplate, template_body
from poya.csm.bss import BootParameters
from poya.csm.cfs_records import (
    CfsComponent,
    CfsSession,
    Configuration,
    Layer,
    Source,
    configuration_body,
)
from poya.csm.cfs_store import ListTooLong
from poya.csm.config import (
    AuthConfig,
    BasicLogin,
    ClientCredentials,
    NoAuth,
    Password,
    SiteConfig,
    StaticToken,
)
from poya.csm.features import Features
from poya.csm.hsm import Group, MemberChange, Membership, Partition
from poya.csm.hsm_inventory import Component, Lock, Part
from poya.csm.ims import DeletedImage, Image, Link, PublicKey, Recipe
from poya.csm.records import Record
from poya.csm.retry import RetryPolicy
from poya.csm.secret import Secret
from poya.csm.site import Site
from poya.csm.sts import S3Credentials
from poya.csm.vcs import Repository, repository_of
from poya.csm.versions import Version

__all__ = [
    "AuthConfig",
    "BasicLogin",
    "BootParameters",
    "BootSet",
    "BosComponent",
    "BosSession",
    "CfsComponent",
    "CfsSession",
    "ClientCredentials",
    "Component",
    "Configuration",
    "DeletedImage",
    "Features",
    "Group",
    "Image",
    "Layer",
    "Link",
    "ListTooLong",
    "Lock",
    "MemberChange",
    "Membership",
    "NoAuth",
    "Part",
    "Partition",
    "Password",
    "PublicKey",
    "Recipe",
    "Record",
    "Repository",
    "RetryPolicy",
    "S3Credentials",
    "Secret",
    "SessionTemplate",
    "Site",
    "SiteConfig",
    "Source",
    "StaticToken",
    "Validation",
    "Version",
    "configuration_body",
    "repository_of",
    "template_body",
]
