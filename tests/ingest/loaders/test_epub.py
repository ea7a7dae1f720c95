import io
import zipfile

import pytest
from tests.ingest.loaders.conftest import load, load_all, outline

from ragcli.errors import DataError

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
PACKAGE = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>The  Vault</dc:title><dc:creator>Ada</dc:creator><dc:language>en</dc:language></metadata>
<manifest>
  <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
  <item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
  <item id="one" href="text/one%20first.xhtml" media-type="application/xhtml+xml"/>
  <item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/>
  <item id="css" href="style.css" media-type="text/css"/>
</manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/><itemref idref="one"/>
<itemref idref="gone"/><itemref idref="css"/><itemref idref="unknown"/></spine>
</package>"""
PAGES = {
    "nav.xhtml": "<html><body><nav>Contents</nav></body></html>",
    "text/one first.xhtml": (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html><head><title/></head>'
        "<body><h1>One</h1><p>First \u2014 text.</p></body></html>"
    ),
    "text/two.xhtml": "<html><body><h1>Two</h1><ul><li>item</li></ul></body></html>",
}


def book(**entries: str | bytes) -> bytes:
    file = io.BytesIO()
    content = {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": PACKAGE}
    content |= {f"OEBPS/{name}": page for name, page in PAGES.items()}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        for name, page in {**content, **entries}.items():
            archive.writestr(name, page, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def test_chapters_in_reading_order_once_each() -> None:
    parsed = load("epub", book(), "vault.epub")
    assert outline(parsed) == [
        ("heading1", "One"),
        ("paragraph", "First \u2014 text."),
        ("heading1", "Two"),
        ("list_item1", "- item"),
    ]
    assert parsed.title == "The Vault"
    assert parsed.metadata == {"author": "Ada", "lang": "en"}


def test_title_falls_back_to_the_first_heading() -> None:
    package = PACKAGE.replace("<dc:title>The  Vault</dc:title>", "")
    assert load("epub", book(**{"OEBPS/book.opf": package}), "a/vault.epub").title == "One"


def encrypted(algorithm: str) -> str:
    return f'<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/></EncryptedData></encryption>'


def test_copy_protection_is_refused_and_hidden_fonts_are_not() -> None:
    name = "META-INF/encryption.xml"
    assert load_all("epub", book(**{name: encrypted("http://www.idpf.org/2008/embedding")}))
    with pytest.raises(DataError, match="copy protected EPUB"):
        load_all("epub", book(**{name: encrypted("http://www.w3.org/2001/04/xmlenc#aes256-cbc")}))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"META-INF/container.xml": "<container/>"}, "damaged EPUB: its container names no package"),
        ({"META-INF/container.xml": CONTAINER.replace("book", "no")}, "no 'OEBPS/no.opf' in it"),
        ({"META-INF/container.xml": CONTAINER.replace("OEBPS", "../..")}, r"no '../../book.opf' in it"),
        ({"OEBPS/book.opf": "<package/>"}, "its package lists no chapter that is in the archive"),
        ({"META-INF/container.xml": "no xml"}, "damaged EPUB"),
    ],
)
def test_damaged_files_say_why(entries: dict[str, str], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_all("epub", book(**entries))


def test_entities_of_a_package_stay_unexpanded() -> None:
    bomb = '<!DOCTYPE package [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    package = PACKAGE.replace("?>", f"?>{bomb}", 1).replace("The  Vault", "The &c; Vault")
    assert load("epub", book(**{"OEBPS/book.opf": package})).title == "The &c; Vault"
