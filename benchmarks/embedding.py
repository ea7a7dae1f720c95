"""How fast `ragcli index` turns texts into vectors, against SentenceTransformer.encode and a bare ONNX loop.

    python benchmarks/embedding.py --data BEIR_FOLDER

All in one process, so that loading a model counts for nobody. Rounds take turns over the same texts, so that a busy
machine hurts all alike. `ragcli index` is the whole run on a fresh workspace: reading the catalog, tokenising,
embedding, caching, both indexes, checksums, publication. The bare loop has nothing to hide: texts tokenised
beforehand, sorted by length, in the best batch size, all cores.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import RAGCLI, command, interleave, table, verdict
from numpy.typing import NDArray

from ragcli.config.load import load_config
from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.models.build import build_embedder
from ragcli.models.card import read_card
from ragcli.models.export import ensure_export
from ragcli.models.locate import locate
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

PEER, BARE = "SentenceTransformer.encode(batch_size=32)", "bare ONNX loop"
ALONE, INDEX = "ragcli's embedder alone", "`ragcli index`, the whole run"
BARE_BATCH_TOKENS = 1024
Encode = Callable[[], NDArray[np.float32]]


def ingest(corpus: Path, count: int, root: Path) -> list[str]:
    """Put the first records of a corpus into a catalog, one chunk each; return what will be embedded of them."""
    with corpus.open(encoding="utf-8") as lines:
        records = [line for _, line in zip(range(count), lines, strict=False)]
    (root / "texts.jsonl").write_text("".join(records), encoding="utf-8")
    command([RAGCLI, "ingest", "texts.jsonl", "--set", "ingest.chunker.kind=whole"], cwd=root)()
    with Catalog(root / ".ragcli" / "catalog.db", readonly=True) as catalog:
        return [chunk.embedded_text for chunk in catalog.index_texts(catalog.live_chunk_rows().tolist())]


def sentence_transformer(folder: Path, texts: list[str]) -> Encode:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")

    def encode() -> NDArray[np.float32]:
        vectors = model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    return encode


def bare_loop(graph: Path, tokenizer_file: Path, texts: list[str], max_tokens: int) -> Encode:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    batches = list(padded_batches(ids))

    def encode() -> NDArray[np.float32]:
        out = np.empty((len(texts), 384), dtype=np.float32)
        for places, padded, lengths in batches:
            (hidden,) = session.run(None, {"input_ids": padded, "lengths": lengths})
            mask = np.arange(padded.shape[1]) < lengths[:, None]
            vectors = (hidden * mask[:, :, None]).sum(axis=1) / lengths[:, None]
            out[places] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return out

    return encode


def padded_batches(ids: list[list[int]]) -> Any:
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    while order:
        count = 1
        while count < len(order) and (count + 1) * len(ids[order[count]]) <= BARE_BATCH_TOKENS:
            count += 1
        places, order = order[:count], order[count:]
        lengths = np.array([len(ids[place]) for place in places], dtype=np.int32)
        padded = np.zeros((count, lengths.max()), dtype=np.int32)
        for row, place in zip(padded, places, strict=True):
            row[: len(ids[place])] = ids[place]
        yield places, padded, lengths


def index_run(config: Config, root: Path) -> Callable[[], float]:
    """A contender: the whole index run on a copy of the ingested workspace."""

    def run() -> float:
        target = Workspace(root / "copy")
        shutil.rmtree(target.root, ignore_errors=True)
        shutil.copytree(root / ".ragcli", target.root)
        start = time.perf_counter()
        build_index(config, target)
        return time.perf_counter() - start

    return run


def timed(encode: Encode) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        encode()
        return time.perf_counter() - start

    return run


def contenders(texts: list[str], config: Config) -> dict[str, Encode]:
    """The peer, the floor and ragcli's embedder alone."""
    settings = config.index.embedder
    if settings.kind != "sentence-transformers":
        raise SystemExit("the default embedder is no sentence-transformers model")
    card = read_card(locate(settings.model, "", config.models), settings)
    graph = ensure_export(card, config.models).graph
    if graph is None:
        raise SystemExit("the model does not export")
    embedder = build_embedder(settings, config.models)
    return {
        PEER: sentence_transformer(card.files.folder, texts),
        BARE: bare_loop(graph, card.tokenizer, texts, card.max_tokens),
        ALONE: lambda: embedder.embed_documents(texts),
    }


def smallest_cosine(encoders: dict[str, Encode]) -> float:
    reference, *others = (encode() for encode in encoders.values())
    return min(float((vectors * reference).sum(axis=1).min()) for vectors in others)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="BEIR folder with corpus.jsonl")
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    config = load_config().config
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        texts = ingest(arguments.data / "corpus.jsonl", arguments.count, root)
        encoders = contenders(texts, config)
        cosine = smallest_cosine(encoders)
        runs = {name: timed(encode) for name, encode in encoders.items()} | {INDEX: index_run(config, root)}
        times = interleave(runs, arguments.rounds)
    rows = []
    for name, target in ((PEER, 1.2), (BARE, 0.95), (ALONE, None), (INDEX, None)):
        ratio = times[name].ratio_to(times[INDEX])
        judged = ("", "") if target is None else (f">= {target}x", verdict(ratio, target, at_least=True))
        rows.append([name, f"{len(texts) / times[name].median:.1f}", f"{ratio:.2f}x", *judged])
    print(f"## Embedding throughput\n\n{len(texts)} SciFact abstracts, {arguments.rounds} interleaved rounds; smallest "
          f"cosine to SentenceTransformer {cosine:.7f}.\n")  # fmt: skip
    print(table(["", "texts/s", "`ragcli index` is faster by", "target", ""], rows))


if __name__ == "__main__":
    main()
