# SPDX-License-Identifier: Apache-2.0
"""How requests are made, sent, repeated, refused and read: the same for all services."""
