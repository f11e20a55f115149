# SPDX-License-Identifier: Apache-2.0
"""What is damaged, whom it concerns, and when that ends a restore."""

from __future__ import annotations

from collections.abc import Iterable

from poya.errors import BundleDamaged
from poya.model.records import SessionTemplate
from poya.model.vcluster import Selector, VCluster
from poya.planning.checks.gaps import is_critical
from poya.sites.bundle.contents import Contents, Flaw

_MOST_SHOWN = 20


def needs_of(templates: Iterable[SessionTemplate]) -> set[tuple[str, str]]:
    """What templates need of a bundle, as flaws name their owners."""
    needed: set[tuple[str, str]] = set()
    for template in templates:
        needed.add(("template", template.name))
        needed.update(("configuration", name) for name in template.configurations())
        needed.update(("group", label) for label in template.node_groups())
        needed.update(("image", boot_set.path) for boot_set in template.boot_sets)
    return needed


def flaws_of(
    contents: Contents, templates: tuple[SessionTemplate, ...], selector: Selector
) -> tuple[Flaw, ...]:
    """The flaws that concern these templates; all of them if the whole bundle is meant."""
    if not selector.templates and templates == contents.templates:
        return contents.flaws
    needed = needs_of(templates) | {("template", name) for name in selector.templates}
    return tuple(flaw for flaw in contents.flaws if flaw.owner in needed)


def intact_templates(contents: Contents) -> tuple[str, ...]:
    """The templates that no flaw concerns."""
    owners = {flaw.owner for flaw in contents.flaws}
    return tuple(t.name for t in contents.templates if not owners & needs_of([t]))


def refuse_flawed(
    contents: Contents, templates: tuple[SessionTemplate, ...], selector: Selector | None = None
) -> None:
    """Refuse what cannot be understood, and say what can still be restored.

    Raises:
        BundleDamaged: A record that is needed is missing or cannot be understood.
    """
    for flaw in flaws_of(contents, templates, selector or Selector()):
        error = flaw.reason
        if isinstance(error, BundleDamaged):
            intact = "".join(f" --template {name}" for name in intact_templates(contents))
            rest = f"What is not damaged can still be restored:{intact}" if intact else ""
            todo = "\n".join(text for text in (error.todo, rest) if text)
            raise BundleDamaged(error.what, why=error.why, todo=todo)


def refuse_damaged(vcluster: VCluster) -> None:
    """Refuse, all at once, what no target could mend: before any is asked anything.

    Raises:
        BundleDamaged: A gap of the capture is critical.
    """
    grave = [gap for gap in vcluster.gaps if is_critical(gap)]
    if grave:
        shown = [f"{gap.id}: {gap.subject}: {gap.evidence}" for gap in grave[:_MOST_SHOWN]]
        more = [f"… and {len(grave) - _MOST_SHOWN} more"] if len(grave) > _MOST_SHOWN else []
        raise BundleDamaged(
            f"The bundle {vcluster.site} is damaged or not whole; no site was asked anything.",
            why="\n".join([*shown, *more]),
            todo="'poya bundle verify --deep' says what can still be restored.",
        )
