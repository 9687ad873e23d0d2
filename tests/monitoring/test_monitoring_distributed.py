import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from thinshell.monitoring import measure

# What each of the processes runs: it sees its rows only, in batches, and says what it computed.
PROGRAM = """
import json, sys
import numpy as np, torch, torch.distributed as dist
from thinshell.monitoring import GaussianityMetric

dist.init_process_group("gloo")
results = {}
for name, views in np.load(sys.argv[1]).items():
    n, cut = map(int, name.split())
    mine = slice(0, cut) if dist.get_rank() == 0 else slice(cut, n)
    batches = list(zip(*(torch.from_numpy(view[mine]).split(900) for view in views)))
    metric = GaussianityMetric(seed=1).set_dtype(torch.float64)
    for batch in batches if cut else batches * dist.get_rank():
        metric.update(*batch)
    results[name] = [{key: float(value) for key, value in metric.compute().items()}]
    metric.reset()
    for batch in batches:
        metric(*batch)
    results[name] += [{key: float(value) for key, value in metric.compute().items()}]
print(json.dumps(results))
dist.destroy_process_group()
"""

# Rows, and how many of them the first process has: unequal shares, nothing at all, and more than a sketch holds, where
# counts stand in for sorted values.
CASES = [(3000, 1000), (2000, 0), (12_000, 5000)]


@pytest.fixture(scope="module")
def clouds():
    made = {}
    for n, cut in CASES:
        rng = np.random.default_rng(n)
        first = rng.standard_normal((n, 5)) ** [1, 1, 1, 3, 3]
        made[f"{n} {cut}"] = np.stack([first, first + rng.standard_normal(first.shape)])
    return made


@pytest.fixture(scope="module")
def outputs(tmp_path_factory, clouds):
    path = tmp_path_factory.mktemp("gloo") / "views.npz"
    np.savez(path, **clouds)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path)],
            env=os.environ | shared | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ended = [process.communicate(timeout=300) for process in processes]
    assert all(process.returncode == 0 for process in processes), ended
    return [json.loads(out) for out, _ in ended]


@pytest.mark.parametrize(("n", "cut"), CASES)
def test_two_processes_are_one(outputs, clouds, n, cut):
    alone = measure(*clouds[f"{n} {cut}"], seed=1)
    for process in outputs:
        for result in process[f"{n} {cut}"]:
            assert result == pytest.approx(alone, rel=1e-9)
