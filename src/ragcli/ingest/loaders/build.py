"""Chooses the loader of a document type."""

from typing import Literal, assert_never

from ragcli.config.ingest import LimitsConfig, LoadersConfig
from ragcli.ingest.loaders import Loader
from ragcli.records import DocumentType


def build_loader(type: DocumentType, config: LoadersConfig, limits: LimitsConfig) -> Loader:
    """The loader of a type. Cheap: the libraries behind it are imported when the first file is read."""
    match type:
        case "markdown" | "html" | "xml" | "rst" | "text" | "code":
            return _markup(type, config, limits)
        case "docx" | "pptx" | "xlsx" | "pdf" | "epub":
            return _office(type, config, limits)
        case "ipynb" | "csv" | "json":
            return _data(type, config, limits)
        case _:
            assert_never(type)


def _markup(
    type_: Literal["markdown", "html", "xml", "rst", "text", "code"], config: LoadersConfig, limits: LimitsConfig
) -> Loader:
    from ragcli.ingest.loaders.code import CodeLoader
    from ragcli.ingest.loaders.feed import XmlLoader
    from ragcli.ingest.loaders.html import HtmlLoader
    from ragcli.ingest.loaders.markdown import MarkdownLoader
    from ragcli.ingest.loaders.rst import RstLoader
    from ragcli.ingest.loaders.text import TextLoader

    match type_:
        case "markdown":
            return MarkdownLoader(limits)
        case "html":
            return HtmlLoader(config.html, limits)
        case "xml":
            return XmlLoader(limits)
        case "rst":
            return RstLoader(limits)
        case "text":
            return TextLoader(limits)
        case "code":
            return CodeLoader(limits)
        case _:
            assert_never(type_)


def _office(
    type_: Literal["docx", "pptx", "xlsx", "pdf", "epub"], config: LoadersConfig, limits: LimitsConfig
) -> Loader:
    from ragcli.ingest.loaders.docx import DocxLoader
    from ragcli.ingest.loaders.epub import EpubLoader
    from ragcli.ingest.loaders.pdf import PdfLoader
    from ragcli.ingest.loaders.pptx import PptxLoader
    from ragcli.ingest.loaders.xlsx import XlsxLoader

    match type_:
        case "docx":
            return DocxLoader(limits)
        case "pptx":
            return PptxLoader(limits)
        case "xlsx":
            return XlsxLoader(limits)
        case "pdf":
            return PdfLoader(limits)
        case "epub":
            return EpubLoader(config.html, limits)
        case _:
            assert_never(type_)


def _data(type_: Literal["ipynb", "csv", "json"], config: LoadersConfig, limits: LimitsConfig) -> Loader:
    from ragcli.ingest.loaders.csv import CsvLoader
    from ragcli.ingest.loaders.ipynb import IpynbLoader
    from ragcli.ingest.loaders.json import JsonLoader

    match type_:
        case "ipynb":
            return IpynbLoader(limits)
        case "csv":
            return CsvLoader(config.csv, limits)
        case "json":
            return JsonLoader(config.json_, limits)
        case _:
            assert_never(type_)
