# SPDX-License-Identifier: Apache-2.0
"""Bring the artifacts of images to the target, through the transfer engine."""
