import pytest

from collab.domain.certificate import Terms
from collab.errors import InvalidPolicy


@pytest.mark.parametrize(
    "wrong", [{"epsilon": 0.0}, {"epsilon": 0.6}, {"delta": 1.0}, {"miss_epsilon": 0.0}, {"audits": 0}]
)
def test_a_promise_out_of_range_is_refused(wrong):
    with pytest.raises(InvalidPolicy, match=next(iter(wrong))):
        Terms(**wrong)
