"""The whole configuration: one section per folder of the source, in pipeline order."""

from ragcli.config.base import Settings
from ragcli.config.evaluate import EvaluateConfig
from ragcli.config.index import IndexConfig
from ragcli.config.ingest import IngestConfig
from ragcli.config.models import ModelsConfig
from ragcli.config.query import QueryConfig
from ragcli.config.workspace import WorkspaceConfig


class Config(Settings):
    """Everything that can be configured."""

    workspace: WorkspaceConfig = WorkspaceConfig.defaults()
    models: ModelsConfig = ModelsConfig.defaults()
    ingest: IngestConfig = IngestConfig.defaults()
    index: IndexConfig = IndexConfig.defaults()
    query: QueryConfig = QueryConfig.defaults()
    evaluate: EvaluateConfig = EvaluateConfig.defaults()
