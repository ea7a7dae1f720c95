"""Source code: the text as it is, with its language."""

from collections.abc import Iterator

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import check_length
from ragcli.ingest.loaders.decode import decode
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.languages import language_of_name, language_of_shebang
from ragcli.records import Block


class CodeLoader:
    """Reads source files; finding functions and classes in them is the chunker's part."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document titled by its path, or none when the file is blank."""
        with refusing("source code"):
            text = decode(file.data)
            check_length(text, self._limits.max_text_chars)
            if not text.strip():
                return
            name = file.path.rsplit("/", 1)[-1]
            language = language_of_name(name) or language_of_shebang(text[:200].split("\n", 1)[0])
            start = len(text) - len(text.lstrip("\n"))
            blocks = (Block("code", start, len(text.rstrip()), language=language),)
            metadata = {"language": language} if language else {}
            yield Parsed(text, title=file.path, blocks=blocks, language=language, metadata=metadata)
