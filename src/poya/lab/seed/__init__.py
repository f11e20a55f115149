# SPDX-License-Identifier: Apache-2.0
"""What a fresh lab site holds: nodes, groups, images, configurations, templates, histories.

`alps` holds the vCluster `gele`; `prealps` has room for it. Everything is made from nothing but
the site's name and release, so two labs seeded alike are equal to the byte.
"""
