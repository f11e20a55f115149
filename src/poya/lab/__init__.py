# SPDX-License-Identifier: Apache-2.0
"""Emulated sites for learning, rehearsal and tests.

Shares no code with the client: an emulator that reuses its client's parser proves nothing.
"""
