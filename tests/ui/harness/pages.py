"""The whole app over the workspace in COLLAB_HARNESS; no worker runs."""

import os
from pathlib import Path

import streamlit as st

from collab.storage.database import open_store
from collab.ui.server import app_arguments

app = st.App(**app_arguments(open_store(Path(os.environ["COLLAB_HARNESS"]))))
