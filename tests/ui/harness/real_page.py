"""Mounts the card of the project that the address names, for Ada."""

import streamlit as st

from collab.ui.card.card import label_card
from collab.ui.grants import Grant, issue_grant
from tests.ui.harness.real import STORE

st.set_page_config(page_title="Harness", layout="wide")
project = STORE.project(int(st.query_params["project"]))
label_card(project, "Ada", issue_grant(STORE.secret(), Grant("Ada", project.id)))
