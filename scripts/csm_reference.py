# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/csm.md from the docstrings of the client: `make reference`."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from poya.csm import NoAuth, Site, SiteConfig
from poya.csm.keycloak import Realm
from poya.csm.kubernetes import Kubernetes, TenantResources

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "csm.md"
HEAD = """# The CSM client, call by call

Made from the docstrings of `poya.csm` by `make reference`; [the library](../library.md) shows how
to begin. Every call may raise the errors of `poya.errors` that its site gives rise to; only what
is special is said here.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_lines()]).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield from _section("site", Site)
    for name, client in sorted(asyncio.run(_services()).items()):
        yield from _tree(f"site.{name}", client)
    yield from _section("site.realm()", Realm)
    yield from _section("async with site.kubernetes() as kubernetes", Kubernetes)
    yield from _section("kubernetes.tenants", TenantResources)


async def _services() -> dict[str, object]:
    async with Site.connect(SiteConfig("any", "https://site.example", NoAuth())) as site:
        parts = vars(site).items()
        return {name: part for name, part in parts if name[0] != "_" and _is_client(part)}


def _is_client(part: object) -> bool:
    return type(part).__module__.startswith("poya.csm.") and hasattr(part, "__dict__")


def _tree(path: str, client: object) -> Iterator[str]:
    yield from _section(path, type(client))
    for name, part in vars(client).items():
        if not name.startswith("_") and _is_client(part):
            yield from _tree(f"{path}.{name}", part)


def _section(path: str, kind: type) -> Iterator[str]:
    yield f"## `{path}`\n"
    yield _markdown(inspect.cleandoc(kind.__doc__ or "")) + "\n"
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_") and (inspect.isfunction(member) or inspect.ismethod(member)):
            yield from _call(name, member)


def _call(name: str, member: Callable[..., Any]) -> Iterator[str]:
    text = str(inspect.signature(member)).replace("(self, ", "(").replace("(self)", "()")
    word = "await " if inspect.iscoroutinefunction(member) else ""
    yield f"### {name}\n"
    yield f"```python\n{word}{name}{_without_quotes(text)}\n```\n"
    yield _markdown(inspect.cleandoc(member.__doc__ or "")) + "\n"


def _without_quotes(text: str) -> str:
    """Annotations as they are written, not as texts."""
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)


def _markdown(text: str) -> str:
    """A docstring's sections as lists."""
    lines = []
    for line in text.splitlines():
        if re.fullmatch(r"(Args|Raises|Returns|Attributes):", line):
            lines += [f"**{line[:-1]}**", ""]
        elif match := re.match(r"    (\w+): (.*)", line):
            lines.append(f"- `{match[1]}`: {match[2]}")
        else:
            lines.append(line.strip())
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text() == page() else f"{PAGE} is not what the docstrings say.")
    PAGE.write_text(page())
