"""A new project in four steps: file, columns, question and classes, summary. Nothing is stored before the last one."""

import streamlit as st

from collab.domain.project import LabelSchema
from collab.domain.table import PICTURES
from collab.domain.task import MultiLabel, SingleLabel
from collab.errors import CollabError
from collab.loop import founding, guessing, looking, reporting
from collab.loop.planning import fields_of, plan_from
from collab.ui import columns, session
from collab.ui.classes import class_editor, classes_within, read_classes, rows_from_names
from collab.ui.pieces import duration, heading, plain
from collab.ui.sentences import told
from collab.ui.upload import ask_for_file, look, show_preview, show_rejected
from collab.ui.words import word

STEPS = ("file", "columns", "classes", "summary")
SECONDS_EACH = 6.0
"""What an answer is taken to cost where this person's own pace isn't known yet."""
FEW = 400
"""A first stretch of labeling, in answers: where there is more, its time is told too."""


def draw() -> None:
    """Draw the step that the person is at."""
    draft = st.session_state.setdefault("draft", {"step": 0})
    heading(word("new.title"))
    st.progress(
        (draft["step"] + 1) / len(STEPS),
        text=word("new.step", n=draft["step"] + 1, of=len(STEPS), name=word(f"new.{STEPS[draft['step']]}")),
    )
    (_file, _columns, _classes, _summary)[draft["step"]](draft)


def _file(draft: columns.Draft) -> None:
    st.markdown(word("new.file_why"))
    found = ask_for_file("new") or draft.get("file")
    if found is not None:
        table = look(found.path, found.name)
        if draft.get("file") != found:
            guessed = guessing.guess(table)
            draft.update(file=found, table=table, guessed=guessed, guesses=guessed)
            if not draft.get("edited"):
                for of_the_last_file in ("proposed", "class_rows", "counts", "too_many"):
                    draft.pop(of_the_last_file, None)
        st.markdown(word("new.found", name=plain(found.name), rows=f"{table.about:,}", columns=len(table.columns)))
        show_preview(table)
    _turn(draft, back=False, forward=found is not None)


def _columns(draft: columns.Draft) -> None:
    draft["table"] = columns.reading_options(draft["table"], draft["file"].name)
    draft["guesses"] = columns.column_editor(draft["guessed"], key=f"new-columns-{draft['file'].path.name}")
    columns.say_personal(draft["guesses"])
    show_preview(draft["table"])
    draft["choices"] = columns.answer_options(draft)
    _turn(draft, forward=columns.can_go_on(draft), kept={"guessed": draft["guesses"]})


def _classes(draft: columns.Draft) -> None:
    schema = draft.get("schema")
    question = st.text_input(
        word("new.question"), schema.question if schema else "", placeholder=_example(draft), key="new-q"
    )
    many = _any_number(schema)
    answers = next((g.name for g in draft["guesses"] if g.role == "answer"), None)
    names = draft["table"].columns
    proposed, was = draft.get("proposed", (answers, None))
    if proposed is not None and was != many and not draft.get("edited"):
        _propose(draft, proposed, many=many)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        column = st.selectbox(word("new.from_column"), names, index=names.index(answers) if answers else None)
        if st.button(word("new.take"), disabled=column is None) and column is not None:
            _propose(draft, column, many=many)
    if draft.get("too_many"):
        st.warning(word("new.too_many", most=guessing.MOST_CLASSES))
    if draft.get("counts"):
        st.caption(" · ".join(f"{plain(name)} ({n:,})" for name, n in draft["counts"]))
        if draft["table"].format == PICTURES:
            st.caption(word("new.files_counted"))
    given = draft.get("class_rows") or rows_from_names(["", ""])
    rows = class_editor(given, key=f"new-classes-{draft.get('editor', 0)}")
    draft["edited"] = draft.get("edited", False) or read_classes(rows) != read_classes(given)
    guidelines = st.text_area(word("new.guidelines"), schema.guidelines if schema else "", key="new-g")
    ready = False
    if not question.strip():
        st.caption(word("new.needs_question"))
    else:
        try:
            task = MultiLabel.name if many else SingleLabel.name
            draft["schema"] = LabelSchema(question.strip(), read_classes(rows), guidelines.strip(), task)
            ready = True
        except CollabError as error:
            st.warning(plain(told(error)))
    _turn(draft, forward=ready, kept={"class_rows": rows})


def _example(draft: columns.Draft) -> str:
    """A question as it may be asked of what people see."""
    kinds = {f.kind for f in fields_of(draft["guesses"]) if f.shown}
    return word(f"new.question_{'image' if 'image' in kinds else 'text' if 'text' in kinds else 'row'}")


def _propose(draft: columns.Draft, column: str, *, many: bool) -> None:
    """Take the classes that a column of the file names."""
    counts = classes_within(guessing.classes_in(draft["table"], column), many=many)
    draft["counts"] = counts.most_common(guessing.MOST_CLASSES)
    draft["class_rows"] = rows_from_names([name for name, _ in draft["counts"]])
    draft["editor"] = draft.get("editor", 0) + 1  # another key: an editor keeps its edits by row number
    draft["too_many"] = len(counts) > guessing.MOST_CLASSES
    draft["proposed"], draft["edited"] = (column, many), False


def _any_number(schema: LabelSchema | None) -> bool:
    """Ask how many classes may apply to an item."""
    kinds = {False: "one", True: "any"}
    return st.radio(
        word("new.how_many"), [*kinds], index=int(schema.many) if schema else 0, key="new-many",
        format_func=lambda m: word(f"new.{kinds[m]}"), captions=[word(f"new.{k}_why") for k in kinds.values()],
    )  # fmt: skip


def _summary(draft: columns.Draft) -> None:
    table, schema = draft["table"], draft["schema"]
    name = st.text_input(
        word("new.name"), draft["file"].name.split(".")[0].replace("_", " "), max_chars=80, key="new-name"
    )
    st.markdown(word("new.counts", rows=f"{table.about:,}", classes=len(schema.live), question=plain(schema.question)))
    _time(table.about)
    _written(draft)
    if "answers" in draft["choices"]:
        use = draft["choices"]["answers"]
        st.markdown(word("new.answers", use=word(f"answers_as.{use}"), why=word(f"answers_as.{use}_why")))
    fields = fields_of(draft["guesses"])
    texts = [f.name for f in fields if f.encoded and f.kind == "text"]
    language = guessing.language_of(str(cells.get(t) or "") for cells in table.sample for t in texts)
    if language not in ("en", "unknown"):
        st.warning(word("new.language", language=word(f"language.{language}")), icon=":material/translate:")
    if _turn(draft, forward=bool(name.strip()), last=True):
        plan = plan_from(draft["guesses"], None, **draft["choices"])
        payload, who = draft["file"].payload(plan), session.annotator()
        project = founding.found(session.desk(), name.strip(), fields, schema, payload, who, session.now())
        del st.session_state["draft"]
        session.open_project(project.id)
        session.go("home")


def _written(draft: columns.Draft) -> None:
    """Show what was typed and chosen once more, so that a slip is seen before anything is stored."""
    schema: LabelSchema = draft["schema"]
    classes = [plain(f"{c.name} ({c.key})" if c.key else c.name) for c in schema.live]
    st.markdown(word("new.classes_are", classes=", ".join(classes)))
    st.markdown(word("new.any_applies" if schema.many else "new.one_applies"))
    st.caption(word("new.columns_are"))
    st.dataframe(
        [{word("columns.name"): g.name, word("columns.role"): word(f"role.{g.role}")} for g in draft["guesses"]],
        hide_index=True, width="content", height="auto",
    )  # fmt: skip
    if personal := [g.name for g in draft["guesses"] if g.personal]:
        st.markdown(word("new.personal_are", columns=plain(", ".join(personal))))
    show_rejected(draft["table"])
    st.caption(word("new.later"))


def _time(items: int) -> None:
    """Say how long labeling takes, and from where the pace is known."""
    desk, who = session.desk(), session.annotator()
    known = ((p.name, reporting.pace(desk, p.id, who)) for p in looking.projects(desk))
    project, seconds = next(((name, pace) for name, pace in known if pace), ("", SECONDS_EACH))
    if project:
        pace = word("new.own_pace", project=plain(project), seconds=f"{seconds:.1f}")
    else:
        pace = word("new.assumed", seconds=f"{seconds:.0f}")
    whole = duration(items * seconds)
    if items <= FEW:
        st.markdown(word("new.time", pace=pace, all=whole))
    else:
        st.markdown(word("new.time_many", pace=pace, few_items=FEW, few=duration(FEW * seconds), all=whole))


def _turn(
    draft: columns.Draft, *, forward: bool, back: bool = True, last: bool = False, kept: columns.Draft | None = None
) -> bool:
    """Draw the buttons between the steps; True where the person goes on from the last step."""
    with st.container(horizontal=True):
        if back and st.button(word("new.back")):
            draft.update(kept or {}, step=draft["step"] - 1)
            st.rerun()
        if st.button(word("new.create" if last else "new.next"), type="primary", disabled=not forward):
            if last:
                return True
            draft.update(kept or {}, step=draft["step"] + 1)
            st.rerun()
    return False
