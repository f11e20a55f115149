# SPDX-License-Identifier: Apache-2.0
"""The git server of a lab site: bare repositories, smart HTTP, and some of Gitea's API.

CSM's version control service is Gitea behind the gateway at `/vcs`.
"""
