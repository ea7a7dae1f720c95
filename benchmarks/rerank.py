"""How fast pairs are scored, against CrossEncoder.predict with the same weights.

    python benchmarks/rerank.py --data BEIR_FOLDER

Both in one process, so that loading a model counts for nobody; rounds take turns over the same pairs. The weights are
those of the packaged ms-marco-MiniLM-L-12-v2, saved as the folder that sentence-transformers reads: float32 for both.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measure import interleave, table, verdict
from numpy.typing import NDArray

from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import CrossEncoderConfig
from ragcli.models.cross_encoders.build import build_cross_encoder
from ragcli.models.cross_encoders.card import find_card
from ragcli.models.cross_encoders.weights import read_onnx_weights

PEER, OWN = "CrossEncoder.predict(batch_size=32)", "`ragcli rerank`'s cross-encoder"
Score = Callable[[], NDArray[np.float32]]


def save_model(folder: Path) -> Path:
    """The packaged model as a sentence-transformers CrossEncoder folder."""
    from safetensors.numpy import save_file

    card = find_card(CrossEncoderConfig(), ModelsConfig(offline=True))
    tensors, settings = read_onnx_weights(card.weights)
    heads = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    named = {name if name.startswith("classifier.") else f"bert.{name}": values for name, values in heads.items()}
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
    settings |= {
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"0": "LABEL_0"},
        "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"},
    }
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        (folder / name).write_bytes((card.files.folder / name).read_bytes())
    return folder


def read_pairs(data: Path, count: int) -> list[tuple[str, str]]:
    """Judged questions with the first abstracts of the corpus, ten each."""
    with (data / "corpus.jsonl").open(encoding="utf-8") as lines:
        texts = [f"{row['title']}\n{row['text']}" for row, _ in zip(map(json.loads, lines), range(count), strict=False)]
    questions = list(_questions(data))
    return [(questions[place // 10], text) for place, text in enumerate(texts)]


def _questions(data: Path) -> Iterator[str]:
    with (data / "qrels" / "test.tsv").open(encoding="utf-8") as lines:
        judged = {row["query-id"] for row in csv.DictReader(lines, delimiter="\t")}
    with (data / "queries.jsonl").open(encoding="utf-8") as lines:
        yield from (row["text"] for row in map(json.loads, lines) if row["_id"] in judged)


def peer(folder: Path, pairs: list[tuple[str, str]]) -> Score:
    from sentence_transformers import CrossEncoder

    model: Any = CrossEncoder(str(folder), device="cpu")
    return lambda: np.asarray(model.predict(pairs, batch_size=32, show_progress_bar=False), dtype=np.float32)


def own(folder: Path, pairs: list[tuple[str, str]]) -> Score:
    model = build_cross_encoder(CrossEncoderConfig(model=str(folder), runtime="onnx"), ModelsConfig(offline=True))
    return lambda: model.score(pairs)


def timed(score: Score, seen: list[NDArray[np.float32]]) -> Callable[[], float]:
    """Times a run and keeps its scores: a difference that shows in one run of many is one, too."""

    def run() -> float:
        start = time.perf_counter()
        seen.append(score())
        return time.perf_counter() - start

    return run


def largest_difference(ours: list[NDArray[np.float32]], theirs: list[NDArray[np.float32]]) -> tuple[float, int]:
    """Between any two runs, and the place of the pair that it is at."""
    differences = np.abs(np.array(ours)[:, None] - np.array(theirs)[None]).max(axis=(0, 1))
    return float(differences.max()), int(differences.argmax())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="BEIR folder with corpus.jsonl, queries.jsonl, qrels")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    pairs = read_pairs(arguments.data, arguments.count)
    with tempfile.TemporaryDirectory() as temporary:
        folder = save_model(Path(temporary))
        scorers = {PEER: peer(folder, pairs), OWN: own(folder, pairs)}
        seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in scorers}
        times = interleave({name: timed(score, seen[name]) for name, score in scorers.items()}, arguments.rounds)
    difference, place = largest_difference(seen[OWN], seen[PEER])
    unsteady = max(float(np.ptp(np.array(own), axis=0).max()) for own in seen.values())
    rows = []
    for name, target in ((PEER, 1.3), (OWN, None)):
        ratio = times[name].ratio_to(times[OWN])
        judged = ("", "") if target is None else (f">= {target}x", verdict(ratio, target, at_least=True))
        rows.append([name, f"{len(pairs) / times[name].median:.1f}", f"{ratio:.2f}x", *judged])
    print(
        f"## Reranking throughput\n\n{len(pairs)} pairs of a SciFact claim and an abstract, {arguments.rounds} rounds."
    )
    print(f"Scores of all rounds differ by {difference:.1e} at most (pair {place}), one scorer's by {unsteady:.1e}.\n")
    print(table(["", "pairs/s", "`ragcli` is faster by", "target", ""], rows))


if __name__ == "__main__":
    main()
