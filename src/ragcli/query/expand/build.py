"""The expander that the settings ask for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from ragcli.config.expand import DecomposeConfig, FeedbackConfig, HydeConfig, MultiQueryConfig, NoExpansionConfig
from ragcli.config.settings import Config
from ragcli.query.expand import Expander
from ragcli.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.lexical.analysis import Analysis
    from ragcli.index.reader import Generation
    from ragcli.models import Embedder
    from ragcli.query.expand.synonyms import Synonyms


def build_expander(
    config: Config,
    generation: "Generation",
    allowed: "NDArray[np.int64] | None",
    embedder: "Callable[[], Embedder]",
    workspace: Workspace,
) -> Expander | None:
    """An expander over a generation; None where questions are asked as they are.

    Args:
        config: All settings.
        generation: What is searched.
        allowed: Chunk rows that may be looked at; None for all.
        embedder: Gives the embedder of questions, once it is needed.
        workspace: Where vectors of words are kept.

    Raises:
        IndexStateError: The generation lacks what it works from.
        ConfigError: The address of the model makes no sense.
    """
    settings = config.query.expand
    match settings:
        case NoExpansionConfig():
            return None
        case FeedbackConfig():
            from ragcli.query.expand.feedback import feedback_expander

            def synonyms(analysis: "Analysis") -> "Synonyms":
                from ragcli.query.expand.synonyms import Synonyms

                return Synonyms(generation, analysis, embedder, workspace.words, settings.least_cosine)

            return feedback_expander(settings, config.index.lexical, generation, allowed, synonyms)
        case MultiQueryConfig() | HydeConfig() | DecomposeConfig():
            from ragcli.query.expand.chat import ChatExpander

            return ChatExpander(settings)
        case _:
            assert_never(settings)
