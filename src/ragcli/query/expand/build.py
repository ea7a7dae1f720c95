"""The expander that the settings ask for."""

from typing import TYPE_CHECKING, assert_never

from ragcli.config.expand import DecomposeConfig, FeedbackConfig, HydeConfig, MultiQueryConfig, NoExpansionConfig
from ragcli.config.settings import Config
from ragcli.query.expand import Expander

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.reader import Generation


def build_expander(config: Config, generation: "Generation", allowed: "NDArray[np.int64] | None") -> Expander | None:
    """An expander over a generation; None where questions are asked as they are.

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

            return feedback_expander(settings, config.index.lexical, generation, allowed)
        case MultiQueryConfig() | HydeConfig() | DecomposeConfig():
            from ragcli.query.expand.chat import ChatExpander

            return ChatExpander(settings)
        case _:
            assert_never(settings)
