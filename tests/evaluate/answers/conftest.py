"""A judge on loopback that answers sensibly."""

from typing import Any

import pytest


@pytest.fixture
def service(service: Any, judging: Any) -> Any:
    service.always = judging
    return service
