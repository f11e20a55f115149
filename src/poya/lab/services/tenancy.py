# SPDX-License-Identifier: Apache-2.0
"""The tenant on whose behalf a request is made, as BOS and CFS see it."""

from __future__ import annotations

from starlette.requests import Request

from poya.lab.services.answers import Problem
from poya.lab.services.policy import TENANT_HEADER
from poya.lab.site import LabSite


def tenant_of(request: Request) -> str | None:
    """The tenant named in the header; None for the administrator."""
    return request.headers.get(TENANT_HEADER) or None


def existing_tenant(site: LabSite, request: Request) -> str | None:
    """The same, for calls that ask TAPMS whether the tenant exists.

    Raises:
        Problem: 400 if it does not.
    """
    tenant = tenant_of(request)
    if tenant is not None and tenant not in site.state.tenants:
        raise Problem(400, "The provided tenant does not exist", title="Invalid tenant")
    return tenant
