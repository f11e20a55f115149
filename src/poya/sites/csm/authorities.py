# SPDX-License-Identifier: Apache-2.0
"""The authorities that sign a site's certificates, as the operator configured them."""

from __future__ import annotations

from pathlib import Path

from poya.errors import ConfigError
from poya.inspection import certificates_in
from poya.model.image_contents import Certificate


def authorities_in(ca_path: str | None) -> tuple[Certificate, ...]:
    """The certificates of the site's CA file; none where the system's own are used.

    Raises:
        ConfigError: The file cannot be read.
    """
    if ca_path is None:
        return ()
    try:
        return certificates_in(Path(ca_path).read_bytes(), ca_path)
    except OSError as error:
        raise ConfigError(f"The CA file {ca_path} cannot be read.", why=str(error)) from error
