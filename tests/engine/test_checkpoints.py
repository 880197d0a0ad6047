import json
import resource
import signal
from dataclasses import replace

import pytest
import torch

from collab.engine import checkpoints
from collab.engine.checkpoints import Checkpoint, read, write
from collab.engine.recipe import Epoch
from collab.engine.standing import Standing, spared, with_best
from collab.errors import StoreFull, UnreadableFile

STANDING = Standing(epoch=2, done=3, total=1.5, seen=24, epochs=(Epoch(1, 0.7, 0.6),), best_epoch=1, micro=8)
KEPT = Checkpoint(STANDING, {"w": torch.ones(2)}, {"0.step": torch.tensor(3.0)}, {"w": torch.zeros(2)})


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "kept", "seal", KEPT)
    return tmp_path / "kept"


def test_what_was_written_is_read_back_and_the_one_before_is_gone(folder):
    write(folder, "seal", KEPT)
    found, _ = read(folder, "seal")
    assert (found.standing, found.weights["w"].tolist(), found.best["w"].tolist()) == (STANDING, [1, 1], [0, 0])
    assert sorted(path.name for path in folder.iterdir()) == [
        "best-1.safetensors", "optimizer-2.safetensors", "state.json", "weights-2.safetensors",
    ]  # fmt: skip


def test_one_of_another_training_is_removed_and_not_read(folder):
    assert read(folder, "other") == (None, "")
    assert not list(folder.iterdir())
    assert read(folder / "nothing", "seal") == (None, "")


@pytest.mark.parametrize("name", ["weights.pt", "weights-1.bin", "deep/weights-1.safetensors", "run.py"])
def test_a_file_that_was_never_written_is_refused(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UnreadableFile):
        read(folder, "seal")


def test_links_and_names_outside_are_refused(folder, tmp_path):
    outside = tmp_path / "weights-9.safetensors"
    (folder / "weights-1.safetensors").rename(outside)
    state = json.loads((folder / "state.json").read_text())
    state["files"]["weights"] = "../weights-9.safetensors"
    (folder / "state.json").write_text(json.dumps(state))
    with pytest.raises(UnreadableFile, match="outside its folder"):
        read(folder, "seal")
    (folder / "weights-9.safetensors").symlink_to(outside)
    with pytest.raises(UnreadableFile, match="no links"):
        read(folder, "seal")


def test_a_damaged_one_is_removed_and_its_training_begins_anew(folder):
    (folder / "weights-1.safetensors").write_bytes(b"short")
    assert read(folder, "seal") == (None, "The checkpoint was damaged: it begins anew.")
    write(folder, "seal", KEPT)
    assert read(folder, "seal")[0].standing == STANDING


def test_best_weights_that_no_checkpoint_names_are_written_anew(tmp_path):
    write(tmp_path, "seal", replace(KEPT, best={}))
    (tmp_path / "best-1.safetensors").write_bytes(b"half of the")  # of an attempt that was killed there
    write(tmp_path, "seal", KEPT)
    assert read(tmp_path, "seal")[0].best["w"].tolist() == [0, 0]


def test_where_no_space_is_left_the_last_one_stays(folder):
    large = replace(KEPT, weights={"w": torch.zeros(1 << 16)})
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    try:
        with pytest.raises(StoreFull):
            write(folder, "seal", large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert read(folder, "seal")[0].standing == STANDING


def test_too_little_space_is_named_before_anything_is_done(tmp_path):
    checkpoints.refuse_full(tmp_path / "not" / "there", 1)
    with pytest.raises(StoreFull):
        checkpoints.refuse_full(tmp_path / "not" / "there", 1 << 60)


def test_less_goes_through_at_a_time_where_two_attempts_ended_at_the_same_step():
    once, twice = (spared(Standing(micro=8, begun=begun)) for begun in (1, 2))
    assert (once.micro, once.note, twice.micro) == (8, "", 4)
    assert twice.note == "2 attempts ended at the same step: it goes on with half as many items at a time."


def test_the_best_epoch_is_the_one_that_cost_least_on_what_was_held_out():
    standing, said = Standing(), []
    for number, held_out in enumerate((0.6, 0.5, 0.55, 0.51), 1):
        standing, better, over = with_best(standing, Epoch(number, 0.1, held_out), patience=2)
        said.append((standing.best_epoch, better, over))
    assert said == [(1, True, False), (2, True, False), (2, False, False), (2, False, True)]
