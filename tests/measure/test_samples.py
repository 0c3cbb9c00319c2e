"""What was sampled of a process, cut into steps."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from sdprofile.measure.samples import Samples


@given(seconds=st.floats(min_value=1e-6, max_value=1e6))
@example(132792.5)
@example(0.3)
def test_a_process_that_uses_one_core_uses_one_in_each_step(seconds: float) -> None:
    samples = Samples(times=[0.0, seconds], own=[1, 1], children=[0, 0], cpu=[5.0, 5.0 + seconds])
    [cores] = samples.cores("tcp://a", 2, began=0.0, seconds=seconds)
    assert set(cores.used) == {1.0}
    assert len(cores.used) == max(1, math.ceil(seconds / cores.step - 1e-6))
    assert len(cores.used) <= 1000
