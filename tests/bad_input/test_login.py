"""Who poya says that it is, and what a site answers to that."""

from __future__ import annotations

import pytest

from bad_input.desk import PLAN, Desk
from poya.lab.pytest_plugin import TestSite
from poya.lab.services.identity import TokenMint, UserAccount

ALPS_LOGIN = 'method = "client-credentials"\nclient_id = "admin-client"\nclient_secret_file = '
GET = ("get", "groups", "--site", "alps")


def token_of(
    site: TestSite, *, lifetime_s: int = 3600, roles: tuple[str, ...] = ("admin",)
) -> str:
    mint = TokenMint(site.site.state.keys, f"{site.site.api_url}/keycloak/realms/shasta")
    account = UserAccount("never-used", roles=roles)
    return mint.user_token("somebody", account, now_s=site.site.clock(), lifetime_s=lifetime_s)


def test_says_which_variable_lacks_a_token(desk: Desk) -> None:
    desk.changes(f'{ALPS_LOGIN}"{desk.pair.alps.files.client_secret}"', 'method = "token"')
    desk.refused(2, *GET, says=("POYA_TOKEN_ALPS", "alps"))


def test_says_which_secret_file_is_missing(desk: Desk) -> None:
    desk.changes(str(desk.pair.alps.files.client_secret), "/nowhere/secret")
    desk.refused(2, *GET, says=("/nowhere/secret", "alps"))
    desk.refused(2, *PLAN, says=("/nowhere/secret",))


def test_an_expired_token_means_to_log_in_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POYA_TOKEN_ALPS", token_of(desk.pair.alps, lifetime_s=-60))
    desk.refused(16, *GET, says=("expired", "alps"))
    desk.keeps_secrets(*GET)


def test_a_token_that_is_none_is_named_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POYA_TOKEN_ALPS", "not-a-token-at-all")
    answer = desk.refused(16, *GET, says=("alps",))
    assert "not-a-token-at-all" not in answer.err


def test_a_token_that_no_header_can_carry_is_refused_unsent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POYA_TOKEN_ALPS", "tok\nen-with-a-line-break")
    assert "line-break" not in desk.refused(2, *GET, says=("POYA_TOKEN_ALPS",)).err
    monkeypatch.setenv("POYA_TOKEN_ALPS", "jeton-à-accents")
    assert "accents" not in desk.refused(2, *GET, says=("POYA_TOKEN_ALPS",)).err


def test_a_token_without_rights_asks_for_the_right(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POYA_TOKEN_ALPS", token_of(desk.pair.alps, roles=("user",)))
    desk.refused(16, *GET, says=("403", "right"))
    desk.keeps_secrets(*PLAN)


def test_a_wrong_client_secret_is_refused_by_keycloak(desk: Desk) -> None:
    wrong = desk.config.with_name("wrong")
    wrong.write_text("this-is-not-the-secret\n")
    desk.changes(str(desk.pair.alps.files.client_secret), str(wrong))
    for answer in (desk.refused(16, *PLAN, says=("Keycloak", "admin-client")),
                   desk.keeps_secrets(*PLAN)):  # fmt: skip
        assert "this-is-not-the-secret" not in answer.err


def test_a_wrong_git_password_is_a_warning_not_an_end(desk: Desk) -> None:
    wrong = desk.config.with_name("wrong")
    wrong.write_text("this-is-not-the-password\n")
    desk.changes(str(desk.pair.prealps.files.vcs_password), str(wrong))
    answer = desk.must(*PLAN)
    assert "could not be" in answer.out
    assert "this-is-not-the-password" not in desk.keeps_secrets(*PLAN).err


def test_a_target_that_may_only_be_read_refuses_the_first_write(
    desk: Desk,
) -> None:
    desk.pair.prealps.set_fault("status", "/apis/ims/*", method="POST", status=403, times=0)
    from bad_input.desk import RUN

    answer = desk.refused(12, *RUN, says=("403", "resume", "undo"))
    assert "lacks the right" in answer.err
