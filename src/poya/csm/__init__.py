# SPDX-License-Identifier: Apache-2.0
"""A typed client of the CSM APIs, useful on its own; it knows nothing of migration.

    config = SiteConfig("alps", "https://api.cmn.alps.example", StaticToken(Secret.from_env("T")))
    async with Site.connect(config) as site:
        for image in await site.ims.images.list():
            print(image.id, image.name)

A site is read-only unless `connect` is told otherwise. One file or room a service; what all of
them share (transport, retries, tokens, errors) is in `http` and beside it.
"""

from poya.csm.bos import (
    AppliedStages,
    BootSet,
    BosComponent,
    BosProgress,
    BosSession,
    SessionTemplate,
    Validation,
    template_body,
)
from poya.csm.bss import BootParameters, BssHost
from poya.csm.cfs import (
    CfsComponent,
    CfsSession,
    Configuration,
    Layer,
    ListTooLong,
    Source,
    configuration_body,
)
from poya.csm.config import (
    AuthConfig,
    BasicLogin,
    ClientCredentials,
    KubernetesAccess,
    Login,
    NoAuth,
    Password,
    SiteConfig,
    StaticToken,
)
from poya.csm.features import Features
from poya.csm.hsm import (
    Component,
    EthernetInterface,
    Group,
    IpAddress,
    Lock,
    MemberChange,
    Membership,
    Part,
    Partition,
    Reservation,
)
from poya.csm.http.retry import RetryPolicy
from poya.csm.ims import (
    DeletedImage,
    DeletedPublicKey,
    DeletedRecipe,
    Image,
    Job,
    Link,
    PublicKey,
    Recipe,
    RemoteBuildNode,
    RemoteBuildStatus,
)
from poya.csm.keycloak import DeviceCode, Realm
from poya.csm.kubernetes import Kubernetes, tenant_body
from poya.csm.nexus import NexusComponent, NexusRepository
from poya.csm.pcs import Task, Transition
from poya.csm.power import PowerStatus
from poya.csm.records import Record
from poya.csm.releases import NeedsRelease
from poya.csm.secret import Secret
from poya.csm.site import Site
from poya.csm.sls import IpReservation, Network, SlsHardware, Subnet, hardware_body
from poya.csm.sts import S3Credentials
from poya.csm.tapms import Tenant, TenantResource
from poya.csm.tokens import FileTokens, KeyringTokens, MemoryTokens, Tokens, TokenStore
from poya.csm.vcs import Branch, Repository, Tag, repository_of
from poya.csm.versions import Version

__all__ = [
    "AppliedStages",
    "AuthConfig",
    "BasicLogin",
    "BootParameters",
    "BootSet",
    "BosComponent",
    "BosProgress",
    "BosSession",
    "Branch",
    "BssHost",
    "CfsComponent",
    "CfsSession",
    "ClientCredentials",
    "Component",
    "Configuration",
    "DeletedImage",
    "DeletedPublicKey",
    "DeletedRecipe",
    "DeviceCode",
    "EthernetInterface",
    "Features",
    "FileTokens",
    "Group",
    "Image",
    "IpAddress",
    "IpReservation",
    "Job",
    "KeyringTokens",
    "Kubernetes",
    "KubernetesAccess",
    "Layer",
    "Link",
    "ListTooLong",
    "Lock",
    "Login",
    "MemberChange",
    "Membership",
    "MemoryTokens",
    "NeedsRelease",
    "Network",
    "NexusComponent",
    "NexusRepository",
    "NoAuth",
    "Part",
    "Partition",
    "Password",
    "PowerStatus",
    "PublicKey",
    "Realm",
    "Recipe",
    "Record",
    "RemoteBuildNode",
    "RemoteBuildStatus",
    "Repository",
    "Reservation",
    "RetryPolicy",
    "S3Credentials",
    "Secret",
    "SessionTemplate",
    "Site",
    "SiteConfig",
    "SlsHardware",
    "Source",
    "StaticToken",
    "Subnet",
    "Tag",
    "Task",
    "Tenant",
    "TenantResource",
    "TokenStore",
    "Tokens",
    "Transition",
    "Validation",
    "Version",
    "configuration_body",
    "hardware_body",
    "repository_of",
    "template_body",
    "tenant_body",
]
