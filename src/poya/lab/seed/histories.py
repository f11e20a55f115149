# SPDX-License-Identifier: Apache-2.0
"""The git histories that every lab site holds: the same commits everywhere.

A migration needs the source's history at the target; sites mirror their repositories.
"""

from __future__ import annotations

from poya.lab.vcs.repositories import Commit, SeedRepository

COS, CSCS, CSM = "cos-config-management", "cscs-config-management", "csm-config-management"
COS_BRANCH = "integration-2.5.101"
CSCS_BRANCH = "cscs-23.06.0"
CSM_BRANCH = "main"


def _play(hosts: str, *roles: str) -> str:
    listed = "".join(f"    - {role}\n" for role in roles)
    return f"---\n- hosts: {hosts}\n  any_errors_fatal: true\n  roles:\n{listed}"


def _task(title: str, module: str, /, **options: str) -> str:
    lines = "".join(f"    {key}: {value}\n" for key, value in options.items())
    return f"---\n- name: {title}\n  {module}:\n{lines}"


_COS_COMMITS = (
    Commit(
        "main",
        "Import of cos 2.5.83",
        {
            "README.md": "# COS configuration management\n",
            "cos-compute.yml": _play("Compute", "cray_lnet_load"),
            "cos-application.yml": _play("Application", "cray_lnet_load"),
            "roles/cray_lnet_load/tasks/main.yml": _task(
                "load lnet", "modprobe", name="lnet", state="present"
            ),
        },
    ),
    Commit(
        "cray/cos/2.5.101",
        "Import of cos 2.5.101",
        {
            "cos-compute.yml": _play("Compute", "cos-services-install", "cray_lnet_load"),
            "roles/cos-services-install/tasks/main.yml": _task(
                "install packages", "zypper", name="cos-services", state="present"
            ),
        },
        start="main",
    ),
    Commit(
        COS_BRANCH,
        "Use the site's LNet routers",
        {"group_vars/all/lnet.yml": "lnet_networks:\n  - o2ib\n"},
        start="cray/cos/2.5.101",
    ),
)

_CSCS_COMMITS = (
    Commit(
        "main",
        "Start of the site's own configuration",
        {
            "ansible.cfg": "[defaults]\nroles_path = roles\n",
            "site.yml": _play("Compute:Application", "mounts", "motd"),
            "roles/mounts/tasks/main.yml": _task(
                "mount scratch", "mount", path="/capstor/scratch", state="mounted"
            ),
            "roles/motd/tasks/main.yml": _task("say hello", "copy", dest="/etc/motd"),
        },
    ),
    Commit(
        CSCS_BRANCH,
        "Slurm for the June 2023 release",
        {
            "site.yml": _play("Compute:Application", "mounts", "motd", "slurm"),
            "roles/slurm/tasks/main.yml": _task("configure slurmd", "template", src="slurm.conf"),
        },
        start="main",
    ),
    Commit(
        CSCS_BRANCH,
        "Mount the user environments",
        {"group_vars/all/mounts.yml": "mounts:\n  - /user-environment\n"},
    ),
    Commit(
        "cscs-24.03.0",
        "uenv replaces modules",
        {"roles/uenv/tasks/main.yml": _task("install uenv", "zypper", name="uenv")},
        start=CSCS_BRANCH,
    ),
)

_CSM_COMMITS = (
    Commit(
        "main",
        "Import of csm 1.14.26",
        {
            "site.yml": _play("Compute:Application", "csm.packages", "csm.gpg_keys"),
            "roles/csm.packages/tasks/main.yml": _task(
                "install the state reporter", "zypper", name="bos-reporter"
            ),
        },
    ),
    Commit(
        "cray/csm/1.16.27",
        "Import of csm 1.16.27",
        {"ncn_nodes.yml": _play("Management", "csm.ncn")},
        start="main",
    ),
)

REPOSITORIES = (
    SeedRepository("cray", COS, _COS_COMMITS),
    SeedRepository("cray", CSCS, _CSCS_COMMITS),
    SeedRepository("cray", CSM, _CSM_COMMITS),
)
