# SPDX-License-Identifier: Apache-2.0
"""A typed client of the CSM APIs, useful on its own; it knows nothing of migration."""
