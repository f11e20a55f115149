# SPDX-License-Identifier: Apache-2.0
"""Plans, findings, steps and outcomes as operators read them: each verb shows the same."""
