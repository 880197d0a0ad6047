"""The real routes over the workspace in COLLAB_HARNESS, and a page that mounts the card on them; no worker runs."""

import os
from pathlib import Path

import streamlit as st

from collab.storage.database import open_store
from collab.ui.routes import routes

STORE = open_store(Path(os.environ["COLLAB_HARNESS"]))

app = st.App(Path(__file__).with_name("real_page.py"), routes=routes(STORE))
