import io
from typing import Any

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from tests.ingest.loaders.conftest import headers, load, load_all, outline

from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed


def saved(presentation: Any) -> bytes:
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue()


def box(shapes: Any, text: str, left: float, top: float) -> Any:
    shape = shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
    shape.text_frame.text = text
    return shape


def talk() -> bytes:
    presentation = pptx.Presentation()
    presentation.core_properties.title = "Quarterly review"
    presentation.core_properties.author = "Ada"
    layouts = presentation.slide_layouts
    first = presentation.slides.add_slide(layouts[1])
    first.shapes.title.text = "Results\vby region"
    body = first.placeholders[1].text_frame
    body.text = "North grew"
    below = body.add_paragraph()
    below.text, below.level = "by a fifth", 1
    first.notes_slide.notes_text_frame.text = "Pause here.\nThen go on."
    presentation.slides.add_slide(layouts[6])  # nothing on it
    second = presentation.slides.add_slide(layouts[6])
    box(second.shapes, "bottom", 1, 5)
    box(second.shapes, "right", 4, 1)
    box(second.shapes, "left", 1, 1)
    group = second.shapes.add_group_shape()
    box(group.shapes, "grouped", 1, 3)
    table = second.shapes.add_table(2, 2, Inches(1), Inches(6), Inches(3), Inches(1)).table
    for row, values in enumerate([["Plan", "Size"], ["Team", "2 TB"]]):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (1.5, None))
    second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(7), Inches(2), Inches(2), data)
    return saved(presentation)


@pytest.fixture(scope="module")
def page() -> Parsed:
    return load("pptx", talk(), "review.pptx")


def test_blocks(page: Parsed) -> None:
    assert outline(page) == [
        ("heading1", "Results by region"),
        ("list_item1", "- North grew"),
        ("list_item2", "- by a fifth"),
        ("paragraph", "Notes: Pause here.\nThen go on."),
        ("paragraph", "left"),
        ("paragraph", "right"),
        ("paragraph", "grouped"),
        ("paragraph", "bottom"),
        ("table", "| Plan | Size |\n| --- | --- |\n| Team | 2 TB |"),
        ("table", "|  | Sales |\n| --- | --- |\n| Q1 | 1.5 |\n| Q2 |  |"),
    ]
    assert headers(page) == ["| Plan | Size |\n| --- | --- |", "|  | Sales |\n| --- | --- |"]


def test_a_slide_is_a_page(page: Parsed) -> None:
    third = page.text.index("left")
    assert page.pages == (0, third, third)
    assert page.title == "Quarterly review"
    assert page.metadata == {"slides": 3, "author": "Ada"}


def test_title_falls_back_to_the_first_slide_then_to_the_file_name() -> None:
    presentation = pptx.Presentation()
    presentation.core_properties.title = "PowerPoint Presentation"
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    box(slide.shapes, "text", 1, 1)
    assert load("pptx", saved(presentation), "a/deck.pptx").title == "deck"
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = "On a slide"
    assert load("pptx", saved(presentation), "a/deck.pptx").title == "On a slide"


def test_presentations_without_text_give_nothing() -> None:
    assert load_all("pptx", saved(pptx.Presentation())) == []


def test_damaged_files_say_why() -> None:
    data = talk()
    with pytest.raises(DataError, match="truncated or damaged PPTX"):
        load_all("pptx", data[:4000])
    with pytest.raises(DataError, match="not PPTX: it is no zip archive"):
        load_all("pptx", "text")
