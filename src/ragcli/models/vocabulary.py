"""Load a model's own tokenizer and encode with it, whatever the text."""

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

# A text is first cut to so many characters per token of the limit: enough unless its words are absurdly long.
_CHARS_PER_TOKEN = 32
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


def load_tokenizer(path: Path) -> "Tokenizer":
    """A fresh tokenizer that neither pads nor truncates.

    Raises:
        DataError: The file is damaged.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise DataError(f"{path} is not a tokenizer: {error}", hint="fetch the model again") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@lru_cache(maxsize=4)
def shared_tokenizer(path: Path) -> "Tokenizer":
    """A tokenizer for counting, loaded once; callers must not change it."""
    return load_tokenizer(path)


def readable(text: str) -> str:
    """The text with lone surrogates, which are no characters, replaced one by one."""
    return text if text.isascii() else _LONE_SURROGATES.sub("\ufffd", text)


def encode(tokenizer: "Tokenizer", text: str, *, special: bool) -> "Encoding":
    """Encode a text; characters that are no text (lone surrogates) count as unknown ones, offsets unchanged."""
    try:
        return tokenizer.encode(text, add_special_tokens=special)
    except (UnicodeEncodeError, TypeError):
        return tokenizer.encode(readable(text), add_special_tokens=special)


def encode_head(tokenizer: "Tokenizer", text: str, max_tokens: int) -> "Encoding":
    """Encode what fits, special tokens included, with a tokenizer that truncates at ``max_tokens``.

    The cost does not grow with what is cut off.
    """
    size = _CHARS_PER_TOKEN * max_tokens
    if len(text) > size:
        # A cut in front of white space leaves the tokens before it as they are in the whole text.
        cut = max(text.rfind(" ", 0, size), text.rfind("\n", 0, size))
        if cut > 0:
            encoding = encode(tokenizer, text[:cut], special=True)
            if len(encoding.ids) >= max_tokens:
                return encoding
    return encode(tokenizer, text, special=True)


def encode_pair(tokenizer: "Tokenizer", question: str, text: str, max_tokens: int) -> "Encoding":
    """Encode what fits of a pair, the longer of the two cut, with a tokenizer that truncates at ``max_tokens``."""
    size = _CHARS_PER_TOKEN * max_tokens
    question, text = question[:size], text[:size]
    try:
        return tokenizer.encode(question, text)
    except (UnicodeEncodeError, TypeError):
        return tokenizer.encode(readable(question), readable(text))


def padding_id(tokenizer: "Tokenizer") -> int:
    """Id of the padding token; 0 for a tokenizer without one, since padding is masked."""
    for token in ("[PAD]", "<pad>", "<|padding|>"):
        known = tokenizer.token_to_id(token)
        if known is not None:
            return int(known)
    return 0


def text_limit(tokenizer: "Tokenizer", max_tokens: int, prefix: str) -> int:
    """Tokens left for a text after special tokens and a prefix, at least 1."""
    taken = tokenizer.num_special_tokens_to_add(is_pair=False)
    taken += len(encode(tokenizer, prefix, special=False).ids) if prefix else 0
    return max(1, max_tokens - taken)
