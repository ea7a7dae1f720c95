import contextlib
import time

import pytest
from tests.ingest.loaders.conftest import headers, languages, load, load_all, outline

from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed

PAGE = """\
<!DOCTYPE html>
<html lang="en"><head>
<title>Restores &amp; more - how | Vault Docs</title>
<meta charset="utf-8">
<meta name="description" content="How to  restore">
<meta property="article:author" content="Ada">
<style>p { color: red }</style><script>track()</script>
</head><body>
<header><nav><a href="/">Home</a><a href="/docs">Docs</a></nav></header>
<div class="cookie-consent">We use cookies.</div>
<main>
<h1>Restores &amp; more - how<a class="headerlink" href="#x">\u00b6</a></h1>
<p>Choose a   snapshot,<br>then press <b>Re</b>store.
<p hidden>Not shown</p>
<h2 id="steps">Steps</h2>
<ol start="3"><li>Open<ul><li>the list</li></ul>of hosts</li><li><p>Pick</p><p>one</p></li></ol>
<table><caption>Limits</caption>
<thead><tr><th>Plan</th><th colspan="2">Size</th></tr></thead>
<tbody><tr><td rowspan="2">Team</td><td>10</td><td>GB | TB</td></tr><tr><td>20</td><td>GB</td></tr></tbody></table>
<pre class="highlight"><code class="language-py">def f():
    return 1
</code></pre>
<blockquote><p>Be careful.</p></blockquote>
<dl><dt>Term</dt><dd>Meaning</dd></dl>
<p>Mass is <math><semantics><mi>m</mi><annotation encoding="application/x-tex">m_0</annotation></semantics></math>.</p>
<aside class="note">A note that belongs here.</aside>
</main>
<footer>Copyright</footer>
</body></html>
"""


@pytest.fixture(scope="module")
def page() -> Parsed:
    return load("html", PAGE, "restore.html")


def test_blocks_without_the_furniture(page: Parsed) -> None:
    assert outline(page) == [
        ("heading1", "Restores & more - how"),
        ("paragraph", "Choose a snapshot,\nthen press Restore."),
        ("heading2", "Steps"),
        ("list_item1", "3. Open"),
        ("list_item2", "- the list"),
        ("list_item1", "of hosts"),
        ("list_item1", "4. Pick\n   one"),
        ("paragraph", "Limits"),
        ("table", "| Plan | Size |  |\n| --- | --- | --- |\n| Team | 10 | GB \\| TB |\n| Team | 20 | GB |"),
        ("code", "def f():\n    return 1"),
        ("quote", "Be careful."),
        ("paragraph", "Term"),
        ("paragraph", "Meaning"),
        ("paragraph", "Mass is m_0 ."),
        ("paragraph", "A note that belongs here."),
    ]
    assert headers(page) == ["| Plan | Size |  |\n| --- | --- | --- |"]
    assert languages(page) == ["python"]


def test_metadata_and_title_without_the_site(page: Parsed) -> None:
    assert page.title == "Restores & more - how"
    assert page.metadata == {"description": "How to restore", "author": "Ada", "lang": "en"}


def test_lists_are_indented_by_depth(page: Parsed) -> None:
    assert "3. Open\n  - the list\nof hosts\n4. Pick\n   one\n\nLimits" in page.text


def test_boilerplate_can_be_kept() -> None:
    text = load("html", PAGE, html={"drop_boilerplate": False}).text
    assert all(part in text for part in ("Home", "We use cookies.", "Copyright", "Choose a snapshot"))
    assert "Not shown" not in text
    assert "track()" not in text


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Site: page</title><h1>Other</h1>", "Site: page"),
        ("<title>Page \u00b7 Site</title><h1>Page</h1>", "Page"),
        ("<h1>Only a heading</h1>", "Only a heading"),
        ("<p>nothing</p>", "p"),
        ("<title> </title><h2>Second</h2>", "Second"),
    ],
)
def test_titles(html: str, title: str) -> None:
    assert load("html", f"{html}<p>text</p>", "a/p.html").title == title


def test_a_heading_in_the_page_header_is_put_back() -> None:
    parsed = load("html", "<header><h1>Top</h1><a>menu</a></header><main><p>Enough text to be the content.</p></main>")
    assert outline(parsed) == [("heading1", "Top"), ("paragraph", "Enough text to be the content.")]


def test_an_element_that_holds_most_of_the_text_is_never_furniture() -> None:
    parsed = load("html", "<div class='sidebar'><p>" + "All the text there is. " * 9 + "</p></div><p>Little.</p>")
    assert outline(parsed) == [("paragraph", ("All the text there is. " * 9).strip()), ("paragraph", "Little.")]


def test_layout_tables_are_no_tables() -> None:
    html = "<table><tr><td><h2>Left</h2><p>a</p></td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"
    assert [kind for kind, _ in outline(load("html", html))] == [
        "heading2",
        "paragraph",
        "paragraph",
        "paragraph",
        "paragraph",
    ]


def test_a_table_of_headers_only_has_none() -> None:
    assert headers(load("html", "<table><tr><th>a</th><th>b</th></tr><tr><th>c</th><th>d</th></tr></table>")) == [""]


def test_huge_spans_are_bounded() -> None:
    html = "<table><tr><th rowspan=99999999 colspan=99999999>a</th><th>b</th></tr><tr><td>c</td></tr></table>"
    parsed = load("html", html)
    assert len(parsed.text) < 1000
    assert "b" in parsed.text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<meta charset=iso-8859-2><p>\u0141\u00f3d\u017a</p>".encode("iso8859_2"), "\u0141\u00f3d\u017a"),
        ("<p>caf\u00e9</p>".encode("utf-16"), "caf\u00e9"),
        (b"<p>a&nbsp;b&#x1F600;&#0;c&shy;d</p>", "a b\U0001f600\ufffdcd"),
        (b"plain text only", "plain text only"),
        (b"<p>unclosed <b>tags<p>two", "unclosed tags\n\ntwo"),
    ],
)
def test_bytes_of_all_kinds(data: bytes, text: str) -> None:
    assert load("html", data).text == text


@pytest.mark.parametrize("html", ["", "<html></html>", "<script>x</script>", "<!-- only -->"])
def test_pages_without_text_give_nothing(html: str) -> None:
    assert load_all("html", html) == []


@pytest.mark.parametrize(
    ("head", "heading", "title"),
    [
        ("Introduction - Vault Docs", "Introduction", "Introduction - Vault Docs"),
        ("Overview", "Overview", "setup"),
        ("", "Summary", "setup"),
        ("Overview", "Restoring a host", "Restoring a host"),
        ("Installing", "Overview", "Installing"),
    ],
)
def test_a_title_that_any_page_could_have_is_none(head: str, heading: str, title: str) -> None:
    assert load("html", f"<title>{head}</title><h1>{heading}</h1><p>Text", "guides/setup.html").title == title


def test_xml_that_is_called_a_page_is_read_as_xml() -> None:
    rss = "<?xml version='1.0'?><rss><channel><title>News</title></channel></rss>"
    assert outline(load("html", rss, "news.html")) == [("heading1", "News")]


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 20_000,
        "<b>" * 20_000,
        "<table><tr><td>" * 8000,
        "<ul><li>" * 8000,
        "<select>" + "<option>" * 50_000,
        "<i></b>" * 150_000,
    ],
    ids=["div", "b", "table", "ul", "select", "mismatched"],
)
def test_deep_nesting_costs_little(html: str) -> None:
    started = time.process_time()
    with contextlib.suppress(DataError):
        load_all("html", html + "x")
    assert time.process_time() - started < 5


def test_a_tag_with_thousands_of_attributes_is_refused() -> None:
    html = "<p " + " ".join(f"a{n}=1" for n in range(5000)) + ">x</p>"
    with pytest.raises(DataError, match="a tag with more than 2000 attributes"):
        load_all("html", html)
