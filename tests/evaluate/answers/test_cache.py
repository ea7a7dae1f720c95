from pathlib import Path

import pytest

from ragcli.errors import BackendError
from ragcli.evaluate.answers.cache import AnswerCache


@pytest.mark.parametrize("name", ["a/b.db", None])
def test_values_come_back_exactly(tmp_path: Path, name: str | None) -> None:
    cache = AnswerCache(tmp_path / name if name else None)
    assert cache.find(["x"]) == {}
    keys = [AnswerCache.key("kind", number) for number in range(1203)]
    cache.store({key: [0.1 + number, 1 / 3, {"s": "ä\ud800"}] for number, key in enumerate(keys)})
    assert cache.find([*keys, "x"]) == {key: [0.1 + number, 1 / 3, {"s": "ä\ud800"}] for number, key in enumerate(keys)}
    cache.store({keys[0]: 1})
    assert cache.find(keys[:1]) == {keys[0]: 1}


def test_looking_makes_no_file(tmp_path: Path) -> None:
    AnswerCache(tmp_path / "cache.db").find(["x"])
    assert list(tmp_path.glob("cache*")) == []


@pytest.mark.parametrize("content", [b"no database, but long enough to look at" * 30, b"\x00" * 4096])
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cache.db").write_bytes(content)
    with pytest.raises(BackendError, match="cannot use the cache") as caught:
        AnswerCache(tmp_path / "cache.db").find(["x"])
    assert "remove the file" in caught.value.hint


def test_keys_tell_parts_apart() -> None:
    assert len({AnswerCache.key("ab", "c"), AnswerCache.key("a", "bc"), AnswerCache.key(["ab", "c"])}) == 3
