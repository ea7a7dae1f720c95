"""A judge on loopback that answers sensibly."""

import json
from typing import Any

import pytest


@pytest.fixture
def service(service: Any, reply: Any) -> Any:
    """Half of two statements supported; relevance 4."""

    def sensible(body: dict[str, Any]) -> Any:
        if "factual statements" in body["messages"][0]["content"]:
            statements = [{"statement": "a", "supported": True}, {"statement": "b", "supported": False}]
            return reply(json.dumps({"statements": statements}))
        return reply(json.dumps({"reason": "good", "score": 4}))

    service.always = sensible
    return service
