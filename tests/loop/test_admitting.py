from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from collab.domain.access import Person
from collab.errors import Conflict, SignedOut, UserError, WaitFirst, WrongPassword
from collab.loop import admitting, erasing, looking
from collab.loop.admitting import BY_ADDRESS, BY_NAME, BY_PLACE, HOUR, IDLE, SECOND, SESSION
from collab.loop.permitting import Desk, leave
from tests.loop.conftest import NOW

RIGHT, NEXT = "seven green bottles", "eight brown kettles"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password's digest that costs next to nothing: what argon2 makes of it is not tried here, but once below."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(admitting, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def accounts(store, monkeypatch):
    monkeypatch.setattr("collab.loop.permitting._now", lambda: NOW)
    admitting.add_person(store, "Ana", password=RIGHT, admin=True, by="", now=NOW)
    admitting.add_person(store, "Ben", password=NEXT, admin=False, by="Ana", now=NOW)
    return store


def enter(store, name="Ana", password=RIGHT, address="10.0.0.1", now=NOW, **more):
    return admitting.sign_in(store, name, password, address, now, **more)


def fail(store, times, **more):
    for _ in range(times):
        with pytest.raises(WrongPassword):
            enter(store, password="wrong wrong wrong", **more)


def test_the_first_account_ends_names_on_trust_and_must_be_an_administrators(store):
    with pytest.raises(Conflict, match="--admin"):
        admitting.add_person(store, "Ben", password=NEXT, admin=False, by="", now=NOW)
    assert admitting.add_person(store, "Ana", password=RIGHT, admin=True, by="", now=NOW) == "accounts"
    with pytest.raises(SignedOut):
        looking.projects(Desk(store, "Ana"))


def test_an_account_takes_over_the_answers_under_its_name(store):
    store.add_annotator("Ana")
    admitting.add_person(store, " Ana​ ", password=RIGHT, admin=True, by="", now=NOW)
    assert store.people() == (Person("Ana", admin=True),)


@pytest.mark.parametrize("name", ["ANA", "\uff21na", "ana\u200b"])
def test_two_accounts_never_differ_by_capitals_or_width_alone(accounts, name):
    with pytest.raises(Conflict, match="already"):
        admitting.add_person(accounts, name, password=NEXT, admin=False, by="Ana", now=NOW)


def test_no_account_takes_the_name_that_stands_for_an_erased_person(accounts):
    accounts.save_person(Person("erased 1", erased=True))
    with pytest.raises(Conflict, match="erased"):
        admitting.add_person(accounts, "Erased 1", password=NEXT, admin=False, by="Ana", now=NOW)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "benedict is my name", "x" * 300])
def test_a_password_that_is_guessed_at_once_is_refused(password):
    with pytest.raises(UserError, match="password"):
        admitting.checked_password(password, "Benedict")


def test_whoever_knows_the_password_gets_a_session_of_which_the_store_knows_the_digest_alone(accounts):
    entered = enter(accounts)
    assert entered.session == admitting.digest(entered.token) != entered.token
    assert accounts.signed_in(entered.session, NOW) == "Ana"
    assert accounts.signed_in(entered.token, NOW) is None


@pytest.mark.parametrize(
    ("name", "password"), [("Ana", NEXT), ("Nobody", RIGHT), ("", ""), ("Ana", ""), ("Ana", RIGHT + "x")]
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_words(accounts, name, password):
    with pytest.raises(WrongPassword, match="don't belong together"):
        enter(accounts, name, password)


def test_for_a_name_that_is_not_there_a_password_is_checked_as_well(accounts, monkeypatch):
    checked = []
    right = admitting._right
    monkeypatch.setattr(admitting, "_right", lambda kept, said: checked.append(kept) or right(kept, said))
    with pytest.raises(WrongPassword):
        enter(accounts, "Nobody")
    assert checked == [""]


def test_a_disabled_account_is_out_at_once_and_does_not_come_in_again(accounts):
    session = enter(accounts, "Ben", NEXT).session
    admitting.set_disabled(accounts, "Ben", True, "Ana", NOW)
    assert accounts.signed_in(session, NOW) is None
    for way_in in (lambda: enter(accounts, "Ben", NEXT), lambda: admitting.enter(accounts, "Ben", NOW)):
        with pytest.raises(WrongPassword):
            way_in()
    admitting.set_disabled(accounts, "Ben", False, "Ana", NOW)
    assert accounts.signed_in(session, NOW) is None
    assert enter(accounts, "Ben", NEXT).person == "Ben"


@pytest.mark.parametrize("name", ["erased 1", "Erased  7"])
def test_nobody_gets_an_account_in_the_place_of_somebody_who_was_erased(accounts, name: str):
    assert erasing.erase_person(accounts, "Ben", "Ana", NOW).name == "erased 1"
    with pytest.raises(Conflict):
        admitting.add_person(accounts, name, password=RIGHT, admin=True, by="Ana", now=NOW)
    assert accounts.person("erased 1").erased


def test_waits_grow_with_failed_attempts_and_a_right_password_waits_too(accounts):
    fail(accounts, BY_PLACE.free)
    waits = []
    now = NOW
    for _ in range(4):
        with pytest.raises(WaitFirst) as refused:
            enter(accounts, now=now)
        waits.append(refused.value.seconds)
        now += waits[-1] * SECOND
        fail(accounts, 1, now=now)
    assert waits == [1, 2, 4, 8]
    assert enter(accounts, now=now + 16 * SECOND).person == "Ana"
    fail(accounts, BY_PLACE.free, now=now + HOUR)  # all is forgotten


def test_many_attempts_at_once_get_no_further_than_one_after_the_other(accounts):
    def attempt(_: int) -> type[Exception]:
        with pytest.raises((WrongPassword, WaitFirst)) as refused:
            enter(accounts, password="wrong wrong wrong")
        return refused.type

    with ThreadPoolExecutor(8) as people:
        said = list(people.map(attempt, range(4 * BY_PLACE.free)))
    assert said.count(WrongPassword) == BY_PLACE.free


def test_others_attempts_hold_nobody_up_at_another_address(accounts):
    fail(accounts, BY_PLACE.free)
    with pytest.raises(WaitFirst):
        enter(accounts)
    assert enter(accounts, address="10.0.0.2").person == "Ana"


def test_one_address_cannot_try_many_names_and_an_account_of_ones_own_does_not_clear_it(accounts):
    for number in range(BY_ADDRESS.free):
        fail(accounts, 1, name=f"nobody {number}")
        if number == 3:
            enter(accounts, "Ben", NEXT)
    with pytest.raises(WaitFirst):
        enter(accounts, "Ben", NEXT)


def test_failed_attempts_that_came_during_a_sign_in_still_count(accounts, monkeypatch):
    right = admitting._right

    def meanwhile(kept, password):
        if password == NEXT:  # Ben's, while it is looked at
            tried.append(f"nobody {len(tried)}")
            fail(accounts, 1, name=tried[-1])
        return right(kept, password)

    tried = []
    monkeypatch.setattr(admitting, "_right", meanwhile)
    for _ in range(BY_ADDRESS.free - 1):
        enter(accounts, "Ben", NEXT)
    with pytest.raises(WaitFirst):
        enter(accounts, "Ben", NEXT)
    assert len(tried) == BY_ADDRESS.free


def test_many_addresses_cannot_guess_one_name_quickly_nor_keep_its_owner_from_a_browser_that_is_known(accounts):
    for number in range(BY_NAME.free):
        fail(accounts, 1, address=f"10.0.1.{number}")
    with pytest.raises(WaitFirst):
        enter(accounts, address="10.0.2.1")
    assert enter(accounts, address="10.0.2.1", known=True).person == "Ana"


def test_a_session_ends_after_its_time_and_earlier_where_nobody_is_there(accounts, monkeypatch):
    used, left = enter(accounts), enter(accounts)
    for at in range(NOW, NOW + SESSION, IDLE // 2):
        monkeypatch.setattr("collab.loop.permitting._now", lambda at=at: at)
        looking.projects(Desk(accounts, "Ana", used.session))
    assert accounts.signed_in(left.session, NOW + IDLE - 1) == "Ana"
    assert accounts.signed_in(left.session, NOW + IDLE) is None
    assert accounts.signed_in(used.session, NOW + SESSION - 1) == "Ana"
    assert accounts.signed_in(used.session, NOW + SESSION) is None


def test_signing_out_ends_one_session_and_a_new_password_all(accounts):
    one, two = enter(accounts), enter(accounts)
    leave(Desk(accounts, "Ana", one.session))
    assert [accounts.signed_in(e.session, NOW) for e in (one, two)] == [None, "Ana"]
    with pytest.raises(WrongPassword):
        admitting.change_password(Desk(accounts, "Ana", two.session), NEXT, NEXT, NOW)
    admitting.change_password(Desk(accounts, "Ana", two.session), RIGHT, NEXT, NOW)
    assert accounts.signed_in(two.session, NOW) is None
    assert enter(accounts, password=NEXT).person == "Ana"


def test_nobody_signs_out_somebody_else(accounts):
    session = enter(accounts).session
    leave(Desk(accounts, "Ben", session))
    assert accounts.signed_in(session, NOW) == "Ana"


def test_the_last_administrator_stays(accounts):
    for act in (admitting.set_disabled, lambda *a: admitting.set_admin(*a)):
        with pytest.raises(Conflict, match="last administrator"):
            act(accounts, "Ana", act is admitting.set_disabled, "Ana", NOW)
    admitting.set_admin(accounts, "Ben", True, "Ana", NOW)
    admitting.set_admin(accounts, "Ana", False, "Ben", NOW)
    assert [p.name for p in accounts.accounts() if p.admin] == ["Ben"]


def test_a_member_is_somebody_with_an_account_and_each_change_is_in_the_access_log(accounts, make_project):
    project = make_project(1)
    accounts.add_annotator("somebody of a file")
    with pytest.raises(LookupError):
        admitting.set_role(accounts, project.id, "somebody of a file", "lead", "Ana", NOW)
    admitting.set_role(accounts, project.id, "Ben", "lead", "Ana", NOW)
    admitting.set_role(accounts, project.id, "Ben", None, "Ana", NOW)
    assert admitting.candidates(accounts, project.id) == ("Ana", "Ben")
    noted = [e for _, e in accounts.accesses(project.id)]
    assert [(e.person, e.act, e.detail) for e in noted] == [
        ("Ana", "change", {"member": "Ben", "role": None}), ("Ana", "change", {"member": "Ben", "role": "lead"}),
    ]  # fmt: skip


def test_a_providers_word_lets_in_whom_the_list_names_by_issuer_and_subject(store):
    assert admitting.add_person(store, "Ana", issuer="https://a", subject="1", admin=True, by="", now=NOW) == "oidc"
    found = [admitting.vouched(store, *each) for each in (("https://a", "1"), ("https://b", "1"), ("https://a", ""))]
    assert found == [replace(Person("Ana"), admin=True, issuer="https://a", subject="1"), None, None]
    with pytest.raises(WrongPassword):
        enter(store, password="")
    with pytest.raises(Conflict, match="identity provider"):
        admitting.add_person(store, "Ben", password=NEXT, admin=False, by="Ana", now=NOW)


def test_a_session_lasts_no_longer_than_the_providers_word(store):
    admitting.add_person(store, "Ana", issuer="https://a", subject="1", admin=True, by="", now=NOW)
    entered = admitting.enter(store, "Ana", NOW, NOW + HOUR)
    assert store.signed_in(entered.session, NOW + HOUR - 1) == "Ana"
    assert store.signed_in(entered.session, NOW + HOUR) is None


def test_the_way_of_signing_in_changes_only_where_an_administrator_can_come_in(accounts):
    session = enter(accounts).session
    with pytest.raises(Conflict, match="No administrator"):
        admitting.choose_way(accounts, "oidc", NOW)
    admitting.choose_way(accounts, "none", NOW)
    assert accounts.signed_in(session, NOW) is None
    assert looking.projects(Desk(accounts, "anybody")) == ()


def test_passwords_are_kept_as_argon2id_of_64_mebibytes(store, monkeypatch):
    monkeypatch.undo()
    admitting.add_person(store, "Ana", password=RIGHT, admin=True, by="", now=NOW)
    assert store.password("Ana").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert enter(store).person == "Ana"
