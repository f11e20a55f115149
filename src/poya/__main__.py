# SPDX-License-Identifier: Apache-2.0
"""Where the process starts. `--version` is answered before anything is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    if sys.argv[1:] == ["--version"]:
        from poya import __version__

        sys.stdout.write(f"poya {__version__}\n")
        return
    from poya.cli.main import run

    sys.exit(run())


if __name__ == "__main__":
    main()
