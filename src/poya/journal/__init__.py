# SPDX-License-Identifier: Apache-2.0
"""Intent and outcome of every step, locks, replay."""
