"""The configuration as JSON Schema, so that editors complete and check ``ragcli.yaml``."""

from typing import Any

from ragcli.config.base import Settings
from ragcli.config.documentation import field_docs, section_doc
from ragcli.config.keys import models_of
from ragcli.config.settings import Config


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a configuration file, every key described."""
    schema = Config.model_json_schema(mode="validation")
    definitions = schema.get("$defs", {})
    for model in sections():
        part = schema if model is Config else definitions[model.__name__]
        part["description"] = section_doc(model)
        for name, text in field_docs(model).items():
            if text:
                part["properties"][name]["description"] = text
            part["properties"][name].pop("title", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "ragcli configuration"}


def sections(model: type[Settings] = Config) -> list[type[Settings]]:
    """A section and every section below it, each once, in the order of the fields."""
    found = [model]
    for field in model.model_fields.values():
        for below in models_of(field):
            found += [section for section in sections(below) if section not in found]
    return list(dict.fromkeys(found))
