import json
from typing import Any

import pytest
from tests.ingest.loaders.conftest import languages, load, load_all, outline

from ragcli.errors import DataError
from ragcli.ingest.loaders.ipynb import shortened

PYTHON = {"language_info": {"name": "python"}}


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": list(cells)})


def code(source: Any, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def prose(source: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source}


def test_prose_code_and_what_it_printed() -> None:
    source = notebook(
        prose(["# Load\n", "\n", "- one\n", "- two\n"]),
        code(
            ["import x\n", "x.run()"],
            {"output_type": "stream", "text": ["ready\n", "set\n"]},
            {"output_type": "display_data", "data": {"image/png": "iVBOR", "text/plain": "<Figure>"}},
            {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["\x1b[31m..."]},
        ),
        code(""),
        {"cell_type": "raw", "source": "raw text"},
        **PYTHON,
    )
    parsed = load("ipynb", source, "load.ipynb")
    assert outline(parsed) == [
        ("heading1", "# Load"),
        ("list_item1", "- one"),
        ("list_item1", "- two"),
        ("code", "import x\nx.run()"),
        ("code", "ready\nset"),
        ("code", "<Figure>"),
        ("code", "ValueError: no"),
        ("paragraph", "raw text"),
    ]
    assert languages(parsed) == ["python", "", "", ""]
    assert (parsed.title, parsed.metadata) == ("Load", {"language": "python"})


def test_title_of_the_notebook_then_of_the_file() -> None:
    assert load("ipynb", notebook(prose("# Load"), title="Set"), "n.ipynb").title == "Set"
    assert load("ipynb", notebook(code("x")), "a/n.ipynb").title == "n"


def test_pasted_images_are_left_out() -> None:
    assert load("ipynb", notebook(prose(f"![a](data:image/png;base64,{'iVBORw0K' * 1000})"))).text == "![a]()"


def test_format_3() -> None:
    old = {
        "nbformat": 3,
        "metadata": {},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "Old"},
                    {"cell_type": "code", "language": "python", "input": "1", "outputs": [{"text": "one"}]},
                ]
            }
        ],
    }
    assert outline(load("ipynb", json.dumps(old))) == [("heading2", "Old"), ("code", "1"), ("code", "one")]


def test_outputs_are_cut() -> None:
    assert shortened("a\n" * 20) == "\n".join("a" * 20)
    assert shortened("a\n" * 21) == "\n".join("a" * 20) + "\n\u2026"
    assert shortened("x" * 1500) == "x" * 1500
    assert shortened("x" * 1501) == "x" * 1500 + "\n\u2026"
    huge = notebook(code("run()", {"output_type": "stream", "text": "y" * 5_000_000}))
    assert len(load("ipynb", huge).text) == len("run()\n\n") + 1502


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{", "truncated or damaged notebook"),
        ("[]", "not a notebook: it has no cells"),
        ('{"a": 1}', "not a notebook: it has no cells"),
        ("[" * 100_000, "nested too deeply to be read as notebook"),
    ],
)
def test_damaged_files_say_why(source: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_all("ipynb", source)


@pytest.mark.parametrize(
    "cells",
    [
        None,
        [],
        [None, 3, "x"],
        [{"cell_type": "code"}],
        [{"cell_type": "markdown", "source": 7}],
        [{"source": ["a", 1]}],
    ],
)
def test_odd_cells_are_passed_over(cells: Any) -> None:
    parsed = load_all("ipynb", json.dumps({"cells": cells, "metadata": []}))
    assert [one.text for one in parsed] in ([], ["a1"])
