"""What speaks for a row being strange."""

from __future__ import annotations

import numpy as np

from latens.analysis.evidence import trimmed_mahalanobis


def test_distances_in_many_dimensions_are_those_in_the_few_that_the_rows_span():
    rng = np.random.default_rng(0)
    few = rng.normal(size=(60, 10))
    turned, _ = np.linalg.qr(rng.normal(size=(2000, 10)))
    np.testing.assert_allclose(trimmed_mahalanobis(few @ turned.T), trimmed_mahalanobis(few), rtol=1e-9)
