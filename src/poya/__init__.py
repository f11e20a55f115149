# SPDX-License-Identifier: Apache-2.0
"""poya leads a vCluster from one HPC site to another."""

__version__ = "0.1.0"
