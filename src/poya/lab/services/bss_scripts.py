# SPDX-License-Identifier: Apache-2.0
"""BSS: the iPXE scripts that nodes get."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from poya.lab.services.ims_links import split_s3
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_PRESIGNED_S = 24 * 3600
_FROM_S3 = re.compile(r"(?<!\S)(metal\.server=|root=live:)(s3://\S*)")
_JOIN_TOKEN = "${SPIRE_JOIN_TOKEN}"
_ADVERTISED = "10.92.100.81:8888"


def ipxe(record: JsonObject, component: JsonObject, token: str, sign: Callable[[str], str]) -> str:
    """The script of a node.

    Args:
        record: What it boots: `kernel`, `initrd`, `params`.
        component: The node, as HSM has it.
        token: The referral token.
        sign: Makes an address in S3 one that anybody may read.
    """
    initrd = record.get("initrd", "")
    lines = [
        "#!ipxe",
        f"kernel --name kernel {sign(record['kernel'])} "
        f"{'initrd=initrd ' if initrd else ''}{_params(record, component, token, sign)}"
        " || goto boot_retry",
    ]
    if initrd:
        lines.append(f"initrd --name initrd {sign(initrd)} || goto boot_retry")
    chain = f"chain https://api-gw-service-nmn.local/apis/bss/boot/v1/bootscript?name={component['ID']}"
    return "\n".join([*lines, "boot || goto boot_retry", ":boot_retry", "sleep 30", chain, ""])


def signer(site: LabSite) -> Callable[[str], str]:
    """What makes addresses in a site's S3 ones that can be read for a day; others stay."""

    def sign(address: str) -> str:
        return _presigned(site, *split_s3(address)) if address.startswith("s3://") else address

    return sign


def _params(
    record: JsonObject, component: JsonObject, token: str, sign: Callable[[str], str]
) -> str:
    """The kernel's command line; what it has already is not added."""
    params = str(record.get("params", ""))
    added = {"xname=": component["ID"], "nid=": component.get("NID", 0)}
    added |= {"bss_referral_token=": token, "ds=": f"nocloud-net;s=http://{_ADVERTISED}/"}
    for name, value in added.items():
        if value != "" and not any(word.startswith(name) for word in params.split(" ")):
            params = f"{params} {name}{value}"
    params = params.replace(_JOIN_TOKEN, str(uuid.uuid4()))
    return _FROM_S3.sub(lambda found: found[1] + sign(found[2]), params).strip()


def _presigned(site: LabSite, bucket: str, key: str) -> str:
    from botocore.auth import S3SigV4QueryAuth  # noqa: PLC0415  (slow to import)
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    issued = site.objects.issue_credentials(_PRESIGNED_S)
    request = AWSRequest("GET", f"{issued.endpoint_url}/{bucket}/{key}")
    secret = Credentials(issued.access_key_id, issued.secret_access_key, issued.session_token)
    S3SigV4QueryAuth(secret, "s3", "default", expires=_PRESIGNED_S).add_auth(request)
    return str(request.url)
