"""Text and events: learn, continue, score, embed, keep; what a row gets never depends on its batch."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError

import latens
from latens.callbacks import Callback
from latens.errors import ConfigError, DataError, ModelFileError

VERSE = "the cat sat on the mat.\nthe dog sat on the log.\na hen ran to the den.\n"
QUICK: dict[str, Any] = {"hidden_size": 16, "embedding_size": 8, "chunk": 20, "max_epochs": 3, "verbose": 0}


@pytest.fixture(scope="module", params=["gru", "lstm"])
def model(request: pytest.FixtureRequest) -> latens.TextAutoregressor:
    settings = QUICK | {"cell": request.param, "learning_rate": 1e-2, "max_epochs": 20}
    return latens.TextAutoregressor(**settings).fit(_source(VERSE * 20))


@pytest.fixture(scope="module")
def log() -> latens.EventAutoregressor:
    sequences = [["login", "search", "buy"], ["login", "leave"]] * 30
    return latens.EventAutoregressor(**QUICK | {"max_epochs": 30, "learning_rate": 2e-2}).fit(sequences)


def _source(text: str) -> Any:
    from latens.data.text import TextSource

    return TextSource((text,))


class TestLearning:
    def test_a_path_a_list_of_paths_and_a_list_of_strings(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text(VERSE)
        (tmp_path / "b.txt").write_text(VERSE.upper())
        for X in (tmp_path / "a.txt", [tmp_path / "a.txt", str(tmp_path / "b.txt")], VERSE.splitlines()):
            model = latens.TextAutoregressor(**QUICK).fit(X)
            assert np.isfinite(model.history_["train_loss"]).all()
        assert model.schema_.lines

    def test_another_string_is_an_error(self) -> None:
        with pytest.raises(DataError, match=r"to be or not to be.* list of strings"):
            latens.TextAutoregressor().fit("to be or not to be")

    def test_it_learns_and_the_referee_says_so(self, model: latens.TextAutoregressor) -> None:
        assert model.history_["train_loss"][-1] < 0.8 * model.history_["train_loss"][0]
        referee = model.referee_
        assert referee.rows == "held-out"
        assert referee.n_items == round(0.1 * 20 * len(VERSE))
        assert referee.model_nats == pytest.approx(model.history_["validation_loss"][-1])
        assert referee.unigram_nats > referee.ngram_nats > 0
        assert "bits per character" in referee.verdict

    def test_labels_and_y_change_nothing(self) -> None:
        first, second = (latens.TextAutoregressor(**QUICK).fit(VERSE.split(), y) for y in (None, [1]))
        assert first.generate("the", max_new_tokens=9) == second.generate("the", max_new_tokens=9)

    def test_a_text_shorter_than_a_chunk(self) -> None:
        model = latens.TextAutoregressor(**QUICK | {"chunk": 500}).fit(_source("ab" * 20))
        assert len(model.generate("a", max_new_tokens=5)) == 5

    @pytest.mark.parametrize("text", ["", "a"])
    def test_too_little_text(self, text: str) -> None:
        with pytest.raises(DataError, match=r"empty|too few"):
            latens.TextAutoregressor(**QUICK).fit(_source(text))

    @pytest.mark.parametrize("tokens", ["bytes", "bpe"])
    def test_nothing_is_unknown_to_bytes_and_pairs(self, tokens: str) -> None:
        model = latens.TextAutoregressor(**QUICK | {"tokens": tokens, "vocabulary_size": 280}).fit(_source(VERSE * 5))
        assert len(model.surprisal("ß€😀")) >= 9
        assert isinstance(model.generate("ß", max_new_tokens=20), str)

    @pytest.mark.parametrize("setting", [{"align": "newline"}, {"carry_state": True}, {"dropout": 0.3}])
    def test_other_ways_to_learn(self, setting: dict[str, Any]) -> None:
        model = latens.TextAutoregressor(**QUICK | setting).fit(_source(VERSE * 10))
        assert model.history_["train_loss"][-1] < model.history_["train_loss"][0]

    def test_a_table_with_a_text_column(self) -> None:
        frame = pd.DataFrame({"title": VERSE.splitlines() * 3, "kind": list("abc") * 3})
        source = latens.open_source(frame, kind="text", column="title", labels="kind")
        model = latens.TextAutoregressor(**QUICK).fit(source)
        assert model.transform(frame).shape == (9, 16)

    def test_learning_on(self, model: latens.TextAutoregressor, tmp_path: Path) -> None:
        model.save(tmp_path / "m.latens")
        again = latens.load(tmp_path / "m.latens")
        again.set_params(max_epochs=1, verbose=0).continue_fit(_source(VERSE * 2))
        assert again.schema_ == model.schema_
        with pytest.raises(DataError, match=r"'Ж'|'ж'"):
            again.continue_fit(_source("Ж" * 30))
        assert again.generate("the", max_new_tokens=3)

    def test_settings_of_another_network_are_refused(self, model: latens.TextAutoregressor, tmp_path: Path) -> None:
        model.save(tmp_path / "m.latens")
        again = latens.load(tmp_path / "m.latens").set_params(hidden_size=8)
        with pytest.raises(ConfigError, match=r"hidden_size=8 describes another network"):
            again.continue_fit(_source(VERSE))

    @pytest.mark.parametrize("carry", [False, True])
    def test_a_resumed_fit_ends_with_the_same_bits(self, carry: bool, tmp_path: Path) -> None:
        settings = QUICK | {"carry_state": carry, "dropout": 0.2, "batch_size": 4}
        whole = latens.TextAutoregressor(**settings).fit(_source(VERSE * 10))

        class Stop(Callback):
            def step_end(self, state: Any) -> None:
                if state.step == 11:
                    raise KeyboardInterrupt

        from latens.callbacks import Checkpoints

        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            latens.TextAutoregressor(**settings).fit(
                _source(VERSE * 10), callbacks=[Checkpoints(tmp_path, every_steps=5), Stop()], run_folder=tmp_path
            )
        resumed = latens.TextAutoregressor(**settings).fit(_source(VERSE * 10), run_folder=tmp_path, resume=True)
        assert resumed.resumed_from_step_ == 10
        for ours, theirs in zip(*(each.network_.network.parameters() for each in (whole, resumed)), strict=True):
            assert torch.equal(ours, theirs)


class TestGenerating:
    def test_a_prompt_gives_the_same_text_alone_and_in_any_batch(self, model: latens.TextAutoregressor) -> None:
        alone = model.generate("the cat", max_new_tokens=60, random_state=3)
        for size in (7, 64):
            others = [f"{'a hen ran to the dog sat on the log'[: i % 30]}" for i in range(size - 1)]
            batch = model.generate([*others[:4], "the cat", *others[4:]], max_new_tokens=60, random_state=3)
            assert batch[4] == alone

    def test_seeds_and_copies_differ_and_repeat(self, model: latens.TextAutoregressor) -> None:
        one, two, three = model.generate("the", max_new_tokens=40, n=3, temperature=1.0)
        assert len({one, two, three}) == 3
        assert model.generate("the", max_new_tokens=40, temperature=1.0) == one
        assert model.generate("the", max_new_tokens=40, temperature=1.0, random_state=1) != one
        assert model.generate(["the", "a"], max_new_tokens=40, n=3, temperature=1.0)[0] == [one, two, three]

    def test_the_stream_is_the_text(self, model: latens.TextAutoregressor) -> None:
        pieces = model.generate("the", max_new_tokens=30, stream=True)
        assert next(pieces) is not None
        text = model.generate("the", max_new_tokens=30)
        assert "".join(model.generate("the", max_new_tokens=30, stream=True)) == text
        rows = zip(*model.generate(["the", "a"], max_new_tokens=30, stream=True), strict=True)
        assert ["".join(row) for row in rows] == model.generate(["the", "a"], max_new_tokens=30)

    def test_temperature_zero_takes_the_likeliest(self, model: latens.TextAutoregressor) -> None:
        text = model.generate("the ", max_new_tokens=20, temperature=0)
        prompt = "the "
        for character in text:
            said = model.read(prompt).said[0]
            assert model.schema_.decode([int(said.argmax())]) == character
            prompt += character

    def test_beam_one_is_greedy(self, model: latens.TextAutoregressor) -> None:
        (text, score), *_ = model.beam_search("the ", max_new_tokens=12, beams=1)
        assert text == model.generate("the ", max_new_tokens=12, temperature=0)
        assert score < 0

    def test_stop_strings_are_not_shown(self, model: latens.TextAutoregressor) -> None:
        text = model.generate("the cat sat", max_new_tokens=200, temperature=0.5)
        assert "\n" in text
        assert model.generate("the cat sat", max_new_tokens=200, temperature=0.5, stop="\n") == text.split("\n")[0]

    def test_short_entries_end_at_their_newline(self) -> None:
        model = latens.TextAutoregressor(**QUICK | {"max_epochs": 40, "learning_rate": 1e-2}).fit(["ab", "abc"] * 40)
        texts = model.generate("", n=20, max_new_tokens=50)
        assert all("\n" not in text and len(text) < 50 for text in texts)
        assert sum(text in ("ab", "abc") for text in texts) >= 15

    def test_details_tell_probabilities_and_go_on(self, model: latens.TextAutoregressor) -> None:
        whole = model.generate("the", max_new_tokens=40, top_p=0.9)
        first = model.generate("the", max_new_tokens=25, top_p=0.9, details=True)
        assert first.text + model.generate(first.state, max_new_tokens=15, top_p=0.9) == whole
        surprisal = model.surprisal("the" + first.text)[3:]
        np.testing.assert_allclose(-first.log_probs, surprisal, atol=1e-4)

    def test_a_state_is_forked_saved_and_gone_on_from(self, model: latens.TextAutoregressor, tmp_path: Path) -> None:
        state = model.read("the cat ")
        texts = [model.generate(state, max_new_tokens=20, random_state=seed) for seed in (0, 0, 1)]
        assert texts[0] == texts[1] != texts[2]
        model.save_state(state, tmp_path / "s.latens")
        assert model.generate(model.load_state(tmp_path / "s.latens"), max_new_tokens=20) == texts[0]
        longer = model.read("sat", state)
        np.testing.assert_allclose(longer.said, model.read("the cat sat").said, atol=1e-5)

    def test_the_state_of_another_model_is_refused(self, model: latens.TextAutoregressor, tmp_path: Path) -> None:
        model.save_state(model.read("the"), tmp_path / "s.latens")
        other = latens.TextAutoregressor(**QUICK).fit(_source(VERSE))
        with pytest.raises(ModelFileError, match=r"of another model; use the model"):
            other.load_state(tmp_path / "s.latens")
        other.save(tmp_path / "m.latens")
        with pytest.raises(ModelFileError, match=r"not a state; name a file"):
            other.load_state(tmp_path / "m.latens")

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            ({"temperature": -1}, r"temperature=-1 .*>= 0"),
            ({"temperature": float("nan")}, r"temperature=nan"),
            ({"temperature": float("inf")}, r"temperature=inf"),
            ({"top_p": 1.5}, r"top_p=1.5 .*<= 1"),
            ({"top_k": -1}, r"top_k=-1"),
            ({"min_p": 2}, r"min_p=2"),
            ({"n": 0}, r"n=0"),
            ({"max_new_tokens": -1}, r"max_new_tokens=-1"),
            ({"stop": ""}, r"stop=''|stop="),
        ],
    )
    def test_nonsense_is_refused(self, setting: dict[str, Any], message: str, model: latens.TextAutoregressor) -> None:
        if setting == {"stop": ""}:
            assert model.generate("a", max_new_tokens=2, **setting)  # nothing to stop at
            return
        with pytest.raises(ConfigError, match=message):
            model.generate("a", **setting)

    def test_beams_below_one(self, model: latens.TextAutoregressor) -> None:
        with pytest.raises(ConfigError, match=r"beams=0"):
            model.beam_search("a", beams=0)

    def test_an_unknown_character_is_named(self, model: latens.TextAutoregressor) -> None:
        with pytest.raises(DataError, match=r"prompt: character 'ß' at position 4 .*unknown"):
            model.generate("the ß")
        with pytest.raises(DataError, match=r"'ß'"):
            model.surprisal("ß")

    @pytest.mark.parametrize(("unknown", "length"), [("drop", 2), ("token", 3)])
    def test_the_policy_is_chosen_at_fit(self, unknown: str, length: int) -> None:
        model = latens.TextAutoregressor(**QUICK | {"unknown": unknown}).fit(_source(VERSE))
        assert len(model.surprisal("aßc")) == length

    def test_weights_that_are_no_numbers_are_named_with_row_and_step(self, tmp_path: Path) -> None:
        model = latens.TextAutoregressor(**QUICK).fit(_source(VERSE))
        with torch.no_grad():
            model.network_.network.head[-1].bias.fill_(float("nan"))
        with pytest.raises(latens.errors.DivergedError, match=r"row 0, step 0.*NaN"):
            model.generate("the")

    def test_time_is_proportional_to_length(self, model: latens.TextAutoregressor) -> None:
        def seconds(n: int) -> float:
            started = time.process_time()
            model.generate("the", max_new_tokens=n)
            return time.process_time() - started

        seconds(50)
        short, long = (min(seconds(n) for _ in range(3)) for n in (250, 2000))
        assert long <= 8.8 * short

    def test_another_process_generates_the_same_bytes(self, model: latens.TextAutoregressor, tmp_path: Path) -> None:
        model.save(tmp_path / "m.latens")
        code = (
            "import latens, sys; m = latens.load(sys.argv[1]);"
            "sys.stdout.write(m.generate('the', max_new_tokens=80, random_state=5))"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "m.latens")]
        found = subprocess.run(command, capture_output=True, check=True)
        assert found.stdout.decode() == model.generate("the", max_new_tokens=80, random_state=5)


class TestScoring:
    def test_a_score_is_the_mean_of_minus_the_surprisals(self, model: latens.TextAutoregressor) -> None:
        texts = ["the cat", "a", "the dog sat on the log"]
        costs = model.surprisal(texts)
        assert [len(cost) for cost in costs] == [7, 1, 22]
        np.testing.assert_allclose(model.score_samples(texts), [-cost.mean() for cost in costs])
        assert model.score(texts) == pytest.approx(-np.concatenate(costs).mean())

    def test_a_row_scores_the_same_alone_and_in_any_batch(self, model: latens.TextAutoregressor) -> None:
        texts = [VERSE[i : i + 3 + 7 * i] for i in range(40)]
        together = model.surprisal(texts)
        vectors = model.transform(texts)
        for i in (0, 9, 17, 39):
            assert np.array_equal(model.surprisal(texts[i]), together[i])
            assert np.array_equal(model.transform([texts[i]])[0], vectors[i])
            assert np.array_equal(model.transform(texts[i:])[0], vectors[i])

    def test_long_texts_are_read_in_one_go(self, model: latens.TextAutoregressor) -> None:
        text = VERSE * 5
        cost = model.surprisal(text)
        state = model.read(text[:100])
        following = int(model.schema_.encode(text[100])[0])
        assert cost[100] == pytest.approx(-float(state.said[0].log_softmax(0)[following]), abs=1e-4)

    @pytest.mark.parametrize("pooling", ["last", "mean", "max"])
    def test_poolings(self, pooling: str, model: latens.TextAutoregressor) -> None:
        text = (VERSE * 2)[:130]
        outputs = model.transform([text[: i + 1] for i in range(len(text))])
        expected = {"last": outputs[-1], "mean": outputs.mean(axis=0), "max": outputs.max(axis=0)}[pooling]
        np.testing.assert_allclose(model.transform([text], pooling)[0], expected, atol=1e-5)

    def test_an_empty_text_is_the_empty_state(self, model: latens.TextAutoregressor) -> None:
        assert not model.transform(["", "a"])[0].any()
        assert model.score_samples(["", "a"])[0] == 0.0

    def test_what_was_strange_scores_low(self, model: latens.TextAutoregressor) -> None:
        normal, strange = model.score_samples(["the dog sat on the log.", "gol eht no tas god eht."])
        assert normal > strange


class TestFiles:
    def test_round_trip(self, model: latens.TextAutoregressor, tmp_path: Path) -> None:
        model.save(tmp_path / "m.latens")
        again = latens.load(tmp_path / "m.latens")
        assert again.schema_ == model.schema_
        assert again.referee_ == model.referee_
        assert again.get_params() == model.get_params()
        assert again.generate("the", max_new_tokens=30) == model.generate("the", max_new_tokens=30)
        assert np.array_equal(again.transform(["the"]), model.transform(["the"]))

    def test_a_vocabulary_that_is_not_the_networks(self, model: latens.TextAutoregressor, tmp_path: Path) -> None:
        from latens import persistence

        model.save(tmp_path / "m.latens")
        file = persistence.read(tmp_path / "m.latens")
        header = {name: value for name, value in file.header.items() if name not in ("digest", "format")}
        schema = dict(header["schema"]) | {"characters": header["schema"]["characters"] + "Ж"}
        persistence.write(tmp_path / "other.latens", header | {"schema": schema}, file.tensors)
        with pytest.raises(ModelFileError, match=r"does not describe a model"):
            latens.load(tmp_path / "other.latens")


class TestEvents:
    def test_it_learns_what_follows_what(self, log: latens.EventAutoregressor) -> None:
        found = log.generate(["login"], n=30)
        assert sum(each in (["search", "buy"], ["leave"]) for each in found) >= 25
        assert list(log.generate(["login", "search"], stream=True, temperature=0)) == ["buy"]

    def test_it_stops_at_an_item(self, log: latens.EventAutoregressor) -> None:
        free, found = (log.generate(["login"], n=20, **how) for how in ({}, {"stop": "buy", "details": True}))
        assert [each.items for each in found] == [each[: [*each, "buy"].index("buy")] for each in free]
        assert all(len(each.ids) == len(each.items) + 1 for each in found)
        assert list(log.generate(["login", "search"], stream=True, temperature=0, stop=["buy", "leave"])) == []
        with pytest.raises(ConfigError, match="stop='sell' is not known; use one of 'login'"):
            log.generate(["login"], stop=["sell"])

    def test_what_was_there_is_penalised(self, log: latens.EventAutoregressor) -> None:
        def repeated(**how: float) -> int:
            return sum(len(each) - len({*each}) for each in log.generate(n=60, temperature=5.0, **how))

        assert repeated(repetition_penalty=1000.0) < repeated() / 2

    def test_it_scores_and_embeds(self, log: latens.EventAutoregressor, tmp_path: Path) -> None:
        good, bad = log.score_samples([["login", "search", "buy"], ["buy", "buy", "login"]])
        assert good > bad
        assert log.transform([["login"], ["leave", "buy"]]).shape == (2, 16)
        assert len(log.surprisal(["login", "buy"])) == 2
        log.save(tmp_path / "m.latens")
        assert latens.load(tmp_path / "m.latens").generate(["login"], n=5) == log.generate(["login"], n=5)

    def test_an_unknown_item_is_named(self, log: latens.EventAutoregressor) -> None:
        with pytest.raises(DataError, match=r"item 'sell' at position 1"):
            log.surprisal(["login", "sell"])

    def test_text_is_no_sequence(self, log: latens.EventAutoregressor) -> None:
        with pytest.raises(DataError, match=r"is text; give a list of items"):
            log.generate("login")


VERBS = ("transform", "score_samples", "score", "surprisal", "generate", "plot_map")
VERBS_OF = {
    latens.TextAutoregressor: (*VERBS, "read", "beam_search"),
    latens.EventAutoregressor: VERBS,
    latens.SeriesAutoregressor: (*VERBS, "read"),
}


@pytest.mark.parametrize(("kind", "verb"), [(kind, verb) for kind, verbs in VERBS_OF.items() for verb in verbs])
def test_a_verb_before_the_fit_says_so(kind, verb):
    given = {latens.TextAutoregressor: ["ab"], latens.EventAutoregressor: [["a"]]}.get(kind, np.arange(9.0))
    given = 1 if (kind, verb) == (latens.SeriesAutoregressor, "generate") else given
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(kind(), verb)(given)


class TestForeignArguments:
    @pytest.mark.parametrize("prompt", [None, 5, b"the", [5]])
    def test_a_prompt_that_is_no_text(self, model, prompt):
        with pytest.raises(DataError, match="is no text; give a text, or a list"):
            model.generate(prompt, max_new_tokens=2)

    def test_a_prompt_that_is_no_sequence(self, log):
        with pytest.raises(DataError, match="sequence: 5 is no list; give a list of items"):
            log.generate(5)

    def test_a_stop_that_is_no_string(self, model):
        with pytest.raises(ConfigError, match="stop=3 never ends a text"):
            model.generate("the", stop=3)

    def test_nothing_to_be_judged_by(self):
        model = latens.TextAutoregressor(**QUICK, unknown="drop").fit(_source(VERSE * 5))
        with pytest.raises(DataError, match="score: nothing here has an item"):
            model.score(["€€"])
