from collections.abc import Iterator

import pytest

from tests.support.price_sources import PriceSources, serve_price_sources


@pytest.fixture
def sources() -> Iterator[PriceSources]:
    """A server that stands for every third party, on a real loopback socket."""
    with serve_price_sources() as serving:
        yield serving
