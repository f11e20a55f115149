# SPDX-License-Identifier: Apache-2.0
"""The right nodes: what a vCluster demands, what a machine has, and which nodes it gets.

Pure: a demand is parsed (`parsing`) and printed (`printing`), HSM's parts become facts
(`hardware`, `naming`), the best nodes are chosen (`placing`) or it is said why there are none
(`explaining`), and source nodes are paired with them (`pairing`). Nothing here asks a site.
"""
