from pathlib import Path

import pytest
from tests.ingest.loaders.conftest import headers, languages, load, load_all, outline

from ragcli.ingest.loaders import Parsed
from ragcli.ingest.loaders.rst import _settings

PAGE = """\
==========
Exit codes
==========

:author: Ada
:status: draft

See :ref:`the list <codes>`, :py:func:`~vault.api.run` and *this* `link <https://example.org>`_.

.. _codes:

Codes
=====

* first
  goes on

  * nested

* second

#. one

   .. code-block:: console

      $ vault run

   after the code
#. two

.. note:: Mind
   the gap.

.. versionadded:: 3.1 The flag.

.. toctree::

   other

term
    meaning

====  =======
Code  Meaning
====  =======
0     fine
2     usage
====  =======

.. csv-table:: Ports
   :header: port, use

   80, web

..

    A quotation.

::

   literal

.. include:: /etc/passwd

.. made-up:: argument

   Its content stays.

.. a comment
"""


@pytest.fixture(scope="module")
def page() -> Parsed:
    return load("rst", PAGE, "codes.rst")


def test_blocks(page: Parsed) -> None:
    assert outline(page) == [
        ("heading1", "Exit codes"),
        ("list_item1", "- author: Ada"),
        ("list_item1", "- status: draft"),
        ("paragraph", "See the list, run and this link."),
        ("heading2", "Codes"),
        ("list_item1", "- first goes on"),
        ("list_item2", "- nested"),
        ("list_item1", "- second"),
        ("list_item1", "1. one"),
        ("code", "$ vault run"),
        ("list_item1", "after the code"),
        ("list_item1", "2. two"),
        ("paragraph", "Note: Mind the gap."),
        ("paragraph", "Added in version 3.1 The flag."),
        ("paragraph", "term\nmeaning"),
        ("table", "| Code | Meaning |\n| --- | --- |\n| 0 | fine |\n| 2 | usage |"),
        ("paragraph", "Ports"),
        ("table", "| port | use |\n| --- | --- |\n| 80 | web |"),
        ("quote", "A quotation."),
        ("code", "literal"),
        ("paragraph", "argument"),
        ("paragraph", "Its content stays."),
    ]
    assert headers(page) == ["| Code | Meaning |\n| --- | --- |", "| port | use |\n| --- | --- |"]
    assert languages(page) == ["shell", ""]


def test_title_and_fields(page: Parsed) -> None:
    assert page.title == "Exit codes"
    assert page.metadata == {"author": "Ada", "status": "draft"}


def test_no_directive_reads_another_file(page: Parsed) -> None:
    assert "root:" not in page.text
    parsed = load_all("rst", ".. csv-table::\n   :file: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\ntext\n")
    assert [one.text for one in parsed] == ["text"]


def test_broken_markup_keeps_its_text() -> None:
    parsed = load("rst", "Title\n===\n\n*unclosed and `open\n\n* a\n- b\n")
    assert "unclosed and" in parsed.text
    assert "Title" in parsed.text


def test_lines_that_no_hand_wrote_are_read_as_plain_text() -> None:
    line = "word " * 4000
    parsed = load("rst", f"Head\n====\n\n{line}\n")
    assert outline(parsed) == [("heading1", "Head\n===="), ("paragraph", line.strip())]


def test_blank_files_give_nothing() -> None:
    assert load_all("rst", "") == []
    assert load_all("rst", ".. only a comment\n") == []


def test_settings_of_the_working_directory_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docutils.conf").write_text("[restructuredtext parser]\ntab_width: 2\n")
    monkeypatch.chdir(tmp_path)
    _settings.cache_clear()
    assert load("rst", "::\n\n\tx\n\t\ty\n").text == "x\n        y"
