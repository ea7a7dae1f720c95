from tests.ingest.loaders.conftest import load, load_all, outline


def test_feeds() -> None:
    rss = """<?xml version="1.0"?><rss><channel><title>News</title><description>Of all sorts</description>
    <item><title>First</title><pubDate>Mon, 1 Jan 2024</pubDate>
    <description>&lt;h2&gt;In it&lt;/h2&gt;&lt;p&gt;Text &amp;amp; more&lt;/p&gt;</description></item>
    </channel></rss>"""
    parsed = load("xml", rss, "news.xml")
    assert outline(parsed) == [
        ("heading1", "News"),
        ("paragraph", "Of all sorts"),
        ("heading2", "First"),
        ("paragraph", "Mon, 1 Jan 2024"),
        ("heading4", "In it"),
        ("paragraph", "Text & more"),
    ]
    assert (parsed.title, parsed.metadata) == ("News", {"entries": 1})


def test_other_xml_is_a_paragraph_per_element_with_text() -> None:
    parsed = load(
        "xml", "<?xml version='1.0'?><order><to>Ada</to><note>Call <b>first</b>, please</note></order>", "o.xml"
    )
    assert outline(parsed) == [("paragraph", "Ada"), ("paragraph", "Call first, please")]
    assert (parsed.title, parsed.metadata) == ("o", {"root": "order"})


def test_entities_of_xml_stay_unexpanded() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l "lol">' + "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1 or str()};" * 10}">' for n in range(1, 12)
    )
    file = '<!ENTITY f SYSTEM "file:///etc/passwd">'
    parsed = load("xml", f"{bomb}{file}]><a><b>see &l11; &f;</b></a>", "bomb.xml")
    assert len(parsed.text) < 100
    assert "root:" not in parsed.text


def test_xml_without_text_gives_nothing() -> None:
    assert load_all("xml", "<?xml version='1.0'?><a><b c='d'/></a>") == []
    assert load_all("xml", " \n") == []


def test_damaged_xml_is_read_as_far_as_it_goes() -> None:
    assert outline(load("xml", "<a><b>one</b><c>two", "a.xml")) == [("paragraph", "one"), ("paragraph", "two")]
