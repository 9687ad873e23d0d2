"""The fingerprint of samples tells which rows they are."""

import torch

from thinshell.training import Samples


def test_it_tells_rows_order_and_type_apart():
    rows = torch.arange(24, dtype=torch.float32).reshape(8, 3)
    own = Samples("a", rows[:6], rows[6:]).fingerprint()
    assert own == Samples("b", rows[:6].clone(), rows[6:].clone()).fingerprint()
    others = [
        Samples("a", rows[:6].flip(0), rows[6:]),
        Samples("a", rows[:5], rows[5:]),
        Samples("a", rows[:6].to(torch.uint8), rows[6:].to(torch.uint8)),
        Samples("a", rows[:6], rows[6:] + 1),
    ]
    assert len({own, *(one.fingerprint() for one in others)}) == 5
