# SPDX-License-Identifier: Apache-2.0
"""The configuration that poya writes when there is none: nothing but comments to start from."""

from __future__ import annotations

import os
from pathlib import Path

_TEMPLATE = """\
# poya's configuration. A key that poya does not know is refused.
# 'poya config check' asks every service of the sites that you name here.

# site = "alps"                 # the current site; 'poya config set site NAME' changes it

# [sites.alps]
# url = "https://api.cmn.alps.example.org"     # the API gateway
# ca = "alps-ca.pem"                           # the site's own CA, relative to this file
# proxy = "socks5h://127.0.0.1:1080"           # names are resolved on the far side
# tenant = "vcluster-blue"                     # act as this TAPMS tenant
# s3_endpoint = "https://s3.cmn.alps.example.org:8080"   # where STS names an in-site host
# allowed_s3_hosts = ["rgw-vip.nmn"]           # or: which hosts STS may name

# [sites.alps.auth]             # without this table: poya login --site alps
# method = "client-credentials"                # or login, password, token, none
# client_id = "admin-client"
# client_secret_file = "alps-secret"           # or client_secret_env = "ALPS_SECRET"
# store = "file"                               # where logins are kept: file or keyring

# [sites.alps.vcs]              # the site's Gitea, to look commits up
# username = "crayvcs"
# password_file = "alps-vcs-password"

# [sites.alps.nexus]            # the site's Nexus, where it does not let anybody read
# username = "admin"
# password_file = "alps-nexus-password"

# [sites.alps.kubernetes]       # to make and change tenants
# url = "https://kubeapi.cmn.alps.example.org:6443"
# ca = "alps-k8s-ca.pem"
# token_file = "alps-k8s-token"

# [sites.alps.services]         # services that are not behind the gateway
# nexus = "https://nexus.cmn.alps.example.org/service/rest"

# [transfer]                    # how bytes move where no option says otherwise
# bandwidth = "08:00,100M 19:00,off"           # bytes a second, by local time
# parallel = 32                                # requests at once, each way; else 16
# memory = "512M"                              # for all of poya; else 256M
# delta = "auto"                               # rebuilt files: auto, always or never
"""


def write_first_configuration(path: Path) -> bool:
    """Write a commented configuration where there is none; False if there is one, or no place.

    Never an error: whoever reads the configuration next says what is missing.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_TEMPLATE)
    except OSError:
        return False
    return True
