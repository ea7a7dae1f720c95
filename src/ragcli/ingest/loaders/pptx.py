"""PowerPoint presentations: a slide is a page, its title a heading, notes at its end."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.archive import open_archive
from ragcli.ingest.loaders.compose import Composer, one_line, stem_of
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.safe_xml import local_name, parse_xml
from ragcli.records import JsonValue

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}dm"
_MAX_GROUPS = 20


class PptxLoader:
    """Reads presentations: text, lists, tables, chart data, diagrams and notes."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document with a page per slide, or none when no slide has text."""
        import pptx

        with refusing("PPTX"):
            open_archive(file.data, self._limits.max_unpacked_bytes, "PPTX").close()
            presentation = pptx.Presentation(io.BytesIO(file.data))
            composer = Composer(self._limits.max_text_chars)
            for slide in presentation.slides:
                composer.page()
                _write_slide(slide, composer)
            parsed = composer.parsed(_title(presentation), _metadata(presentation))
            if parsed.text:
                yield parsed if parsed.title else composer.parsed(stem_of(file.path), parsed.metadata)


def _title(presentation: Any) -> str:
    title = one_line(str(presentation.core_properties.title or ""))
    return "" if title.lower() in {"powerpoint presentation", "presentation"} else title


def _metadata(presentation: Any) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"slides": len(presentation.slides)}
    for name in ("author", "subject", "keywords"):
        value = str(getattr(presentation.core_properties, name) or "").strip()
        if value:
            found[name] = value
    return found


def _write_slide(slide: Any, composer: Composer) -> None:
    title = slide.shapes.title
    if title is not None and title.has_text_frame:
        composer.heading(title.text_frame.text, 1)
    for shape in _in_reading_order(slide.shapes):
        if title is None or shape.shape_id != title.shape_id:
            _write_shape(shape, slide, composer, 0)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.replace("\v", "\n").strip()
        composer.paragraph(f"Notes: {notes}" if notes else "")


def _in_reading_order(shapes: Iterable[Any]) -> list[Any]:
    """Top to bottom, then left to right; a placeholder without a place of its own keeps its rank."""
    ranked = list(enumerate(shapes))
    if any(shape.top is None for _, shape in ranked):
        return [shape for _, shape in ranked]
    return [shape for _, shape in sorted(ranked, key=lambda item: (item[1].top, item[1].left or 0, item[0]))]


def _write_shape(shape: Any, slide: Any, composer: Composer, groups: int) -> None:
    if hasattr(shape, "shapes"):
        if groups < _MAX_GROUPS:
            for inner in _in_reading_order(shape.shapes):
                _write_shape(inner, slide, composer, groups + 1)
    elif getattr(shape, "has_table", False):
        _write_table(shape.table, composer)
    elif getattr(shape, "has_chart", False):
        _write_chart(shape.chart, composer)
    elif shape.has_text_frame:
        if not _is_furniture(shape):
            _write_text(shape, composer)
    else:
        _write_diagram(shape, slide, composer)


def _is_furniture(shape: Any) -> bool:
    """Whether a placeholder is for the slide number, date or footer."""
    return (
        bool(shape.is_placeholder)
        and shape.placeholder_format.type is not None
        and (shape.placeholder_format.type.name in {"SLIDE_NUMBER", "DATE", "FOOTER", "HEADER"})
    )


def _write_text(shape: Any, composer: Composer) -> None:
    paragraphs = [paragraph for paragraph in shape.text_frame.paragraphs if paragraph.text.strip()]
    is_list = len(paragraphs) > 1 and bool(shape.is_placeholder)
    for paragraph in paragraphs:
        text = paragraph.text.replace("\v", "\n")
        if is_list or paragraph.level:
            composer.list_item(text, int(paragraph.level) + 1)
        else:
            composer.paragraph(text)


def _write_table(table: Any, composer: Composer) -> None:
    rows = [["" if cell.is_spanned else cell.text for cell in row.cells] for row in table.rows]
    composer.table(rows, header_rows=1 if table.first_row and len(rows) > 1 else 0)


def _write_chart(chart: Any, composer: Composer) -> None:
    """The numbers behind a chart as a table of categories by series."""
    if chart.has_title and chart.chart_title.has_text_frame:
        composer.paragraph(chart.chart_title.text_frame.text)
    for plot in chart.plots:
        series = list(plot.series)
        categories = [str(category) for category in plot.categories]
        header = ["", *(str(line.name) for line in series)]
        values = [list(line.values) for line in series]
        rows = [
            [category, *(_number(column[index]) if index < len(column) else "" for column in values)]
            for index, category in enumerate(categories)
        ]
        composer.table([header, *rows], header_rows=1)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.15g}"


def _write_diagram(shape: Any, slide: Any, composer: Composer) -> None:
    """The texts of a SmartArt diagram, which lie in a part of their own."""
    for element in shape.element.iter():
        reference = element.get(_RELATION) if local_name(element) == "relIds" else None
        if reference and reference in slide.part.rels:
            root = parse_xml(slide.part.related_part(reference).blob, "PPTX")
            for point in (node for node in root.iter() if local_name(node) == "pt"):
                texts = [node.text or "" for node in point.iter() if local_name(node) == "t"]
                composer.list_item("".join(texts))
