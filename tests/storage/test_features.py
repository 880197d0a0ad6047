from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from collab.storage.database import SqlStore, open_store


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def store(workspace: Path) -> SqlStore:
    opened = open_store(workspace)
    opened.close()  # features need no database
    return opened


def test_rows_are_read_back_by_every_reader_as_they_come(store: SqlStore) -> None:
    writer, reader = store.features(1, "minilm", 2), store.features(1, "minilm", 2)
    assert (len(reader), reader.ids().shape, reader.rows().shape) == (0, (0,), (0, 2))

    writer.append([7, 8], [1, 1], [[1, 2], [3, 4]])
    assert (reader.ids().tolist(), reader.rows().tolist()) == ([7, 8], [[1, 2], [3, 4]])
    writer.append(np.int64([9]), np.int64([1]), np.float32([[5, 6]]))

    assert (len(reader), reader.ids().tolist(), reader.rows()[2].tolist()) == (3, [7, 8, 9], [5, 6])
    assert not reader.rows().flags.writeable


def test_encoders_and_projects_have_files_of_their_own(store: SqlStore) -> None:
    store.features(1, "minilm", 2).append([1], [1], [[1, 2]])

    others = (store.features(2, "minilm", 2), store.features(1, "other", 2), store.features(1, "minilm", 3))
    assert [len(other) for other in others] == [0, 0, 0]


def test_a_torn_tail_is_cut_off(store: SqlStore, workspace: Path) -> None:
    block = store.features(1, "minilm", 2)
    block.append([7], [1], [[1, 2]])
    (rows,) = workspace.glob("features/1/*/rows.f32")
    (ids,) = workspace.glob("features/1/*/ids.i64")
    with rows.open("ab") as torn:
        torn.write(b"\xff" * 13)
    with ids.open("ab") as torn:
        torn.write(b"\xff" * 8)
    assert (len(block), block.rows().tolist()) == (1, [[1, 2]])

    block.append([8], [1], [[3, 4]])

    assert (block.ids().tolist(), block.rows().tolist()) == ([7, 8], [[1, 2], [3, 4]])


def test_rows_of_two_writers_at_once_stay_with_their_ids(store: SqlStore) -> None:
    def write(item: int) -> None:
        store.features(1, "minilm", 2).append([item], [1], [[item, -item]])

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, range(60)))

    block = store.features(1, "minilm", 2)
    assert sorted(block.ids().tolist()) == list(range(60))
    assert block.rows().tolist() == [[item, -item] for item in block.ids().tolist()]


def test_a_row_that_is_there_is_not_added_again_until_its_content_changed(store: SqlStore) -> None:
    block = store.features(1, "minilm", 2)
    block.append([7, 8], [1, 1], [[1, 1], [2, 2]])

    block.append([7, 9], [1, 1], [[1, 1], [3, 3]])
    block.append([7], [2], [[4, 4]])
    block.append([7], [1], [[1, 1]])

    assert block.ids().tolist() == [7, 8, 9, 7, 7]
    assert block.rows().tolist() == [[1, 1], [2, 2], [3, 3], [4, 4], [1, 1]]


def test_deleted_features_are_those_of_one_encoder(store: SqlStore) -> None:
    for encoder in ("minilm", "tuned"):
        store.features(1, encoder, 2).append([7], [1], [[1, 1]])
    for _ in range(2):
        store.delete_features(1, "tuned", 2)
    assert [len(store.features(1, encoder, 2)) for encoder in ("minilm", "tuned")] == [1, 0]
