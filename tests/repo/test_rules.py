"""Rules that hold for the repository as a whole."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
HEAVY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "scipy",
    "sklearn",
    "pandas",
    "matplotlib",
    "docutils",
    "nltk",
}


def modules_after(code: str) -> set[str]:
    """Top-level modules loaded in a fresh interpreter after running some code."""
    program = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_files_stay_readable(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno <= 60, f"{node.name} is too long"


def test_every_exception_to_a_rule_gives_its_reason() -> None:
    for source in [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        if source == Path(__file__) or "site-packages" in source.parts:
            continue
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"#\s*(noqa|type: ignore)", line):
                reasoned = re.search(r"# (noqa: \w+(, \w+)*|type: ignore\[[\w, -]+\]) +(-|--|#) \w", line)
                assert reasoned, f"{source.name}:{number} gives no reason"


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    loaded = modules_after("import ragcli.cli.app")
    assert not loaded & (HEAVY | {"numpy", "faiss", "tantivy", "onnxruntime", "pydantic", "yaml", "tokenizers"})


def test_every_module_imports_without_heavy_libraries() -> None:
    names = [".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in SOURCES]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    loaded = modules_after("import " + ", ".join(names))
    assert not loaded & HEAVY


def test_generated_pages_are_up_to_date() -> None:
    script = ROOT / "scripts" / "make_docs.py"
    run = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
