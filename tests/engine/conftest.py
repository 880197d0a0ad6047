"""Property tests of the engine run without hypothesis' deadline: a busy machine may pause for longer."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Networks of a few hundred weights wait for each other's threads far longer than they multiply."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
