# SPDX-License-Identifier: Apache-2.0
"""Where the lab of a command keeps its files: the option that its verbs have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from poya.lab.lifecycle import Lab


def directory_option(command: Callable[..., None]) -> Callable[..., None]:
    """`--dir DIR`, as the parameter `directory`."""
    return click.option(
        "--dir",
        "directory",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="The lab's directory (default: $POYA_LAB, or that of the configuration in use, or "
        "$XDG_STATE_HOME/poya/lab).",
    )(command)


def lab_in(directory: Path | None) -> Lab:
    """The lab in `directory`, or the one that the environment means."""
    from poya.lab.lifecycle import Lab, default_directory

    return Lab(directory or default_directory())
