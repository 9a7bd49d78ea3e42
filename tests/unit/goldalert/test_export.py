"""A part of the export fits into what Lambda can answer, and says when something is left out."""

import pytest
from pydantic import BaseModel

from goldalert import export
from goldalert.export import make_part


class Note(BaseModel):
    number: int
    text: str = ""


def test_a_part_holds_everything() -> None:
    notes = [Note(number=n) for n in range(100)]
    assert make_part(notes=notes, others=[]) == {
        "notes": [{"number": n, "text": ""} for n in range(100)],
        "others": [],
        "truncated": False,
    }


def test_rows_beyond_the_limit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "EXPORT_ROWS", 2)
    part = make_part(notes=[Note(number=n) for n in (9, 8, 7)], others=[Note(number=1)])
    assert part["notes"] == [{"number": 9, "text": ""}, {"number": 8, "text": ""}]
    assert part["truncated"] is True


def test_a_part_keeps_to_its_bytes_and_each_kind_to_its_share() -> None:
    many = [Note(number=n, text="é" * 50_000) for n in range(10)]
    part = make_part(long=many, short=[Note(number=1)])
    assert [row["number"] for row in part["long"]] == [0, 1]  # type: ignore[index, call-overload, union-attr]
    assert part["short"] == [{"number": 1, "text": ""}]
    assert part["truncated"] is True
