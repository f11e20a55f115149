# SPDX-License-Identifier: Apache-2.0
"""A running object store, and clients for it that share no code with poya."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.config
import botocore.session
import pytest

from poya.lab.certificates import certificates_in
from poya.lab.ports import StsCredentials
from poya.lab.pytest_plugin import lab_pair, lab_session  # noqa: F401 - fixtures
from poya.lab.storage.credentials import CredentialMint
from poya.lab.storage.front import S3Front
from poya.lab.storage.objects import SiteObjects
from poya.lab.storage.server import S3Server
from poya.lab.storage.signature import SignatureCheck


@dataclass
class Store:
    """One site's object store, served over HTTPS."""

    objects: SiteObjects
    url: str
    ca: Path

    def client(
        self,
        issued: StsCredentials | None = None,
        changed: dict[str, str | None] | None = None,
        *,
        trailers: bool = False,
    ) -> Any:
        """A botocore S3 client; `changed` replaces parts of the credentials."""
        issued = issued or self.objects.issue_credentials(3600)
        given: dict[str, str | None] = {
            "aws_access_key_id": issued.access_key_id,
            "aws_secret_access_key": issued.secret_access_key,
            "aws_session_token": issued.session_token,
        }
        return s3_client(self.url, self.ca, given | (changed or {}), trailers=trailers)


def s3_client(
    url: str, ca: Path, credentials: dict[str, str | None], *, trailers: bool = False
) -> Any:
    """A client; `trailers`: with checksums behind bodies, as botocore sends them by itself."""
    config = botocore.config.Config(
        signature_version="s3v4",
        request_checksum_calculation="when_supported" if trailers else "when_required",
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": 1},
    )
    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        verify=str(ca),
        config=config,
        **credentials,
    )


def serve(directory: Path, name: str = "alps") -> tuple[Store, S3Server]:
    certificates = certificates_in(directory, name)
    objects = SiteObjects(directory / "objects", name, CredentialMint(name.encode()))
    front = S3Front(objects.backend, SignatureCheck(objects.mint))
    server = S3Server(front, 0, certificates.server_context())
    server.start()
    objects.endpoint_url = f"https://127.0.0.1:{server.port}"
    return Store(objects, objects.endpoint_url, certificates.ca), server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for a whole module: tests use keys of their own."""
    started, server = serve(tmp_path_factory.mktemp("store"))
    yield started
    server.stop()
    started.objects.close()


@pytest.fixture(scope="module")
def s3(store: Store) -> Iterator[Any]:
    client = store.client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def trailing_s3(store: Store) -> Iterator[Any]:
    client = store.client(trailers=True)
    yield client
    client.close()
