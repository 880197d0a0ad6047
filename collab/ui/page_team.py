"""Team: who is what in the open project, and for administrators of the workspace, who can sign in at all."""

import streamlit as st

from collab.domain.access import RIGHTS, ROLES, Person, Role
from collab.domain.project import Project
from collab.loop import admitting
from collab.ui import session
from collab.ui.pieces import empty, errors_told, heading, plain
from collab.ui.words import word


def draw() -> None:
    """Draw the members of the open project, then the accounts."""
    heading(word("team.title"), word("team.why"))
    if session.way() == "none":
        empty("lock_open", word("team.trust"), word("team.trust_why"))
        st.code("collab member add NAME --admin", language=None)
        _roles()
        return
    project, all_of_them = session.project(), session.may("administer")
    if project is not None and session.may("administer", project.id):
        _members(project)
    if all_of_them:
        _accounts()
    _roles()


def _members(project: Project) -> None:
    desk = session.desk()
    members = admitting.members(desk, project.id)
    with st.container(border=True):
        st.header(word("team.members", project=plain(project.name)), anchor=False)
        if not members:
            st.caption(word("team.no_members"))
        for name, role in members.items():
            _member(project, name, role)
        st.caption(word("team.admins_too"))
        free = admitting.candidates(desk, project.id)
        if not free:
            st.caption(word("team.all_in"))
            return
        with st.form(f"add-{project.id}", border=False, clear_on_submit=True):
            one, two, three = st.columns([3, 2, 1], vertical_alignment="bottom")
            with one:
                chosen = st.selectbox(word("team.person"), free, index=None, placeholder=word("team.choose"))
            with two:
                role = _ask_role(f"new-{project.id}", "annotator", word("team.role"))
            with three:
                sent = st.form_submit_button(word("team.add"), type="primary")
        if sent and chosen:
            _set(project, chosen, role)


def _member(project: Project, name: str, role: Role) -> None:
    key = f"{project.id}-{name}"
    one, two, three = st.columns([3, 2, 1], vertical_alignment="center")
    with one:
        st.markdown(plain(name))
    with two:
        chosen = _ask_role(f"role-{key}-{role}", role, word("team.role_of", name=plain(name)))
    with three:
        gone = st.button(word("team.remove"), key=f"remove-{key}", type="tertiary", icon=":material/person_remove:")
    if gone:
        _set(project, name, None)
    elif chosen != role:
        _set(project, name, chosen)


def _ask_role(key: str, role: Role, label: str) -> Role:
    return st.selectbox(
        label, ROLES, ROLES.index(role), format_func=lambda r: word(f"team.{r}"), key=key,
        label_visibility="visible" if key.startswith("new") else "collapsed",
    )  # fmt: skip


def _set(project: Project, name: str, role: Role | None) -> None:
    with errors_told():
        admitting.set_role(session.desk(), project.id, name, role, session.annotator(), session.now())
        st.rerun()


def _accounts() -> None:
    people = admitting.accounts(session.desk())
    with st.container(border=True):
        st.header(word("team.accounts"), anchor=False)
        _given()
        for person in people:
            _account(person)
        with st.expander(word("team.new_account"), icon=":material/person_add:"):
            if session.way() == "accounts":
                _new_account()
            else:
                _new_listed()


def _given() -> None:
    """The passwords that were made here, until somebody has noted them: nobody can read them again."""
    given: dict[str, str] = st.session_state.get("given", {})
    for name, password in given.items():
        st.success(word("team.given", name=plain(name)), icon=":material/key:")
        st.code(password, language=None)
    if given and st.button(word("team.noted"), icon=":material/check:"):
        del st.session_state["given"]
        st.rerun()


def _account(person: Person) -> None:
    desk, me, now = session.desk(), session.annotator(), session.now()
    one, two, three = st.columns([3, 2, 1], vertical_alignment="center")
    with one:
        st.markdown(plain(person.name))
    with two:
        state = "disabled" if person.disabled else "workspace_admin" if person.admin else "member"
        st.caption(word(f"team.{state}"))
    with three, st.popover(word("team.change"), type="tertiary", key=f"change-{person.name}"), errors_told():
        if person.issuer:
            st.caption(plain(f"{person.issuer} {person.subject}"))
        elif st.button(word("team.new_password"), key=f"password-{person.name}"):
            password = admitting.new_password()
            admitting.give_password(desk, person.name, password, me, now)
            _keep(person.name, password)
            st.rerun()
        if st.button(word(f"team.{'no_admin' if person.admin else 'make_admin'}"), key=f"admin-{person.name}"):
            admitting.set_admin(desk, person.name, not person.admin, me, now)
            st.rerun()
        if st.button(word(f"team.{'enable' if person.disabled else 'disable'}"), key=f"disable-{person.name}"):
            admitting.set_disabled(desk, person.name, not person.disabled, me, now)
            st.rerun()


def _new_account() -> None:
    with st.form("account", border=False, clear_on_submit=True):
        name = st.text_input(word("team.name"), max_chars=admitting.LONGEST_NAME)
        project, role = session.project(), None
        if project is not None:
            role = st.selectbox(
                word("team.role_in", project=plain(project.name)), ROLES, index=None,
                format_func=lambda r: word(f"team.{r}"), placeholder=word("team.no_member"),
            )  # fmt: skip
        admin = st.checkbox(word("team.as_admin"))
        sent = st.form_submit_button(word("team.make"), type="primary")
    if sent:
        with errors_told():
            desk, me, now = session.desk(), session.annotator(), session.now()
            password, kept = admitting.new_password(), admitting.checked_name(name)
            admitting.add_account(desk, kept, password, admin, me, now)
            _keep(kept, password)
            if project is not None and role is not None:
                admitting.set_role(desk, project.id, kept, role, me, now)
            st.rerun()


def _new_listed() -> None:
    with st.form("listed", border=False, clear_on_submit=True):
        name = st.text_input(word("team.name"), max_chars=admitting.LONGEST_NAME)
        issuer = st.text_input(word("team.issuer"), placeholder="https://login.example.org")
        subject = st.text_input(word("team.subject"))
        admin = st.checkbox(word("team.as_admin"))
        sent = st.form_submit_button(word("team.make"), type="primary")
    if sent and issuer.strip() and subject.strip():
        with errors_told():
            kept, by = admitting.checked_name(name), session.annotator()
            admitting.allow(session.desk(), kept, issuer.strip(), subject.strip(), admin, by, session.now())
            st.rerun()


def _keep(name: str, password: str) -> None:
    """Keep a password to be shown, in this tab and until its person signs out."""
    st.session_state["given"] = {**st.session_state.get("given", {}), name: password}


def _roles() -> None:
    """What each role may do."""
    rights = list(dict.fromkeys(right for role in ROLES for right in sorted(RIGHTS[role])))
    with st.expander(word("team.roles")):
        st.dataframe(
            [
                {
                    word("team.right"): word(f"team.right_{right.replace(' ', '_')}"),
                    **{word(f"team.{r}"): "✓" if right in RIGHTS[r] else "" for r in ROLES},
                }
                for right in rights
            ],
            hide_index=True, width="stretch", height="auto",
        )  # fmt: skip
