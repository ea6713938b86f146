"""What docs/scale.md says works as it stands there: on one machine that plays two, with a stand-in for SLURM."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from latens import persistence

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text()
ONE, CODES, TWO, BATCH = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
SMALL = "--device cpu --set max_epochs=2"

# Of SLURM what the script needs: the names of the hosts, and two tasks on this one.
# latens and torchrun stand beside this Python, whether its environment is activated or not.
PROGRAMS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
SCONTROL = "#!/bin/sh\necho 127.0.0.1\n"
SRUN = """#!/bin/sh
shift
for task in 0 1; do
    SLURM_PROCID=$task SLURM_LOCALID=$task SLURM_NTASKS=2 SLURM_STEP_ID=0 SLURM_STEP_TASKS_PER_NODE=2 "$@" &
    tasks="$tasks $!"
done
for task in $tasks; do wait $task || exit; done
"""


@pytest.fixture
def shared(tmp_path) -> Path:
    """The folder that the page calls /shared."""
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32))
    return tmp_path


@pytest.fixture
def port() -> str:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return str(asked.getsockname()[1])


def started(script: str, folder: Path, **said: str) -> subprocess.Popen[str]:
    """A shell in which `latens` and torchrun are the installed ones, and this machine is called node1."""
    script = script.replace("/shared", str(folder)).replace("--model deep", f"--model deep {SMALL}")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PATH": PROGRAMS} | said
    pipe = subprocess.PIPE
    return subprocess.Popen(["sh", "-c", script], cwd=folder, env=environment, text=True, stdout=pipe, stderr=pipe)


def epochs(path: Path) -> int:
    return len(persistence.read_header(path)["history"]["epoch"])


def test_one_machine(shared):
    process = started(ONE.replace("--device cpu", SMALL), shared)
    output, error = process.communicate(timeout=100)
    assert process.returncode == 0, output + error
    assert epochs(shared / "digits.latens") == 2
    process = started(CODES, shared)
    output, error = process.communicate(timeout=100)
    assert process.returncode == 0, output + error
    assert len(list((shared / "codes").glob("part-*.parquet"))) == 3


def test_two_machines(shared, port):
    script = (
        TWO.replace("node1", "127.0.0.1").replace("29500", port).replace("--nproc-per-node 4", "--nproc-per-node 1")
    )
    hosts = [started(script.replace("--node-rank 0", f"--node-rank {rank}"), shared) for rank in range(2)]
    outcomes = [(*process.communicate(timeout=100), process.returncode) for process in hosts]
    assert [code for *_, code in outcomes] == [0, 0], outcomes
    assert epochs(shared / "m.latens") == 2


def test_slurm(shared, port):
    for name, script in (("scontrol", SCONTROL), ("srun", SRUN)):
        path = shared / name
        path.write_text(script)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    process = started(BATCH, shared, PATH=f"{shared}:{PROGRAMS}", SLURM_JOB_NODELIST="n", MASTER_PORT=port)
    output, error = process.communicate(timeout=100)
    assert process.returncode == 0, output + error
    assert output.count("deep model") == 1
    assert epochs(shared / "m.latens") == 2
