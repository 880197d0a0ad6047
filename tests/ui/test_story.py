"""The whole story in a real browser on the real app: from a file on the expert's disk to the labeled file."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from collab.storage.database import open_store
from tests.driving import App, running_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOODS = {
    "happy": ("What a lovely morning", "I am so glad about this", "Best cake of my life", "She made me laugh"),
    "sad": ("What an awful morning", "I am so tired of this", "Worst cake of my life", "She made me cry"),
}
ROWS = [
    {"id": f"note {number}", "note": f"{text}, number {number}", "mood": mood}
    for number, (text, mood) in enumerate(
        (text, mood) for _ in range(30) for mood, texts in MOODS.items() for text in texts
    )
]
KEYS = {"happy": "1", "sad": "2"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, ["id", "note", "mood"])
        writer.writeheader()
        writer.writerows(ROWS)
    return path


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    (tmp_path / "workspace").mkdir()
    with running_app(tmp_path / "workspace") as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US", reduced_motion="reduce")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.mark.timeout(600)
def test_an_expert_labels_a_file_by_keyboard_and_takes_it_home(
    page: Page, app: App, file: Path, tmp_path: Path
) -> None:
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    make_project(page, app.address, file)
    page.goto(f"{app.address}/label")
    answers = {}
    for _ in range(30):
        ref, mood = what_is_asked(page)
        answers[ref] = mood
        answer(page, KEYS[mood])
    expect(page.locator("#save")).to_have_attribute("data-s", "ok")

    # The model has learned: among the next items some come with its suggestion.
    until_suggested(page, answers)
    expect(page.locator("#from")).to_have_text("The model suggests")

    # Z reopens the last answer; the other key changes it; a reload forgets nothing.
    before = page.locator("#body").get_attribute("data-ask")
    page.keyboard.press("z")
    expect(page.locator("#body")).not_to_have_attribute("data-ask", before or "")
    ref, mood = what_is_asked(page)
    other = "happy" if mood == "sad" else "sad"
    assert answers[ref] == mood
    answer(page, KEYS[other])
    answers[ref] = other
    expect(page.locator("#save")).to_have_attribute("data-s", "ok")
    page.reload()
    expect(page.locator("#past li").first).to_contain_text(re.compile(f"{other}", re.I))
    expect(page.locator("#goalt")).to_contain_text(f"{len(answers)} of 200")

    # So does the list of one's own answers, whose first row is the one that was changed.
    page.goto(f"{app.address}/answers")
    page.get_by_test_id("stDataFrame").click(position={"x": 17, "y": 52})
    page.get_by_role("button", name="Open on the card").click()
    expect(page.locator(".opt.was .nm")).to_have_text(other)
    assert what_is_asked(page)[0] == ref
    page.keyboard.press("Escape")
    expect(page.locator("#back")).to_be_hidden()

    taken = export(page, app.address, tmp_path / "labeled.csv")
    assert [{name: row[name] for name in ("id", "note", "mood")} for row in taken] == ROWS
    assert {row["id"]: row["answer"] for row in taken if row["answer"]} == answers
    assert {row["annotator"] for row in taken if row["answer"]} == {"Ada"}

    store = open_store(app.log.parent)
    (project,) = store.projects()
    assert [job.payload["uploaded"] for job in store.jobs(project.id) if job.kind == "import"] == [True]
    assert store.check_chain(project.id) == len(answers) + 2  # the import, and the answer that was changed
    store.close()


def make_project(page: Page, address: str, file: Path) -> None:
    page.goto(address)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Go on", exact=True).click()
    page.get_by_role("button", name="New project").first.click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Step 2 of 4")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Question").fill("How is the writer?")
    page.get_by_label("Question").press("Enter")
    page.get_by_label("Take the classes from a column").click()
    page.get_by_role("option", name="mood").click()
    page.get_by_role("button", name="Take them").click()
    expect(page.get_by_text("happy (120)")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Create and import").click()
    expect(page.get_by_text("of 240 answered")).to_be_visible()


def what_is_asked(page: Page) -> tuple[str, str]:
    expect(page.locator("#card")).to_have_attribute("data-state", re.compile("ask|again"))
    text = page.locator("#body").inner_text()
    return next((row["id"], row["mood"]) for row in ROWS if row["note"] == text.strip())


def answer(page: Page, key: str) -> None:
    before = page.locator("#body").get_attribute("data-ask") or ""
    page.wait_for_timeout(150)  # the card leaves out presses that come right after paint
    page.keyboard.press(key)
    expect(page.locator("#body")).not_to_have_attribute("data-ask", before)


def until_suggested(page: Page, answers: dict[str, str]) -> None:
    for _ in range(40):
        page.wait_for_timeout(1000)  # what is held unseen gets its suggestion soon after the fit
        if page.locator("#accept").is_visible():
            return
        ref, mood = what_is_asked(page)
        answers[ref] = mood
        answer(page, KEYS[mood])


def export(page: Page, address: str, to: Path) -> list[dict[str, str]]:
    page.goto(f"{address}/export")
    page.get_by_role("button", name="Make the file").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    download.value.save_as(to)
    with to.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
