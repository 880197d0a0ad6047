"""`streamlit run app.py` and `uvicorn app:app` serve the workspace that COLLAB_DATA names, as `collab run` does."""

import os
from functools import partial
from pathlib import Path

import streamlit as st

from collab.jobs.supervisor import supervise
from collab.storage.database import open_store
from collab.ui.server import app_arguments

workspace, url = Path(os.environ.get("COLLAB_DATA", "workspace")), os.environ.get("COLLAB_DATABASE", "")
worker = partial(supervise, workspace, url)
app = st.App(**app_arguments(open_store(workspace, url or None), worker=worker))  # Streamlit looks for `st.App(`
