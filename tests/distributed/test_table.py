"""Twelve models over many devices and two processes come to the losses and parameters of one device; see `table.py`.

By default some cells with three steps; with ``FNN_TEST_ALL=1`` all, with twenty.
"""

import pytest

from tests import extent
from tests.distributed.models import MODELS
from tests.distributed.test_distributed import run

PLACEMENTS = ("dp", "fsdp", "columns", "2d")
ALONE = [f"{m}:{how}" for m in MODELS for how in PLACEMENTS] + ["mlp:hybrid", "gpt:sequence", "experts:expert"]
JOINTLY = [f"{m}:{how}" for m in MODELS for how in ("dp", "fsdp")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("one-device")


@pytest.mark.parametrize("processes", [1, 2])
def test_cells(folder, processes):
    usual = {1: ["mlp:2d", "cnn:fsdp", "experts:expert"], 2: ["mlp:fsdp"]}[processes]
    cells = {1: ALONE, 2: JOINTLY}[processes] if extent.ALL else usual
    launcher = ("-m", "fnn.distributed.launch", "-n", "2", "--devices-per-process", "4") if processes == 2 else ()
    steps = "20" if extent.ALL else "3"
    result = run(*launcher, "-m", "tests.distributed.table", str(folder), steps, *cells, limit=36_000)
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]
    assert result.stdout.count(f" x {processes}: ") == processes * len(cells), result.stdout
