# SPDX-License-Identifier: Apache-2.0
"""`poya show`: what a file of poya's says."""

from __future__ import annotations

from pathlib import Path

import click

from poya.cli.options import text_or_json


@click.command()
@click.argument("file", metavar="PLAN|SURVEY")
@click.option("--steps", is_flag=True, help="Show a plan's steps, requests and rights.")
@text_or_json
def show(file: str, steps: bool, output: str) -> None:
    """Show a plan that was kept, or what a survey holds. No site is contacted.

    The plan's digest is the SHA-256 of its file: what was signed off is what is applied.

    \b
    Examples:
      poya show gele.plan
      poya show gele.plan --steps
      poya show gele.plan --output json | jq .plan.findings
      poya show alps.json
    """
    import hashlib
    import json

    from poya.cli.views.plan import render_plan
    from poya.files import read_given
    from poya.model.plan import decode_plan
    from poya.sites.saved import decode_survey, is_survey

    raw = read_given(Path(file), "file")
    digest = hashlib.sha256(raw).hexdigest()
    if is_survey(raw):
        survey = decode_survey(raw)
        if output == "json":
            click.echo(raw.decode(), nl=False)
        else:
            from poya.cli.survey.view import render_survey

            click.echo(render_survey(survey))
        return
    plan = decode_plan(raw)
    if output == "json":
        document = {"plan": json.loads(plan.encode()), "digest": digest}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    if steps:
        from poya.cli.views.steps import render_steps

        click.echo(render_steps(plan))
    else:
        click.echo(render_plan(plan))
    click.echo(f"\nsha256 {digest}")
