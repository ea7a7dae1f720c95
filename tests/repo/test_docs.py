"""README, docs, configs, help pages and code say the same."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup, TyperOption

from ragcli import errors
from ragcli.cli.app import app_for
from ragcli.config.load import load_config
from ragcli.config.reference import markdown
from ragcli.config.settings import Config
from ragcli.errors import RagcliError
from ragcli.index.vectors.building import AUTO_FLAT_MAX

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
WRITTEN = [page for page in PAGES if page.name != "cli.md"]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


# -- the command line -----------------------------------------------------------------------------------------------


def commands(command: Any = None, path: tuple[str, ...] = ("ragcli",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    command = command or typer.main.get_command(app_for())
    yield path, command
    for below in getattr(command, "commands", {}):
        yield from commands(command.commands[below], (*path, below))


COMMANDS = dict(commands())
TOP = [path[1] for path in COMMANDS if len(path) == 2]
OPTIONS = {
    option
    for command in COMMANDS.values()
    for param in command.params
    if isinstance(param, TyperOption)
    for option in (*param.opts, *param.secondary_opts)
} | {"--help", "-h"}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    for param in command.params:
        assert param.help, f"{param.name} of {' '.join(path)}"
        assert param.help.endswith((".", "...")), param.help


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_on_the_page(path: tuple[str, ...]) -> None:
    page = text("docs/cli.md")
    heading = re.search(rf"^##+ {' '.join(path)}$", page, re.MULTILINE)
    assert heading
    section = re.split(r"^##+ ", page[heading.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    for param in COMMANDS[path].params:
        names = param.opts if isinstance(param, TyperOption) else [(param.metavar or param.name).upper()]
        for option in names:
            assert re.search(rf"^\| `([^`]*, )?{re.escape(option)}[ ,`]", section, re.MULTILINE), option


def test_the_page_reads_well() -> None:
    page = text("docs/cli.md")
    assert not re.search(r" \.(\s|$)|&\w+;|<\w+>|\[\[|\]\]", page)


@pytest.mark.parametrize("command", TOP)
def test_readme_and_changelog_know_every_command(command: str) -> None:
    rows = "\n".join(line.split(" | ")[0] for line in text("README.md").splitlines() if line.startswith("| `ragcli"))
    assert re.search(rf"`(ragcli )?{command}\b", rows)
    assert re.search(rf"`(ragcli )?{command}\b", text("CHANGELOG.md"))


def calls() -> Iterator[tuple[str, str]]:
    """Every ``ragcli ...`` in the pages and the comments of the configurations, with where it stands."""
    for page in [*WRITTEN, *CONFIGS]:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            console = re.match(r"\$ .*?(ragcli .*)", line)
            found = [console[1]] if console else re.findall(r"`(ragcli[^`]*)`", line)
            for call in found:
                yield f"{name(page)}:{number}", call


@pytest.mark.parametrize(("where", "call"), list(calls()))
def test_every_call_in_the_pages_is_right(where: str, call: str) -> None:
    for part in re.split(r" (?:&&|\|) ", re.split(r" (?:#|>) ", call)[0]):
        words = shlex.split(part)
        if words[0] != "ragcli":
            continue
        path, command = ["ragcli"], COMMANDS["ragcli",]
        while isinstance(command, TyperGroup) and len(words) > len(path) and words[len(path)] in command.commands:
            path.append(words[len(path)])
            command = COMMANDS[tuple(path)]
        rest = words[len(path) :]
        mentioned = not rest or command.name is None
        if isinstance(command, TyperGroup) and not command.invoke_without_command:
            assert mentioned or rest[0].startswith("-"), f"{where}: there is no command {' '.join(words)}"
        allowed = {option: one for one in command.params if isinstance(one, TyperOption)
                   for option in (*one.opts, *one.secondary_opts)}  # fmt: skip
        for word in rest:
            option = word.partition("=")[0]
            if option.startswith("-") and option != "-":
                assert option in allowed or option in {"--help", "-h"}, f"{where}: {' '.join(path)} has no {option}"


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_every_option_that_a_page_names_exists(page: Path) -> None:
    for span in re.findall(r"`(--[a-z][^`]*)`", page.read_text(encoding="utf-8")):
        assert span.split()[0].partition("=")[0] in OPTIONS, span


def test_settings_named_in_pages_and_help_exist() -> None:
    from ragcli.config.keys import find

    sections = "|".join(Config.model_fields)
    helps = "\n".join(param.help for command in COMMANDS.values() for param in command.params)
    for source in [*(page.read_text(encoding="utf-8") for page in WRITTEN), helps]:
        for key in re.findall(rf"(?<![\w./@-])(?:{sections})(?:\.[a-z_0-9]+)+\b(?!\.\w|/|\()", source):
            if not key.endswith((".py", ".md", ".db", ".json", ".jsonl", ".yaml")):
                find(key.split("."))
        for variable in re.findall(r"RAGCLI_[A-Z]+__[A-Z_]+", source):
            if variable != "RAGCLI_SECTION__KEY":
                find(variable.removeprefix("RAGCLI_").lower().split("__"))


# -- configurations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", CONFIGS, ids=name)
def test_every_ready_configuration_is_valid(file: Path) -> None:
    load_config(file, environment={})


def test_the_default_configuration_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "ragcli.yaml"
    copy.write_text(text("configs/default.yaml"), encoding="utf-8")
    spelled = load_config(copy, environment={}).config
    copy.unlink()
    assert spelled == load_config(environment={}).config


@pytest.mark.parametrize("file", [file for file in CONFIGS if file.name != "default.yaml"], ids=name)
def test_a_ready_configuration_differs_from_the_defaults_and_says_why(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    values = [line for line in lines if re.match(r"\s+\w+: \S", line) and not line.lstrip().startswith(("kind:", "#"))]
    unexplained = [line for line in values if "#" not in line and not _explained_above(line, lines)]
    assert not unexplained
    tree, defaults = yaml.safe_load("\n".join(lines)), Config().model_dump(mode="json")
    assert _differs(tree, defaults)


def _explained_above(line: str, lines: list[str]) -> bool:
    """A value that repeats the one above it under a sibling needs no second reason."""
    before = lines[: lines.index(line)]
    return any(other.partition("#")[0].rstrip() == line.rstrip() for other in before) or line in before


def _differs(tree: Any, defaults: Any) -> bool:
    return any(
        _differs(value, defaults.get(key, {})) if isinstance(value, dict) else value != defaults.get(key)
        for key, value in tree.items()
    )


def test_the_fast_configuration_needs_no_model() -> None:
    config = load_config(ROOT / "configs" / "fast.yaml", environment={}).config
    assert (config.index.embedder.kind, config.query.strategy) == ("none", "lexical")


def test_the_large_configuration_is_approximate_and_half_the_size() -> None:
    config = load_config(ROOT / "configs" / "large.yaml", environment={}).config
    assert (config.index.vectors.type, config.index.vectors.quantization) == ("hnsw", "fp16")
    assert config.index.vectors.m > Config().index.vectors.m
    assert config.index.compact_fraction > Config().index.compact_fraction
    assert config.workspace.keep_generations < Config().workspace.keep_generations


def test_the_quality_configuration_has_another_model_an_exact_index_and_more_weight_on_meaning() -> None:
    config, default = load_config(ROOT / "configs" / "quality.yaml", environment={}).config, Config()
    assert config.index.embedder.kind == default.index.embedder.kind == "sentence-transformers"
    assert config.index.embedder.model != default.index.embedder.model
    assert config.index.vectors.type == "flat"
    assert config.query.fusion.dense_weight > default.query.fusion.dense_weight


def test_the_page_of_settings_has_the_threshold_of_auto() -> None:
    assert f"{AUTO_FLAT_MAX:,} vectors" in markdown()
    assert f"{AUTO_FLAT_MAX:,} vectors" in text("docs/adr/0004-vector-index.md")


# -- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not re.match(r"https?:|mailto:", target):
            if target == "benchmarks/RESULTS.md" and not (ROOT / target).exists():
                pytest.skip("benchmarks/RESULTS.md is not there yet: make bench")
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("source", sorted((ROOT / "src").rglob("*.py")), ids=name)
def test_pages_that_the_code_cites_exist(source: Path) -> None:
    for cited in re.findall(r"docs/[\w/.-]+\.md", source.read_text(encoding="utf-8")):
        assert (ROOT / cited).exists(), cited


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=name)
def test_a_decision_fits_a_page(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    assert re.match(rf"# {page.name[:4]}: ", lines[0])
    assert "Status: accepted" in lines


def test_contributing_fits_its_page() -> None:
    assert len(text("CONTRIBUTING.md").splitlines()) < 120


def every_error(kind: type[RagcliError] = RagcliError) -> Iterator[type[RagcliError]]:
    if kind.__module__ == "ragcli.errors":
        yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


def test_every_error_is_on_the_page_of_statuses_and_in_the_tree() -> None:
    page, tree = text("docs/exit-codes.md"), errors.__doc__ or ""
    for kind in every_error():
        assert f"| {kind.exit_status} | `{kind.code}` |" in page
        assert re.search(rf"\b{kind.__name__}\b", tree)
        if kind.__base__ is RagcliError:
            assert re.search(rf"\b{kind.__name__} +{kind.exit_status} ", tree)
    assert len({kind.code for kind in every_error()}) == len(list(every_error()))


def test_statuses_that_pages_name_are_right() -> None:
    statuses = {str(kind.exit_status) for kind in every_error()} | {"0", "130", "143"}
    for page in WRITTEN:
        for status in re.findall(r"\bstatus (\d+)\b", page.read_text(encoding="utf-8")):
            assert status in statuses, f"{name(page)}: {status}"


def test_the_envelope_on_the_page_is_the_one_that_is_printed() -> None:
    import json

    from ragcli.cli.output import envelope

    (shown,) = re.findall(r'^\{"schema".*\}$', text("docs/formats.md"), re.MULTILINE)
    assert list(json.loads(shown)) == list(json.loads(envelope("query", {}, (), None)))
    assert json.loads(shown) == json.loads(envelope("query", {}, (), None))
    keys = re.findall(r"^\| `(\w+)` \|", text("docs/formats.md"), re.MULTILINE)
    assert keys[:6] == list(json.loads(shown))


def test_filters_that_pages_show_are_filters() -> None:
    from ragcli.query.where import parse_condition

    shown = [
        quoted or plain
        for page in WRITTEN
        for quoted, plain in re.findall(r"--where (?:'([^']+)'|(\w\S+))", page.read_text(encoding="utf-8"))
    ]
    assert len(shown) >= 2
    for condition in shown:
        parse_condition(condition.rstrip("`"))


def test_false_alarms_of_looking_early_are_those_that_were_measured() -> None:
    """docs/abtest.md shows a part of the table that benchmarks/abtest_statistics.py made."""
    measured = {
        (kind, users): shares
        for kind, users, *shares in re.findall(
            r"^\| ([^|]+) \| ([\d,]+), \+0% \| \d+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \| [\d,]+ \|$",
            text("benchmarks/RESULTS.md"),
            re.MULTILINE,
        )
    }
    told = re.findall(
        r"^\| ([^|]+) \| ([\d,]+) \| ([^|]+ %) \| ([^|]+ %) \| ([^|]+ %) \|$", text("docs/abtest.md"), re.MULTILINE
    )
    assert {(kind, users): shares for kind, users, *shares in told} == measured
    assert len(told) == 6
