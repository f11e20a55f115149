# SPDX-License-Identifier: Apache-2.0
"""What a site can do (base.py) and one room per kind of site."""
