"""People who sign in, in a real browser on the real app."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from collab.domain.project import Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem, Store
from collab.loop import admitting, annotating
from collab.storage.database import open_store
from tests.driving import App, free_port, running_app
from tests.samples import answer_of, row
from tests.ui.conftest import serve
from tests.ui.harness.provider import CLIENT, SECRET

pytestmark = [pytest.mark.browser, pytest.mark.slow]

IMAGE = '<img src="x" onerror="window.ran = 1">'
LINK = "[click](javascript:window.ran=1)"
PASSWORDS = {"Ana": "seven green bottles", "Ben": "eight brown kettles", "Cleo": "nine white candles"}
PROVIDER = re.compile("Sign in with your")
NOW = 1_700_000_000_000


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def opened(workspace: Path) -> Iterator[Store]:
    store = open_store(workspace)
    yield store
    store.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US", reduced_motion="reduce")
    made.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    yield made
    made.close()


def filled(store: Store, name: str, schema: LabelSchema, texts: list[NewItem]) -> Project:
    made = store.create_project(name, (Field("text"),), schema, LoopPolicy(encoder="hashing"), NOW)
    import_id = store.begin_import(made.id, f"{name}.csv", "nothing", NOW)
    store.add_items(import_id, texts)
    store.finish_import(import_id, ImportReport(added=len(texts)), 0.0, 500, NOW)
    return made


def accounts(store: Store, project: Project, **names: str) -> None:
    for role, name in {"admin": "Ana", **names}.items():
        password = PASSWORDS.get(name, PASSWORDS["Ana"])
        admitting.add_person(store, name, password=password, admin=role == "admin", by="", now=NOW)
        admitting.set_role(store, project.id, name, "annotator" if role != "admin" else "admin", "", NOW)


def enter(page: Page, name: str, password: str = "") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password or PASSWORDS[name])
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_be_hidden()


def answer(page: Page, key: str) -> None:
    before = page.locator("#body").get_attribute("data-ask") or ""
    page.wait_for_timeout(300)  # a key that comes at once is taken for a slip
    page.keyboard.press(key)
    expect(page.locator("#body")).not_to_have_attribute("data-ask", before)


def said(store: Store, project: Project) -> list[str]:
    return [event.actor for _, event in store.log(project.id) if event.kind == "answer"]


@pytest.mark.timeout(300)
def test_answers_of_a_session_that_ended_wait_for_their_own_person(
    context: BrowserContext, workspace: Path, opened: Store
) -> None:
    schema = LabelSchema("Which?", classes_from_names(("Yes", "No")))
    project = filled(opened, "Reviews", schema, [row(n) for n in range(1, 30)])
    accounts(opened, project, one="Ben", two="Cleo")
    with running_app(workspace) as app:
        app.wait_until_ready()
        page = context.new_page()
        page.goto(f"{app.address}/label")
        enter(page, "Ben")
        assert {c["httpOnly"] for c in context.cookies() if c["name"].startswith("collab_session")} == {True}
        assert "collab_session" not in str(page.evaluate("document.cookie"))
        answer(page, "1")
        expect(page.locator("#save")).to_have_attribute("data-s", "ok")
        opened.end_sessions("Ben")
        answer(page, "1")
        answer(page, "2")
        expect(page.locator("#save")).to_have_attribute("data-s", "dead")
        expect(page.get_by_text("Your session has ended.").first).to_be_visible()
        assert said(opened, project) == ["Ben"]

        page.reload()
        enter(page, "Cleo")
        expect(page.locator("#save")).to_have_attribute("data-s", "ok")
        answer(page, "1")
        expect(page.locator("#save")).to_have_attribute("data-s", "ok")
        assert said(opened, project) == ["Ben", "Cleo"]
        page.goto(app.address)
        page.get_by_role("button", name="Account").click()
        page.get_by_role("button", name="Sign out").click()

        enter(page, "Ben")
        page.goto(f"{app.address}/label")
        expect(page.locator("#save")).to_have_attribute("data-s", "ok")
        assert said(opened, project) == ["Ben", "Cleo", "Ben", "Ben"]


@pytest.mark.timeout(300)
def test_markup_in_names_is_text_on_every_page(context: BrowserContext, workspace: Path, opened: Store) -> None:
    schema = LabelSchema(f"Which {IMAGE} {LINK}?", classes_from_names((IMAGE, LINK)), f"Look {IMAGE} {LINK}")
    project = filled(opened, f"P {IMAGE} {LINK}", schema, [row(n, f"{IMAGE} {LINK} {n}") for n in range(1, 20)])
    name = '<img src="x" onerror="window.ran=1">[c](javascript:1)'
    accounts(opened, project, one=name)
    admitting.set_admin(opened, name, True, "", NOW)
    for number, each in enumerate(opened.pool(project.id)):
        if number < 8:
            choice = schema.classes[number % 2].id
            annotating.submit(opened, answer_of(project.id, each.item, choice, by=name), "", NOW + number)
    with running_app(workspace) as app:
        app.wait_until_ready()
        page = context.new_page()
        page.goto(app.address)
        enter(page, name, PASSWORDS["Ana"])
        expect(page.get_by_role("heading", name="Projects")).to_be_visible()
        for place in ("", *PLACES):
            page.goto(f"{app.address}/{place}")
            expect(page.locator("[data-testid=stAppViewContainer]")).to_contain_text("onerror")
            page.wait_for_timeout(1500)
            assert page.get_by_text("Page not found").count() == 0, place
            assert page.evaluate("window.ran") is None, place
            assert page.locator('img[src="x"]').count() == 0, place
            assert page.locator('a[href^="javascript:" i]').count() == 0, place


PLACES = (
    "label", "answers", "review", "data", "agreement", "insights", "models", "certify", "export", "settings", "team",
    "privacy",
)  # fmt: skip


@pytest.mark.timeout(300)
def test_a_provider_lets_in_whom_the_list_names_for_as_long_as_it_says(
    context: BrowserContext, workspace: Path, opened: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve("tests.ui.harness.provider:app", tmp_path / "provider.log", ready="/jwks") as provider:
        admitting.add_person(opened, "Ana", issuer=provider, subject="1", admin=True, by="", now=NOW)
        port = free_port()
        monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(secrets(tmp_path, provider, port)))
        with running_app(workspace, port=port) as app:
            app.wait_until_ready()
            page = context.new_page()
            come(page, app, provider, sub="stranger", seconds=3600)
            expect(page.get_by_text("you have no account here (403)")).to_be_visible()
            expect(page.get_by_text(f"--issuer '{provider}' --subject 'stranger'")).to_be_visible()
            assert opened.accesses()[0][1].detail == {"issuer": provider, "subject": "stranger"}
            page.get_by_role("button", name="Sign in as somebody else").click()
            expect(page.get_by_role("button", name=PROVIDER)).to_be_visible()
            come(page, app, provider, sub="1", seconds=3600)
            expect(page.get_by_role("heading", name="Projects")).to_be_visible()
            page.get_by_role("button", name="Account").click()
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("button", name=PROVIDER)).to_be_visible()
            come(page, app, provider, sub="1", seconds=8)
            expect(page.get_by_role("heading", name="Projects")).to_be_visible()
            page.wait_for_timeout(8000)
            page.get_by_text("Insights").first.click()
            expect(page.get_by_text("Your session has ended.")).to_be_visible()


def secrets(folder: Path, provider: str, port: int) -> Path:
    file = folder / "secrets.toml"
    file.write_text(
        f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\ncookie_secret = "{"x" * 40}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    return file


def come(page: Page, app: App, provider: str, **who: object) -> None:
    """Sign in with the provider, which takes them for this person."""
    body = json.dumps(who).encode()
    urllib.request.urlopen(urllib.request.Request(f"{provider}/as", body)).close()
    page.goto(app.address.replace("127.0.0.1", "localhost"))
    page.get_by_role("button", name=PROVIDER).click()
