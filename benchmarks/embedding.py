"""How fast texts become vectors: SentenceTransformer.encode, a bare ONNX loop, and ragcli's embedder, in one process.

    python benchmarks/embedding.py --texts FILE.jsonl

Rounds take turns over the same texts, so that a busy machine hurts all alike; the ratios are medians over rounds.
The bare loop has nothing to hide: texts tokenised beforehand, sorted by length, in the best batch size, all cores.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import interleave, machine, table, verdict
from numpy.typing import NDArray

from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.models.build import build_embedder
from ragcli.models.card import read_card
from ragcli.models.export import ensure_export
from ragcli.models.locate import locate

PEER, BARE = "SentenceTransformer.encode(batch_size=32)", "bare ONNX loop"
BARE_BATCH_TOKENS = 1024
Encode = Callable[[], NDArray[np.float32]]


def read_texts(path: Path, count: int) -> list[str]:
    """Title and text of the first records of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        records = [json.loads(line) for _, line in zip(range(count), lines, strict=False)]
    return [" ".join(filter(None, (record.get("title", ""), record.get("text", "")))) for record in records]


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


def timed(encode: Encode) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        encode()
        return time.perf_counter() - start

    return run


def contenders(texts: list[str], cache: Path) -> dict[str, Encode]:
    config, models = SentenceTransformersConfig(runtime="onnx"), ModelsConfig(cache=cache)
    card = read_card(locate(config.model, "", models), config)
    graph = ensure_export(card, models).graph
    if graph is None:
        raise SystemExit("the model does not export")
    embedder = build_embedder(config, models)
    return {
        PEER: sentence_transformer(card.files.folder, texts),
        BARE: bare_loop(graph, card.tokenizer, texts, card.max_tokens),
        "ragcli": lambda: embedder.embed_documents(texts),
    }


def smallest_cosine(encoders: dict[str, Encode]) -> float:
    reference, *others = (encode() for encode in encoders.values())
    return min(float((vectors * reference).sum(axis=1).min()) for vectors in others)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=Path, required=True, help="JSONL with text (and title) fields")
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="where to write every round's seconds")
    arguments = parser.parse_args()
    texts = read_texts(arguments.texts, arguments.count)
    with tempfile.TemporaryDirectory() as cache:
        encoders = contenders(texts, Path(cache))
        cosine = smallest_cosine(encoders)
        times = interleave({name: timed(encode) for name, encode in encoders.items()}, arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps({name: timing.seconds for name, timing in times.items()}, indent=2))
    rows = []
    for name, target in ((PEER, 1.2), (BARE, 0.95), ("ragcli", 1.0)):
        ratio = times[name].ratio_to(times["ragcli"])
        judged = (f">= {target}x", verdict(ratio, target, at_least=True)) if name != "ragcli" else ("", "")
        rows.append([name, f"{len(texts) / times[name].median:.1f}", f"{ratio:.2f}x", *judged])
    print(f"## Embedding throughput\n\n{len(texts)} texts, {arguments.rounds} interleaved rounds, {machine()}; "
          f"smallest cosine to SentenceTransformer {cosine:.7f}.\n")  # fmt: skip
    print(table(["", "texts/s", "ragcli is faster by", "target", ""], rows))


if __name__ == "__main__":
    main()
