"""The job that trains encoder and head together: write down, train, read all items, hold against the champion, promote.

An attempt that was cut off goes on where it stood; one that was cancelled or failed leaves nothing behind but its log.
"""

import contextlib
import filecmp
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from collab.domain.plain import typed
from collab.domain.project import Project
from collab.domain.store import Store
from collab.domain.version import TUNED, Making
from collab.engine import fine_tuning
from collab.engine.devices import device_words
from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.image import ImageEncoder, image_encoder_of
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Encoder, encoder_of
from collab.engine.fused import Pretrained
from collab.engine.recipe import FineTuned, Progress
from collab.errors import CollabError, Conflict, JobCancelled, JobLost, NothingToLearn, StorageError, UnknownName
from collab.loop.capturing import Captured, capture, captured, captured_there
from collab.loop.contesting import Side, contest
from collab.loop.encoding import blocks_of, encode_with, image_encoder, text_encoder
from collab.loop.escalating import MADE_FROM, NETWORK, Wanted, note_begun, tunable, tune_fits
from collab.loop.keeping import champion_of, keep
from collab.loop.measuring import image_fields, measure, measured, model_name, reads_text, tuned_folder
from collab.loop.promoting import promote
from collab.loop.versions import Tuned, TuningProgress, put_progress

TRAINED, READ = 0.7, 0.95
"""Share of the job that is done when the training is over, and when all items are read."""
TOLD_EVERY = 0.5
PATIENCE = 600.0
"""Seconds that the other processes of a training wait for the first one to write down what is learned from."""

Report = Callable[[float, str], bool]


@dataclass(frozen=True, slots=True)
class _Trained:
    """What the training has left in the job's folder."""

    labels: int
    digest: str
    made: FineTuned
    policy: tuple[str, str]
    """Names of both encoders as a policy would have them."""
    origins: tuple[str, str]
    """Names of the encoders that it was trained from, "" for one that was not."""


def tune(
    store: Store, project_id: int, wanted: Wanted, number: int, report: Report, hold: Report = lambda *_: False
) -> Mapping[str, Any]:
    """Fine-tune, and have the gate judge what came of it.

    Where several processes were started for it (`accelerate launch`), all of them call this: the first one alone reads
    the items, judges and writes; the others return nothing once the training is over.

    Args:
        store: The workspace.
        project_id: Whose.
        wanted: How.
        number: Of the job; its folder and what it makes are named after it.
        report: Told the share done; returns True to cancel.
        hold: As `report`, but asks the store there and then, in the transaction that publishes: raises `JobLost` where
            another attempt has the job, and else keeps it until the transaction's end.

    Returns:
        What `asdict` makes of `Tuned`.

    Raises:
        NothingToLearn: There is nothing to train, or too little to train on.
        JobCancelled: `report` said so.
        JobLost: `hold` or `report` did.
    """
    job = _Job(store, project_id, wanted, number, report, hold)
    if not is_first():
        job.train_along()
        return {}
    _sweep(store)
    if (done := job.done_before()) is not None:
        store.delete_files(job.folder)
        return asdict(done)
    try:
        done = job.run()
    except JobLost:
        raise  # another attempt goes on with what is there
    except CollabError:
        with contextlib.suppress(StorageError):  # a full disk can't be asked, and what is deleted makes room
            hold(0.0, "")  # where another attempt has the job, the folder is not this one's to delete
        job.discard()
        raise
    store.delete_files(job.folder)
    return asdict(done)


def is_first() -> bool:
    """Whether this process is the one that tells and writes; of one alone it is."""
    return int(os.environ.get("RANK", "0")) == 0


class _Job:
    """One fine-tuning, from where it stands to its end."""

    def __init__(
        self, store: Store, project_id: int, wanted: Wanted, number: int, report: Report, hold: Report
    ) -> None:
        self._store, self._wanted, self._number, self._report = store, wanted, number, report
        self._id, self._hold = project_id, hold
        self.folder = f"jobs/{number}"
        self._told = 0.0
        self._progress = TuningProgress(number, of_epochs=wanted.recipe.epochs)
        self._made = ""
        """Name of the encoder that this attempt has brought to its place."""
        self._features = "", 0
        """Digest and columns of what it reads items into."""

    def done_before(self) -> Tuned | None:
        """What an earlier attempt has written, and died before it could say so."""
        for model in self._store.models(self._id):
            if model.record.making is not None and model.record.making.job == self._number:
                word = None if model.record.verdict is None else model.record.verdict.word
                return Tuned(model.id, word, model.status == "champion")
        return None

    def run(self) -> Tuned:
        """Do all of it."""
        tune_fits(self._store, self._id)
        note_begun(self._store, self._id, _now())
        project = self._store.project(self._id)
        if not reads_text(project) and not image_fields(project):
            return self._network(project)
        trained = self._trained(project)
        return self._judge(trained)

    def train_along(self) -> None:
        """Take part in the training of the first process; raises `Conflict` where that has ended or doesn't begin."""
        until = time.monotonic() + PATIENCE
        while not captured_there(self._store, self.folder):
            if self._over():
                raise Conflict("The first process of this training has ended before it began. It says why.")
            if time.monotonic() > until:
                raise Conflict("The first process of this training has not begun within ten minutes. Start it again.")
            time.sleep(0.2)
        if self._there("trained.json"):
            return  # an earlier attempt has trained: the first process goes on from there, alone
        self._fit(self._store.project(self._id), lambda _: False)

    def discard(self) -> None:
        """Take away what nobody will use: there is no version of it."""
        self._store.delete_files(self.folder)
        kept = (m.record for m in self._store.models(self._id) if not m.record.deleted_by)
        used = {name for record in kept for name in (record.text_encoder, record.image_encoder)}
        if self._made and self._made not in used:
            self._store.delete_files(tuned_folder(self._id, self._made))
            if self._features[1]:
                self._store.delete_features(self._id, *self._features)

    def _over(self) -> bool:
        """Whether the first process has ended the job."""
        try:
            return self._store.job(self._number).status not in ("queued", "running")
        except UnknownName:  # not of the queue
            return False

    def _there(self, name: str) -> bool:
        try:
            self._store.file(f"{self.folder}/{name}")
        except UnknownName:
            return False
        return True

    def _trained(self, project: Project) -> _Trained:
        """Train, or take up what an earlier attempt has trained."""
        if self._there("trained.json"):
            written = self._store.file(f"{self.folder}/trained.json").read_bytes()
            found = typed(_Trained, json.loads(written))
        else:
            found = self._train(project)
            self._store.write_file(f"{self.folder}/trained.json", iter([json.dumps(asdict(found)).encode()]))
        self._made = TUNED + found.digest
        here, there = (
            self._store.folder(name) for name in (f"{self.folder}/model", tuned_folder(self._id, self._made))
        )
        for part in here.iterdir():
            if _same(part, there / part.name):
                continue  # it may be in use
            # Damaged, or what a deletion left that was cut off; the digest says that it was the same.
            self._store.delete_files(f"{tuned_folder(self._id, self._made)}/{part.name}")
            part.rename(there / part.name)
        names = {"text": found.origins[0], "image": found.origins[1]}
        self._store.write_file(f"{tuned_folder(self._id, self._made)}/{MADE_FROM}", iter([json.dumps(names).encode()]))
        return found

    def _train(self, project: Project) -> _Trained:
        table = self._table(project)
        text, image = tunable(self._store, project)
        frozen = text_encoder(self._store, project) if reads_text(project) and not text else None
        capture(self._store, project, self.folder, table, frozen, texts=bool(text))
        made, learned = self._fit(project, self._watched)
        name, kept = TUNED + made.digest, project.policy
        names = name if text else kept.encoder, name if image else kept.image_encoder
        return _Trained(len(learned), made.digest, made, names, (text, image))

    def _fit(self, project: Project, tell: Callable[[Progress], bool]) -> tuple[FineTuned, Captured]:
        text, image = tunable(self._store, project)
        words: Encoder | None = encoder_of(text) if text else None
        eye: ImageEncoder | None = image_encoder_of(image) if image else None
        learned = captured(self._store, self.folder, eye.size if eye is not None else 0)
        fields = len(image_fields(project)) if eye is not None else 0
        written = f"{self.folder}/snapshot.safetensors", f"{self.folder}/snapshot.json"
        made = fine_tuning.fit(
            Pretrained(words, eye, fields, learned.raw.shape[1]),
            learned,
            learned.labels,
            len(project.schema.classes) if learned.labels.ndim == 1 else learned.labels.shape[1],
            self._wanted.recipe,
            self._store.folder(f"{self.folder}/model"),
            checkpoint=self._store.folder(f"{self.folder}/checkpoint"),
            tell=tell,
            log_dir=log_folder(self._store, self._id, self._number),
            snapshot=hashlib.sha256(b"".join(self._store.file(name).read_bytes() for name in written)).hexdigest(),
        )
        return made, learned

    def _watched(self, seen: Progress) -> bool:
        """Pass on how far the training is."""
        self._progress = replace(
            self._progress, epochs=seen.epochs, step=seen.step, steps=seen.steps, loss=seen.loss,
            eta_seconds=seen.eta_seconds, device=seen.device, memory_bytes=seen.memory_bytes, batch=seen.batch,
            note=seen.note,
        )  # fmt: skip
        return self._tell(TRAINED * seen.step / max(1, seen.steps))

    def _judge(self, trained: _Trained) -> Tuned:
        """Read all items with what was trained, hold it against the champion, and keep it as a version."""
        store, text, image = self._store, *trained.policy
        project = store.project(self._id)
        tuned_policy = replace(project.policy, encoder=text, image_encoder=image)
        candidate = replace(project, policy=tuned_policy)
        if model_name(store, candidate) == model_name(store, project):
            raise NothingToLearn(
                project.name,
                "these very answers were fine-tuned on already, and what came of it suggests now. Label some more.",
            )
        self._progress = replace(self._progress, doing="read", eta_seconds=None)
        sides, names = self._sides(project, candidate)
        making = Making(
            self._number, self._wanted.recipe.method, trained.labels, trained.made.held_out, len(trained.made.epochs),
            trained.made.best_epoch, trained.made.batch, trained.made.device, trained.made.seconds,
            trained.made.memory_bytes, trained.made.joules, trained.made.energy_by,
        )  # fmt: skip
        return self._decide(sides, names, making)

    def _sides(self, project: Project, candidate: Project) -> tuple[tuple[Side, Side], tuple[str, str]]:
        """Read all items as both do; with the names of both at that time, which say by what the table was measured."""
        while True:
            self._table(project)
            names = model_name(self._store, project), model_name(self._store, candidate)
            sides = Side(project, self._read(project)), Side(candidate, self._read(candidate, new=True))
            if names == (model_name(self._store, project), model_name(self._store, candidate)):
                return sides, names
            self._store.delete_features(self._id, *self._features)  # the table was measured anew: read both by that

    def _network(self, project: Project) -> Tuned:
        """Of tables alone there is no encoder to train: a network as the head is the candidate."""
        began = time.monotonic()
        candidate = replace(project, policy=replace(project.policy, head=NETWORK))
        self._table(project)
        name = model_name(self._store, project)
        blocks = self._read(project)
        making = Making(self._number, NETWORK, 0, 0, 0, 0, 0, device_words(), 0.0)
        return self._decide((Side(project, blocks), Side(candidate, blocks)), (name, name), making, began)

    def _decide(
        self, sides: tuple[Side, Side], names: tuple[str, str], making: Making, began: float | None = None
    ) -> Tuned:
        """Hold both against each other, and write what came of it in one transaction, under the names given."""
        store, project = self._store, sides[0].project
        self._progress = replace(self._progress, doing="judge")
        self._told = 0.0
        if self._tell(READ):
            raise JobCancelled
        champion = champion_of(store, project, names[0], _now())
        outcome = contest(store, *sides, champion.id, _now())
        if began is not None:
            making = replace(making, labels=outcome.learned, seconds=time.monotonic() - began)
        if sides[1].blocks is not sides[0].blocks:
            encode_with(store, project, sides[1].blocks, lambda _: False)  # what was imported meanwhile
        if self._tell(READ):
            raise JobCancelled
        with store.transaction():
            store.lock(self._id)
            if self._hold(READ, self._progress.note):
                raise JobCancelled
            version = keep(store, sides[1].project, champion.id, making, outcome, _now(), name=names[1])
            today = store.project(self._id)
            same = (model_name(store, today), today.policy.head) == (names[0], project.policy.head)
            better = outcome.verdict is not None and outcome.verdict.word == "better"
            promoted = better and same and today.policy.promote_alone and version.status == "candidate"
            if promoted:
                promote(store, self._id, version.id, "", f"job {self._number}: promote", _now())
        return Tuned(version.id, None if outcome.verdict is None else outcome.verdict.word, promoted)

    def _table(self, project: Project) -> Table | None:
        """The measurement of the table; it is made where no job has made it yet."""
        written = measured(self._store, project)
        return measure(self._store, project) if written is None else Table.from_json(written)

    def _read(self, project: Project, *, new: bool = False) -> Blocks:
        """Read all items as this policy names it; what is read already costs nothing."""
        self._table(project)
        text, images = text_encoder(self._store, project), image_encoder(self._store, project)
        blocks = blocks_of(self._store, project, text, images)
        if new:
            self._features = blocks.digest, blocks.dim
        encode_with(self._store, project, blocks, lambda share: self._tell(TRAINED + (READ - TRAINED) * share))
        return blocks

    def _tell(self, share: float) -> bool:
        """Show how far it is, twice a second; whether a person asked to stop."""
        if time.monotonic() - self._told > TOLD_EVERY:
            self._told = time.monotonic()
            self._progress = replace(self._progress, share=share)
            put_progress(self._store, self._id, asdict(self._progress), _now())
        return self._report(share, self._progress.note)


def _sweep(store: Store) -> None:
    """Delete the folders of jobs that are over: one that was lost three times could not do it itself."""
    for folder in store.folder("jobs").iterdir():
        try:
            over = not folder.name.isdigit() or store.job(int(folder.name)).status not in ("queued", "running")
        except UnknownName:
            over = False  # not of the queue
        if over:
            store.delete_files(f"jobs/{folder.name}")


def _same(folder: Path, other: Path) -> bool:
    """Whether two folders hold the same files."""
    names, others = ({p.relative_to(f) for p in f.rglob("*") if p.is_file()} for f in (folder, other))
    return names == others and all(filecmp.cmp(folder / name, other / name, shallow=False) for name in names)


def log_folder(store: Store, project_id: int, job: int) -> Path:
    """Where TensorBoard finds the losses of a fine-tuning; they stay when it is over."""
    return store.workspace / "tensorboard" / f"{project_id}-{job}"


def _now() -> int:
    return time.time_ns() // 1_000_000
