# SPDX-License-Identifier: Apache-2.0
"""The git server: real git clients clone from and push to it; tools ask Gitea's API."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
from pathlib import Path

import httpx2
import pytest

from poya.lab.ports import GitFailed
from poya.lab.pytest_plugin import LabPair, TestSite
from poya.lab.seed.histories import COS, CSCS, CSCS_BRANCH, REPOSITORIES
from poya.lab.vcs.repositories import Repositories

GATEWAY = "https://api-gw-service-nmn.local"


def api(site: TestSite, *, known: bool = True) -> httpx2.Client:
    password = site.files.vcs_password.read_text().strip()
    return httpx2.Client(
        base_url=f"{site.url}/vcs/api/v1/",
        verify=ssl.create_default_context(cafile=site.ca_path),
        auth=("crayvcs", password) if known else None,
    )


def git(site: TestSite, *arguments: str, cwd: Path, password: str = "") -> str:
    password = password or site.files.vcs_password.read_text().strip()
    secret = base64.b64encode(f"crayvcs:{password}".encode()).decode()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "GIT_SSL_CAINFO": str(site.ca_path),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "3",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {secret}",
        "GIT_CONFIG_KEY_1": "user.name",
        "GIT_CONFIG_VALUE_1": "tester",
        "GIT_CONFIG_KEY_2": "user.email",
        "GIT_CONFIG_VALUE_2": "tester@example.org",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_seeded_commits_are_the_same_wherever_they_are_laid(tmp_path: Path) -> None:
    heads = []
    for name in ("one", "two"):
        repositories = Repositories(tmp_path / name)
        repositories.seed(REPOSITORIES)
        repositories.seed(REPOSITORIES)
        heads.append(repositories.commit("cray", CSCS, CSCS_BRANCH))
    assert heads[0] == heads[1] == "963cdf8c1ffb590194a593e64bc16e3eccb46912"


def test_a_clone_holds_the_branches_and_files(lab_pair: LabPair, tmp_path: Path) -> None:
    site = lab_pair.alps
    git(site, "clone", "-q", "-b", CSCS_BRANCH, f"{site.url}/vcs/cray/{CSCS}.git", cwd=tmp_path)
    cloned = tmp_path / CSCS
    assert "slurm" in (cloned / "site.yml").read_text()
    assert git(site, "rev-parse", "HEAD", cwd=cloned) == "963cdf8c1ffb590194a593e64bc16e3eccb46912"


def test_a_push_is_taken_and_forgotten_by_the_next_reset(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    site = lab_pair.prealps
    git(site, "clone", "-q", f"{site.url}/vcs/cray/{CSCS}.git", cwd=tmp_path)
    cloned = tmp_path / CSCS
    (cloned / "large").write_bytes(os.urandom(2_000_000))
    git(site, "add", "large", cwd=cloned)
    git(site, "commit", "-q", "-m", "more", cwd=cloned)
    git(site, "push", "-q", "origin", "HEAD:refs/heads/moved/gele", cwd=cloned)
    pushed = git(site, "rev-parse", "HEAD", cwd=cloned)
    with api(site) as client:
        found = client.get(f"repos/cray/{CSCS}/branches/moved/gele").json()
        assert found["commit"]["id"] == pushed
        assert [r.mutating for r in site.requests() if "receive-pack" in r.path][-1]
        lab_pair.reset()
        assert client.get(f"repos/cray/{CSCS}/git/commits/{pushed}").status_code == 404


def test_a_clone_with_a_wrong_password_is_refused(lab_pair: LabPair, tmp_path: Path) -> None:
    site = lab_pair.alps
    with pytest.raises(subprocess.CalledProcessError) as error:
        git(site, "ls-remote", f"{site.url}/vcs/cray/{CSCS}.git", cwd=tmp_path, password="wrong")
    assert "could not read Username" in error.value.stderr


@pytest.mark.parametrize(
    "path", ["../../../etc/x.git/HEAD", "cray/%2e%2e/HEAD", "cray/..%2f..%2flog/info/refs"]
)
def test_no_path_leads_out_of_the_repositories(lab_pair: LabPair, path: str) -> None:
    with api(lab_pair.alps) as client:
        assert client.get(f"{lab_pair.alps.url}/vcs/{path}").status_code == 404


def test_anonymous_users_learn_the_version_and_nothing_else(lab_pair: LabPair) -> None:
    with api(lab_pair.alps, known=False) as client:
        assert client.get("version").json().keys() == {"version"}
        assert client.get(f"repos/cray/{CSCS}").status_code == 401
        assert client.get("orgs/cray/repos").status_code == 401
        refs = f"{lab_pair.alps.url}/vcs/cray/{CSCS}.git/info/refs?service=git-upload-pack"
        assert client.get(refs).status_code == 401


def test_the_api_tells_of_repositories_branches_and_commits(lab_pair: LabPair) -> None:
    with api(lab_pair.alps) as client:
        names = [one["name"] for one in client.get("orgs/cray/repos").json()]
        assert names == sorted(repository.name for repository in REPOSITORIES)
        assert len(client.get("orgs/cray/repos?limit=2&page=2").json()) == 1
        branches = client.get(f"repos/cray/{CSCS}/branches").json()
        assert [one["name"] for one in branches] == [CSCS_BRANCH, "cscs-24.03.0", "main"]
        head = branches[0]["commit"]["id"]
        commit = client.get(f"repos/cray/{CSCS}/git/commits/{head}").json()
        assert (commit["sha"], len(commit["parents"])) == (head, 1)
        assert client.get(f"repos/cray/{CSCS}/commits?sha={CSCS_BRANCH}").json()[0] == commit
        assert client.get(f"repos/cray/{CSCS}/git/commits/{'0' * 40}").status_code == 404
        assert client.get(f"repos/cray/{CSCS}/branches/none").status_code == 404
        assert client.get("repos/cray/none").status_code == 404


def test_a_repository_is_created_once(lab_pair: LabPair) -> None:
    with api(lab_pair.prealps) as client:
        created = client.post("orgs/cray/repos", json={"name": "mirror"})
        assert (created.status_code, created.json()["empty"]) == (201, True)
        assert client.post("orgs/cray/repos", json={"name": "mirror"}).status_code == 409
        assert client.post("orgs/cray/repos", json={"name": "../x"}).status_code == 422


@pytest.mark.parametrize(
    "host", [GATEWAY, "https://vcs.cmn.alps.example.org", "https://api.cmn.alps.example.org"]
)
async def test_a_branch_is_resolved_by_the_sites_own_names(lab_pair: LabPair, host: str) -> None:
    clone_url = f"{host}/vcs/cray/{CSCS}.git"
    found = await lab_pair.alps.site.git.resolve_branch(clone_url, CSCS_BRANCH)
    assert found == "963cdf8c1ffb590194a593e64bc16e3eccb46912"
    assert any("info/refs" in request.path for request in lab_pair.alps.requests())


async def test_what_git_can_check_out_is_a_branch_to_cfs(lab_pair: LabPair) -> None:
    """CFS 1.31: `git clone`, `git checkout BRANCH`, `git rev-parse HEAD`."""
    commit = "963cdf8c1ffb590194a593e64bc16e3eccb46912"
    resolve = lab_pair.alps.site.git.resolve_branch
    address = f"{GATEWAY}/vcs/cray/{CSCS}.git"
    assert await resolve(address, commit) == await resolve(address, commit[:10]) == commit


@pytest.mark.parametrize(
    ("clone_url", "branch", "words"),
    [
        (f"{GATEWAY}/vcs/cray/{CSCS}.git", "none", "Could not find remote branch none"),
        (f"{GATEWAY}/vcs/cray/none.git", "main", "not found"),
        ("https://vcs.cmn.prealps.example.org/vcs/cray/x.git", "main", "Could not resolve host"),
        ("http://api-gw-service-nmn.local/vcs/cray/x.git", "main", "Could not resolve host"),
        ("--upload-pack=/bin/true", "main", "Could not resolve host"),
    ],
)
async def test_what_git_cannot_resolve_fails_in_gits_words(
    lab_pair: LabPair, clone_url: str, branch: str, words: str
) -> None:
    with pytest.raises(GitFailed, match=words):
        await lab_pair.alps.site.git.resolve_branch(clone_url, branch)


def test_protected_branches_take_no_push(lab_pair: LabPair, tmp_path: Path) -> None:
    """Gitea of CSM: branches that cf-gitea-import brought cannot be pushed to."""
    site = lab_pair.prealps
    address = f"{site.url}/vcs/cray/{COS}.git"
    git(site, "clone", "-q", "-b", "cray/cos/2.5.101", address, cwd=tmp_path)
    cloned = tmp_path / COS
    git(site, "commit", "-q", "--allow-empty", "-m", "mine", cwd=cloned)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git(site, "push", "-q", "origin", "HEAD", cwd=cloned)
    assert "Not allowed to push to protected branch cray/cos/2.5.101" in refused.value.stderr
    git(site, "push", "-q", "origin", "HEAD:refs/heads/integration-mine", cwd=cloned)
    with api(site) as client:
        rules = client.get(f"repos/cray/{COS}/branch_protections").json()
        branch = client.get(f"repos/cray/{COS}/branches/cray/cos/2.5.101").json()
    assert [rule["branch_name"] for rule in rules] == ["cray/cos/2.5.101"]
    assert branch["protected"]


def test_tokens_stand_for_their_user(lab_pair: LabPair, tmp_path: Path) -> None:
    """Gitea 1.21: tokens are made with a password, told once, and clone; users see their own."""
    site = lab_pair.prealps
    with api(site) as client:
        made = client.post("users/crayvcs/tokens", json={"name": "poya"})
        again = client.post("users/crayvcs/tokens", json={"name": "poya"})
        (listed,) = client.get("users/crayvcs/tokens").json()
        person = {"username": "heidi", "password": "secret", "email": "heidi@example.org"}
        statuses = [client.post("admin/users", json=person).status_code for _ in range(2)]
    assert (made.status_code, again.status_code, statuses) == (201, 400, [201, 422])
    token = made.json()["sha1"]
    assert listed["sha1"] == ""
    git(site, "ls-remote", f"{site.url}/vcs/cray/{COS}.git", cwd=tmp_path, password=token)
    with api(site, known=False) as client:
        headers = {"Authorization": f"token {token}"}
        assert client.get("user", headers=headers).json()["login"] == "crayvcs"
        assert client.get("users/crayvcs/tokens", headers=headers).status_code == 401
        assert client.get("users/crayvcs/tokens", auth=("heidi", "secret")).status_code == 403
        assert client.get("user", auth=("heidi", "wrong")).status_code == 401
    with api(site) as client:
        assert client.delete("users/crayvcs/tokens/poya").status_code == 204
        assert client.delete("users/crayvcs/tokens/poya").status_code == 404
    with api(site, known=False) as client:
        assert client.get("user", headers=headers).status_code == 401


def test_organisations_are_made_once(lab_pair: LabPair) -> None:
    with api(lab_pair.prealps) as client:
        made = [client.post("orgs", json={"username": "alps"}).status_code for _ in range(2)]
        assert made == [201, 422]
        assert client.post("orgs", json={"username": "../x"}).status_code == 422
        assert client.post("orgs/alps/repos", json={"name": "x"}).status_code == 201
