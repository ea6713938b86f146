"""Where a patch lies is a function of (seed, epoch, number); evaluation sees every pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latens.data import open_source
from latens.data.patches import Layout, covering_patches, random_patches, resident_pixels
from latens.schema import Schema

CPU = torch.device("cpu")
SIZES = [(9, 14), (12, 7), (8, 30)]


def numbered(sizes=SIZES, channels: int | None = None):
    """Images whose every number is its place: (image, top, left) can be read back."""
    images = [1e6 * i + 1e3 * np.arange(h)[:, None] + np.arange(w, dtype=np.float64) for i, (h, w) in enumerate(sizes)]
    images = [image if channels is None else np.stack([image] * channels, axis=-1) for image in images]
    source = open_source(images if len(set(sizes)) > 1 else np.stack(images))
    x, layout = resident_pixels(source, Schema.learn(source, np.arange(len(sizes)), "none"), CPU)
    return x, x, layout


def corners(batch) -> list[tuple[int, int, int]]:
    return [(int(v // 1e6), int(v % 1e6 // 1e3), int(v % 1e3)) for v in batch.x[:, 0, 0].tolist()]


def patches(images=(0, 1, 2), side: int = 5, per_image: int | None = 4, batch_size: int = 4, seed: int = 3):
    return random_patches(numbered(), np.array(images), side, per_image, batch_size, seed)


def by_number(rows, epoch: int) -> dict[int, tuple[int, int, int]]:
    return {
        number: corner
        for batch in rows.batches(epoch)
        for number, corner in zip(batch.random.index.tolist(), corners(batch), strict=True)
    }


class TestRandomPatches:
    def test_each_is_cut_from_its_image(self):
        for batch in patches().batches(epoch=0):
            for number, x in zip(batch.random.index.tolist(), batch.x, strict=True):
                step_down, step_right = x.diff(dim=0), x.diff(dim=1)
                assert (step_down == 1e3).all()
                assert (step_right == 1).all()
                assert int(x[0, 0] // 1e6) == number // 4

    def test_places_depend_on_seed_epoch_and_number_only(self):
        whole = by_number(patches(), epoch=2)
        assert by_number(patches(batch_size=7), epoch=2) == whole
        part = by_number(patches(images=(1,)), epoch=2)
        assert part == {number: corner for number, corner in whole.items() if number in part}
        assert by_number(patches(), epoch=3) != whole
        assert by_number(patches(seed=4), epoch=2) != whole

    def test_all_places_come_up_and_none_outside(self):
        rows = random_patches(numbered([(3, 4)] * 2), np.array([0]), 2, 50, 16, 0)
        seen = {corner[1:] for epoch in range(5) for batch in rows.batches(epoch) for corner in corners(batch)}
        assert seen == {(top, left) for top in range(2) for left in range(3)}

    def test_an_epoch_starts_anywhere(self):
        rows = patches()
        whole = [corners(batch) for batch in rows.batches(1)]
        assert [corners(batch) for batch in rows.batches(1, start=2)] == whole[2:]

    def test_a_last_batch_of_one_joins_the_one_before(self):
        rows = patches(per_image=3, batch_size=4)
        assert [len(batch) for batch in rows.batches(0)] == [4, 5]
        assert rows.steps == 2

    def test_images_that_are_smaller_are_taken_whole(self):
        rows = random_patches(numbered([(3, 4)] * 3), np.arange(3), 64, None, 2, 0)
        assert (rows.patch, len(rows)) == ((3, 4), 3)
        assert sorted(corner for batch in rows.batches(0) for corner in corners(batch)) == [(i, 0, 0) for i in range(3)]

    def test_auto_covers_the_mean_image(self):
        assert len(patches(per_image=None, side=6)) == 3 * round(np.mean([9 * 14, 12 * 7, 8 * 30]) / 36)

    def test_pairs_are_cut_alike(self):
        x, _, layout = numbered()
        rows = random_patches((x, -x, layout), np.arange(3), 5, 4, 4, 0)
        for batch in rows.batches(0):
            assert torch.equal(batch.target, -batch.x)

    def test_colour(self):
        rows = random_patches(numbered(channels=3), np.arange(3), 5, 4, 4, 0)
        assert {tuple(batch.x.shape) for batch in rows.batches(0)} == {(4, 5, 5, 3)}


class TestCoveringPatches:
    @settings(max_examples=30, deadline=None)
    @given(
        sizes=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=2, max_size=4),
        side=st.integers(1, 9),
    )
    def test_see_every_pixel_of_every_held_out_image(self, sizes, side):
        pixels = numbered([*sizes, (2, 2)])
        held_out = np.arange(len(sizes))[1:]
        rows = covering_patches(pixels, held_out, side, 4, 0)
        seen = {int(value) for batch in rows.in_order() for value in batch.x.flatten()}
        wanted = torch.cat([pixels[2].image(pixels[0], int(i)).flatten() for i in held_out])
        assert seen == {int(value) for value in wanted}
        assert sum(len(batch) for batch in rows.in_order()) == len(rows)

    def test_are_the_same_every_time(self):
        rows = covering_patches(numbered(), np.array([0, 2]), 5, 4, 0)
        first, second = ([batch.x for batch in rows.in_order()] for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))

    def test_nothing_is_held_out(self):
        rows = covering_patches(numbered(), np.arange(0), 5, 4, 0)
        assert (len(rows), rows.steps, list(rows.batches(0))) == (0, 0, [])


class TestLayout:
    def test_gives_images_back_whole(self):
        x, _, layout = numbered()
        for number, size in enumerate(SIZES):
            image = layout.image(x, number)
            assert image.shape == size
            assert int(image[-1, -1]) == 1e6 * number + 1e3 * (size[0] - 1) + size[1] - 1

    def test_images_of_one_size_lie_as_ragged_ones_do(self):
        x, _, layout = numbered([(3, 4)] * 3)
        assert layout.first.tolist() == Layout.of([(3, 4)] * 3, CPU).first.tolist() == [0, 12, 24]
        assert x.shape == (36,)


@pytest.mark.parametrize("ragged", [True, False])
def test_values_are_scaled_and_the_source_stays_as_it_is(ragged):
    images = [np.full((3, 4), 10, np.uint8), np.full((3, 5) if ragged else (3, 4), 20, np.uint8)]
    source = open_source(images)
    before = replace(source, values=source.values.copy())
    x, _ = resident_pixels(source, Schema.learn(source, np.arange(2)), CPU)
    assert x.unique().tolist() == [0.0, 1.0]
    assert all(np.array_equal(a, b) for a, b in zip(source.values, before.values, strict=True))
