import multiprocessing
import os

import pytest

from collab.errors import JobError, UserError
from collab.loop.spreading import THREADS, spread


def tell(piece):
    """Says its process, its number of threads, and what it was given."""
    yield os.getpid(), os.environ.get(THREADS[0]), piece
    yield os.getpid(), os.environ.get(THREADS[0]), piece


def fail(piece):
    yield piece
    raise UserError(f"Piece {piece} can't be done.")


def stumble(piece):
    yield piece
    raise ZeroDivisionError("by nothing")


def die(piece):
    yield piece
    os._exit(1)


def test_one_job_is_done_here_in_order():
    here = os.getpid()
    assert [(piece, said[0], said[2]) for piece, said in spread(tell, (1, 2), 1)] == [
        (1, here, 1), (1, here, 1), (2, here, 2), (2, here, 2),
    ]  # fmt: skip


@pytest.mark.slow
def test_pieces_are_done_once_each_in_processes_with_one_thread():
    said = list(spread(tell, (1, 2, 3), 2))
    assert sorted((piece, of) for piece, (_, _, of) in said) == [(1, 1), (1, 1), (2, 2), (2, 2), (3, 3), (3, 3)]
    assert {threads for _, (_, threads, _) in said} == {"1"}
    assert len({process for _, (process, _, _) in said} - {os.getpid()}) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "says"), [(fail, "can't be done"), (stumble, "ZeroDivisionError: by nothing"), (die, "fewer --jobs")]
)
def test_a_piece_that_fails_or_dies_ends_all(work, says):
    with pytest.raises(JobError, match=says):
        list(spread(work, (1, 2), 2))
    assert multiprocessing.active_children() == []
