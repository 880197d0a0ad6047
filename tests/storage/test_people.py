from contextlib import suppress
from dataclasses import replace

import pytest

from collab.domain.access import Access, Attempts, Person
from collab.domain.store import Store
from collab.errors import UnknownName

NOW, FAR = 10**12, 10**15


@pytest.fixture
def people(store: Store) -> Store:
    for name in ("Ana", "Ben"):
        store.save_person(Person(name))
    store.set_sign_in_way("accounts")
    return store


def test_a_session_gives_access_to_its_owner_until_its_end(people: Store) -> None:
    people.start_session("s", "Ana", NOW, NOW + 10)
    assert [people.access("Ana", "s", at) for at in (NOW, NOW + 10)] == [Access("Ana"), None]
    assert people.access("Ben", "s", NOW) is None
    assert [people.signed_in("s", at) for at in (NOW, NOW + 10)] == ["Ana", None]


def test_a_session_ends_where_nobody_is_seen_and_goes_on_where_somebody_is(people: Store) -> None:
    hour = 3_600_000
    people.start_session("s", "Ana", NOW, FAR, idle=hour)
    assert people.access("Ana", "s", NOW + hour - 1) == Access("Ana")  # this was written down
    assert people.signed_in("s", NOW + 2 * hour - 2) == "Ana"
    assert people.signed_in("s", NOW + 2 * hour - 1) is None


def test_a_new_password_ends_all_sessions_unless_the_owner_stays(people: Store) -> None:
    people.start_session("s", "Ana", NOW, FAR)
    people.set_password("Ana", "digest", stay=True)
    assert people.signed_in("s", NOW) == "Ana"
    people.set_password("Ana", "other")
    assert (people.signed_in("s", NOW), people.password("Ana"), people.password("Ben")) == (None, "other", "")
    with pytest.raises(UnknownName):
        people.set_password("Cleo", "digest")


def test_accounts_are_those_who_can_sign_in(people: Store) -> None:
    people.set_password("Ben", "digest")
    people.save_person(Person("Ana", issuer="https://a", subject="1"))
    people.add_annotator("of a file")
    assert [p.name for p in people.accounts()] == ["Ana", "Ben"]
    assert people.known_as("https://a", "1") == Person("Ana", issuer="https://a", subject="1")
    assert people.known_as("", "") is None
    people.save_person(replace(people.person("Ben"), language="zh"))
    assert people.password("Ben") == "digest"


def test_failed_attempts_are_counted_until_they_are_discounted_or_forgotten(people: Store) -> None:
    assert [people.count_attempt("x", NOW + n) for n in range(3)] == [
        Attempts(), Attempts(1, NOW), Attempts(2, NOW + 1),
    ]  # fmt: skip
    people.discount_attempt("x", Attempts(1, NOW))  # others came after it
    assert people.count_attempt("x", NOW + 3) == Attempts(2, NOW + 2)
    people.discount_attempt("x", Attempts(2, NOW + 2))
    assert people.count_attempt("x", NOW) == Attempts(2, NOW + 2)
    people.forget_attempts(NOW + 1)
    assert people.count_attempt("x", NOW) == Attempts()
    people.discount_attempt("x", Attempts())
    assert people.count_attempt("x", NOW) == Attempts()
    people.clear_attempts("x")
    assert people.count_attempt("x", NOW) == Attempts()


def test_an_attempt_that_is_not_heard_counts_nowhere(people: Store) -> None:
    with suppress(ZeroDivisionError), people.transaction():
        people.count_attempt("x", NOW)
        raise ZeroDivisionError
    assert people.count_attempt("x", NOW) == Attempts()
