# SPDX-License-Identifier: Apache-2.0
"""BOS: /v2/sessiontemplates.

From CSM 1.5 each tenant has templates of its own; the administrator's list shows all of them,
but under a name the administrator only finds the one that belongs to no tenant.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services import bos_shapes
from poya.lab.services.answers import (
    Problem,
    complain,
    connexion_body,
    encoded_answer,
    json_answer,
    no_content,
)
from poya.lab.services.bos_merging import merge
from poya.lab.services.bos_options import Options
from poya.lab.services.bos_validation import (
    BootSetError,
    BootSetWarning,
    Validator,
    require_specifier,
)
from poya.lab.services.orders import by_hashed_name, hashed_by_name
from poya.lab.services.tenancy import existing_tenant, tenant_of
from poya.lab.services.xnames import canonise_node
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, tenant_key

_EXAMPLE: JsonObject = {
    "boot_sets": {
        "name_your_boot_set": {
            "type": "s3",
            "etag": "boot-image-s3-etag",
            "kernel_parameters": "your-kernel-parameters",
            "cfs": {"configuration": "bootset-specific-cfs-override"},
            "node_list": ["xname1", "xname2", "xname3"],
            "path": "s3://boot-images/boot-image-ims-id/manifest.json",
            "rootfs_provider": "cpss3",
            "rootfs_provider_passthrough": "dvs:api-gw-service-nmn.local:300:hsn0,nmn0:0",
        }
    },
    "cfs": {"configuration": "default-sessiontemplate-cfs-config"},
    "enable_cfs": True,
    "name": "name-your-template",
}


class Templates:
    """Session templates."""

    def __init__(self, site: LabSite, options: Options) -> None:
        self._site = site
        self._records = site.state.templates
        self._validator = Validator(site, options)

    def routes(self) -> list[Route]:
        """The paths of this part of BOS."""
        base = "/v2/sessiontemplates"
        return [
            Route(base, self.list_all, methods=["GET"]),
            Route(f"{base}/{{name}}", self.get, methods=["GET"]),
            Route(f"{base}/{{name}}", self.put, methods=["PUT"]),
            Route(f"{base}/{{name}}", self.patch, methods=["PATCH"]),
            Route(f"{base}/{{name}}", self.delete, methods=["DELETE"]),
            Route("/v2/sessiontemplatesvalid/{name}", self.validate, methods=["GET"]),
            Route("/v2/sessiontemplatetemplate", self.example, methods=["GET"]),
        ]

    @property
    def validator(self) -> Validator:
        """BOS's judgement of templates, which sessions need too."""
        return self._validator

    def find(self, name: str, tenant: str | None) -> JsonObject | None:
        """A tenant's template (None: the administrator's)."""
        return self._records.get(tenant_key(name, tenant))

    async def list_all(self, request: Request) -> Response:
        """All templates; a tenant's own for a tenant, which need not exist."""
        tenant = self._tenant(request)
        if tenant is None:
            return encoded_answer(self._records.encoded(by_hashed_name(self._records.keys())))
        found = hashed_by_name(self._records)
        return json_answer([t for t in found if t.get("tenant") == tenant])

    async def get(self, request: Request) -> Response:
        """One template."""
        return json_answer(self._record(request))

    async def put(self, request: Request) -> Response:
        """Create or replace a template, in silence, whether or not its images exist."""
        tenant = self._existing_tenant(request)
        name = self._checked_name(request)
        given = await connexion_body(request, bos_shapes.template(self._site.profile))
        self._sanitise(given, "created")
        record = given | {"name": name}
        if self._site.profile.bos_tenants:
            record["tenant"] = tenant
        self._records.put(tenant_key(name, tenant), record)
        return json_answer(record)

    async def patch(self, request: Request) -> Response:
        """Change a template: boot sets that are not named stay, as do their fields."""
        record = self._record(request)
        shape = bos_shapes.template(self._site.profile, patch=True)
        given = await connexion_body(request, shape)
        self._sanitise(given, "patched")
        changed = merge(record, given)
        self._records.put(tenant_key(record["name"], record.get("tenant")), changed)
        return json_answer(changed)

    async def delete(self, request: Request) -> Response:
        """Delete a template."""
        record = self._record(request)
        self._records.delete(tenant_key(record["name"], record.get("tenant")))
        return no_content()

    async def validate(self, request: Request) -> Response:
        """Judge a template. Always 200: only the string `Valid` means that all is well."""
        record = self._record(request)
        verdict = await self._validator.judge(record, request.path_params["name"], "boot")
        return json_answer(verdict.text)

    async def example(self, _request: Request) -> Response:
        """A template to start from."""
        return json_answer(_EXAMPLE)

    def _tenant(self, request: Request) -> str | None:
        return tenant_of(request) if self._site.profile.bos_tenants else None

    def _existing_tenant(self, request: Request) -> str | None:
        if not self._site.profile.bos_tenants:
            return None
        return existing_tenant(self._site, request)

    def _record(self, request: Request) -> JsonObject:
        name = request.path_params["name"]
        record = self.find(name, self._tenant(request))
        if record is None:
            raise Problem(
                404,
                f"Sessiontemplate {name} could not be found",
                title=self._site.profile.bos_not_found_title or "Sessiontemplate could not found.",
            )
        return record

    def _checked_name(self, request: Request) -> str:
        name: str = request.path_params["name"]
        if self._site.profile.bos_strict:
            complain(name, bos_shapes.TEMPLATE_NAME)
        return name

    def _sanitise(self, given: JsonObject, verb: str) -> None:
        if self._site.profile.bos_drops_empty_cfs:
            for part in (given, *given.get("boot_sets", {}).values()):
                if "cfs" in part and not part["cfs"].get("configuration"):
                    del part["cfs"]
        try:
            for name, boot_set in given.get("boot_sets", {}).items():
                self._sanitise_boot_set(name, boot_set)
        except BootSetError as error:
            detail = f"The session template could not be {verb}: {error}"
            raise Problem(400, detail) from error

    def _sanitise_boot_set(self, name: str, boot_set: JsonObject) -> None:
        own_name = boot_set.pop("name", name)
        if own_name != name:
            raise BootSetError(
                f"boot_sets key ({name}) does not match 'name' field of corresponding boot set "
                f"({own_name})"
            )
        if self._site.profile.bos_strict:
            boot_set.setdefault("arch", "X86")
            self._check_strictly(name, boot_set)
        if "node_list" in boot_set:
            boot_set["node_list"] = [canonise_node(node) for node in boot_set["node_list"]]

    def _check_strictly(self, name: str, boot_set: JsonObject) -> None:
        try:
            self._validator.require_image(boot_set)
        except BootSetWarning:
            pass
        except BootSetError as error:
            raise BootSetError(f"{error.kind}: {error}") from error
        try:
            require_specifier(boot_set)
            self._validator.require_xnames(boot_set)
        except BootSetWarning:
            pass
        except BootSetError as error:
            raise BootSetError(f"Boot set {name}: {error}") from error
