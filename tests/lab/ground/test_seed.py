# SPDX-License-Identifier: Apache-2.0
"""What a fresh pair of sites holds, seen over its public APIs."""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lab.ground.conftest import s3_client
from poya.lab.profiles import RELEASES, profile_of
from poya.lab.pytest_plugin import LabPair, TestSite, start_pair, stop_pair
from poya.lab.seed.bulk import add_configurations, add_images, add_nodes
from poya.lab.seed.images import Image, noise, rootfs, seed_image
from poya.lab.seed.sites import GELE_IMAGE_ID
from poya.lab.storage.credentials import CredentialMint
from poya.lab.storage.objects import SiteObjects

TEMPLATE = "gele-cos-template-23.06.0-1"
BUCKET = "boot-images"


@contextmanager
def gateway(site: TestSite) -> Iterator[httpx2.Client]:
    """A client with a token of the service account."""
    verify = ssl.create_default_context(cafile=site.ca_path)
    with httpx2.Client(base_url=site.url, verify=verify) as client:
        client.headers["Authorization"] = f"Bearer {token_for(site, client)}"
        yield client


def token_for(site: TestSite, client: httpx2.Client) -> str:
    answer = client.post(
        "/keycloak/realms/shasta/protocol/openid-connect/token",
        data={
            "grant_type": "client_credentials",
            "client_id": "admin-client",
            "client_secret": site.files.client_secret.read_text().strip(),
        },
    )
    token: str = answer.json()["access_token"]
    return token


def ask(site: TestSite, path: str) -> Any:
    with gateway(site) as client:
        answer = client.get(f"/apis/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()


def store_of(site: TestSite) -> Any:
    with gateway(site) as client:
        issued = client.put("/apis/sts/token").json()["Credentials"]
    assert issued["EndpointURL"] == site.s3_endpoint
    credentials = {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }
    return s3_client(site.s3_endpoint, site.ca_path, credentials)


def test_gele_has_its_members_and_its_template(lab_pair: LabPair) -> None:
    (group,) = ask(lab_pair.alps, "smd/hsm/v2/groups?group=gele")
    listed = ask(lab_pair.alps, "smd/hsm/v2/State/Components?group=gele")["Components"]
    kinds = [(one["Arch"], one["Role"], one["SubRole"]) for one in listed]
    assert len(group["members"]["ids"]) == len(listed) == 10
    assert kinds.count(("ARM", "Compute", "")) == 8
    assert kinds.count(("X86", "Application", "UAN")) == 2
    template = ask(lab_pair.alps, f"bos/v2/sessiontemplates/{TEMPLATE}")
    compute, uan = (template["boot_sets"][name] for name in ("compute", "uan"))
    assert (compute["arch"], compute["node_groups"]) == ("ARM", ["gele"])
    assert (compute["rootfs_provider"], uan["arch"]) == ("cpss3", "X86")
    assert set(uan["node_list"]) < set(group["members"]["ids"])


@pytest.mark.parametrize("name", ["alps", "prealps"])
def test_every_template_is_valid_to_bos(lab_pair: LabPair, name: str) -> None:
    site: TestSite = getattr(lab_pair, name)
    names = [one["name"] for one in ask(site, "bos/v2/sessiontemplates")]
    assert names
    for template in names:
        assert ask(site, f"bos/v2/sessiontemplatesvalid/{template}") == "Valid"


@pytest.mark.parametrize("name", ["alps", "prealps"])
def test_every_image_agrees_with_its_objects_to_the_byte(lab_pair: LabPair, name: str) -> None:
    site: TestSite = getattr(lab_pair, name)
    s3 = store_of(site)
    for image in ask(site, "ims/v3/images"):
        key = f"{image['id']}/manifest.json"
        found = s3.get_object(Bucket=BUCKET, Key=key)
        assert found["ETag"].strip('"') == image["link"]["etag"]
        assert image["link"]["path"] == f"s3://{BUCKET}/{key}"
        artifacts = json.loads(found["Body"].read())["artifacts"]
        assert len(artifacts) == 4
        for artifact in artifacts:
            _, _, _, artifact_key = artifact["link"]["path"].split("/", 3)
            got = s3.get_object(Bucket=BUCKET, Key=artifact_key)
            assert got["ETag"].strip('"') == artifact["link"]["etag"]
            assert hashlib.md5(got["Body"].read()).hexdigest() == artifact["md5"]
            assert got["Metadata"]["md5sum"] == artifact["md5"]
    s3.close()


def test_geles_root_file_system_was_uploaded_in_parts(lab_pair: LabPair) -> None:
    s3 = store_of(lab_pair.alps)
    rootfs = s3.get_object(Bucket=BUCKET, Key=f"{GELE_IMAGE_ID}/rootfs")
    kernel = s3.get_object(Bucket=BUCKET, Key=f"{GELE_IMAGE_ID}/kernel")["Body"].read()
    assert rootfs["ETag"].strip('"').endswith("-2")
    assert rootfs["Body"].read()[:4] == b"hsqs"
    assert kernel[56:60] == b"ARM\x64"
    image = ask(lab_pair.alps, f"ims/v3/images/{GELE_IMAGE_ID}")
    assert (image["name"], image["arch"]) == ("gele-cos-23.06.0-1", "aarch64")
    assert "metadata" not in image
    s3.close()


def test_geles_configuration_has_a_layer_of_a_branch(lab_pair: LabPair) -> None:
    found = ask(lab_pair.alps, "cfs/v3/configurations/gele-cos-config-23.06.0-1")
    assert len(found["layers"]) == 3
    assert found["layers"][1]["branch"] == "cscs-23.06.0"
    assert all(len(layer["commit"]) == 40 for layer in found["layers"])
    components = ask(lab_pair.alps, "cfs/v3/components")["components"]
    wanted = [one for one in components if one["desired_config"] == found["name"]]
    assert [one["configuration_status"] for one in wanted] == ["configured"] * 10


def test_prealps_has_room_for_gele_and_nothing_of_it(lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    texts = [
        json.dumps(ask(site, path))
        for path in ("smd/hsm/v2/groups", "ims/v3/images", "bos/v2/sessiontemplates")
    ]
    assert all("gele" not in text for text in texts)
    taken = {one for group in json.loads(texts[0]) for one in group["members"]["ids"]}
    free = [
        one
        for one in ask(site, "smd/hsm/v2/State/Components?type=Node")["Components"]
        if one["ID"] not in taken and not one["Locked"]
    ]
    assert len([one for one in free if one["Arch"] == "ARM"]) >= 8
    assert len([one for one in free if one["SubRole"] == "UAN"]) >= 2
    assert "x9000c1s1b0n0" in [one["ID"] for one in free]


def test_the_sites_have_no_node_in_common(lab_pair: LabPair) -> None:
    names = [
        {one["ID"] for one in ask(site, "smd/hsm/v2/State/Components")["Components"]}
        for site in (lab_pair.alps, lab_pair.prealps)
    ]
    assert not names[0] & names[1]


def test_hardware_of_a_node_is_told_nested_and_by_kind(lab_pair: LabPair) -> None:
    found = ask(lab_pair.alps, "smd/hsm/v2/Inventory/Hardware/Query/x1001c1s4b0n0")
    (node,) = found["Nodes"]
    models = [one["PopulatedFRU"]["NodeAccelFRUInfo"]["Model"] for one in node["NodeAccels"]]
    assert models == ["NVIDIA GH200 120GB"] * 4
    assert node["NodeLocationInfo"]["MemorySummary"]["TotalSystemMemoryGiB"] == 480
    assert len(node["Processors"]) == len(node["NodeHsnNics"]) == 4


@pytest.mark.parametrize(
    ("arch", "offset", "magic"), [("aarch64", 56, b"ARM\x64"), ("x86_64", 0x202, b"HdrS")]
)
@pytest.mark.parametrize("release", RELEASES)
def test_an_image_has_what_its_release_has(
    tmp_path: Path, arch: str, offset: int, magic: bytes, release: str
) -> None:
    objects = SiteObjects(tmp_path, "any", CredentialMint(b"x"))
    image = Image("i", "name", arch, "2024-01-01T00:00:00.000001", 100_000)
    record = seed_image(image, objects, profile_of(release))
    assert objects.read_now(BUCKET, "i/kernel")[offset:].startswith(magic)
    assert ("arch" in record) == (release >= "1.5")
    assert ("metadata" in record) == (release >= "1.6")
    objects.close()


def test_the_root_file_system_is_one_and_the_same_each_time() -> None:
    image = Image("i", "name", "aarch64", "2024-01-01T00:00:00.000001", 2_500_000)
    body = b"".join(rootfs(image))
    assert body == b"".join(rootfs(image))
    assert 2_480_000 < len(body) <= 2_500_000


@pytest.mark.skipif(shutil.which("unsquashfs") is None, reason="unsquashfs is not installed")
def test_the_root_file_system_is_one_to_other_tools(tmp_path: Path) -> None:
    image = Image("i", "name", "aarch64", "2024-01-01T00:00:00.000001", 2_500_000)
    packed, tree = tmp_path / "rootfs", tmp_path / "tree"
    packed.write_bytes(b"".join(rootfs(image)))
    command = ["unsquashfs", "-quiet", "-no-progress", "-d", str(tree), str(packed)]
    subprocess.run(command, check=True, capture_output=True)
    assert "name (aarch64)" in (tree / "etc/os-release").read_text()
    payload = (tree / "usr/lib/payload").read_bytes()
    assert payload == b"".join(noise("rootfs name", len(payload)))
    assert (tree / "var/opt").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("releases", [("1.3", "1.4"), ("1.7", "1.7")])
def test_a_site_of_any_release_is_seeded_consistently(
    tmp_path: Path, releases: tuple[str, str]
) -> None:
    pair = start_pair(tmp_path, releases)
    try:
        for site in (pair.alps, pair.prealps):
            for template in ask(site, "bos/v2/sessiontemplates"):
                path = f"bos/v2/sessiontemplatesvalid/{template['name']}"
                assert ask(site, path) == "Valid"
            assert ask(site, "cfs/v2/configurations")
    finally:
        stop_pair(pair)


def test_bulk_content_is_made_by_the_thousand_and_listed(lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    xnames = add_nodes(site.ground, 500)
    ids = add_images(site.ground, 2000)
    names = add_configurations(site.ground, 300, site.site.domain)
    assert len(set(xnames)) == 500
    assert set(ids) <= {one["id"] for one in ask(site, "ims/v3/images")}
    listed = ask(site, "cfs/v3/configurations?limit=1000")["configurations"]
    assert set(names) <= {one["name"] for one in listed}
    assert site.ground.objects.backend.find(BUCKET, f"{ids[-1]}/manifest.json")
