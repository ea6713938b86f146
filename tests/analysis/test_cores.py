"""Small work runs on one thread, and afterwards there are as many as before."""

from __future__ import annotations

import sklearn.cluster  # noqa: F401  # brings an OpenMP of its own
from threadpoolctl import threadpool_info, threadpool_limits

from latens.analysis import cores


def counts() -> set[int]:
    return {library["num_threads"] for library in threadpool_info()}


def test_little_work_has_one_thread():
    with threadpool_limits(2):
        with cores.cores_for(100):
            assert counts() == {1}
        assert counts() == {2}


def test_much_work_keeps_them_all():
    with threadpool_limits(2), cores.cores_for(1 << 40):
        assert counts() == {2}
