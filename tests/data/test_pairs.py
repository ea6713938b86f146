from __future__ import annotations

import numpy as np
import pytest

from latens.data import Source, open_source
from latens.data.pairs import paired
from latens.errors import DataError


def folder(name: str, files: dict[str, tuple[int, int]]) -> Source:
    images = [np.full(shape, row, np.float64) for row, shape in enumerate(files.values())]
    source = open_source(images)
    return Source(source.values, kind="images", ids=np.array(list(files)), name=name)


NOISY = folder("noisy", {"a.png": (3, 4), "b.png": (5, 6), "c.png": (3, 4)})


def test_files_are_matched_by_name_and_not_by_position():
    clean = folder("clean", {"c.png": (3, 4), "b.png": (5, 6), "a.png": (3, 4)})
    partners = paired(NOISY, clean)
    assert partners.ids.tolist() == ["a.png", "b.png", "c.png"]
    assert [int(image[0, 0]) for image in partners.values] == [2, 1, 0]


def test_the_first_file_without_a_partner_is_named_on_either_side():
    clean = folder("clean", {"a.png": (3, 4), "c.png": (3, 4)})
    with pytest.raises(DataError, match=r"^noisy: b.png has no partner of the same name in clean; add it there"):
        paired(NOISY, clean)
    with pytest.raises(DataError, match=r"^noisy: b.png has no partner of the same name in clean; add it there"):
        paired(clean, NOISY)


def test_a_pair_of_different_sizes_is_named():
    clean = folder("clean", {"a.png": (3, 4), "b.png": (6, 5), "c.png": (3, 4)})
    with pytest.raises(DataError, match=r"noisy: b.png is 6 x 5 and its partner b.png is 5 x 6 \(width x height\)"):
        paired(NOISY, clean)


def test_different_sizes_are_seen_where_each_side_has_one():
    noisy, clean = open_source(np.zeros((2, 3, 4))), open_source(np.zeros((2, 4, 3)))
    with pytest.raises(DataError, match="image 0 is 4 x 3 and its partner image 0 is 3 x 4"):
        paired(noisy, clean)


def test_without_names_rows_are_matched_by_position():
    noisy, clean = open_source(np.zeros((2, 3))), open_source(np.ones((2, 3)))
    assert paired(noisy, clean) is clean
    with pytest.raises(DataError, match="target has 1 rows for the 2 of X; give one clean row for each noisy one"):
        paired(noisy, open_source(np.ones((1, 3))))
