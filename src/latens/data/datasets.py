"""Data sets by name: ``dataset:digits`` is embedded, the others are looked up in ``LATENS_DATA``, then downloaded.

A file counts only with the right sha256, of itself or of what it unpacks to (the Debian packages repack the same data).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from latens.data.gzipped import is_gzip, open_bytes
from latens.data.idx import read_idx
from latens.data.text import TextSource
from latens.data.values import Source, hint
from latens.errors import DataError

__all__ = ["DATASETS", "DataFile", "Dataset", "dataset_source", "held"]


@dataclass(frozen=True)
class DataFile:
    """A file of a data set.

    Args:
        name: Inside the data set's folder.
        sha256: Of the file as it is distributed.
        content: sha256 of what it unpacks to; of a file that is not packed, the same.
        remote: Its name at the addresses, where that is another.
        folder: Its folder under ``LATENS_DATA``; left empty it is the data set's name.
        column: The column that holds the text, if it is a table.
        labels: Of such a table the columns to carry along.
    """

    name: str
    sha256: str
    content: str
    remote: str = ""
    folder: str = ""
    column: str | None = None
    labels: tuple[str, ...] = ()

    def place(self, dataset: str) -> str:
        """The folder under ``LATENS_DATA`` that it is looked for in."""
        return self.folder or dataset


@dataclass(frozen=True)
class Dataset:
    """A row of the registry.

    Args:
        name: The key.
        description: One line.
        kind: ``"images"`` or ``"text"``.
        licence: Of the data.
        splits: The files of each split: images and labels, or one text; empty for what is embedded.
        addresses: Where the files are, the first that answers is taken; none if only ``LATENS_DATA`` can have them.
        rows: Samples in each split, in order; "" is all of it, where there are no parts.
        default: The split of the bare name; "" is all of it.
    """

    name: str
    description: str
    kind: str
    licence: str
    splits: Mapping[str, tuple[DataFile, ...]] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    default: str = "train"


DATASETS: dict[str, Dataset] = {
    "digits": Dataset(
        name="digits",
        description="1,797 handwritten digits, 8 x 8, grey levels 0 to 16; train is the first 1,500, test the last 297",
        kind="images",
        licence="CC BY 4.0 (UCI Machine Learning Repository, Optical Recognition of Handwritten Digits)",
        rows={"train": 1500, "test": 297},
        default="",
    ),
    "mnist": Dataset(
        name="mnist",
        description="70,000 handwritten digits, 28 x 28, grey levels 0 to 255; 60,000 train, 10,000 test",
        kind="images",
        licence="not stated by its authors (LeCun, Cortes, Burges)",
        splits={
            "train": (
                DataFile(
                    "train-images-idx3-ubyte.gz",
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                ),
                DataFile(
                    "train-labels-idx1-ubyte.gz",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                ),
            ),
            "test": (
                DataFile(
                    "t10k-images-idx3-ubyte.gz",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                ),
                DataFile(
                    "t10k-labels-idx1-ubyte.gz",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ),
            ),
        },
        addresses=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        rows={"train": 60_000, "test": 10_000},
    ),
    "fashion-mnist": Dataset(
        name="fashion-mnist",
        description="70,000 pictures of clothes, 28 x 28, grey levels 0 to 255; 60,000 train, 10,000 test",
        kind="images",
        licence="MIT (Zalando SE)",
        splits={
            "train": (
                DataFile(
                    "train-images-idx3-ubyte.gz",
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                ),
                DataFile(
                    "train-labels-idx1-ubyte.gz",
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                ),
            ),
            "test": (
                DataFile(
                    "t10k-images-idx3-ubyte.gz",
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                ),
                DataFile(
                    "t10k-labels-idx1-ubyte.gz",
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                ),
            ),
        },
        addresses=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        rows={"train": 60_000, "test": 10_000},
    ),
    "tinyshakespeare": Dataset(
        name="tinyshakespeare",
        description="1,115,394 characters of Shakespeare's plays, 65 different ones (39 lower-cased)",
        kind="text",
        licence="public domain (the selection of karpathy/char-rnn: MIT)",
        splits={
            "": (
                DataFile(
                    "tinyshakespeare.txt",
                    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                    remote="input.txt",
                    folder="text",
                ),
            )
        },
        addresses=("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",),
        rows={"": 1},
        default="",
    ),
    "shakespear-karpathy-100k": Dataset(
        name="shakespear-karpathy-100k",
        description="99,986 characters that a char-RNN wrote after Shakespeare, 62 different ones (36 lower-cased)",
        kind="text",
        licence="not stated",
        splits={
            "": (
                DataFile(
                    "shakespear-karpathy-100k.txt",
                    "fd3ea7933b2915df15c04a3446cb90f1691cdfc1a93bc365b2acc5c89351cd46",
                    "fd3ea7933b2915df15c04a3446cb90f1691cdfc1a93bc365b2acc5c89351cd46",
                    folder="text",
                ),
            )
        },
        rows={"": 1},
        default="",
    ),
    "ag-news": Dataset(
        name="ag-news",
        description="7,600 short news items with their titles and 4 topics, the test part of AG News",
        kind="text",
        licence="not stated (AG corpus: research use)",
        splits={
            "test": (
                DataFile(
                    "ag_news_test.csv.gz",
                    "cec2378014a1eff7ca0d3fe85f70762909dc84b0fffd86ccfa19039cce5c28e4",
                    "72b844642f92fb74fe397f0d1dd8a46d4cfd6fff60bc5c1a214fe40c44708fd7",
                    folder="text",
                    column="description",
                    labels=("label", "title"),
                ),
            )
        },
        rows={"test": 7600},
        default="test",
    ),
}


def dataset_source(spec: str) -> Source | TextSource:
    """The source of ``NAME``, ``NAME/train`` or ``NAME/test``.

    Raises:
        DataError: An unknown name or split, a file that is damaged, or one that is neither here nor to be had.

    Example:
        >>> dataset_source("digits").values.shape
        (1797, 8, 8)
    """
    name, _, split = spec.partition("/")
    if name not in DATASETS:
        raise DataError(f"dataset:{spec}: there is no data set {name!r}; {hint(name, DATASETS)} See: latens datasets")
    row = DATASETS[name]
    if split not in ("", *row.rows):
        way_out = " or ".join(filter(None, row.rows)) or f"dataset:{name}"
        raise DataError(f"dataset:{spec}: {name} has no split {split!r}; use {way_out}")
    split = split or row.default
    title = f"dataset:{name}/{split}".rstrip("/")
    if row.kind == "text":
        return _text(row, split, title)
    images, labels = _from_files(row, split) if row.splits else _digits(row, split)
    return Source(images, kind=row.kind, labels={"label": labels}, name=title)


def _text(row: Dataset, split: str, title: str) -> TextSource:
    """One text, or the column of a table."""
    (file,) = row.splits[split]
    path = _located(row, file)
    if file.column is None:
        return TextSource((path,), name=title)
    from latens.data.documents import open_text

    return replace(open_text(path, column=file.column, labels=file.labels), name=title)


def held(name: str) -> bool:
    """Whether all of a data set is here: embedded, or its files in ``LATENS_DATA`` (they are checked when read)."""
    row = DATASETS[name]
    return all(_in_data_folder(row, file) is not None for split in row.splits.values() for file in split)


def _digits(row: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    """By position: the last rows come from other writers than the first."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    n = row.rows["train"]
    rows = {"train": slice(0, n), "test": slice(n, None), "": slice(None)}[split]
    return np.ascontiguousarray(digits.images[rows], dtype=np.uint8), np.asarray(digits.target[rows])


def _from_files(row: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = (read_idx(_located(row, file)) for file in row.splits[split])
    return images, labels


def _located(row: Dataset, file: DataFile) -> Path:
    here = _in_data_folder(row, file)
    if here is None:
        return _download(row, file)
    _check_sha256(here, file)
    return here


def _in_data_folder(row: Dataset, file: DataFile) -> Path | None:
    folder = os.environ.get("LATENS_DATA")
    path = Path(folder or "", file.place(row.name), file.name)
    return path if folder and path.is_file() else None


def _check_sha256(path: Path, file: DataFile) -> None:
    with path.open("rb") as packed:
        seen = hashlib.file_digest(packed, "sha256").hexdigest()
    if seen == file.sha256:
        return
    with open_bytes(path, path.name) as content:
        if is_gzip(path) and hashlib.file_digest(content, "sha256").hexdigest() == file.content:  # type: ignore[arg-type]
            return
    raise DataError(
        f"{path}: sha256 {seen} where {file.sha256} is expected; it is damaged or another file, fetch it again"
    )


def _download(row: Dataset, file: DataFile) -> Path:
    """The file from pooch's cache, or from the first address that answers."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # an error is one line

    errors = []
    for address in row.addresses:
        try:
            path = pooch.retrieve(
                address + (file.remote or file.name),
                known_hash=f"sha256:{file.sha256}",
                fname=file.name,
                path=pooch.os_cache("latens") / row.name,
                downloader=pooch.HTTPDownloader(timeout=10),
            )
        except (OSError, ValueError) as error:
            errors.append(f"{type(error).__name__} from {address}")
        else:
            return Path(path)
    why = f"cannot be downloaded ({'; '.join(errors)})" if row.addresses else "is not to be had from here"
    raise DataError(
        f"dataset:{row.name}: {file.name} {why}; put it into the folder "
        f"{file.place(row.name)} of the folder that LATENS_DATA names"
    )
