"""A plan's steps are those that are done, in their order, and ask for nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from builders import BUNDLE, CSM_1_4, CSM_1_7, inventory
from migration.console import NODES, Operator
from poya.lab.pytest_plugin import LabPair
from poya.migration.moving import artifact_step
from poya.model.intent import Intent
from poya.model.inventory import Capabilities
from poya.model.plan import Plan, decode_plan
from poya.model.records import Node
from poya.model.vcluster import VCluster
from poya.planning import make_plan
from strategies import FEW, vclusters


@FEW
@given(vclusters(), st.sampled_from([CSM_1_4, CSM_1_7, BUNDLE]))
def test_every_write_is_a_step_after_what_it_needs(
    cluster: VCluster, capabilities: Capabilities
) -> None:
    held = inventory(capabilities, {x: Node(x) for x in cluster.xnames()})
    plan = make_plan(cluster, held, Intent())

    assert [step.id for step in plan.steps] == list(_journalled(plan))
    done: set[str] = set()
    for step in plan.steps:
        assert set(step.after) <= done
        assert step.expects
        assert step.leaves
        assert step.undo
        done.add(step.id)
    assert sum(step.size_bytes for step in plan.steps) == plan.bytes_to_move
    assert bool(plan.rights) == bool(plan.steps) or capabilities.is_verbatim


def _journalled(plan: Plan) -> Iterable[str]:
    for image in plan.images:
        if image.action == "create":
            yield f"image/{image.source_id}/create"
            yield from (artifact_step(image, artifact.name) for artifact in image.artifacts)
            yield f"image/{image.source_id}/manifest"
            yield f"image/{image.source_id}/link"
    yield from (e.step for e in plan.entities if e.action in ("create", "change"))


def test_a_run_asks_for_nothing_that_its_plan_does_not_name(
    lab_pair: LabPair, tmp_path: Path
) -> None:
    operator, path = Operator(lab_pair.config_path), tmp_path / "gele.plan"
    between = ("gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)
    operator.must("migrate", "plan", *between, "-o", str(path))
    plan = decode_plan(path.read_bytes())
    lab_pair.prealps.site.requests.clear()

    operator.must("apply", str(path), "--yes")

    asked = {
        (r.method, f"s3:/{r.path.removeprefix('/s3')}" if r.service == "s3" else r.path)
        for r in lab_pair.prealps.requests(mutating=True)
    }
    named = [(r.method, _pattern(r.path)) for step in plan.steps for r in step.requests]
    rights = [words.split() for right in plan.rights for words in right.requests]
    named += [(method, _pattern(place)) for method, place, *_ in rights]
    unnamed = [
        (method, place)
        for method, place in asked
        if not any(m == method and p.fullmatch(place) for m, p in named)
    ]
    assert asked
    assert unnamed == []


def _pattern(path: str) -> re.Pattern[str]:
    """A path of a plan, with whatever a run puts in the place of `{id}` and the like."""
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


def test_steps_and_rights_are_shown(lab_pair: LabPair, tmp_path: Path) -> None:
    operator, path = Operator(lab_pair.config_path), tmp_path / "gele.plan"
    between = ("gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)
    operator.must("migrate", "plan", *between, "-o", str(path))

    shown = operator.must("show", str(path), "--steps").out

    assert "asks     PUT /apis/cfs/v3/configurations/gele-cos-config-23.06.0-1" in shown
    assert "prealps: role admin of the client shasta (Keycloak)" in shown
    document = json.loads(operator.must("show", str(path), "--output", "json").out)
    assert document["plan"]["steps"][0]["id"].endswith("/create")


def test_a_second_run_between_the_same_sites_is_estimated(lab_pair: LabPair) -> None:
    operator = Operator(lab_pair.config_path)
    between = ("gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)
    assert "About" not in operator.must("migrate", "plan", *between).out
    operator.must("migrate", "run", *between, "--yes")
    run = json.loads(operator.must("migrate", "list", "--output", "json").out)[0]["run"]
    operator.must("migrate", "undo", run, "--yes")

    assert f"as the run {run} measured" in operator.must("migrate", "plan", *between).out
