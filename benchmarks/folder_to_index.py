"""From a folder of 1,000 abstracts to a searchable index on disk, whole process, against txtai and LlamaIndex.

    python benchmarks/folder_to_index.py --data BEIR_FOLDER

Each abstract is a text file. The peers read the files, embed with the same weights and save their index. Both cut a
text at the model's 256 tokens; `chunker=whole` does the same work, the default embeds every word in chunks.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import RAGCLI, command, interleave, table, verdict
from peers import minilm, peer_python

TXTAI = """
import sys
from pathlib import Path
from txtai import Embeddings
docs, model, out = sys.argv[1:]
embeddings = Embeddings(path=model, content=True, hybrid=True)
embeddings.index((path.name, path.read_text(), None) for path in sorted(Path(docs).iterdir()))
embeddings.save(out)
"""

LLAMA_INDEX = """
import sys
from pathlib import Path
import faiss
from llama_index.core import Document, Settings, StorageContext, VectorStoreIndex
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.faiss import FaissVectorStore
docs, model, out = sys.argv[1:]
Settings.embed_model = HuggingFaceEmbedding(model_name=model, embed_batch_size=32)
documents = [Document(text=path.read_text(), id_=path.name) for path in sorted(Path(docs).iterdir())]
storage = StorageContext.from_defaults(vector_store=FaissVectorStore(faiss_index=faiss.IndexFlatIP(384)))
VectorStoreIndex.from_documents(documents, storage_context=storage).storage_context.persist(out)
"""


def write_abstracts(corpus: Path, folder: Path, count: int) -> None:
    """The first records of a BEIR corpus as text files."""
    folder.mkdir()
    with corpus.open(encoding="utf-8") as lines:
        for _, line in zip(range(count), lines, strict=False):
            record = json.loads(line)
            (folder / f"{record['_id']}.txt").write_text(f"{record['title']}\n{record['text']}\n", encoding="utf-8")


def fresh(words: list[str], out: Path, cwd: Path) -> Callable[[], float]:
    """A contender that starts without what its last run left."""
    run = command(words, cwd=cwd)

    def timed() -> float:
        shutil.rmtree(out, ignore_errors=True)
        return run()

    return timed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="BEIR folder with corpus.jsonl")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        docs = root / "docs"
        write_abstracts(arguments.data / "corpus.jsonl", docs, arguments.count)
        ours = [RAGCLI, "sync", str(docs), "--set", f"index.embedder.model={minilm()}"]
        peer, model = peer_python(), minilm()
        times = interleave(
            {
                "ragcli": fresh([*ours, "-w", "a"], root / "a", root),
                "ragcli, chunker=whole": fresh(
                    [*ours, "-w", "b", "--set", "ingest.chunker.kind=whole"], root / "b", root
                ),
                "txtai": fresh([peer, "-c", TXTAI, str(docs), model, "txtai"], root / "txtai", root),
                "LlamaIndex": fresh([peer, "-c", LLAMA_INDEX, str(docs), model, "llama"], root / "llama", root),
            },
            rounds=arguments.rounds,
            warmup=0,
        )
    print(f"## Folder to searchable index, {arguments.count:,} SciFact abstracts\n")
    rows = []
    for name in ("ragcli", "ragcli, chunker=whole"):
        ratios = [times[rival].ratio_to(times[name]) for rival in ("txtai", "LlamaIndex")]
        rows.append(
            [
                name,
                f"{times[name].median:.1f} s",
                *(f"{r:.2f}x" for r in ratios),
                verdict(min(ratios), 1.5, at_least=True),
            ]
        )
    rows += [[name, f"{times[name].median:.1f} s", "", "", ""] for name in ("txtai", "LlamaIndex")]
    print(table(["contender", "median", "faster than txtai", "faster than LlamaIndex", "target >= 1.5x"], rows))


if __name__ == "__main__":
    main()
