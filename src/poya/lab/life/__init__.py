# SPDX-License-Identifier: Apache-2.0
"""What happens at a site by itself, over time: reconciling tenants, powering and booting nodes."""
