"""Withhold what is personal: the store as it is for somebody who may not see it.

Every verb that is called from a desk gets its store through here, so that no page or route has to think of it. What is
withheld isn't hidden from view: it isn't there. Writing is left alone, but for what would carry it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, final

from collab.domain.access import Access
from collab.domain.annotation import Annotation, Decision
from collab.domain.project import Field, FieldRole, Item, Project
from collab.domain.store import Found, ItemFilter, ItemRow, Store
from collab.loop.slicing import PARTS

_ROLES: Mapping[FieldRole, FieldRole] = {"both": "encoded", "shown": "metadata", "id": "metadata"}
"""What a personal field is to whoever may not see it: the model reads it all the same."""


def seen_by(store: Store, access: Access) -> Store:
    """The store as somebody sees it: whole in projects in which they have the right "see personal"."""
    return store if access.admin else cast("Store", _Withheld(store, access))


def without_personal(item: Item, project: Project) -> Item:
    """An item without the cells of personal columns, and without its own name where that is one."""
    if not (names := project.personal):
        return item
    hidden = any(f.role == "id" and f.personal for f in project.fields)
    return replace(
        item,
        ref=project.told(item.digest)[:6] if hidden else item.ref,
        fields={name: value for name, value in item.fields.items() if name not in names},
        meta={name: value for name, value in item.meta.items() if name not in names},
    )


def without_columns(parts: Mapping[str, Any], project: Project) -> Mapping[str, Any]:
    """Figures by the values of columns, without those of personal ones."""
    return {**parts, "columns": [c for c in parts["columns"] if c["name"] not in project.personal]}


@final
class _Withheld:
    """A store to whose other methods nothing personal comes; each has the signature of the Store protocol."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store, self._access = store, access
        self._known: dict[int, Project] = {}
        self._has: dict[int, bool] = {}

    def __getattr__(self, name: str) -> Any:  # whatever the store has
        return getattr(self._store, name)

    def project(self, project: int) -> Project:
        return self._shown(self._keep(self._store.project(project)))

    def projects(self) -> tuple[Project, ...]:
        return tuple(self._shown(self._keep(each)) for each in self._store.projects())

    def items(self, ids: Sequence[int]) -> dict[int, Item]:
        return {number: self._bare(item) for number, item in self._store.items(ids).items()}

    def stream_items(self, project: int, after: int = 0, limit: int = 1000) -> list[Item]:
        return [self._bare(item) for item in self._store.stream_items(project, after, limit)]

    def outcomes(
        self, project: int, after: int = 0, limit: int = 1000
    ) -> list[tuple[Item, Decision | None, tuple[Annotation, ...]]]:
        found = self._store.outcomes(project, after, limit)
        return [(self._bare(item), decision, said) for item, decision, said in found]

    def find(self, project: int, wanted: ItemFilter, limit: int = 50, offset: int = 0) -> tuple[list[ItemRow], int]:
        rows, total = self._store.find(project, wanted, limit, offset)
        return [replace(row, item=self._bare(row.item)) for row in rows], total

    def search(self, project: int, wanted: ItemFilter, limit: int = 50, offset: int = 0, **more: Any) -> Found:
        found = self._store.search(project, wanted, limit, offset, **more)
        return replace(found, rows=tuple(replace(row, item=self._bare(row.item)) for row in found.rows))

    def figures(self, project: int, name: str) -> Mapping[str, Any] | None:
        found = self._store.figures(project, name)
        if found is None or name != PARTS or self._access.may("see personal", project):
            return found
        return without_columns(found, self._whole(project))

    def _bare(self, item: Item) -> Item:
        if self._access.may("see personal", item.project) or not self._personal(item.project):
            return item
        return without_personal(item, self._whole(item.project))

    def _personal(self, project: int) -> bool:
        """Whether a project has personal columns: most have none, and asking for these alone is quick."""
        if project not in self._has:
            self._has[project] = bool(self._store.personal(project))
        return self._has[project]

    def _whole(self, project: int) -> Project:
        """The project as it is; read once for a verb."""
        return self._known[project] if project in self._known else self._keep(self._store.project(project))

    def _keep(self, project: Project) -> Project:
        self._known[project.id] = project
        return project

    def _shown(self, project: Project) -> Project:
        if not project.personal or self._access.may("see personal", project.id):
            return project
        return replace(project, fields=tuple(map(_unseen, project.fields)))


def _unseen(field: Field) -> Field:
    return replace(field, role=_ROLES.get(field.role, field.role)) if field.personal else field
