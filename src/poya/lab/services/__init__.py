# SPDX-License-Identifier: Apache-2.0
"""The emulated services, strict where CSM's are strict and silent where they are silent."""
