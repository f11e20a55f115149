# SPDX-License-Identifier: Apache-2.0
"""`poya migrate`: move, back up and restore a vCluster; look at runs, resume and undo them."""

from __future__ import annotations

from typing import Any

import click

from poya.cli.migrate.run_commands import VERBS
from poya.cli.moving import moving_options
from poya.cli.options import ends, mapping_options, selector_of, wish_options, wishes_of
from poya.cli.session import Session
from poya.cli.verbs import Verbs

work_option = click.option(
    "--work",
    default="",
    metavar="DIR",
    help="Where a tar or a store's bundle stands on its way; it stays there.",
)


@click.group(cls=Verbs)
def migrate() -> None:
    """Move, back up or restore a vCluster.

    A vCluster is named by its HSM group, or by its BOS session templates. Nothing is written
    before the plan is shown and confirmed; a run can be stopped at any point, resumed and undone.

    \b
    Examples:
      poya migrate plan gele --from alps --to prealps
      poya migrate run gele --from alps --to prealps --nodes x9000c1s[0-3]b0n[0,1]
      poya migrate backup -b gele-cos-template-23.06.0-1 -d ./backup
      poya migrate restore --bundle ./backup --site prealps
      poya migrate undo RUN
    """


@migrate.command()
@ends
@wish_options
@moving_options
@click.pass_obj
def run(
    session: Session,
    /,
    name: str,
    here: str,
    there: str,
    templates: tuple[str, ...],
    **options: Any,
) -> None:
    """Move the vCluster NAME from one site to another.

    NAME is the label of its HSM group. The source is only read. If the run is stopped, whatever
    by, 'poya migrate resume' goes on where it was; 'poya migrate undo' takes everything back.

    \b
    Examples:
      poya migrate run gele --from alps --to prealps
      poya migrate run gele --from alps --to prealps --nodes nodes.txt --yes
      poya migrate run -b gele-cos-template-23.06.0-1 --from alps --to prealps -n
    """
    _bring(session, (here, there), (name, templates), options)


@migrate.command()
@ends
@click.option("--out", "-o", metavar="FILE", help="Keep the plan, for 'poya apply FILE'.")
@wish_options
@click.pass_obj
def plan(
    session: Session,
    /,
    name: str,
    here: str,
    there: str,
    templates: tuple[str, ...],
    **options: Any,
) -> None:
    """Show what 'run' would do with the vCluster NAME, and every finding; write nothing.

    A plan that is kept can be read ('poya show'), signed off, and carried out later ('poya
    apply'). Sites that cannot be reached from here stand in as surveys ('poya survey').

    \b
    Examples:
      poya migrate plan gele --from alps --to prealps --output json
      poya migrate plan gele --from alps --to prealps --nodes nodes.txt -o gele.plan
      poya migrate plan gele --from alps.json --to prealps.json
    """
    _bring(session, (here, there), (name, templates), {**options, "dry_run": True})


@migrate.command(name="map")
@click.argument("name", required=False, default="")
@click.option("--from", "here", metavar="SITE|DIR|SURVEY", help="Source.")
@click.option("--to", "there", metavar="SITE|DIR|SURVEY", help="Target, for --suggest.")
@click.option("--template", "-b", "templates", multiple=True, help="Select by session template.")
@mapping_options
@click.option("--suggest", is_flag=True, help="Propose a mapping from what both sites say.")
@click.option("--invert", is_flag=True, help="Write the mapping of the way back.")
@click.option("--out", "-o", metavar="FILE", help="Write it there instead of printing it.")
@click.pass_obj
def map_(session: Session, /, **options: Any) -> None:
    """Propose, preview or invert a mapping: names, git, kernel parameters, tenants, patches.

    A mapping is a TOML file that 'plan', 'run', 'check' and 'restore' take with --mapping.
    Without --suggest or --invert this shows what it would change of the vCluster NAME.

    \b
    Examples:
      poya migrate map gele --from alps --to prealps --suggest -o mapping.toml
      poya migrate map gele --from alps --mapping mapping.toml
      poya migrate map --mapping mapping.toml --invert -o back.toml
    """
    from poya.cli.migrate.mapping import map_vcluster

    map_vcluster(session, options)


def _bring(
    session: Session,
    sites: tuple[str, str],
    selection: tuple[str, tuple[str, ...]],
    options: dict[str, Any],
) -> None:
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import Interrupted, run_async
    from poya.cli.delivering import speaking_beside
    from poya.cli.flow import bring, show_outcome

    selector = selector_of(*selection, options.get("file"))
    workshop = Workshop(session.settings)
    places = workshop.places(sites, selector)
    interrupted = Interrupted()
    work = bring(workshop, places, selector, wishes_of(options, session.settings), interrupted)
    with speaking_beside(places[1]):
        show_outcome(run_async(work, interrupted), as_json=options["output"] == "json")


@migrate.command()
@click.option(
    "--bos", "-b", "templates", multiple=True, metavar="TEMPLATE", help="The session template."
)
@click.option(
    "--destination",
    "-d",
    required=True,
    metavar="DIR|TAR|STORE",
    help="A directory, NAME.tar, '-' (a tar on standard output), or STORE:PREFIX.",
)
@click.option(
    "--encrypt-to",
    "recipients",
    multiple=True,
    metavar="RECIPIENT",
    help="Encrypt it with age: age1…, or a file.",
)
@work_option
@click.option("--group", "name", default="", metavar="NAME", help="Select by HSM group instead.")
@click.option("--site", metavar="NAME", help="The site to read; else the current one.")
@wish_options
@moving_options
@click.pass_obj
def backup(
    session: Session,
    /,
    templates: tuple[str, ...],
    destination: str,
    name: str,
    site: str | None,
    recipients: tuple[str, ...],
    work: str,
    **options: Any,
) -> None:
    """Keep a vCluster as a bundle: its records, and every file of its images.

    The site is only read. Repeating an interrupted backup continues it. A tar, a stream or what
    goes to a store is made in a working directory first, which needs as much room.

    \b
    Examples:
      poya migrate backup -b gele-cos-template-23.06.0-1 -d $PWD
      poya migrate backup --group gele -d ./gele --site alps
      poya migrate backup --group gele -d archive:gele/2026-11-25
      poya migrate backup --group gele -d - | ssh elsewhere 'cat > gele.tar'
    """
    from poya.cli.bundle.backing_up import Destination, back_up

    if not name and not templates:
        raise click.UsageError("Give the session template: -b TEMPLATE.")
    wishes = wishes_of({**options, "yes": True}, session.settings)
    back_up(session, site, (name, templates), Destination(destination, recipients, work), wishes)


@migrate.command()
@click.option(
    "--bundle",
    metavar="DIR|TAR|STORE",
    help="A bundle: its directory, a tar ('-': standard input), or STORE:PREFIX.",
)
@click.option(
    "--identity", "identities", multiple=True, metavar="FILE", help="Decrypt with this age key."
)
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="Demand a signature by this public key."
)
@work_option
@click.option("--bos-file", "-b", multiple=True, metavar="FILE", help="A session template.")
@click.option("--cfs-file", "-c", multiple=True, metavar="FILE", help="A CFS configuration.")
@click.option("--hsm-file", "-j", multiple=True, metavar="FILE", help="HSM groups.")
@click.option("--ims-file", "-m", multiple=True, metavar="FILE", help="An IMS record.")
@click.option("--image-dir", "-i", multiple=True, metavar="DIR", help="The files of an image.")
@click.option(
    "--template", "-t", "templates", multiple=True, metavar="NAME", help="Only this template's."
)
@click.option(
    "--as-of", metavar="DATE", help="The newest bundle below --bundle that is of DATE or before."
)
@click.option("--group", default="", metavar="NAME", help="Of this vCluster, with --as-of.")
@click.option("--site", metavar="NAME", help="The site to write; else the current one.")
@wish_options
@moving_options
@click.pass_obj
def restore(session: Session, /, **options: Any) -> None:
    """Bring a vCluster from a bundle to a site.

    The bundle may be poya's own or manta's; it is never written to. Its files are checked before
    the first request to the site. A tar, a stream or a store is brought into a working directory
    first, which needs as much room.

    \b
    Examples:
      poya migrate restore --bundle ./gele --site prealps
      poya migrate restore --bundle /backups --as-of 2026-11-20 --group gele
      poya migrate restore --bundle archive:gele/2026-11-25 --site prealps
      ssh elsewhere 'cat gele.tar' | poya migrate restore --bundle - --site prealps --yes
      poya migrate restore --bos-file t.json --cfs-file c.json \\
          --hsm-file t-hsm.json --ims-file ID-ims.json --image-dir ./ID
    """
    from poya.cli.bundle.restoring import restore as bring_back

    bring_back(session, options)


for _verb in VERBS:
    migrate.add_command(_verb)
