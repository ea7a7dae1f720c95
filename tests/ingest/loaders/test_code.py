import pytest
from tests.ingest.loaders.conftest import load, load_all, outline

from ragcli.ingest.loaders.languages import fence_language, language_of_name, language_of_shebang


def test_the_text_is_as_it_is() -> None:
    source = "\n\ndef f():\n\treturn 1\n\n"
    parsed = load("code", source, "src/vault/run.py")
    assert parsed.text == source
    assert outline(parsed) == [("code", "def f():\n\treturn 1")]
    assert (parsed.title, parsed.language, parsed.metadata) == ("src/vault/run.py", "python", {"language": "python"})
    assert parsed.blocks[0].language == "python"


def test_a_script_without_a_suffix_is_known_by_its_first_line() -> None:
    assert load("code", "#!/usr/bin/env -S FOO=1 python3.11 -u\nx\n", "bin/run").language == "python"
    assert load("code", "something\n", "bin/run").language == ""


def test_blank_files_give_nothing() -> None:
    assert load_all("code", "\n \n", "a.py") == []


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.PY", "python"),
        ("Makefile", "makefile"),
        ("makefile.am", "makefile"),
        ("Dockerfile.dev", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        (".bashrc", "shell"),
        ("a.tsx", "tsx"),
        ("a.h", "c"),
        ("a.unknown", ""),
        ("README", ""),
    ],
)
def test_languages_by_name(name: str, language: str) -> None:
    assert language_of_name(name) == language


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("#!/bin/sh", "shell"),
        ("#!/usr/bin/env node", "javascript"),
        ("#!/opt/python3.12", "python"),
        ("#!", ""),
        ("#!/usr/bin/env", ""),
        ("#!/usr/bin/tclsh", ""),
        ("print", ""),
    ],
)
def test_languages_by_first_line(line: str, language: str) -> None:
    assert language_of_shebang(line) == language


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("rust,ignore", "rust"),
        ("{.py}", "python"),
        ("JS title=x", "javascript"),
        ("text", ""),
        ("", ""),
        ("{code-block} c++", "code-block"),
        ("x" * 99, "x" * 40),
    ],
)
def test_languages_of_fences(info: str, language: str) -> None:
    assert fence_language(info) == language
