from __future__ import annotations

import pytest

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


class TestPairs:
    def test_rows_by_number(self, run, digits, tmp_path):
        output = tmp_path / "pairs.png"
        outcome = run("pairs", digits, "dataset:digits", "-o", output, "--rows", "0,5,9", "--json")
        assert outcome.json == {"output": str(output), "rows": [0, 5, 9], "shown": 3}
        assert output.read_bytes().startswith(MAGIC["png"])

    def test_so_many_rows(self, run, digits, tmp_path):
        outcome = run("pairs", digits, "dataset:digits", "-o", tmp_path / "pairs.png", "--count", 4, "--json")
        assert outcome.json["shown"] == 4

    @pytest.mark.parametrize("rows", ["0,1797", "-1", "99999999999999999999"])
    def test_a_row_that_is_not_there(self, run, digits, tmp_path, rows):
        outcome = run("pairs", digits, "dataset:digits", "-o", tmp_path / "pairs.png", "--rows", rows)
        assert outcome.code == 1
        assert "internal error" not in outcome.err
        assert "use numbers from 0 to 1796" in outcome.err
        assert not (tmp_path / "pairs.png").exists()

    def test_rows_that_are_no_numbers(self, run, digits, tmp_path):
        outcome = run("pairs", digits, "dataset:digits", "-o", tmp_path / "pairs.png", "--rows", "first")
        assert outcome.code == 2
        assert "is no list of row numbers" in outcome.err
