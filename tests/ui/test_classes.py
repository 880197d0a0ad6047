"""What a table of classes becomes."""

from collab.domain.project import PALETTE, LabelClass
from collab.ui.classes import read_classes, row_of


def test_a_new_class_gets_the_next_free_key_and_a_color_and_an_old_one_keeps_its_own():
    old = LabelClass("late", "Late", "2", "#123456")
    keyless = LabelClass("lost", "Lost", "", "#654321")
    rows = [row_of(old), row_of(keyless), {"name": "Broken", "key": None}, {"name": "Gone"}]
    assert read_classes(rows) == (
        old, keyless, LabelClass("Broken", "Broken", "1", PALETTE[2]), LabelClass("Gone", "Gone", "3", PALETTE[3]),
    )  # fmt: skip


def test_a_row_in_which_nothing_is_written_is_no_class():
    assert read_classes([{"name": "", "key": "1", "color": "blue"}]) == ()


def test_a_ticked_class_is_critical_and_stays_beside_its_own_name():
    stroke = LabelClass("stroke", "Stroke", "1", PALETTE[0], critical=True)
    rows = [{"name": None, "critical": True}, row_of(stroke), {"name": "Tumor", "critical": None}]
    assert read_classes(rows) == (stroke, LabelClass("Tumor", "Tumor", "2", PALETTE[1]))
