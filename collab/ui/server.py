"""The app as one ASGI application: the pages, the routes beside them, the headers, and a lifespan that runs a worker.

Refuses to know how a store is opened and what a worker does.
"""

import gc
import importlib
import logging
import os
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from streamlit import config

from collab.domain.store import Store
from collab.errors import NotAlone
from collab.ui import session
from collab.ui.headers import SecurityHeaders
from collab.ui.hearing import Hearing
from collab.ui.loopback import Loopback
from collab.ui.routes import routes
from collab.ui.words import word

Worker = Callable[[], AbstractAsyncContextManager[None]]
Settings = dict[str, Any]  # values of Streamlit's options, each of its own type

HERE = Path(__file__).resolve().parent
CONFIG = HERE / ".streamlit" / "config.toml"

IMPORTED_LATER = (
    "pandas",
    "pyarrow",
    "altair",
    "collab.ui.page_certify",
    "collab.ui.page_data",
    "collab.ui.page_insights",
    "collab.ui.page_label",
    "collab.ui.page_models",
    "collab.ui.page_new",
)
"""What would else be imported in the middle of somebody's first page."""

SWITCH_S = 0.0005
"""For how long a thread may compute while others want to, a tenth of Python's own value.

An answer is saved in some thirty short waits for the database, and after each its thread queues behind whatever else
computes. Of fifty annotators on PostgreSQL the median wait fell from 433 to 138 ms (one run each).
"""

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AppArguments(TypedDict):
    """What `st.App` is built from."""

    script_path: Path
    routes: list[BaseRoute]
    middleware: list[Middleware]
    lifespan: Callable[[st.App], AbstractAsyncContextManager[dict[str, Any] | None]]
    on_script_error: Callable[[Exception], bool | None]


def app_arguments(store: Store, *, worker: Worker | None = None, base: str = "") -> AppArguments:
    """Put the parts of the app together.

    Args:
        worker: Entered when the server starts and left when it ends; None: the worker is run by someone else.
        base: Path prefix under which the app is served; the same as Streamlit's `server.baseUrlPath`.
    """
    session.hold(store, base)

    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[None]:
        for name in IMPORTED_LATER:
            importlib.import_module(name)
        sys.setswitchinterval(SWITCH_S)
        gc.collect()
        gc.freeze()  # what was imported is never garbage: no later collection need look at it
        try:
            if worker is None:
                yield
            else:
                async with worker():
                    yield
        finally:
            store.close()

    return AppArguments(
        script_path=HERE / "navigation.py",
        routes=routes(store, base),
        middleware=[Middleware(SecurityHeaders), Middleware(Hearing), Middleware(Loopback, way=store.sign_in_way)],
        lifespan=lifespan,
        on_script_error=_tell_unexpected,
    )


def create_app(store: Store, *, worker: Worker | None = None, base: str = "") -> st.App:
    """Build the app. `app.py` says `st.App(**app_arguments(...))` instead: `streamlit run` looks for those words."""
    return st.App(**app_arguments(store, worker=worker, base=base))


def serve(store: Store, host: str = "127.0.0.1", port: int = 8501, *, worker: Worker | None = None) -> None:
    """Serve until stopped. Raises `NotAlone`."""
    check_host(store, host)
    settings = packaged_settings() | environment_settings(os.environ)
    settings |= {"server.address": host, "server.port": port}
    if host not in LOOPBACK and "STREAMLIT_SERVER_ALLOWED_HOSTS" not in os.environ:
        settings["server.allowedHosts"] = ["*"]  # who opens the door to a network is reached by names not known here
    app = create_app(store, worker=worker, base=settings.get("server.baseUrlPath", ""))
    app.run(config=settings)


def check_host(store: Store, host: str) -> None:
    """Raise `NotAlone` where other machines could come in, and nobody would have to say who they are."""
    if host not in LOOPBACK and store.sign_in_way() == "none":
        raise NotAlone(host)


def _tell_unexpected(error: Exception) -> bool:
    """Say something neutral on the page; what happened goes to the server's log."""
    logging.getLogger("collab").error("A page failed.", exc_info=error)
    st.error(word("errors.unexpected"), icon=":material/error:")
    return True


def packaged_settings() -> Settings:
    """The options of the packaged config file, by dotted name. `App.run` looks for a file beside its launcher only."""
    return _flat(tomllib.loads(CONFIG.read_text("utf-8")))


def environment_settings(environ: Mapping[str, str]) -> Settings:
    """The options that STREAMLIT_* variables set, which `App.run` doesn't read."""
    found: Settings = {}
    for key, option in config._config_options_template.items():  # reading the options would load them too early
        text = environ.get(option.env_var)
        if text is None or option.sensitive:
            continue
        if option.multiple:
            found[key] = text.split()
        elif option.type is bool:
            found[key] = text.strip().lower() in ("1", "true", "t", "yes", "y", "on")
        else:
            found[key] = option.type(text)
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> Settings:
    flat: Settings = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
