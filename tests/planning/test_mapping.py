"""Mappings: what they rewrite, how they compose, and that the way back leads back."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from builders import (
    CSM_1_6,
    CSM_1_7,
    boot_set,
    configuration,
    group,
    image,
    inventory,
    layer,
    template,
    vcluster,
)
from planning.stored import apply
from poya.errors import UsageError
from poya.model import mapping as rules
from poya.model.intent import Intent
from poya.model.mapping_file import (
    SiteMapping,
    joined,
    parse_mapping,
    parse_mapping_options,
)
from poya.model.mapping_text import format_mapping
from poya.model.records import Node
from poya.model.vcluster import VCluster
from poya.planning import make_plan
from poya.planning.comparison import compare
from poya.planning.entities import own_refs
from poya.planning.mapping import apply_mapping, inverse, rules_of, suggest, with_nodes
from poya.planning.mapping.rewriting import substituted
from strategies import FEW, vclusters

SBPS = "sbps:v1:iqn.2023-06.csm.iscsi:_sbps-hsn._tcp.alps.example.org:300"
GELE = dataclasses.replace(
    vcluster("gele: compute=ARM@gele*2 image=a1"),
    configurations=(
        configuration(
            "gele-config",
            layer("base", clone_url="https://vcs.cmn.alps.example.org/vcs/cray/base.git"),
            layer("extra", clone_url=None, source="alps-git"),
        ),
    ),
    templates=(
        template(
            "gele",
            {
                "compute": boot_set(
                    "a1",
                    arch="ARM",
                    node_groups=["gele"],
                    kernel_parameters="quiet console=ttyS0 ip=dhcp domain=alps.example.org",
                    rootfs_provider="sbps",
                    rootfs_provider_passthrough=SBPS,
                )
            },
            cfs={"configuration": "gele-config"},
        ),
    ),
)


def mapped(text: str, cluster: VCluster = GELE) -> VCluster:
    return apply_mapping(cluster, parse_mapping(text).rules).vcluster


def only_boot_set(cluster: VCluster) -> Any:
    (one,) = cluster.templates[0].boot_sets
    return one


# What single rules do


def test_new_names_are_followed_by_all_that_refers_to_them() -> None:
    cluster = mapped(
        """
        [rename.templates]
        gele = "bise"
        [rename.groups]
        gele = "Bise"
        [rename.configurations]
        gele-config = "bise-config"
        [rename.images]
        a1 = "bise-cos"
        """
    )
    assert cluster.name == "bise"
    assert [t.name for t in cluster.templates] == ["bise"]
    assert [g.label for g in cluster.groups] == ["bise"]
    assert cluster.templates[0].configurations() == ("bise-config",)
    assert only_boot_set(cluster).node_groups == ("bise",)
    assert [i.name for i in cluster.images] == ["bise-cos"]
    assert only_boot_set(cluster).path == GELE.images[0].manifest_path


def test_a_domain_is_replaced_wherever_the_site_is_named() -> None:
    cluster = mapped('[site.domains]\n"alps.example.org" = "prealps.example.org"')
    (base, _) = cluster.configurations[0].layers
    assert base.clone_url == "https://vcs.cmn.prealps.example.org/vcs/cray/base.git"
    one = only_boot_set(cluster)
    assert one.rootfs_provider_passthrough == SBPS.replace("alps.", "prealps.")
    assert one.kernel_parameters.endswith("domain=prealps.example.org")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x.alps.org:1", "x.piz.org:1"),
        ("pre-alps.org", "pre-alps.org"),
        ("prealps.org", "prealps.org"),
        ("alps.org.uk", "alps.org.uk"),
        ("alps.org.", "piz.org."),
        ("(alps.org)", "(piz.org)"),
        ("alps.org-x", "alps.org-x"),
    ],
)
def test_a_word_is_replaced_only_where_it_stands_alone(text: str, expected: str) -> None:
    assert substituted(text, {"alps.org": "piz.org"}) == expected


def test_words_can_be_exchanged() -> None:
    assert substituted("nmn0,hsn0", {"nmn0": "hsn0", "hsn0": "nmn0"}) == "hsn0,nmn0"


def test_layers_are_cloned_from_elsewhere() -> None:
    cluster = mapped(
        """
        [git.hosts]
        "VCS.cmn.alps.example.org" = "api-gw-service-nmn.local"
        [git.source-to-url]
        alps-git = "https://git.example.org/extra.git"
        """
    )
    base, extra = cluster.configurations[0].layers
    assert base.clone_url == "https://api-gw-service-nmn.local/vcs/cray/base.git"
    assert (extra.source, extra.clone_url) == ("", "https://git.example.org/extra.git")


def test_a_login_in_a_clone_url_stays_where_it_is() -> None:
    url = "https://crayvcs@vcs.cmn.alps.example.org:3000/x.git"
    cluster = dataclasses.replace(
        GELE, configurations=(configuration("gele-config", layer("x", clone_url=url)),)
    )
    for host in ("vcs.cmn.alps.example.org", "vcs.cmn.alps.example.org:3000"):
        rule = rules.GitHosts({host: "git.example.org"})
        (only,) = apply_mapping(cluster, (rule,)).vcluster.configurations[0].layers
        kept = url if ":3000" not in host else "https://crayvcs@git.example.org/x.git"
        assert only.clone_url == kept


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('from = "ttyS0"\nto = "ttyS1"', "quiet console=ttyS1 ip=dhcp"),
        ('from = "ttyS9"\nto = "ttyS1"', "quiet console=ttyS0 ip=dhcp"),
        ('to = "hvc0"', "quiet console=hvc0 ip=dhcp"),
        ("", "quiet ip=dhcp"),
        ('add = "ttyS1"', "quiet console=ttyS0 ip=dhcp"),
        ('to = "x"\ntemplate = "other*"', "quiet console=ttyS0 ip=dhcp"),
        ('to = "x"\nboot-set = "uan"', "quiet console=ttyS0 ip=dhcp"),
    ],
)
def test_kernel_parameters(rule: str, expected: str) -> None:
    cluster = mapped(f'[[kernel-parameter]]\nname = "console"\n{rule}')
    now = only_boot_set(cluster).kernel_parameters
    assert now == f"{expected} domain=alps.example.org"


def test_a_kernel_parameter_is_added_once() -> None:
    text = '[[kernel-parameter]]\nname = "rd.shell"\nadd = ""'
    once = mapped(text)
    assert only_boot_set(once).kernel_parameters.endswith(" rd.shell")
    assert mapped(text, once) == once


def test_another_provider_with_its_passthrough() -> None:
    cluster = mapped(
        '[[rootfs-provider]]\nfrom = "sbps"\nto = "cpss3"\nto-passthrough = "dvs:nmn"'
    )
    one = only_boot_set(cluster)
    assert (one.rootfs_provider, one.rootfs_provider_passthrough) == ("cpss3", "dvs:nmn")


def test_a_patch_is_applied_whole_or_not_at_all() -> None:
    text = """
    [[patch]]
    kind = "template"
    name = "ge*"
    operations = [
        { op = "replace", path = "/description", value = "moved" },
        { op = "test", path = "/boot_sets/compute/arch", value = "%s" },
        { op = "add", path = "/boot_sets/compute/node_groups/-", value = "more" },
    ]
    """
    value = {**GELE.templates[0].document.value, "description": "here"}
    from poya.documents import Document

    described = type(GELE.templates[0]).of(Document.of(value))
    cluster = dataclasses.replace(GELE, templates=(described,))

    fits = mapped(text % "ARM", cluster)
    assert fits.templates[0].document.value["description"] == "moved"
    assert only_boot_set(fits).node_groups == ("gele", "more")

    outcome = apply_mapping(cluster, parse_mapping(text % "X86").rules)
    assert outcome.vcluster == cluster
    (finding,) = outcome.findings
    assert (finding.id, finding.severity) == ("mapping-does-not-fit", "critical")
    assert "test /boot_sets/compute/arch" in finding.evidence


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/nothing"},
        {"op": "replace", "path": "/boot_sets/x/arch", "value": 1},
        {"op": "add", "path": "no-pointer", "value": 1},
        {"op": "add", "path": "/boot_sets/compute/node_groups/7", "value": "x"},
        {"op": "move", "path": "/boot_sets/x/y", "from": "/boot_sets/x"},
        {"op": "replace", "path": "", "value": []},
        {"op": "replace", "path": "/boot_sets", "value": [1]},
        {"op": "remove", "path": ""},
    ],
)
def test_a_patch_that_does_not_fit_is_a_finding(operation: dict[str, Any]) -> None:
    import msgspec

    patch = rules.Patch("template", (msgspec.convert(operation, rules.Operation),))
    outcome = apply_mapping(GELE, (patch,))
    assert outcome.vcluster == GELE
    assert [f.id for f in outcome.findings] == ["mapping-does-not-fit"]


def test_two_things_of_one_name_are_refused() -> None:
    cluster = dataclasses.replace(
        GELE, configurations=(*GELE.configurations, configuration("other"))
    )
    outcome = apply_mapping(cluster, (rules.Rename("configuration", {"other": "gele-config"}),))
    assert [f.id for f in outcome.findings] == ["mapping-collision"]


def test_a_rename_of_nothing_is_told() -> None:
    (finding,) = apply_mapping(GELE, (rules.Rename("group", {"gelle": "x"}),)).findings
    assert (finding.id, finding.severity, finding.evidence) == ("mapping-unused", "info", "gelle")


# The algebra


def fresh_mapping(cluster: VCluster, seed: int) -> rules.Rules:
    """Rules that rename everything to names that nothing has, one way or another."""
    names = {
        "template": [t.name for t in cluster.templates],
        "group": [g.label for g in cluster.groups],
        "configuration": [c.name for c in cluster.configurations],
        "image": [i.name for i in cluster.images],
    }
    renames = [
        rules.Rename(kind, {old: f"new-{seed}-{i}" for i, old in enumerate(dict.fromkeys(olds))})  # type: ignore[arg-type]
        for kind, olds in names.items()
        if olds
    ]
    urls = {
        layer.clone_url: f"https://fresh/{i}.git"
        for i, layer in enumerate(
            layer for c in cluster.configurations for layer in c.repositories()
        )
        if layer.clone_url
    }
    return (
        *renames,
        rules.GitUrls({old: new for i, (old, new) in enumerate(urls.items())}),
        rules.Words({"hsn0": "fresh0", "fresh1": "fresh2"}),
        rules.KernelParameter("fresh.parameter", after="1", is_new=True),
        rules.RootfsProvider("cpss3", "fresh-provider"),
    )


@FEW
@given(vclusters(), st.integers(0, 9))
def test_a_mapping_and_its_inverse_lead_back(cluster: VCluster, seed: int) -> None:
    mapping = fresh_mapping(cluster, seed)
    there = apply_mapping(cluster, mapping)
    assert not [f for f in there.findings if f.severity == "critical"]

    back = apply_mapping(there.vcluster, inverse(mapping)).vcluster

    assert compare(back, cluster) == ()
    assert sorted(map(str, own_refs(back))) == sorted(map(str, own_refs(cluster)))


def git_and_tenants(cluster: VCluster) -> rules.Rules:
    """Rules about git and tenants, each with what it changes and with what it does not."""
    layers = [la for c in cluster.configurations for la in c.repositories()]
    hosts = sorted({urlsplit(la.clone_url).netloc.lower() for la in layers if la.clone_url})
    sources = sorted({la.source for la in layers if la.source})
    urls = sorted({la.clone_url for la in layers if la.clone_url})
    tenants = sorted({t.tenant for t in cluster.templates if t.tenant} | {"blue"})
    half = len(urls) // 2
    return (
        rules.UrlToSource({url: f"fresh-source-{i}" for i, url in enumerate(urls[:half])}),
        rules.SourceToUrl({s: f"https://fresh/source-{i}.git" for i, s in enumerate(sources[1:])}),
        rules.GitHosts({host: f"fresh-host-{i}:3000" for i, host in enumerate(hosts)}),
        rules.GitSources({s: f"moved-source-{i}" for i, s in enumerate(sources)}),
        rules.Tenants({tenant: f"fresh-tenant-{i}" for i, tenant in enumerate(tenants)}),
    )


@FEW
@given(vclusters())
def test_rules_of_git_and_tenants_lead_back_too(cluster: VCluster) -> None:
    mapping = git_and_tenants(cluster)
    there = apply_mapping(cluster, mapping)
    assert not [f for f in there.findings if f.severity == "critical"]

    back = apply_mapping(there.vcluster, inverse(mapping)).vcluster

    assert compare(back, cluster) == ()
    assert [t.tenant for t in back.templates] == [t.tenant for t in cluster.templates]


@FEW
@given(vclusters())
def test_nodes_under_other_names_lead_back_and_compare_as_planned(cluster: VCluster) -> None:
    names = {x: f"x9{x[1:]}" for x in cluster.xnames()}
    there = with_nodes(cluster, names)
    back = with_nodes(there, {new: old for old, new in names.items()})
    assert compare(back, cluster) == ()
    assert set(there.xnames()) == set(names.values())


@FEW
@given(vclusters(), st.integers(0, 4), st.integers(5, 9))
def test_one_after_the_other_is_both_together(cluster: VCluster, one: int, two: int) -> None:
    first = fresh_mapping(cluster, one)
    halfway = apply_mapping(cluster, first).vcluster
    second = fresh_mapping(halfway, two)

    together = apply_mapping(cluster, (*first, *second)).vcluster

    assert apply_mapping(halfway, second).vcluster == together


@FEW
@given(vclusters(), st.integers(0, 9))
def test_what_is_written_reads_as_the_same_mapping(cluster: VCluster, seed: int) -> None:
    mapping = fresh_mapping(cluster, seed)
    for one in (mapping, inverse(mapping), (*mapping, *mapping), ()):
        kept = tuple(r for r in one if r != rules.GitUrls({}))
        wanted = SiteMapping(kept, {"x1c0s0b0n0": "x2c0s0b0n0"})
        assert parse_mapping(format_mapping(wanted)) == wanted


@FEW
@given(vclusters(), st.integers(0, 9), st.data())
def test_a_mapped_plan_leaves_nothing_to_do_and_no_reference_open(
    cluster: VCluster, seed: int, data: st.DataObject
) -> None:
    capabilities = data.draw(st.sampled_from([CSM_1_6, CSM_1_7]))
    target = inventory(capabilities, {x: Node(x) for x in cluster.xnames()})
    intent = Intent(mapping=fresh_mapping(cluster, seed))
    plan = make_plan(cluster, target, intent)
    assume(all(e.action != "refuse" for e in plan.entities))

    after = apply(plan, target)

    assert make_plan(cluster, after, intent).is_empty()
    names = after.names("configuration")
    for entity in plan.of_kind("template"):
        assert entity.source_name in {t.name for t in cluster.templates}
        holders = [entity.body, *entity.body["boot_sets"].values()]
        used = {h["cfs"]["configuration"] for h in holders if h.get("cfs")}
        assert used <= names
        for one in entity.body["boot_sets"].values():
            assert {x.lower() for x in one.get("node_groups") or ()} <= after.names("group")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (rules.Rename("group", {"a": "c", "b": "c"}), "two names become one"),
        (rules.KernelParameter("console", after="x"), "its value before is not said"),
        (rules.KernelParameter("console", before="x"), "where it stood is not kept"),
        (rules.RootfsProvider("a", "b", None, "x"), "passthrough is not said on both sides"),
        (rules.Patch("group", (rules.Operation("remove", "/tags"),)), "what was there"),
    ],
)
def test_what_forgets_has_no_inverse(rule: rules.Rule, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        inverse((rule,))
    assert why in caught.value.why


def test_a_patch_that_tests_first_has_an_inverse() -> None:
    text = """
    [[patch]]
    kind = "template"
    operations = [
        { op = "test", path = "/boot_sets/compute/arch", value = "ARM" },
        { op = "replace", path = "/boot_sets/compute/arch", value = "X86" },
        { op = "add", path = "/description", value = "moved" },
        { op = "move", from = "/enable_cfs", path = "/kept" },
        { op = "test", path = "/cfs", value = { configuration = "gele-config" } },
        { op = "remove", path = "/cfs" },
    ]
    """
    mapping = parse_mapping(text).rules
    there = apply_mapping(GELE, mapping)
    assert there.findings == ()
    assert there.vcluster != GELE
    assert apply_mapping(there.vcluster, inverse(mapping)).vcluster == GELE


# Files and options


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[renames]",
        "[rename.things]",
        "[rename.groups]\na = 1",
        '[rename.groups]\n"" = "a"',
        '[rename.groups]\na = ""',
        '[nodes]\na = "b"',
        '[nodes]\nx1c0s0b0n0 = "x2c0s0b0n0"\nx1c0s0b0n1 = "x2c0s0b0n0"',
        '[[kernel-parameter]]\nname = "x"\nadd = "y"\nto = "z"',
        '[[patch]]\nkind = "image"\noperations = []',
        '[[patch]]\nkind = "group"\noperations = [{op = "destroy", path = ""}]',
    ],
)
def test_a_mapping_that_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_mapping(text)


def test_options_say_the_same_as_a_file() -> None:
    options = parse_mapping_options(
        ["groups:gele=bise", "domains:a.org=b.org", "nodes:x1c0s0b0n0=x2c0s0b0n0"]
    )
    file = parse_mapping(
        '[rename.groups]\ngele = "bise"\n[site.domains]\n"a.org" = "b.org"\n'
        '[nodes]\nx1c0s0b0n0 = "x2c0s0b0n0"'
    )
    assert options == file
    assert joined([file, SiteMapping()]) == file


@pytest.mark.parametrize("option", ["groups", "groups:a", "things:a=b", ":a=b"])
def test_an_option_that_is_no_mapping_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="--map"):
        parse_mapping_options([option])


# Suggestions


def test_suggests_what_belongs_to_the_other_site() -> None:
    theirs = SBPS.replace("alps.", "prealps.")
    held = inventory(
        CSM_1_7,
        dict(GELE.nodes),
        [
            group("gele", [], description="another"),
            template(
                "b",
                {
                    "compute": boot_set(
                        "b1", rootfs_provider="sbps", rootfs_provider_passthrough=theirs
                    )
                },
            ),
        ],
    )
    proposed = rules_of(suggest(GELE, held))
    assert rules.Words({"alps.example.org": "prealps.example.org"}) in proposed
    assert rules.Rename("group", {"gele": "gele-alps"}) in proposed
    assert rules_of(suggest(apply_mapping(GELE, proposed).vcluster, held)) == ()


def test_suggests_the_provider_that_the_target_boots_from() -> None:
    old = apply_mapping(
        GELE, (rules.RootfsProvider("sbps", "cpss3", SBPS, "dvs:api-gw-service-nmn.local:300"),)
    ).vcluster
    theirs = boot_set("b1", rootfs_provider="sbps", rootfs_provider_passthrough="sbps:v1:theirs")
    held = inventory(CSM_1_7, dict(GELE.nodes), [template("b", {"compute": theirs})])
    (rule,) = (r for r in rules_of(suggest(old, held)) if isinstance(r, rules.RootfsProvider))
    assert rule == rules.RootfsProvider(
        "cpss3", "sbps", "dvs:api-gw-service-nmn.local:300", "sbps:v1:theirs"
    )


def test_suggests_nothing_where_nothing_is_in_the_way() -> None:
    plain = vcluster("gele: compute=ARM@gele*2 image=a1")
    assert suggest(plain, inventory(CSM_1_6, dict(plain.nodes), images=[image("z")])) == ()


def test_the_mapping_in_the_documentation_can_be_read() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs/reference/mapping.md").read_text()
    (example,) = page.split("```toml\n")[1:]
    mapping = parse_mapping(example.split("```")[0])
    assert {type(rule).__name__ for rule in mapping.rules} == {
        kind.__name__ for kind in rules.Rule.__args__
    }
    assert parse_mapping(format_mapping(mapping)) == mapping
