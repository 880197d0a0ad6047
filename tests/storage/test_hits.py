import random
from dataclasses import replace

import numpy as np
import pytest

from collab.domain.annotation import Decision
from collab.domain.project import Field, LoopPolicy
from collab.domain.run import ImportReport
from collab.domain.store import FieldFilter, ItemFilter, NewItem
from collab.storage import hits
from collab.storage.database import SqlStore
from tests.conftest import MakeProject
from tests.samples import YES_NO, answer_of, row
from tests.storage.conftest import answered

GOODS = (
    ("A red phone", "electronics", 250.5), ("这个手机很好", "electronics", 99.99),
    ("Red shoes, red laces", "shoes", 99.99), ("机手 and nothing else", "other", None),
    ("blue shoes", "shoes", 16_777_217), ("Thé rouge", None, -3),
)  # fmt: skip


@pytest.fixture
def goods(store: SqlStore) -> int:
    fields = (Field("text"), Field("kind", "category"), Field("price", "number"), Field("owner", role="shown"))
    project = store.create_project("Goods", fields, YES_NO, LoopPolicy(), 1).id
    new = [
        NewItem(str(n), {"text": text, "kind": kind, "price": price, "owner": f"Red {n}"}, f"d{n}", 0.5)
        for n, (text, kind, price) in enumerate(GOODS, 1)
    ]
    opened = store.begin_import(project, "goods.csv", "nothing", 1)
    store.add_items(opened, new)
    store.finish_import(opened, ImportReport(added=len(new)), 0.0, 500, 2)
    return project


def _refs(store: SqlStore, project: int, **wanted: object) -> str:
    found = store.search(project, ItemFilter(**wanted))  # type: ignore[arg-type]  # by name
    assert found.exact
    return "".join(each.item.ref for each in found.rows)


@pytest.mark.parametrize("indexed", [False, True])
def test_chinese_is_found_by_its_words_and_by_single_letters(store: SqlStore, goods: int, indexed: bool) -> None:
    assert not indexed or store.index_text(goods)
    assert _refs(store, goods, text="手机") == "2"
    assert _refs(store, goods, text="手机很好") == "2"
    assert sorted(_refs(store, goods, text="机")) == ["2", "4"]


@pytest.mark.parametrize("indexed", [False, True])
def test_fields_are_found_by_words_by_value_and_between_bounds(store: SqlStore, goods: int, indexed: bool) -> None:
    last = store.index_text(goods) if indexed else 0
    assert store.index_text(goods, last) == 0 or not indexed
    for wanted, found in (
        (FieldFilter("text", "contains", "red"), "13"),
        (FieldFilter("kind", "equals", "shoes"), "35"),
        (FieldFilter("price", "between", low=99.99, high=99.99), "23"),
        (FieldFilter("price", "between", low=16_777_216.5), "5"),
        (FieldFilter("price", "between", high=0), "6"),
        (FieldFilter("kind", "equals", "shoe"), ""),
    ):
        assert "".join(sorted(_refs(store, goods, fields=(wanted,)))) == found, wanted
    both = FieldFilter("kind", "equals", "shoes"), FieldFilter("price", "between", low=0, high=100)
    assert _refs(store, goods, text="red", fields=both) == "3"


def test_nothing_is_found_by_what_is_personal(store: SqlStore, goods: int) -> None:
    fields = store.project(goods).fields
    price, owner = FieldFilter("price", "between", low=0, high=100), FieldFilter("owner", "contains", "red")
    for _ in range(2):
        assert sorted(_refs(store, goods, text="red")) == sorted(_refs(store, goods, fields=(owner,))) == [*"123456"]
        store.index_text(goods)
    store.save_fields(goods, [replace(f, personal=f.name in ("owner", "price")) for f in fields])
    assert sorted(_refs(store, goods, text="red")) == ["1", "3"]
    assert [_refs(store, goods, fields=(each,)) for each in (price, owner)] == ["", ""]


def test_the_best_come_first_and_a_given_order_is_kept(store: SqlStore, goods: int) -> None:
    store.index_text(goods)
    items = [row.item for row in store.pool(goods)]
    assert store.search(goods, ItemFilter("red shoes")).ranked
    assert _refs(store, goods, text="shoes", fields=(FieldFilter("text", "contains", "red"),)) == "3"
    given = store.search(goods, ItemFilter("red"), among=np.array([items[5], items[0], items[2]]), ordered=True)
    assert [each.item.ref for each in given.rows] == ["6", "1", "3"]


def test_replaced_content_is_found_by_its_new_values(store: SqlStore, goods: int) -> None:
    store.index_text(goods)
    first = store.pool(goods)[0].item
    opened = store.begin_import(goods, "b.csv", "nothing", 3)
    fields = {"text": "green 耳机", "kind": "shoes", "price": 7, "owner": ""}
    store.replace_item(opened, first, NewItem("1", fields, "new", 0.5), reopen=False)
    store.finish_import(opened, store.imports(goods)[0][3], 0.0, 500, 4)

    assert (_refs(store, goods, text="耳机"), _refs(store, goods, text="phone")) == ("1", "")
    assert _refs(store, goods, fields=(FieldFilter("price", "between", low=6, high=8),)) == "1"
    assert _refs(store, goods, fields=(FieldFilter("price", "between", low=250, high=251),)) == ""


def test_any_mix_of_conditions_finds_what_looking_at_each_item_finds(
    store: SqlStore, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(4)
    texts = [" ".join([str(n), *draw.sample(["the", "cat", "sat", "猫咪", "here"], 3)]) for n in range(1, 301)]
    project = make_project([row(n, text) for n, text in enumerate(texts, 1)], mark=0.05).id
    store.index_text(project)
    pool = store.pool(project)
    for each in pool:
        if draw.random() < 0.6:
            answered(store, answer_of(project, each.item, draw.choice(["Yes", "No"]), draw.choice(["ann", "bo"])))
        elif draw.random() < 0.2:
            store.settle_item(project, each.item, "disputed", None, 1)
        elif draw.random() < 0.2:
            store.settle_item(project, each.item, "decided", Decision(each.item, ("Yes",), "machine"), 1)
    hidden = {each.item for each in pool if each.reserved}
    text_of = {item.id: item.fields["text"] for item in store.stream_items(project)}
    for short in (10_000, 20):  # also where every list is a long one
        monkeypatch.setattr(hits, "_SHORT", short)
        monkeypatch.setattr(hits, "_FIRST", 8)
        for wanted in (
            ItemFilter("the"), ItemFilter("猫"), ItemFilter("the cat", "labeled"), ItemFilter("the", "disputed"),
            ItemFilter("sat", answer="Yes"), ItemFilter("sat", "open"), ItemFilter("the", "labeled", "No", "ann"),
            ItemFilter("the", source="machine"), ItemFilter(answer="Yes"), ItemFilter("the", "machine", "No"),
        ):  # fmt: skip
            decided = {item: store.decision(item) for item in text_of}
            expected = {
                item
                for item, text in text_of.items()
                if item not in hidden
                and all(part in text for part in wanted.text.split())
                and _fits(store, item, decided[item], wanted)
            }
            found = store.search(project, wanted, 1000, seconds=9)
            assert set(found.ids.tolist()) == expected, wanted
            assert len(found.rows) == len(expected)
            some = store.search(project, wanted, 5, 3)
            assert [each.item.id for each in some.rows] == some.ids[3:8].tolist()


def _fits(store: SqlStore, item: int, decision: Decision | None, wanted: ItemFilter) -> bool:
    """As the filter's documentation says it, of one item."""
    state = store.items([item])[item].state
    if wanted.annotator:
        said = [a for a in store.current(item) if a.annotator == wanted.annotator]
        if not said or (wanted.answer and said[0].answer != (wanted.answer,)):
            return False
    elif wanted.answer and (decision is None or decision.answer != (wanted.answer,)):
        return False
    if wanted.source and (decision is None or decision.source != wanted.source):
        return False
    if wanted.state in ("labeled", "machine"):
        return decision is not None and (decision.source == "machine") == (wanted.state == "machine")
    return not wanted.state or state == wanted.state
