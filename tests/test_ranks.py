"""Which of several processes this one is, by what the environment says."""

from __future__ import annotations

import pytest

from latens.errors import ConfigError
from latens.ranks import Place, Share, place

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500",
}
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "4",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_STEP_NODELIST": "gpu[07-08,12],other",
    "SLURM_JOB_ID": "1234567",
}


class TestPlace:
    def test_torchrun(self):
        assert place(TORCHRUN) == Place(3, 4, 1, 2, "node1", 29500)

    def test_slurm(self):
        assert place(SLURM) == Place(3, 4, 1, 2, "gpu07", 15000 + 4567)

    def test_slurm_with_an_address_of_ones_own(self):
        said = SLURM | {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "4000"}
        assert place(said) == Place(3, 4, 1, 2, "10.0.0.1", 4000)

    def test_torchrun_within_slurm(self):
        assert place(SLURM | TORCHRUN) == place(TORCHRUN)

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "node1"},
            {"RANK": "1", "WORLD_SIZE": "2"},  # of nobody who can be reached
            {name: value for name, value in SLURM.items() if name != "SLURM_STEP_ID"},  # a batch script without srun
            SLURM | {"SLURM_JOB_NAME": "bash"},
        ],
    )
    def test_alone(self, said):
        assert place(said) == Place()

    @pytest.mark.parametrize(
        ("said", "match"),
        [
            ({"WORLD_SIZE": "two"}, "WORLD_SIZE='two' in the environment is no whole number; unset it"),
            ({"RANK": "-1"}, "RANK='-1' in the environment is no whole number"),
            ({"RANK": "4"}, "RANK=4 in the environment is not below the 4 ranks; count from 0"),
            ({"MASTER_PORT": "0"}, "MASTER_PORT=0 is out of range"),
        ],
    )
    def test_nonsense(self, said, match):
        with pytest.raises(ConfigError, match=match):
            place(TORCHRUN | said)


class TestShare:
    @pytest.mark.parametrize("count", [1, 2, 3, 7, 30])
    @pytest.mark.parametrize("n", [0, 1, 2, 21, 128])
    def test_shares_are_all_rows_in_their_order(self, n, count):
        rows = list(range(n))
        assert [row for rank in range(count) for row in rows[Share(rank, count).of(n)]] == rows

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_blocks_are_disjoint_and_all_of_them(self, count):
        found = sorted(block for rank in range(count) for block in Share(rank, count).blocks(10, 3))
        assert found == [(0, slice(0, 3)), (1, slice(3, 6)), (2, slice(6, 9)), (3, slice(9, 10))]
