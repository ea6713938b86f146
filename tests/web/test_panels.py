"""Every panel answers for every kind of model that has it, and says what is wrong in one line."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image

KINDS = ("images", "table", "text", "events", "series")
PANELS = {
    "images": ["map", "item", "outliers", "clusters", "clean", "training"],
    "table": ["map", "item", "outliers", "clusters", "clean", "training"],
    "text": ["map", "item", "clusters", "generate", "training"],
    "events": ["map", "item", "clusters", "generate", "training"],
    "series": ["item", "forecast", "training"],
}


def got(client, path: str, **parameters):
    answer = client.get(f"/api/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def image_of(answer) -> Image.Image:
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_about(self, asked, kind, explored, fitted):
        said = got(asked(kind), "about")
        assert said["panels"] == PANELS[kind]
        assert said["source"]["kind"] == kind
        assert said["source"]["n"] == len(explored(kind))
        assert said["model"]["kind"] == fitted(kind)[0].network_name()

    def test_an_item_and_its_card(self, asked, kind):
        found = got(asked(kind), "items/0")
        assert found["card"]["row"] == 0
        assert found["words"]
        assert np.isfinite(found["error"])
        assert all(near["row"] != 0 for near in found["nearest"])
        distances = [near["distance"] for near in found["nearest"]]
        assert distances == sorted(distances)

    def test_a_row_that_is_not_there(self, asked, kind, explored):
        answer = asked(kind).get(f"/api/items/{len(explored(kind))}")
        assert answer.status_code == 404
        assert "rows; use 0 to" in answer.json()["error"]

    def test_training(self, asked, kind, fitted):
        said = got(asked(kind), "training")
        assert said["columns"][:1] == ["epoch"]
        assert len(said["rows"]) == len(fitted(kind)[0].history_)
        assert said["live"] is False


class TestMap:
    @pytest.mark.parametrize("kind", ["images", "table", "text", "events"])
    def test_points_and_columns(self, asked, kind, explored):
        client, n = asked(kind), len(explored(kind))
        described = got(client, "map")
        points = np.frombuffer(client.get("/api/map/points").content, "<f4").reshape(-1, 2)
        assert points.shape == (n, 2) == (described["n"], 2)
        np.testing.assert_allclose(points, explored(kind).plane.points)
        for number, column in enumerate(described["columns"]):
            whole = got(client, f"columns/{number}")
            assert whole["name"] == column["name"]
            values = client.get(f"/api/columns/{number}/values")
            if whole["kind"] == "text":
                assert values.status_code == 404
            elif whole["kind"] == "class":
                codes = np.frombuffer(values.content, "<u2")
                assert np.bincount(codes, minlength=len(whole["classes"])).tolist() == [
                    c["size"] for c in whole["classes"]
                ]
            else:
                numbers = np.frombuffer(values.content, "<f4")
                assert len(numbers) == n
                assert np.nanmin(numbers) == pytest.approx(whole["low"])

    def test_search_by_field_number_and_id(self, asked, table_frame):
        client = asked("table")
        rows = got(client, "search", text="RED")["rows"]
        assert rows == np.flatnonzero(table_frame()["colour"] == "red").tolist()
        assert got(client, "search", text="40")["rows"].count(7) == 1
        assert got(client, "search", text="red", limit=3)["total"] == len(rows)

    def test_search_by_meaning(self, asked):
        client = asked("text")
        assert got(client, "search", text="the dog sat", by="meaning", limit=5)["total"] == 5
        answer = asked("table").get("/api/search", params={"text": "x", "by": "meaning"})
        assert answer.status_code == 400

    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_a_selection_is_a_file(self, asked, form):
        answer = asked("table").post("/api/selection", json={"rows": [7, 3], "form": form})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].endswith(f'.{form}"')
        if form == "parquet":
            table = parquet.read_table(io.BytesIO(answer.content)).to_pydict()
            assert table["weight"][0] == 40.0
            assert table["row"] == [7, 3]
        else:
            assert answer.text.splitlines()[0].startswith('"row","size","weight","price","colour"')

    def test_new_rows_of_a_table(self, asked, explored, table_frame):
        client = asked("table")
        text = table_frame().iloc[[3, 7]].to_csv(index=False)
        found = client.post("/api/place", json={"csv": text})
        assert found.status_code == 200, found.text
        np.testing.assert_allclose(found.json()["points"], explored("table").plane.points[[3, 7]], rtol=1e-4, atol=1e-5)
        assert found.json()["nearest"][0][0][0] == 3
        bare = ",".join(map(str, table_frame().iloc[3]))
        assert client.post("/api/place", json={"csv": bare}).json()["nearest"][0][0][0] == 3

    def test_a_new_image(self, asked, fitted):
        client, source = asked("images"), fitted("images")[1]
        stream = io.BytesIO()
        Image.fromarray(np.rint(source.values[5]).astype(np.uint8)).save(stream, format="PNG")
        import base64

        encoded = base64.b64encode(stream.getvalue()).decode()
        found = client.post("/api/place", json={"image": encoded})
        assert found.status_code == 200, found.text
        assert found.json()["nearest"][0][0][0] == 5
        for wrong, words in (("!!", "is not in base64"), (base64.b64encode(b"no picture").decode(), "")):
            answer = client.post("/api/place", json={"image": wrong})
            assert answer.status_code == 400
            assert words in answer.json()["error"]
            assert "/tmp" not in answer.json()["error"]

    def test_what_is_not_of_the_models_kind(self, asked):
        answer = asked("images").post("/api/place", json={"csv": "a,b\n1,2"})
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "the model takes images; give a PNG or JPEG file"},
        )


class TestPictures:
    @pytest.mark.parametrize("which", ["input", "reconstruction", "residual"])
    def test_of_an_item(self, asked, which):
        assert image_of(asked("images").get(f"/api/items/3/{which}")).size == (8, 8)

    def test_thumbnails_and_means(self, asked):
        client = asked("images")
        assert image_of(client.get("/api/rows/3/picture")).size == (8, 8)
        assert image_of(client.get("/api/clusters/0/picture")).size == (8, 8)
        assert asked("table").get("/api/rows/3/picture").status_code == 404


class TestOutliers:
    def test_the_odd_row_is_first_and_flagged(self, asked):
        found = got(asked("table"), "outliers", rate=0.01, count=3)
        first = found["cards"][0]
        assert first["card"]["row"] == 7
        assert first["flagged"]
        assert "weight" in [bar["name"] for bar in first["bars"][:2]]
        assert found["expected_false_alarms"] == pytest.approx(1.2)

    def test_more_are_flagged_at_higher_rates(self, asked):
        curve = got(asked("table"), "outliers/curve")
        assert curve["flagged"] == sorted(curve["flagged"])
        low, high = (got(asked("table"), "outliers", rate=rate)["flagged"] for rate in (0.001, 0.3))
        assert low <= high

    def test_marks_are_kept_beside_the_model(self, asked, tmp_path, fitted):
        from latens.web.explorer import Explorer

        model = tmp_path / "m.latens"
        client = asked(Explorer.of(*fitted("table"), model))
        assert client.post("/api/marks", json={"row": 7, "mark": "strange"}).status_code == 200
        assert client.post("/api/marks", json={"row": 3, "mark": "fine"}).status_code == 200
        assert client.post("/api/marks", json={"row": 3, "mark": None}).status_code == 200
        again = asked(Explorer.of(*fitted("table"), model))
        assert [(each["row"], each["mark"]) for each in got(again, "marks")["marks"]] == [(7, "strange")]
        assert got(again, "rows/7")["marks"] == "strange"
        assert again.get("/api/marks/export").text.splitlines()[1].startswith('"7","strange"')


@pytest.mark.parametrize("kind", ["images", "table", "text", "events"])
def test_clusters(asked, kind, explored):
    found = got(asked(kind), "clusters")
    assert sum(cluster["size"] for cluster in found["clusters"]) == len(explored(kind))
    assert all(cluster["representatives"] for cluster in found["clusters"])


class TestClean:
    def test_pictures(self, asked):
        client = asked("images")
        how = {"noise": "gaussian", "level": 0.5}
        errors = got(client, "clean/3", **how)["errors"]
        assert errors["corrupted"] == pytest.approx(0.25, rel=0.5)
        for which in ("input", "corrupted", "cleaned"):
            assert image_of(client.get(f"/api/clean/3/{which}", params=how)).size == (8, 8)

    @pytest.mark.parametrize(("row", "size"), [(0, (16, 24)), (2, (24, 16))])
    def test_pages_of_several_sizes(self, asked, row, size):
        client = asked("pages")
        assert got(client, f"clean/{row}", noise="gaussian", level=0.5)["errors"]["corrupted"] > 0.1
        for which in ("input", "corrupted", "cleaned"):
            assert image_of(client.get(f"/api/clean/{row}/{which}")).size == size
        near = [found["row"] for found in got(client, f"items/{row}")["nearest"]]
        for other in near:
            assert client.get(f"/api/rows/{other}/picture", params={"size": 96}).status_code == 200
        for which in ("input", "reconstruction", "residual"):
            assert image_of(client.get(f"/api/items/{row}/{which}")).size == size

    def test_cells(self, asked):
        found = got(asked("table"), "clean/3", noise="masking", level=0.9)
        assert [column["name"] for column in found["columns"]] == ["size", "weight", "price", "colour"]
        assert any(column["corrupted"] == "missing" for column in found["columns"])
        assert all(column["cleaned"] != "missing" for column in found["columns"])

    @pytest.mark.parametrize("kind", ["images", "table"])
    def test_every_noise_at_both_ends(self, asked, kind):
        client = asked(kind)
        for noise in got(client, "noises")["noises"]:
            for level in (*noise["levels"][:2], noise["levels"][3]):
                got(client, "clean/2", noise=noise["name"], level=level)

    def test_a_given_row(self, asked, table_frame):
        text = table_frame().iloc[[3]].to_csv(index=False)
        answer = asked("table").post("/api/clean", json={"csv": text, "noise": None})
        assert answer.status_code == 200, answer.text
        assert [column["input"] == column["corrupted"] for column in answer.json()["columns"]] == [True] * 4

    def test_an_unknown_noise(self, asked):
        answer = asked("table").get("/api/clean/3", params={"noise": "blur"})
        assert answer.status_code == 400
        assert "noise='blur'" in answer.json()["error"]


class TestGenerate:
    @pytest.mark.parametrize(("kind", "prompt"), [("text", "the "), ("events", "login, look")])
    def test_what_comes_next(self, asked, kind, prompt):
        client = asked(kind)
        found = client.post("/api/next", json={"prompt": prompt, "temperature": 1.0}).json()
        chances = [item["probability"] for item in found["items"]]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) == pytest.approx(1.0, abs=1e-4)
        few = client.post("/api/next", json={"prompt": prompt, "top_k": 2}).json()["items"]
        assert sum(item["probability"] > 0 for item in few) == 2

    def test_text_is_that_of_python(self, asked, fitted):
        model = fitted("text")[0]
        answer = asked("text").post("/api/generate", json={"prompt": "the ", "n": 40, "seed": 3})
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert "".join(line.get("text", "") for line in lines) == model.generate(
            "the ", max_new_tokens=40, random_state=3
        )
        assert lines[-1]["done"]

    def test_events(self, asked):
        answer = asked("events").post("/api/generate", json={"prompt": "login", "n": 5})
        assert json.loads(answer.text.splitlines()[-1])["done"]

    def test_an_unknown_character(self, asked):
        answer = asked("text").post("/api/generate", json={"prompt": "☃"})
        assert answer.status_code == 400
        assert "☃" in answer.json()["error"]

    def test_surprisal(self, asked, fitted):
        found = asked("text").post("/api/surprisal", json={"text": "the cat"}).json()
        np.testing.assert_allclose(found["nats"], fitted("text")[0].surprisal("the cat"))
        assert "".join(found["items"]) == "the cat"


def test_forecast(asked):
    found = got(asked("series"), "forecast/0", horizon=12, paths=30)
    lower, upper = (np.array(found["future"]["bands"][0][end]) for end in ("lower", "upper"))
    assert lower.shape == (1, 12)
    assert (lower <= upper).all()
    assert found["history"]["at"][-1] + 1 == found["future"]["at"][0] == 600
