"""``latens outliers``: the three ways to judge, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import latens

WIDE = "\x1b[31mred\u202e" + "x" * 5000


@pytest.fixture(scope="session")
def _shop_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wages of three trades, one of them wrong, with a hostile label."""
    random = np.random.default_rng(0)
    job = random.choice(["clerk", "cook"], 160)
    pay = np.where(job == "clerk", 50.0, 30.0) + random.normal(size=160)
    frame = pd.DataFrame({"pay": pay, "job": job, "age": random.integers(20, 60, 160), "town": "here"})
    frame.loc[7, "pay"] = 500.0
    frame.loc[7, "town"] = WIDE
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def shop(_shop_once, tmp_path):
    path = tmp_path / "shop.csv"
    path.write_bytes(_shop_once.read_bytes())
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The default network for two epochs."""
    from latens.estimators import outliers as detectors

    monkeypatch.setattr(detectors, "_PASSES", (2, 2))


JUDGED = ("--labels", "town", "--rate", "0.05", "--device", "cpu")


class TestJudges:
    def test_a_table_by_itself(self, run, shop, tmp_path):
        table, picture = tmp_path / "o.csv", tmp_path / "cards.png"
        outcome = run("outliers", shop, *JUDGED, "-o", table, "--plot", picture, "--top", 2)
        assert outcome.code == 0, outcome.err
        first, _, _, verdict, calibration, *_ = outcome.out.splitlines()
        assert "row 7 (flagged, p " in first
        assert "pay is 500 where" in first
        assert "expected by chance at a false-alarm rate of 0.05" in verdict
        assert calibration == "calibration: rows of shop.csv that were held out from learning"
        frame = pd.read_csv(table)
        assert list(frame.columns[:7]) == ["score", "p_value", "flagged", "cause", "value", "expected", "share"]
        assert list(frame.columns[-2:]) == ["share_3", "town"]
        assert (frame.cause[7], float(frame.value[7]), frame.score.idxmax()) == ("pay", 500.0, 7)
        assert frame.cause.notna().equals(frame.flagged)
        assert picture.read_bytes().startswith(b"\x89PNG")

    def test_a_hostile_label_stays_one_line_on_a_terminal(self, run, shop):
        out = run("outliers", shop, *JUDGED, "--top", 1).out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert max(map(len, out.splitlines())) < 700

    def test_as_json_and_nothing_else(self, run, shop):
        result = run("outliers", shop, *JUDGED, "--json", "--top", 3).json
        assert (result["rows"], result["held_out"], result["extrapolated"]) == (160, 16, True)
        assert len(result["outliers"]) == 3
        first = result["outliers"][0]
        assert (first["row"], first["causes"][0]["name"], first["labels"]["town"]) == (7, "pay", WIDE)
        assert set(first["nearest"][0]) == {"row", "distance"}
        assert result["evidence"] == ["residual", "neighbours"]

    def test_new_rows_against_a_reference(self, run, shop, tmp_path):
        new = tmp_path / "new.csv"
        new.write_text("age,job,pay\n30,cook,30\n30,cook,900\n")
        result = run("outliers", new, "--reference", shop, *JUDGED, "--json").json
        assert [each["row"] for each in result["outliers"]] == [1, 0]
        assert result["outliers"][0]["flagged"]
        assert result["calibration"] == "rows of shop.csv that were held out from learning"

    def test_a_kept_detector_judges_as_it_did(self, run, shop, tmp_path):
        kept, first, again = tmp_path / "d.latens", tmp_path / "a.parquet", tmp_path / "b.parquet"
        assert run("outliers", shop, *JUDGED, "--save", kept, "-o", first).code == 0
        outcome = run("outliers", kept, shop, "-o", again)
        assert outcome.code == 0, outcome.err
        assert f"calibration: as {kept} was saved" in outcome.out
        pd.testing.assert_frame_equal(pd.read_parquet(first), pd.read_parquet(again))
        looser = run("outliers", kept, shop, "--rate", "0.4", "--json").json
        assert looser["false_alarm_rate"] == 0.4
        assert looser["flagged"] > pd.read_parquet(first).flagged.sum()

    def test_an_autoencoder_is_calibrated_and_not_fitted(self, run, digits, tmp_path):
        before = latens.load(digits).network_.network.state_dict()
        kept = tmp_path / "d.latens"
        outcome = run("outliers", digits, "dataset:digits/test", "--rate", 0.1, "--save", kept)
        assert outcome.code == 0, outcome.err
        assert "if the model learned from these, the threshold is too low" in outcome.out
        after = latens.load(kept).estimator_.network_.network.state_dict()
        assert all((after[name] == value).all() for name, value in before.items())
        other = run("outliers", digits, "dataset:digits/test", "--reference", "dataset:digits/train", "--json").json
        assert other["held_out"] > 100

    def test_images_are_drawn_with_their_residuals(self, run, digits, tmp_path):
        picture = tmp_path / "cards.svg"
        outcome = run("outliers", digits, "dataset:digits/test", "--plot", picture, "--top", 1)
        assert outcome.code == 0, outcome.err
        assert "[label " in outcome.out
        assert picture.stat().st_size > 10_000

    def test_false_discoveries_instead(self, run, shop):
        result = run("outliers", shop, "--fdr", 0.2, "--evidence", "neighbours", "--trim", "0", "--json").json
        assert result["false_discovery_rate"] == 0.2
        assert (result["evidence"], result["trimmed"]) == (["neighbours"], 0)
        assert "a share of at most 0.2 is expected to be false" in result["verdict"]

    def test_one_seed_one_answer(self, run, shop):
        answers = [run("outliers", shop, *JUDGED, "--seed", 3, "--json").out for _ in range(2)]
        assert answers[0] == answers[1]


class TestSequences:
    def test_titles_of_a_column(self, run, news, texts, tmp_path):
        table, kept = tmp_path / "o.csv", tmp_path / "d.latens"
        outcome = run("outliers", news, texts / "news.csv", "--rate", 0.1, "--labels", "topic", "-o", table)
        assert outcome.code == 0, outcome.err
        assert outcome.out.startswith("[")
        assert " is " in outcome.out.splitlines()[0]
        frame = pd.read_csv(table)
        assert (len(frame), list(frame)[:2], list(frame)[-1]) == (40, ["id", "score"], "topic")
        assert run("outliers", news, texts / "news.csv", "--save", kept).code == 0
        odd = tmp_path / "odd.csv"
        odd.write_text("title\nteam wins 3\nsssssssssssss\n")
        result = run("outliers", kept, odd, "--rate", 0.1, "--json").json
        assert (result["rows"], result["held_out"], len(result["outliers"])) == (2, 4, 2)

    def test_lines_of_a_file(self, run, play, texts):
        result = run("outliers", play, texts / "play.txt", "--rate", 0.1, "--json", "--top", 1).json
        assert result["rows"] == 80
        assert result["outliers"][0]["causes"][0]["name"].startswith("item ")

    def test_sequences_of_events(self, run, log, texts, tmp_path):
        outcome = run("outliers", log, texts / "log.csv", "--rate", 0.1, "--plot", tmp_path / "o.png", "--top", 2)
        assert outcome.code == 0, outcome.err
        assert outcome.out.startswith("[u")

    def test_steps_of_one_series(self, run, tmp_path):
        wave = np.sin(np.arange(400) * np.pi / 12) + 0.05 * np.random.default_rng(0).normal(size=400)
        wave[350] += 4
        frame = pd.DataFrame({"time": pd.date_range("2024-01-01", periods=400, freq="h"), "load": wave})
        frame.to_csv(tmp_path / "load.csv", index=False)
        model, table = tmp_path / "m.latens", tmp_path / "o.csv"
        settings = ("--set", "hidden_size=8", "--set", "n_layers=1", "--set", "max_epochs=3", "--device", "cpu", "-q")
        assert run("fit", tmp_path / "load.csv", "--kind", "series", "-o", model, *settings).code == 0
        outcome = run("outliers", model, tmp_path / "load.csv", "--rate", 0.02, "-o", table, "--top", 1)
        assert outcome.code == 0, outcome.err
        assert outcome.out.startswith("[2024-01-15 14:00:00] row 350 (flagged, ")
        assert len(pd.read_csv(table)) == 400
        assert "has no causes to draw" in run("outliers", model, tmp_path / "load.csv", "--plot", "x.png").err


class TestADetectorIsAModel:
    @pytest.fixture
    def kept(self, run, shop, tmp_path):
        path = tmp_path / "d.latens"
        assert run("outliers", shop, *JUDGED, "--save", path).code == 0
        return path

    def test_info_says_that_it_is_a_detector(self, run, kept):
        line = run("info", kept).out.splitlines()[1]
        assert line.startswith("detector  flags scores above ")
        assert "a false-alarm rate of 0.05 extrapolated from 16 held-out rows; 58 strange rows set aside" in line
        assert run("info", kept, "--json").json["detector"]["trimmed"] == 58

    @pytest.mark.parametrize(
        ("verb", "name"), [("embed", "c.csv"), ("map", "m.png"), ("reconstruct", "r.csv"), ("pairs", "p.png")]
    )
    def test_other_verbs_use_its_autoencoder(self, run, kept, shop, tmp_path, verb, name):
        outcome = run(verb, kept, shop, "-o", tmp_path / name)
        assert outcome.code == 0, outcome.err


class TestRefuses:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--rate", "0"), "--rate=0 is out of range; use a number above 0 and up to 0.5"),
            (("--rate", "0.6"), "--rate=0.6 is out of range"),
            (("--rate", "nan"), "--rate=nan is out of range"),
            (("--rate", "few"), "--rate='few' is not a number"),
            (("--fdr", "-1"), "--fdr=-1 is out of range"),
            (("--trim", "1"), "trim=1.0 is out of range"),
            (("--evidence", "smell"), "evidence=['smell'] is not known"),
            (("--column", "job"), "holds text; give it a table or images"),
            (("-o", "x.npy"), "x.npy: .npy says no format that this verb writes; use .parquet or .csv"),
            (("--plot", "x.csv"), "use .png, .svg or .pdf"),
            (("--reference", "nowhere.csv"), "'nowhere.csv': no such file or folder"),
        ],
    )
    def test_in_one_line_and_writes_nothing(self, run, shop, tmp_path, monkeypatch, words, message):
        monkeypatch.chdir(tmp_path)
        outcome = run("outliers", shop, *words)
        assert (outcome.code, outcome.out) == (1, "")
        assert message in outcome.err
        assert len(outcome.err.splitlines()) == 1
        assert list(tmp_path.iterdir()) == [shop]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("m.latens",), "is missing: what m.latens is to judge"),
            (("a", "b", "c"), "3 given; give a SOURCE, or a MODEL and a SOURCE"),
            (("a", "--rate", "0.1", "--fdr", "0.1"), "goes instead of --rate"),
            ((), "[MODEL] SOURCE"),
        ],
    )
    def test_usage(self, run, words, message):
        outcome = run("outliers", *words)
        assert outcome.code == 2
        assert message in outcome.err

    def test_data_that_a_model_does_not_know(self, run, digits, shop):
        assert "shop.csv" in run("outliers", digits, shop).err
        assert run("outliers", digits, shop).code == 1

    def test_what_a_detector_has_decided(self, run, shop, tmp_path):
        kept = tmp_path / "d.latens"
        assert run("outliers", shop, *JUDGED, "--save", kept).code == 0
        for option, value in (("--reference", shop), ("--evidence", "residual"), ("--trim", "0.1")):
            outcome = run("outliers", kept, shop, option, value)
            assert (outcome.code, outcome.out) == (1, "")
            assert option in outcome.err

    def test_an_output_that_exists(self, run, shop, tmp_path):
        output = tmp_path / "o.csv"
        output.write_text("mine")
        assert "--force replaces it" in run("outliers", shop, "-o", output).err
        assert "is what this reads" in run("outliers", shop, "--save", shop, "--force").err
        assert output.read_text() == "mine"

    def test_ctrl_c_leaves_nothing(self, run, shop, tmp_path, monkeypatch):
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("latens.cli.outliers._facts", interrupt)
        monkeypatch.setattr("latens.OutlierDetector.detect", interrupt)
        assert run("outliers", shop, "-o", tmp_path / "o.csv").code == 130
        assert list(tmp_path.iterdir()) == [shop]
