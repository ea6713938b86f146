"""Measures the rules of the craft (CONTRIBUTING.md) on a checkout and names what breaks them.

Run it as ``python tools/check_rules.py [checkout]``; it exits 1 when a rule does not hold. A rule is a function from
the files to a `Result`; to add one, write the function and name it in `RULES`.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from python_files import Definition, File, Function, all_arguments, bindings, lines_of

BANNED_NAMES = frozenset({"utils", "core", "helpers", "common"})
SEEDING = frozenset(
    {
        "torch.manual_seed",
        "torch.seed",
        "torch.cuda.manual_seed",
        "torch.cuda.manual_seed_all",
        "numpy.random.seed",
        "random.seed",
        "lightning_fabric.seed_everything",
        "lightning_fabric.Fabric.seed_everything",
    }
)
PICKLING_MODULES = frozenset({"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve"})
PICKLING_CALLS = frozenset({"torch.load", "torch.save", "joblib.load", "joblib.dump", "pandas.read_pickle"})
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = frozenset(
    {"list", "dict", "set", "bytearray", "collections.defaultdict", "collections.deque", "numpy.array", "numpy.zeros"}
)
WINDOW = 6  # lines in a row that count as a copy
Files = Sequence[File]


@dataclass(frozen=True)
class Result:
    """What one rule measured."""

    rule: str
    limit: str
    measured: str
    offenders: tuple[str, ...]


def count(rule: str, offenders: Iterable[str]) -> Result:
    """The result of a rule that allows none."""
    found = tuple(offenders)
    return Result(rule, "0", str(len(found)), found)


# --- sizes ------------------------------------------------------------------------------------------------------------


def function_sizes(files: Files) -> list[tuple[int, str]]:
    """Lines of code of every function, longest first."""
    sizes = [
        (len(file.code_lines.intersection(lines_of(function))), file.at(function, function.name))
        for file in files
        for function in file.functions
    ]
    return sorted(sizes, reverse=True)


def longer_than(limit: float, sizes: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """The functions above a limit, with their size."""
    return tuple(f"{where} ({size} lines)" for size, where in sizes if size > limit)


def median_function(files: Files) -> Result:
    """Half of the functions have at most 8 lines of code."""
    sizes = function_sizes(files)
    median = statistics.median([size for size, _ in sizes] or [0])
    return Result("function lines, median", "8", f"{median:g}", longer_than(8, sizes) if median > 8 else ())


def ninetieth_function(files: Files) -> Result:
    """Nine of ten functions have at most 25 lines of code."""
    sizes = function_sizes(files)
    ninetieth = sizes[len(sizes) // 10][0] if sizes else 0
    offenders = longer_than(25, sizes) if ninetieth > 25 else ()
    return Result("function lines, 90th percentile", "25", str(ninetieth), offenders)


def longest_function(files: Files) -> Result:
    """No function has more than 50 lines of code."""
    sizes = function_sizes(files)
    return Result("function lines, longest", "50", str(sizes[0][0] if sizes else 0), longer_than(50, sizes))


def longest_file(files: Files) -> Result:
    """No file has more than 400 lines."""
    sizes = [(len(file.text.splitlines()), str(file.path)) for file in files]
    return Result("file lines", "400", str(max(sizes, default=(0, ""))[0]), longer_than(400, sizes))


def is_dataclass(file: File, node: ast.ClassDef) -> bool:
    """Whether the class is decorated as a dataclass."""
    decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return "dataclasses.dataclass" in map(file.name_of, decorators)


def field_counts(node: ast.stmt) -> bool:
    """Whether a statement of a dataclass's body is a field its constructor takes."""
    return isinstance(node, ast.AnnAssign) and not (
        "ClassVar" in ast.unparse(node.annotation) or (node.value and "init=False" in ast.unparse(node.value))
    )


def constructor_size(file: File, node: ast.ClassDef) -> int:
    """How many arguments it takes to construct the class: written ones, or the fields of a dataclass."""
    for function in node.body:
        if isinstance(function, Function) and function.name == "__init__":
            return len(all_arguments(function))
    return sum(map(field_counts, node.body)) if is_dataclass(file, node) else 0


def constructors(files: Files) -> Result:
    """No constructor outside estimators/ takes more than 8 arguments."""
    sizes = [
        (constructor_size(file, node), file.at(node, node.name))
        for file in files
        if "estimators" not in file.path.parts
        for node in file.nodes
        if isinstance(node, ast.ClassDef)
    ]
    offenders = tuple(f"{where} ({size} arguments)" for size, where in sizes if size > 8)
    return Result("constructor arguments (not estimators)", "8", str(max(sizes, default=(0, ""))[0]), offenders)


# --- structure --------------------------------------------------------------------------------------------------------


def own_bases(files: Files) -> dict[str, list[str]]:
    """Of every class defined here, by dotted name, the bases that are defined here too."""
    classes = {f"{f.module}.{n.name}": (f, n) for f in files for n in f.tree.body if isinstance(n, ast.ClassDef)}

    def resolve(file: File, base: ast.expr) -> list[str]:
        base = base.value if isinstance(base, ast.Subscript) else base
        name = file.name_of(base) or f"{file.module}.{ast.unparse(base)}"
        package, _, last = name.rpartition(".")
        return [c for c in classes if c == name or (c.startswith(f"{package}.") and c.endswith(f".{last}"))][:1]

    return {name: [b for base in node.bases for b in resolve(file, base)] for name, (file, node) in classes.items()}


def class_depth(files: Files) -> Result:
    """A class of ours has at most one class of ours above it, and that one none."""
    bases = own_bases(files)

    def depth(name: str) -> int:
        return 1 + max(map(depth, bases[name]), default=0)

    depths = {name: depth(name) for name in bases}
    offenders = tuple(f"{name} ({depth} deep)" for name, depth in depths.items() if depth > 2)
    return Result("class depth", "2", str(max(depths.values(), default=0)), offenders)


def import_graph(files: Files) -> dict[str, set[str]]:
    """Which modules each module imports, wherever in the file it does; imports for the type checker left out."""
    modules = {file.module for file in files}
    graph: dict[str, set[str]] = {}
    for file in files:
        unseen = {id(n) for node in file.nodes if is_type_checking(node) for n in ast.walk(node)}
        names = {target for node in file.nodes if id(node) not in unseen for target in import_targets(node)}
        graph[file.module] = {m for m in (closest(name, modules) for name in names) if m} - {file.module}
    return graph


def is_type_checking(node: ast.AST) -> bool:
    """Whether the node is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def import_targets(node: ast.AST) -> Iterator[str]:
    """The dotted names an import statement reaches for."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        yield from (name for _, name in bindings(node))


def closest(name: str, modules: set[str]) -> str | None:
    """The module that a dotted name lies in."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def import_cycles(files: Files) -> Result:
    """No module reaches itself through imports."""
    graph = import_graph(files)

    def way_back(start: str) -> list[str]:
        ways = {module: [start, module] for module in graph[start]}
        waiting = [*ways]
        for module in waiting:
            new = {m: [*ways[module], m] for m in graph[module] if m not in ways}
            ways.update(new)
            waiting += new
        return ways.get(start, [])

    return count("modules in an import cycle", (" -> ".join(way) for way in map(way_back, graph) if way))


def duplicated_lines(files: Files) -> Result:
    """At most 3 % of the lines of code stand in a run of 6 that stood somewhere before."""
    seen: dict[tuple[str, ...], str] = {}
    copies: dict[str, str] = {}
    total = 0
    for file in files:
        lines = plain_lines(file)
        total += len(lines)
        for i in range(len(lines) - WINDOW + 1):
            window = tuple(text for _, text in lines[i : i + WINDOW])
            places = [f"{file.path}:{number}" for number, _ in lines[i : i + WINDOW]]
            if seen.setdefault(window, places[0]) != places[0]:
                copies.update((place, f"{place} (first at {seen[window]})") for place in places if place not in copies)
    share = 100 * len(copies) / max(total, 1)
    return Result("duplicated lines of code, %", "3", f"{share:.1f}", tuple(copies.values()) if share > 3 else ())


def plain_lines(file: File) -> list[tuple[int, str]]:
    """Line numbers and stripped text of the code that is no import."""
    imports = {n for node in file.nodes if isinstance(node, ast.Import | ast.ImportFrom) for n in lines_of(node)}
    text = file.text.splitlines()
    return [(number, text[number - 1].strip()) for number in sorted(file.code_lines - imports)]


def file_names(files: Files) -> Result:
    """Files and folders are named by the domain's nouns."""
    rule = f"names among {', '.join(sorted(BANNED_NAMES))}"
    return count(rule, (str(f.path) for f in files if BANNED_NAMES & {*f.path.with_suffix("").parts}))


# --- habits -----------------------------------------------------------------------------------------------------------


def typed(files: Files) -> Result:
    """Every argument and every return has its type; mypy says whether it is the right one."""
    return count(
        "functions without types",
        (
            file.at(function, function.name)
            for file in files
            for function in file.functions
            if function.returns is None or any(a.annotation is None for a in all_arguments(function))
        ),
    )


def documented(files: Files) -> Result:
    """Every public function and class of a module says what it is."""
    return count(
        "public names without a docstring",
        (
            file.at(node, node.name)
            for file in files
            for node in file.tree.body
            if isinstance(node, Definition) and not node.name.startswith("_") and not ast.get_docstring(node)
        ),
    )


def calls_of(files: Files, forbidden: Iterable[str]) -> Iterator[str]:
    """Where one of the forbidden functions is called."""
    names = frozenset(forbidden)
    return (file.at(call, n) for file in files for call in file.calls if (n := file.name_of(call.func)) in names)


def printing(files: Files) -> Result:
    """Only the command line prints."""
    library = [file for file in files if not {"cli", "tools"} & {*file.path.with_suffix("").parts}]
    where = (
        f.at(c, "print") for f in library for c in f.calls if isinstance(c.func, ast.Name) and c.func.id == "print"
    )
    return count("print outside the command line", where)


def seeding(files: Files) -> Result:
    """Nobody touches the random state that the whole process shares."""
    return count("global seeding", calls_of(files, SEEDING))


def is_mutable(file: File, default: ast.expr | None) -> bool:
    """Whether a default is one object that all calls would share and could change."""
    if isinstance(default, ast.Call):
        return (file.name_of(default.func) or ast.unparse(default.func)) in MUTABLE_CALLS
    return isinstance(default, MUTABLE)


def mutable_defaults(files: Files) -> Result:
    """No default is shared between calls."""
    return count(
        "mutable defaults",
        (
            file.at(node, "default")
            for file in files
            for node in file.nodes
            if isinstance(node, ast.arguments)
            for default in (*node.defaults, *node.kw_defaults)
            if is_mutable(file, default)
        ),
    )


def pickling(files: Files) -> Result:
    """Nothing is read or written that runs code on the way in."""
    imports = (
        file.at(node, name)
        for file in files
        for node in file.nodes
        for name in import_targets(node)
        if name.partition(".")[0] in PICKLING_MODULES
    )
    loads = (file.at(call, "allow_pickle") for file in files for call in file.calls if may_unpickle(file, call))
    return count("pickle", [*imports, *calls_of(files, PICKLING_CALLS), *loads])


def may_unpickle(file: File, call: ast.Call) -> bool:
    """Whether a call leaves NumPy free to unpickle."""
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    default = "True" if file.name_of(call.func) == "numpy.load" else "False"
    return given.get("allow_pickle", default) != "False"


def matched_raises(files: Files) -> Result:
    """Every expected error says which message it expects."""
    return count(
        "pytest.raises without match",
        (
            file.at(call, "pytest.raises")
            for file in files
            for call in file.calls
            if file.name_of(call.func) == "pytest.raises" and "match" not in {word.arg for word in call.keywords}
        ),
    )


Rule = Callable[[Files], Result]
RULES: tuple[Rule, ...] = (
    median_function,
    ninetieth_function,
    longest_function,
    constructors,
    class_depth,
    import_cycles,
    duplicated_lines,
    typed,
    documented,
    printing,
    seeding,
    mutable_defaults,
    pickling,
)
TEST_RULES: tuple[Rule, ...] = (matched_raises,)
COMMON_RULES: tuple[Rule, ...] = (longest_file, file_names)


def read(root: Path, folder: str) -> list[File]:
    """The Python files of a folder of the checkout."""
    paths = sorted((root / folder).rglob("*.py"))
    return [File(path.relative_to(root), path.read_text(encoding="utf-8")) for path in paths]


def measure(root: Path) -> list[Result]:
    """All rules on a checkout: the package and its tools by all of them, the tests by what concerns them."""
    source = read(root, "src") + read(root, "tools")
    tests = read(root, "tests")
    parts = ((RULES, source), (TEST_RULES, tests), (COMMON_RULES, source + tests))
    return [rule(files) for rules, files in parts for rule in rules]


def table(results: Iterable[Result]) -> str:
    """The results for reading, one line each, those that fail marked."""
    lines = [("rule", "limit", "measured", "")]
    lines += [(r.rule, r.limit, r.measured, "FAILS" if r.offenders else "") for r in results]
    return "\n".join(f"{rule:<42}{limit:>6}{measured:>10}  {mark}".rstrip() for rule, limit, measured, mark in lines)


def main(root: Path) -> int:
    """Print the table and the offenders; 0 if there are none."""
    results = measure(root)
    print(table(results))
    for result in results:
        for offender in result.offenders:
            print(f"{result.rule}: {offender}")
    return int(any(result.offenders for result in results))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
