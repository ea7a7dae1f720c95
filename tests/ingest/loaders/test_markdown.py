import contextlib
import time

import pytest
from tests.ingest.loaders.conftest import headers, languages, load, load_all, outline

from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed

PAGE = """\
---
title: Vault *guide*
tags: [backup, restore]
date: 2025-03-01
nested: {owner: {name: Ada}}
---

# Restore a `vault` [now](https://example.org) {#restore}

Before you start,
read **this**.

- First item
  goes on
  - nested one
  - nested two
- Second item

1. one

   ```rust,ignore
   let x = 1;
   ```

2. two

Usage
-----

| Flag | Meaning |
| --- | --- |
| `-v` | verbose |

> Quoted
> twice

```{.python}
print("# no heading")
```

    indented

***

<h3 align="center">In <b>HTML</b></h3>

<!-- a comment -->

<div>Text in a block</div>
"""


@pytest.fixture(scope="module")
def page() -> Parsed:
    return load("markdown", PAGE, "guides/restore.md")


def test_blocks(page: Parsed) -> None:
    assert outline(page) == [
        ("heading1", "# Restore a `vault` [now](https://example.org) {#restore}"),
        ("paragraph", "Before you start,\nread **this**."),
        ("list_item1", "- First item\n  goes on"),
        ("list_item2", "- nested one"),
        ("list_item2", "- nested two"),
        ("list_item1", "- Second item"),
        ("list_item1", "1. one\n\n   ```rust,ignore\n   let x = 1;\n   ```"),
        ("list_item1", "2. two"),
        ("heading2", "Usage\n-----"),
        ("table", "| Flag | Meaning |\n| --- | --- |\n| `-v` | verbose |"),
        ("quote", "> Quoted\n> twice"),
        ("code", '```{.python}\nprint("# no heading")\n```'),
        ("code", "    indented"),
        ("heading3", '<h3 align="center">In <b>HTML</b></h3>'),
        ("paragraph", "<div>Text in a block</div>"),
    ]
    assert headers(page) == ["| Flag | Meaning |\n| --- | --- |"]
    assert languages(page) == ["python", ""]
    assert [block.title for block in page.blocks if block.kind == "heading"] == [
        "Restore a vault now",
        "Usage",
        "In HTML",
    ]


def test_the_text_is_as_written_after_the_front_matter(page: Parsed) -> None:
    assert page.text == PAGE.split("---\n\n", 1)[1]
    assert page.title == "Vault *guide*"
    assert page.metadata == {
        "title": "Vault *guide*",
        "tags": ["backup", "restore"],
        "date": "2025-03-01",
        "nested": {"owner": {"name": "Ada"}},
    }


def test_pasted_images_are_left_out() -> None:
    source = f"Before ![chart](data:image/png;base64,{'iVBORw0K' * 1000}) and [x](data:,short).\n"
    assert load("markdown", source).text == "Before ![chart]() and [x](data:,short).\n"


def test_lines_of_an_item_below_a_nested_list_are_its_own() -> None:
    parsed = load("markdown", "- outer\n  - inner\n\n  outer again\n")
    assert outline(parsed) == [("list_item1", "- outer"), ("list_item2", "- inner"), ("list_item1", "outer again")]


def test_title_falls_back_to_the_highest_heading_then_to_the_file_name() -> None:
    assert load("markdown", "## Second\n\n# First\n", "a/b.md").title == "First"
    assert load("markdown", "no heading\n", "a/release.notes.md").title == "release.notes"


@pytest.mark.parametrize(
    ("front", "metadata"),
    [
        ("+++\ntitle = 'T'\nweight = 3\n+++\n", {"title": "T", "weight": 3}),
        ("---\na: .inf\nb: !!binary aGk=\n...\n", {"a": "inf", "b": "b'hi'"}),
        ("---\na: 1\n---\n---\nb: 2\n---\n", {"a": 1}),
    ],
)
def test_front_matter(front: str, metadata: dict[str, object]) -> None:
    assert load("markdown", f"{front}text\n").metadata == metadata


@pytest.mark.parametrize(
    "front",
    [
        "---\nno mapping\n---\n",
        "---\n- a\n- b\n---\n",
        "---\na: [\n---\n",
        "---\na: &x [1]\nb: *x\n---\n",
        "---\nnever: closed\n",
        "+++\nno toml\n+++\n",
        "---\na: 2025-99-99\n---\n",
        "---\n" + "a: x\n" * 20_000 + "---\n",
    ],
)
def test_what_is_no_front_matter_stays_text(front: str) -> None:
    parsed = load("markdown", f"{front}tail\n")
    assert (parsed.text, parsed.metadata) == (f"{front}tail\n", {})


def test_aliases_cannot_blow_up() -> None:
    bomb = "---\na0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 30)) + "---\n"
    assert load("markdown", bomb + "t\n").metadata == {}


@pytest.mark.parametrize("text", ["", " \n\t\n", "---\ntitle: only\n---\n"])
def test_a_blank_file_gives_no_document(text: str) -> None:
    assert load_all("markdown", text) == []


@pytest.mark.parametrize("unit", ["> ", "- ", "[", "*a ", "`", "<a", "![](", "1. ", "\\", "|", "<!--", "&", "_"])
def test_deep_nesting_is_read_or_refused_in_bounded_time(unit: str) -> None:
    started = time.process_time()
    with contextlib.suppress(DataError):
        (parsed,) = load_all("markdown", unit * 20_000 + "x")
        assert parsed.text.endswith("x")
    assert time.process_time() - started < 10


def test_a_generic_heading_is_no_title() -> None:
    rfc = "- Feature Name: scoped_threads\n- Start Date: 2019-02-26\n\n# Summary\n\nScopes.\n\n# Motivation\n\nLoans."
    assert load("markdown", rfc, "text/3151-scoped-threads.md").title == "3151-scoped-threads"
    assert load("markdown", f"---\ntitle: Scoped threads\n---\n{rfc}", "text/3151.md").title == "Scoped threads"
    assert [block.title for block in load("markdown", rfc).blocks if block.title] == ["Summary", "Motivation"]
