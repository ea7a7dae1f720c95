"""A tiny real BERT for every test that wants one."""

from pathlib import Path

import pytest
from tests.models.tiny_bert import write_tiny_cross_encoder, write_tiny_model


@pytest.fixture(scope="session")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def tiny_model(_tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may change."""
    import shutil

    return Path(shutil.copytree(_tiny, tmp_path / "tiny"))


@pytest.fixture(scope="session")
def _tiny_cross(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_cross_encoder(tmp_path_factory.mktemp("tiny") / "cross")


@pytest.fixture
def tiny_cross_encoder(_tiny_cross: Path, tmp_path: Path) -> Path:
    """A copy of the tiny cross-encoder that a test may change."""
    import shutil

    return Path(shutil.copytree(_tiny_cross, tmp_path / "cross"))
