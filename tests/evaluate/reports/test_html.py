"""The page: what is in it, and what a real browser makes of it."""

import json
import os
import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragcli.evaluate.reports import charts, query_table, render
from ragcli.evaluate.reports.query_table import marked
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import EvalResult

REQUIRED = bool(os.environ.get("RAGCLI_REQUIRE_BROWSER"))  # CI sets it: there, no browser is a failure


class Tags(HTMLParser):
    """All tags of a page and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and "use strict" in data:
            self.scripts.append(data)


def test_hostile_text_stays_text(full_report: Report) -> None:
    values = {**full_report.result.values, "<i>_ms": np.ones(60)}
    named = replace(full_report, result=replace(full_report.result, values=dict(reversed(values.items()))))
    assert "<figcaption>&lt;i&gt;_ms per query</figcaption>" in render(".html", named)
    page = Tags(render(".html", full_report) + render(".html", named))
    names = [tag for tag, _ in page.tags]
    assert names.count("script") == 2
    assert not {"img", "corpus", "i"} & set(names)
    assert render(".html", full_report).count('<span class="badge loss">not relevant</span>') == 60
    assert render(".html", full_report).count(f"<b>notes/&lt;img src=x&gt;{'long' * 20}.md</b>") == 60
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "&lt;script&gt;document.title=&#x27;pwned&#x27;&lt;/script&gt;" in render(".html", full_report)


def test_nothing_is_fetched_and_only_the_pages_own_script_may_run(full_report: Report) -> None:
    page = Tags(render(".html", full_report))
    assert not any(name in {"src", "href", "xlink:href", "action"} for _, found in page.tags for name in found)
    policy = next(found["content"] for tag, found in page.tags if tag == "meta" and "http-equiv" in found)
    digest = b64encode(sha256("".join(page.scripts).encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_every_part_is_there(full_report: Report, plain_report: Report) -> None:
    page = render(".html", full_report)
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert heads == ["Gates", "Metrics", "Charts", "By tag", "Queries (all 60)", "What shaped the numbers"]
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == [
        "Recall and precision over k", "nDCG@10 of each query against the baseline", "latency_ms per query",
    ]  # fmt: skip
    assert page.count('<tr><th scope="row">') == 60
    assert all("aria-label" in found for tag, found in Tags(page).tags if tag == "svg")
    assert re.findall(r"<h2>(.*?)</h2>", render(".html", plain_report)) == ["Metrics", "Queries (all 2)"]


def test_a_page_of_many_queries_stays_small_and_shows_the_worst() -> None:
    count = 20_000
    values = np.random.default_rng(1).random(count)
    result = EvalResult("d", tuple(map(str, range(count))), {"MRR": values, "latency_ms": values})
    baseline = replace(result, values={"MRR": values[::-1].copy()})
    report = Report(result, baseline)
    page = render(".html", report)
    assert len(page) < 3_000_000
    assert "Queries (the 1,000 worst of 20,000)" in page
    shown = query_table.chosen(report)
    assert report.changes()[shown].tolist() == sorted(report.changes())[: query_table.ROWS]


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("a <b> & c", (), "a &lt;b&gt; &amp; c"),
        ("a <b> & c", ((2, 5),), "a <mark>&lt;b&gt;</mark> &amp; c"),
        ("abcdef", ((3, 5), (1, 4), (5, 5)), "a<mark>bcde</mark>f"),
        ("abcdef", ((-4, 2), (5, 99)), "<mark>ab</mark>cde<mark>f</mark>"),
        ("x" * 1_000, ((900, 901),), "…" + "x" * 500 + "<mark>x</mark>" + "x" * 99),
        ("x" * 1_000, (), "x" * 240 + "…"),
        ("x" * 1_000, ((300, 900),), "…" + "x" * 150 + "<mark>" + "x" * 450 + "</mark>…"),
    ],
)
def test_spans_are_marked(text: str, spans: tuple[tuple[int, int], ...], expected: str) -> None:
    assert marked(text, spans) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0, 47, [0, 10, 20, 30, 40]), (-0.5, 0.5, [-0.4, -0.2, 0, 0.2, 0.4])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert charts.ticks(low, high) == pytest.approx(expected)


def test_scatter_places_each_query_and_counts_it() -> None:
    drawn = charts.scatter(np.array([0.0, 1.0, 1.0, 0.5]), np.array([1.0, 0.0, 0.0, 0.5]), 1)
    assert "1 better, 2 worse, 1 the same" in drawn
    left, right = charts.LEFT, charts.WIDTH - charts.RIGHT
    top, bottom = charts.TOP, charts.HEIGHT - charts.BOTTOM
    assert f'<circle class="win" cx="{left:.1f}" cy="{top:.1f}" r="2.6">' in drawn
    assert f'<circle class="loss" cx="{right:.1f}" cy="{bottom:.1f}" r="4.1"><title>1.00 → 0.00: 2 queries' in drawn
    assert "1 better, 2 worse" not in charts.scatter(np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 0.0]), -1)


def test_charts_take_values_that_are_all_alike() -> None:
    assert "p50 0 ms" in charts.histogram(np.zeros(3))
    assert "0 better, 0 worse, 2 the same" in charts.scatter(np.zeros(2), np.zeros(2), 1)
    assert "polyline" in charts.curves({"recall": [(1.0, 0.0)]})


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    if not found:
        reason = "no browser: apt-get install chromium"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    return found


def dom_after(browser: str, page: str, folder: Path, *flags: str) -> tuple[str, str]:
    """The document after its scripts ran, and what the console said."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    words = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=2000", *flags, "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    run = subprocess.run(words, capture_output=True, text=True, timeout=90)
    assert run.returncode == 0, run.stderr
    console = "\n".join(line for line in run.stderr.splitlines() if "CONSOLE" in line)
    return run.stdout, console


def with_probe(page: str, probe: str) -> str:
    """The page with a script of the test's own, which stores an object; the policy would refuse it."""
    page = re.sub(r"<meta http-equiv=.*?>", "", page)
    store = f"document.documentElement.dataset.found = JSON.stringify((() => {{ {probe} }})());"
    return page.replace("</body>", f"<script>{store}</script></body>")


def probed(browser: str, page: str, folder: Path, probe: str, *flags: str) -> Any:
    dom, console = dom_after(browser, with_probe(page, probe), folder, *flags)
    assert not console
    found = dict(Tags(dom).tags[0][1])["data-found"]
    assert found is not None
    return json.loads(found)


def test_a_browser_finds_nothing_wrong_and_runs_no_hostile_text(
    chromium: str, tmp_path: Path, full_report: Report
) -> None:  # fmt: skip
    dom, console = dom_after(chromium, render(".html", full_report), tmp_path)
    assert console == ""
    assert "<title>sample &lt;corpus&gt;: ragcli eval</title>" in dom
    assert "<img" not in dom
    assert dom.count("<mark>The models come from the offline extra &amp; need no hub</mark>") == 60


def test_a_browser_refuses_a_foreign_script(chromium: str, tmp_path: Path, full_report: Report) -> None:
    page = render(".html", full_report).replace("</body>", "<script>document.title = 'pwned'</script></body>")
    dom, console = dom_after(chromium, page, tmp_path)
    assert "Content Security Policy" in console
    assert "<title>pwned" not in dom


def test_columns_sort_and_rows_filter(chromium: str, tmp_path: Path, full_report: Report) -> None:
    probe = """
      const rows = () => [...document.querySelectorAll("#queries tbody tr")];
      const column = (index) => rows().map((row) => row.cells[index].textContent);
      const head = (index) => document.querySelectorAll("#queries thead th")[index];
      const click = (index) => { head(index).querySelector("button").click(); return column(index); };
      const found = { up: click(2), down: click(2), order: head(2).getAttribute("aria-sort"), names: click(0),
                      before: head(2).getAttribute("aria-sort") };
      const filter = document.getElementById("filter");
      filter.value = "(33)";
      filter.dispatchEvent(new Event("input"));
      found.left = rows().filter((row) => !row.hidden).length;
      return found;
    """
    found = probed(chromium, render(".html", full_report), tmp_path, probe)
    known = [float(value) for value in found["up"][:-1]]
    assert (len(known), found["up"][-1]) == (59, "-")  # what failed stays last
    assert known == sorted(known)
    assert [float(value) for value in found["down"][:-1]] == sorted(known, reverse=True)
    assert found["down"][-1] == "-"
    assert (found["order"], found["before"]) == ("descending", None)
    assert found["names"] == list(full_report.result.queries)
    assert found["left"] == 1


def test_light_and_dark_are_readable_and_nothing_overflows(chromium: str, tmp_path: Path, full_report: Report) -> None:
    probe = """
      const linear = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      const channel = (value) => linear(value / 255);
      const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
        return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
      };
      const paper = light(getComputedStyle(document.body).backgroundColor);
      const contrast = (element, property) => {
        const ink = light(getComputedStyle(element)[property]);
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      };
      const kinds = ["body", ".quiet", ".win", ".loss", ".warnings", "thead th", ".badge", "td.number"];
      return {
        paper,
        contrasts: kinds.map((kind) => contrast(document.querySelector(kind), "color")),
        labels: [...document.querySelectorAll("svg text")].map((text) => contrast(text, "fill")),
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
      };
    """
    page = render(".html", full_report)
    light, dark = (
        probed(
            chromium,
            page,
            tmp_path,
            probe,
            f"--blink-settings=preferredColorScheme={scheme}",
            "--window-size=1280,2000",
        )
        for scheme in (1, 0)
    )
    narrow = probed(chromium, page, tmp_path, probe, "--window-size=500,900")
    assert light["paper"] > 0.9
    assert dark["paper"] < 0.05
    for found in (light, dark):
        assert min(found["contrasts"] + found["labels"]) >= 4.5  # WCAG 2.1 AA
    assert (light["wide"], dark["wide"], narrow["wide"]) == (False, False, False)
