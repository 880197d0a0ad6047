"""Mounts the card on a scene of the fake server, beside a Streamlit input and a dialog that want keys of their own."""

import dataclasses

import streamlit as st

from collab.domain.project import PALETTE, Field, LabelClass, LabelSchema, LoopPolicy, Project
from collab.ui.card.card import label_card
from tests.ui.harness.server import CLASSES, SCENES

GUIDELINES = "Answer what the writer feels, not what you feel.\n\nIrony counts as what is meant."

st.set_page_config(page_title="Harness", layout="wide")


@st.dialog("A dialog")
def ask() -> None:
    st.write("Nothing behind it may hear a key.")


scene = SCENES[int(st.query_params["scene"])]
many = [
    LabelClass(f"c{i}", f"Diagnosis group {i + 1}", scene.keys[i] if i < len(scene.keys) else "", PALETTE[i % 10])
    for i in range(scene.classes)
]
few = [
    LabelClass(i, name, scene.keys[n], color, "The writer shows this feeling.", "What a day!", "What a day, sigh.")
    for n, (i, name, color) in enumerate(CLASSES)
]
task = "multi label" if scene.many else "single label"
schema = LabelSchema("How does the writer feel?", tuple(few if scene.classes == 3 else many), GUIDELINES, task)
policy = dataclasses.replace(LoopPolicy(), daily_goal=scene.goal, idle_minutes=scene.idle_minutes)
fields = (*(Field(name, "image") for name in scene.pictures), Field("text"))
project = Project(scene.number, "Harness", fields, schema, policy)

if st.query_params.get("page") == "other":
    st.write("Another page")
else:
    name = st.session_state.get("name", "Ana Belém")
    event = label_card(
        project,
        name,
        f"{scene.number}/{st.session_state.get('turn', 0)}",
        lang=st.session_state.get("lang", "en"),
        mode="review" if scene.reviews else "label",
        keys_on=scene.keys_on,
        reopen=st.query_params.get("reopen", ""),
    )
    if event.who:
        st.write("Who is here?")
with st.sidebar:
    st.text_input("Note")
    if st.button("Open a dialog"):
        ask()
    if st.button("Other page" if "page" not in st.query_params else "Card"):
        if "page" in st.query_params:
            del st.query_params["page"]
        else:
            st.query_params["page"] = "other"
        st.rerun()
    other = "en" if st.session_state.get("lang") == "zh" else "zh"
    if st.button("Other language", key=other):
        st.session_state["lang"] = other
        st.rerun()
    if st.button("Other person"):
        st.session_state["name"] = "Bo"
        st.rerun()
