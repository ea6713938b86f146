"""Every rule bites on the smallest source that breaks it, and lets its neighbour pass."""

from __future__ import annotations

from pathlib import Path

import pytest

import check_rules
from check_rules import File, Result


def measured(rule: check_rules.Rule, source: str, path: str = "src/latens/x.py") -> Result:
    return rule([File(Path(path), source)])


def function(lines: int, name: str = "f") -> str:
    return f"def {name}():\n" + "".join(f"    {name}_{i} = {i}\n" for i in range(lines - 1))


BREAKS = [
    (check_rules.median_function, function(9)),
    (check_rules.ninetieth_function, function(26)),
    (check_rules.longest_function, function(51)),
    (check_rules.longest_file, "\n" * 401),
    (check_rules.constructors, "class A:\n def __init__(self, a, b, c, d, e, f, g, h, i): ..."),
    (check_rules.constructors, "from dataclasses import dataclass\n@dataclass\nclass A:\n" + " a: int\n" * 9),
    (check_rules.class_depth, "class A: ...\nclass B(A): ...\nclass C(B): ..."),
    (check_rules.import_cycles, "import latens.x.y\nfrom latens import z"),
    (check_rules.duplicated_lines, function(9) + function(9)),
    (check_rules.typed, "def f(a) -> None: ..."),
    (check_rules.typed, "def f(a: int): ..."),
    (check_rules.documented, "class A: ..."),
    (check_rules.documented, "def f(): ..."),
    (check_rules.printing, "def f(): print(1)"),
    (check_rules.seeding, "import torch\ntorch.manual_seed(0)"),
    (check_rules.seeding, "import numpy as np\nnp.random.seed(0)"),
    (check_rules.seeding, "from random import seed\nseed(0)"),
    (check_rules.mutable_defaults, "def f(a=[]): ..."),
    (check_rules.mutable_defaults, "def f(*, a=dict()): ..."),
    (check_rules.mutable_defaults, "import numpy as np\nf = lambda a=np.zeros(3): a"),
    (check_rules.pickling, "import pickle"),
    (check_rules.pickling, "from dill import loads"),
    (check_rules.pickling, "from torch import load\nload('a')"),
    (check_rules.pickling, "import joblib as j\nj.dump(1, 'a')"),
    (check_rules.pickling, "import numpy as np\nnp.load('a')"),
    (check_rules.pickling, "import numpy as np\nnp.load('a', allow_pickle=True)"),
    (check_rules.matched_raises, "import pytest\nwith pytest.raises(ValueError): ..."),
]

KEEPS = [
    (check_rules.median_function, function(8)),
    (check_rules.ninetieth_function, function(25)),
    (check_rules.longest_function, function(50)),
    (check_rules.longest_file, "\n" * 400),
    (check_rules.constructors, "class A:\n def __init__(self, a, b, c, d, e, f, g, h): ..."),
    (check_rules.class_depth, "from torch import nn\nclass A(nn.Module): ...\nclass B(A): ..."),
    (check_rules.import_cycles, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n from latens.x import y"),
    (check_rules.duplicated_lines, function(9) + function(9, "g")),
    (check_rules.typed, "class A:\n def f(self, a: int, *b: int) -> None: ..."),
    (check_rules.documented, "def _f(): ...\ndef g():\n 'Does.'"),
    (check_rules.printing, "def f(printer): printer.print(1)"),
    (check_rules.seeding, "import torch\ntorch.Generator().manual_seed(0)\ndef f(random): random.seed(0)"),
    (check_rules.mutable_defaults, "def f(a=(), b=None, c=frozenset()): ..."),
    (check_rules.pickling, "import numpy as np\nnp.load('a', allow_pickle=False)\njson.load('a')"),
    (check_rules.matched_raises, "import pytest\nwith pytest.raises(ValueError, match='a'): ..."),
]


@pytest.mark.parametrize(("rule", "source"), BREAKS)
def test_bites(rule: check_rules.Rule, source: str) -> None:
    files = [File(Path("src/latens/x.py"), source), File(Path("src/latens/z.py"), "import latens.x")]
    assert rule(files).offenders


@pytest.mark.parametrize(("rule", "source"), KEEPS)
def test_lets_pass(rule: check_rules.Rule, source: str) -> None:
    assert not measured(rule, source).offenders


@pytest.mark.parametrize("name", ["utils", "core", "helpers", "common"])
def test_names_that_say_nothing(name: str) -> None:
    assert measured(check_rules.file_names, "", f"src/latens/{name}.py").offenders
    assert measured(check_rules.file_names, "", f"src/latens/{name}/x.py").offenders
    assert not measured(check_rules.file_names, "", f"src/latens/{name}_of_life.py").offenders


def test_docstrings_comments_and_blank_lines_are_no_code() -> None:
    source = 'def f():\n    """One.\n\n    Two.\n    """\n\n    # why\n    return """a\n    b"""\n'
    assert measured(check_rules.longest_function, source).measured == "3"


def test_estimators_take_as_many_settings_as_they_have() -> None:
    source = "class A:\n def __init__(self, a, b, c, d, e, f, g, h, i): ..."
    assert not measured(check_rules.constructors, source, "src/latens/estimators/x.py").offenders


def test_the_command_line_prints() -> None:
    assert not measured(check_rules.printing, "print(1)", "src/latens/cli/fit.py").offenders


def test_base_classes_are_followed_through_a_package() -> None:
    files = [
        File(Path("src/latens/models/__init__.py"), "from latens.models.base import B"),
        File(Path("src/latens/models/base.py"), "class A: ...\nclass B(A): ..."),
        File(Path("src/latens/x.py"), "from latens.models import B\nclass C(B): ..."),
    ]
    assert check_rules.class_depth(files).offenders == ("latens.x.C (3 deep)",)


def test_a_class_may_share_its_name_with_its_base() -> None:
    files = [
        File(Path("src/latens/a.py"), "class Dropout: ..."),
        File(Path("src/latens/b.py"), "from latens import a\nclass Dropout(a.Dropout): ..."),
    ]
    assert check_rules.class_depth(files).measured == "2"


def test_names_the_offender_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "src" / "latens").mkdir(parents=True)
    (tmp_path / "src" / "latens" / "x.py").write_text("import pickle\n")
    assert check_rules.main(tmp_path) == 1
    assert "pickle: src/latens/x.py:1: pickle\n" in capsys.readouterr().out


def test_an_empty_checkout_breaks_nothing(tmp_path: Path) -> None:
    assert check_rules.main(tmp_path) == 0
