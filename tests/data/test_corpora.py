from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from latens.data import TextSource, encode_corpus, learn_text, open_source
from latens.data.text import BLOCK
from latens.errors import DataError, OutputError
from latens.schema import TextSchema

TEXTS = ("To be, ", "", "or nöt \N{GRINNING FACE}" * 50)


@pytest.fixture
def write(tmp_path):
    def writer(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


class TestCorpora:
    @pytest.mark.parametrize("tokens", ["characters", "bytes", "bpe"])
    @pytest.mark.parametrize("lines", [False, True])
    @pytest.mark.parametrize("threshold", [0, 10, 10**6])
    def test_is_what_encoding_the_documents_gives(self, tokens, lines, threshold):
        source = TextSource(TEXTS, lines=lines)
        schema = learn_text(source, tokens=tokens, vocabulary_size=270)
        ids, offsets = encode_corpus(source, schema, threshold=threshold)
        end = schema.encode("\n").tolist() if lines else []
        assert (ids.dtype, offsets.dtype, len(offsets)) == (schema.dtype, np.int64, 4)
        for i, text in enumerate(TEXTS):
            assert ids[offsets[i] : offsets[i + 1]].tolist() == schema.encode(text).tolist() + end
        assert isinstance(ids, np.memmap) == (threshold < 10**6)
        assert not ids.flags.writeable

    def test_another_terminator(self):
        source = TextSource(("ab", "c|"))
        ids, offsets = encode_corpus(source, learn_text(source), terminator="|")
        assert (ids.tolist(), offsets.tolist()) == ([0, 1, 3, 2, 3, 3], [0, 3, 6])
        with pytest.raises(DataError, match=r"terminator: character '\\n' at position 0 was not in the text"):
            encode_corpus(source, learn_text(source), terminator="\n")

    def test_unknown_characters(self, write):
        source = open_source([write("a.txt", "ab"), write("b.txt", "a" * BLOCK + "xb")])
        with pytest.raises(DataError, match=rf"b.txt: character 'x' at position {BLOCK} was not in the text"):
            encode_corpus(source, TextSchema.learn(["ab"]))
        ids, offsets = encode_corpus(source, TextSchema.learn(["ab"], unknown="drop"))
        assert (len(ids), offsets.tolist()) == (BLOCK + 3, [0, 2, BLOCK + 3])
        assert encode_corpus(source, TextSchema.learn(["ab"], unknown="token")).ids[-2:].tolist() == [2, 1]

    def test_a_file_of_bytes_is_mapped_as_it_is(self, write, monkeypatch):
        path = write("a.txt", b"a\r\n\xff")
        schema = TextSchema(tokens="bytes", lower=False)
        ids, offsets = encode_corpus(open_source(path), schema, threshold=0)
        assert (Path(ids.filename), ids.tobytes(), offsets.tolist()) == (path, path.read_bytes(), [0, 4])
        packed = write("b.txt.gz", gzip.compress(b"ab"))
        assert encode_corpus(open_source(packed), schema, threshold=0).ids.tobytes() == b"ab"

    def test_no_room(self, monkeypatch, tmp_path):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        with pytest.raises(
            OutputError, match=r"gone: the ids .* \(No such file or directory\); set TMPDIR to a folder"
        ):
            encode_corpus(TextSource(TEXTS), learn_text(TextSource(TEXTS)), threshold=1)

    def test_memory_stays_bounded(self, tmp_path):
        path = tmp_path / "a.txt"
        block = "To be, or not to be: that is the question.\r\n" * 25_000
        with path.open("w", newline="") as file:
            for _ in range(24):
                file.write(block)
        tracemalloc.start()
        try:
            source = open_source(path)
            ids, _ = encode_corpus(source, learn_text(source), threshold=2**20)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert path.stat().st_size > 26_000_000
        assert len(ids) == path.stat().st_size - 24 * 25_000
        assert peak < 24 * 2**20

    def test_a_file_of_bytes_takes_no_memory(self, tmp_path):
        path = tmp_path / "a.txt"
        with path.open("wb") as file:
            file.truncate(200_000_000)
        code = (
            "import resource, sys; from latens.data import *; from latens.schema import TextSchema\n"
            "schema = TextSchema(tokens='bytes', lower=False); source = open_source(sys.argv[1])\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "ids = encode_corpus(source, schema, threshold=2**20).ids\n"
            "print(len(ids), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
        )
        seen = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        length, grown = map(int, seen.stdout.split())
        assert length == 200_000_000
        assert grown * (1 if sys.platform == "darwin" else 1024) < 20_000_000
