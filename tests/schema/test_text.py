from __future__ import annotations

import json
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latens.errors import ConfigError, DataError, MissingExtra
from latens.schema import TOKENS, UNKNOWN, TextSchema

SAMPLE = "To be, or not to be: ÄÖÜ \N{GRINNING FACE}\n"


@pytest.fixture(scope="module")
def pairs() -> TextSchema:
    return TextSchema.learn([SAMPLE * 20], tokens="bpe", lower=False, vocabulary_size=280)


def renamed(model: dict, token: str) -> None:
    """The last item of a byte-pair model under another name."""
    last = max(model["vocab"], key=model["vocab"].__getitem__)
    model["vocab"][token] = model["vocab"].pop(last)


def learned(tokens: str, **how: object) -> TextSchema:
    return TextSchema.learn([SAMPLE * 20], tokens=tokens, vocabulary_size=280, **how)


class TestRoundTrip:
    @given(st.text(min_size=1))
    def test_characters(self, text):
        schema = TextSchema.learn([text], lower=False)
        assert schema.decode(schema.encode(text)) == text
        assert schema.characters == tuple(dict.fromkeys(text))

    @given(st.text())
    def test_bytes(self, text):
        schema = TextSchema(tokens="bytes", lower=False)
        assert schema.encode(text).tobytes() == text.encode()
        assert schema.decode(schema.encode(text)) == text

    @given(text=st.text())
    def test_byte_pairs_of_any_other_text(self, pairs, text):
        assert pairs.decode(pairs.encode(text)) == text

    @given(text=st.text(), tokens=st.sampled_from(TOKENS))
    def test_streaming_gives_the_same(self, pairs, text, tokens):
        schema = {"bpe": pairs, "bytes": TextSchema(tokens="bytes", lower=False)}.get(tokens)
        schema = schema or TextSchema.learn([text + "."], lower=False)
        decoder = schema.decoder()
        shown = [decoder.feed(item) for item in schema.encode(text)]
        assert "\N{REPLACEMENT CHARACTER}" not in "".join(shown).replace(text, "")
        assert "".join(shown) + decoder.flush() == text

    @pytest.mark.parametrize("tokens", TOKENS)
    @pytest.mark.parametrize("lower", [True, False])
    def test_json(self, tokens, lower):
        schema = learned(tokens, lower=lower, unknown="drop", lines=True, column="body")
        assert TextSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
        assert schema.reading() == {"kind": "text", "column": "body"}


class TestLearning:
    def test_the_order_of_first_appearance_over_blocks(self):
        assert TextSchema.learn(["", "Hello ", "World"]).characters == tuple("helo wrd")

    def test_byte_pairs_are_learned_the_same_way_each_time(self, pairs):
        assert learned("bpe", lower=False) == pairs
        assert 256 < pairs.n_items <= 280
        assert len(pairs.encode(SAMPLE)) < len(SAMPLE.encode())

    def test_short_entries_have_a_newline(self):
        assert TextSchema.learn(["ab"], lines=True).characters == ("a", "b", "\n")
        assert TextSchema.learn(["a\n", "b"], lines=True).characters == ("a", "\n", "b")

    @pytest.mark.parametrize("blocks", [[], [""], ["", ""]])
    def test_nothing(self, blocks):
        with pytest.raises(DataError, match=r"text: is empty; give it some text to learn from"):
            TextSchema.learn(blocks)

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ({"tokens": "words"}, r"tokens='words' is not known; use one of characters, bytes, bpe"),
            ({"unknown": "eror"}, r"unknown='eror' is not known; did you mean 'error'\?"),
            ({"lower": 1}, r"lower=1 is neither yes nor no; use True or False"),
            (
                {"tokens": "bpe", "vocabulary_size": 255},
                r"vocabulary_size=255 is out of range; use a whole number >= 256",
            ),
        ],
    )
    def test_nonsense(self, how, message):
        with pytest.raises(ConfigError, match=message):
            TextSchema.learn(["abc"], **how)

    def test_without_the_library(self, monkeypatch, pairs):
        monkeypatch.setitem(sys.modules, "tokenizers", None)
        with pytest.raises(MissingExtra, match=r'tokenizers is not installed; use: pip install "latens\[text\]"'):
            TextSchema.learn(["abc"], tokens="bpe")
        again = TextSchema.from_json(pairs.to_json())
        assert again.decode([104, 105])  # only encoding needs it
        with pytest.raises(MissingExtra, match="tokenizers is not installed"):
            again.encode("abc")

    @pytest.mark.parametrize("tokens", ["characters", "bpe"])
    def test_half_a_surrogate_pair(self, tokens):
        with pytest.raises(
            DataError, match=r"text: character '\\ud800' at position 2 is half of a surrogate pair; rep"
        ):
            TextSchema.learn(["ab\ud800"], tokens=tokens)


class TestEncoding:
    @pytest.mark.parametrize(("n", "dtype"), [(256, "uint8"), (257, "uint16"), (65_536, "uint16"), (65_537, "int32")])
    def test_the_smallest_dtype(self, n, dtype):
        characters = [chr(0x10000 + i) for i in range(n)]
        schema = TextSchema.learn(characters, lower=False)
        ids = schema.encode("".join(characters))
        assert (schema.n_items, schema.dtype, ids.dtype) == (n, dtype, dtype)
        np.testing.assert_array_equal(ids, np.arange(n))

    @pytest.mark.parametrize("tokens", TOKENS)
    def test_blocks_are_lower_cased_as_the_whole(self, tokens):
        schema = TextSchema.learn(["ΟΔΟΣ ΟΔΟΣ İstanbul"], tokens=tokens)
        whole = schema.decode(schema.encode("ΟΔΟΣ"))
        assert whole == "".join(schema.decode(schema.encode(part)) for part in ("ΟΔ", "ΟΣ"))
        assert whole == ("ΟΔΟΣ" if tokens == "bytes" else "οδοσ")

    def test_of_bytes_only_ascii_is_lower_cased(self):
        schema = TextSchema(tokens="bytes")
        assert schema.decode(schema.encode("ABÄ")) == "abÄ"
        np.testing.assert_array_equal(schema.encode_bytes("ABÄ\n".encode()), schema.encode("ABÄ\n"))

    def test_bytes_that_are_no_text(self):
        schema = TextSchema(tokens="bytes", lower=False)
        assert schema.encode_bytes(b"\xff\x00A").tolist() == [255, 0, 65]
        assert schema.decode([255, 0, 65]) == "\N{REPLACEMENT CHARACTER}\0A"
        with pytest.raises(
            ConfigError, match=r"tokens='characters' reads text; use encode, or tokens=\"bytes\" at fit"
        ):
            TextSchema.learn(["a"]).encode_bytes(b"a")

    @pytest.mark.parametrize("tokens", TOKENS)
    def test_nothing(self, tokens):
        schema = learned(tokens)
        assert schema.encode("").shape == (0,)
        assert schema.encode("").dtype == schema.dtype
        assert schema.decode([]) == ""


class TestUnknown:
    def test_error(self):
        message = (
            r"prompt: character 'ß' at position 3 was not in the text that the model learned from; "
            r"replace it, or fit with unknown=\"drop\" \(--set unknown=drop\) or \"token\""
        )
        with pytest.raises(DataError, match=message):
            TextSchema.learn(["abc"]).encode("abcß", "prompt")

    def test_its_position_is_that_in_the_text_as_given(self):
        schema = TextSchema.learn(["i̇stanbul"])
        with pytest.raises(DataError, match=r"a.txt: character 'X' at position 102 was not"):
            schema.encode("İsX", "a.txt", start=100)

    def test_above_every_known_code_point(self):
        with pytest.raises(DataError, match=r"text: character '\\U0010ffff' at position 1 was not"):
            TextSchema.learn(["a"]).encode("a\U0010ffff")

    def test_drop(self):
        schema = TextSchema.learn(["abc"], unknown="drop")
        assert (schema.n_items, schema.decode(schema.encode("aßbß"))) == (3, "ab")
        assert schema.encode("ß").shape == (0,)

    def test_token(self):
        schema = TextSchema.learn(["abc"], unknown="token")
        assert (schema.n_items, schema.encode("aßc").tolist()) == (4, [0, 3, 2])
        assert schema.decode([0, 3, 2]) == "a\N{REPLACEMENT CHARACTER}c"

    def test_the_unknown_item_counts_for_the_dtype(self):
        schema = TextSchema.learn([chr(0x10000 + i) for i in range(256)], unknown="token")
        assert schema.encode("ß").tolist() == [256]

    @pytest.mark.parametrize("tokens", ["bytes", "bpe"])
    @pytest.mark.parametrize("unknown", UNKNOWN)
    def test_there_is_none_among_bytes(self, tokens, unknown):
        schema = learned(tokens, unknown=unknown, lower=False)
        assert schema.decode(schema.encode("日本語")) == "日本語"
        assert "not there" not in schema.describe()


class TestDecoding:
    @pytest.mark.parametrize("tokens", TOKENS)
    @pytest.mark.parametrize("ids", [[-1], [0, 1_000_000], np.array([-5])])
    def test_no_such_id(self, tokens, ids):
        with pytest.raises(ConfigError, match=r"ids=\S+ is out of range; use whole numbers from 0 to \d+"):
            learned(tokens).decode(ids)

    def test_no_number(self):
        with pytest.raises(ConfigError, match=r"ids of float64 are no items; use whole numbers from 0 to 255"):
            TextSchema(tokens="bytes").decode([0.5])

    def test_half_a_character_waits(self):
        decoder = TextSchema(tokens="bytes").decoder()
        first, *rest = "\N{GRINNING FACE}".encode()
        assert [decoder.feed(byte) for byte in (first, *rest)] == ["", "", "", "\N{GRINNING FACE}"]
        assert (decoder.feed(first), decoder.flush()) == ("", "\N{REPLACEMENT CHARACTER}")
        with pytest.raises(ConfigError, match=r"ids=-1 is out of range"):
            decoder.feed(-1)


class TestHostileFiles:
    good = TextSchema.learn(["abc"]).to_json()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"kind": "table"}, r"kind='table' is not known; use one of text"),
            ({"tokens": ["characters"]}, r"tokens=\['characters'\] is not known"),
            ({"tokens": "bytes"}, r"tokens='bytes' does not go with these characters and this model"),
            ({"lower": "yes"}, r"lower='yes' is neither yes nor no"),
            ({"lines": None}, r"lines=None is neither yes nor no"),
            ({"unknown": 3}, r"unknown=3 is not known"),
            ({"characters": ["a", "b"]}, r"its characters are no text"),
            ({"characters": "aa"}, r"characters: one is there twice; use each once"),
            ({"characters": "a\ud800"}, r"characters: one is half of a surrogate pair"),
            ({"characters": "a" * 0x110001}, r"more than 1,114,112 characters"),
            ({"characters": ""}, r"tokens='characters' does not go with these characters"),
            ({"column": 3}, r"column=3 is no name"),
            ({"model": "{}"}, r"tokens='characters' does not go with"),
            ({"more": 1}, r"schema: 'more' is missing or not known"),
        ],
    )
    def test_fields(self, change, message):
        with pytest.raises(ConfigError, match=message):
            TextSchema.from_json(self.good | change)

    @pytest.mark.parametrize("fields", [None, [], {}, "text", {"kind": "text"}])
    def test_no_fields(self, fields):
        with pytest.raises(ConfigError, match=r"schema: '\w+' is missing or not known; use what TextSchema.to_json"):
            TextSchema.from_json(fields)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda model: model.update(vocab=[]), r"model: it has another form"),
            (lambda model: model.update(type="WordPiece"), r"model: it has another form"),
            (lambda model: model["vocab"].update(a=10**6), r"model: its ids are not 0, 1, 2, …"),
            (lambda model: model["vocab"].update(a=True), r"model: its ids are no numbers"),
            (lambda model: renamed(model, "日"), r"model: '日' is no string of bytes"),
            (lambda model: renamed(model, ""), r"model: '' is no string of bytes"),
            (lambda model: model.update(merges=["a b"]), r"model: its merges are no pairs"),
            (lambda model: model.update(merges=[["a", "zz"]]), r"model: it merges what is no item"),
            (lambda model: model.update(vocab={"a": 0}, merges=[]), r"model: it lacks some of the 256 bytes"),
        ],
    )
    def test_byte_pair_models(self, pairs, change, message):
        fields = json.loads(pairs.model)
        change(fields["model"])
        with pytest.raises(ConfigError, match=message):
            TextSchema.from_json(pairs.to_json() | {"model": json.dumps(fields)})

    @pytest.mark.parametrize("model", ["", "[]", "{", "[" * 100_000, '{"model": 3}', '{"model": {}}', "1" * 5000])
    def test_what_is_no_model(self, pairs, model):
        with pytest.raises(ConfigError, match=r"model: it cannot be read; use the byte-pair model"):
            TextSchema.from_json(pairs.to_json() | {"model": model})

    def test_the_file_has_no_say_in_how_text_is_split(self, pairs):
        fields = json.loads(pairs.model)
        fields |= {"normalizer": {"type": "Lowercase"}, "pre_tokenizer": None, "truncation": {"max_length": 1}}
        schema = replace(pairs, model=json.dumps(fields))
        np.testing.assert_array_equal(schema.encode(SAMPLE), pairs.encode(SAMPLE))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (
            TextSchema.learn(["abc"], lower=False, unknown="drop"),
            "3 characters; a character that was not there is dropped",
        ),
        (
            TextSchema.learn(["ab"], unknown="token"),
            "2 characters, lower-cased; a character that was not there is the unkn",
        ),
        (TextSchema(tokens="bytes", lower=False), "256 bytes"),
        (learned("bpe"), "byte pairs, lower-cased"),
    ],
)
def test_in_words(schema, words):
    assert words in schema.describe()


@pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe"])
def test_goes_to_another_process(tokens):
    schema = TextSchema.learn(["the cat sat on the mat"], tokens=tokens)
    expected = schema.encode("the mat").tolist()
    again = pickle.loads(pickle.dumps(schema))
    assert again == schema
    assert again.encode("the mat").tolist() == expected
