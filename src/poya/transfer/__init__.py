# SPDX-License-Identifier: Apache-2.0
"""Bytes between object stores and files: ranges, parts, digests, resume."""
