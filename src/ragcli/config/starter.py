"""The commented file that ``ragcli init`` writes."""

from dataclasses import dataclass
from pathlib import Path

from ragcli.config.sources import FILE_NAME
from ragcli.errors import DataError, UsageError

_TEMPLATE = """\
# ragcli configuration. `ragcli config schema` lists every key, `ragcli config show` prints what is in force.
# Relative paths start at this file's folder. What is not set here keeps its default.

ingest:
  sources:
    - path: {source}
      # include: ["**/*.md", "**/*.pdf"]   # globs below the path; every supported type unless set
      exclude: [{file}, "eval/**"]         # eval: questions and reports of `ragcli eval`, which are no documents
      # metadata: {{team: platform}}         # added to every document; filter with --where team=platform

index:
  embedder:
    kind: sentence-transformers            # or openai, hashing (a toy), none (lexical search only)
    model: sentence-transformers/all-MiniLM-L6-v2
  lexical:
    kind: tantivy
    language: en                           # of stemmer and stop words; none for neither

query:
  strategy: hybrid                         # or dense, lexical, auto
  top_k: 10

# evaluate:
#   dataset: eval/questions.jsonl          # questions with judgements, for `ragcli eval`
"""


@dataclass(frozen=True, slots=True)
class InitResult:
    """What was written.

    Attributes:
        file: The new configuration file.
        source: The folder of documents it points at, as written in the file.
    """

    file: Path
    source: str


def write_starter(folder: Path) -> InitResult:
    """Write a starter ``ragcli.yaml`` into a folder of documents; its ``docs`` folder is the source if it has one.

    Raises:
        UsageError: When there is a configuration already; it is left as it is.
        DataError: When the folder does not exist or cannot be written.
    """
    file = folder / FILE_NAME
    source = "docs" if (folder / "docs").is_dir() else "."
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(starter(source))
    except FileExistsError as error:
        raise UsageError(
            f"{file} exists already and stays as it is", hint=f"edit it, or remove it first: {file}"
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{folder} is not a folder", hint=f"mkdir -p {folder}") from error
    except OSError as error:
        raise DataError(f"{file} cannot be written: {error.strerror}") from error
    return InitResult(file, source)


def starter(source: str) -> str:
    """The text of a starter file for a folder of documents."""
    return _TEMPLATE.format(source=source, file=FILE_NAME)
