"""A cold `ragcli query` against a bare script that does only the same loads and calls, and against the peers.

    python benchmarks/query.py

Every contender is a process of its own that loads what it needs, answers one question and ends. All search the same
chunks, those of the sample corpus, with the same weights; the peers load an index that they saved themselves.
"""

import argparse
import json
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from measure import RAGCLI, Timing, command, interleave, table, verdict
from peers import minilm, peer_python

from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.models.card import read_card
from ragcli.models.export import find_export
from ragcli.models.locate import locate

QUESTION = "how do I replace a failed disk?"
CORPUS = Path(__file__).parent.parent / "sample_corpus" / "docs"

BARE = """
import json, os, sqlite3, sys
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
import faiss, numpy as np, onnxruntime, tantivy
from tokenizers import Tokenizer
workspace, graph, tokenizer, analysis, question = sys.argv[1:]
generation = workspace + "/generations/" + open(workspace + "/CURRENT").read().strip()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.add_session_config_entry("session.disable_prepacking", "1")
session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
ids = Tokenizer.from_file(tokenizer).encode(question).ids
feeds = {"input_ids": np.array([ids], dtype=np.int32), "lengths": np.array([len(ids)], dtype=np.int32)}
vector = session.run(None, feeds)[0].mean(axis=1)
vector /= np.linalg.norm(vector)
dense = faiss.read_index(generation + "/vectors/base.faiss", faiss.IO_FLAG_MMAP_IFC)
rows = np.load(generation + "/vectors/base.rows.npy", mmap_mode="r")
scores, positions = dense.search(vector, 100)
words = tantivy.Index.open(generation + "/lexical")
words.register_tokenizer(analysis, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(
    tantivy.Filter.lowercase()).filter(tantivy.Filter.stemmer("english")).build())
searcher = words.searcher()
hits = searcher.search(words.parse_query("replace failed disk", ["text"]), 100).hits
found = searcher.fast_field_values("row", [address for _, address in hits])
fused = {}
for values, keys in ((scores[0].tolist(), rows[positions[0]].tolist()), ([score for score, _ in hits], found)):
    low, high = min(values), max(values)
    for value, key in zip(values, keys):
        fused[key] = fused.get(key, 0.0) + 0.5 * (value - low) / ((high - low) or 1.0)
best = sorted(fused, key=fused.get, reverse=True)[:10]
catalog = sqlite3.connect("file:" + workspace + "/catalog.db?mode=ro", uri=True)
for row in best:
    document, text = catalog.execute(
        "SELECT d.path, c.text FROM chunks c JOIN documents d ON d.row = c.document WHERE c.row = ?", (row,)).fetchone()
    print(round(fused[row], 4), document, text[:200])
"""

TXTAI_SAVE = """
import json, sys
from txtai import Embeddings
chunks, model, out = sys.argv[1:]
embeddings = Embeddings(path=model, content=True, hybrid=True)
embeddings.index((name, text, None) for name, text in json.load(open(chunks)))
embeddings.save(out)
"""
TXTAI = """
import sys
from txtai import Embeddings
out, question = sys.argv[1:]
embeddings = Embeddings()
embeddings.load(out)
for hit in embeddings.search(question, 10):
    print(hit["score"], hit["id"], hit["text"][:200])
"""
LLAMA_SAVE = """
import json, sys
import faiss
from llama_index.core import Settings, StorageContext, VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.faiss import FaissVectorStore
chunks, model, out = sys.argv[1:]
Settings.embed_model = HuggingFaceEmbedding(model_name=model)
nodes = [TextNode(text=text, id_=name) for name, text in json.load(open(chunks))]
storage = StorageContext.from_defaults(vector_store=FaissVectorStore(faiss_index=faiss.IndexFlatIP(384)))
VectorStoreIndex(nodes, storage_context=storage).storage_context.persist(out)
"""
LLAMA = """
import sys
from llama_index.core import Settings, StorageContext, load_index_from_storage
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.faiss import FaissVectorStore
out, model, question = sys.argv[1:]
Settings.embed_model = HuggingFaceEmbedding(model_name=model)
storage = StorageContext.from_defaults(vector_store=FaissVectorStore.from_persist_dir(out), persist_dir=out)
for hit in load_index_from_storage(storage).as_retriever(similarity_top_k=10).retrieve(question):
    print(hit.score, hit.node_id, hit.text[:200])
"""


def bare_arguments(workspace: Path) -> list[str]:
    """What the bare script is told: the workspace, the exported graph, its tokenizer and the analyser's name."""
    models, config = ModelsConfig(), SentenceTransformersConfig()
    card = read_card(locate(config.model, "", models), config)
    export = find_export(card, models)
    if export is None or export.graph is None:
        raise SystemExit("the model was not exported: run `ragcli index` with it first")
    generation = (workspace / "CURRENT").read_text().strip()
    meta = json.loads((workspace / "generations" / generation / "lexical" / "meta.json").read_text())
    analysis = next(f["options"]["indexing"]["tokenizer"] for f in meta["schema"] if f["name"] == "text")
    return [str(workspace), str(export.graph), str(card.tokenizer), analysis]


def export_chunks(workspace: Path, target: Path) -> int:
    """The chunks' embedded texts as JSON, for the peers; returns their number."""
    with sqlite3.connect(workspace / "catalog.db") as catalog:
        rows = catalog.execute(
            "SELECT c.id, c.prefix || char(10) || c.text FROM chunks c JOIN documents d ON d.row = c.document"
            " WHERE d.live = 1"
        ).fetchall()
    target.write_text(json.dumps(rows), encoding="utf-8")
    return len(rows)


def measured(root: Path, rounds: int, slow_rounds: int) -> tuple[dict[str, Timing], dict[str, Timing], int]:
    """Timings of the fast contenders, of all against the peers, and the number of chunks."""
    shutil.copytree(CORPUS, root / "docs")
    command([RAGCLI, "sync", "docs"], cwd=root)()
    workspace, chunks, model = root / ".ragcli", root / "chunks.json", minilm()
    count = export_chunks(workspace, chunks)
    python = peer_python()
    command([python, "-c", TXTAI_SAVE, str(chunks), model, str(root / "txtai")])()
    command([python, "-c", LLAMA_SAVE, str(chunks), model, str(root / "llama")])()
    hybrid = command([RAGCLI, "query", QUESTION], cwd=root)
    fast = interleave(
        {
            "bare script, hybrid": command([sys.executable, "-c", BARE, *bare_arguments(workspace), QUESTION]),
            "ragcli query, hybrid": hybrid,
            "ragcli query, lexical": command([RAGCLI, "query", QUESTION, "--strategy", "lexical"], cwd=root),
        },
        rounds=rounds,
    )
    slow = interleave(
        {
            "ragcli query, hybrid": hybrid,
            "txtai": command([python, "-c", TXTAI, str(root / "txtai"), QUESTION]),
            "LlamaIndex": command([python, "-c", LLAMA, str(root / "llama"), model, QUESTION]),
        },
        rounds=slow_rounds,
    )
    return fast, slow, count


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peer-rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fast, slow, count = measured(Path(folder), arguments.rounds, arguments.peer_rounds)
    bare, hybrid, lexical = (
        fast[name] for name in ("bare script, hybrid", "ragcli query, hybrid", "ragcli query, lexical")
    )
    ratio = hybrid.ratio_to(bare)
    rows: list[list[object]] = [
        [bare.name, f"{bare.median:.2f} s", "1", "", ""],
        [hybrid.name, f"{hybrid.median:.2f} s", f"{ratio:.2f}x the bare script", "<= 1.4x", verdict(ratio, 1.4)],
        [lexical.name, f"{lexical.median:.2f} s", f"{lexical.ratio_to(bare):.2f}x the bare script", "", ""],
    ]
    for name in ("txtai", "LlamaIndex"):
        ratio = slow[name].ratio_to(slow[hybrid.name])
        judged = verdict(ratio, 15, at_least=True)
        rows.append(
            [f"{name}, load and query", f"{slow[name].median:.1f} s", f"{ratio:.1f}x ragcli, hybrid", ">= 15x", judged]
        )
    print(f"## Cold query\n\nWhole processes over {count} chunks of the sample corpus, all-MiniLM-L6-v2; "
          f"{arguments.rounds} interleaved rounds, {arguments.peer_rounds} with the peers.\n")  # fmt: skip
    print(table(["process", "median", "ratio", "target", ""], rows))


if __name__ == "__main__":
    main()
