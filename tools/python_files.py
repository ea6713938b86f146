"""A Python file as the rules see it: its tree, its lines of code, and what its imported names stand for."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
NOT_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


@dataclass(frozen=True)
class File:
    """One Python file: where it stands in the checkout, and what is in it."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, str(self.path))

    @cached_property
    def module(self) -> str:
        """The dotted name it is imported by, seen from ``src``."""
        parts = self.path.with_suffix("").parts
        parts = parts[1:] if parts[0] == "src" else parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def code_lines(self) -> frozenset[int]:
        """Numbers of the lines that hold code: no blank line, no comment, no docstring."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        lines = {n for t in tokens if t.type not in NOT_CODE for n in range(t.start[0], t.end[0] + 1)}
        return frozenset(lines.difference(*map(lines_of, docstrings(self.tree))))

    @cached_property
    def nodes(self) -> Sequence[ast.AST]:
        """Every node of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> Sequence[Function]:
        """Every function and method."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def calls(self) -> Sequence[ast.Call]:
        """Every call."""
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """What each imported name stands for: ``{"np": "numpy", "load": "torch.load"}``."""
        return dict(pair for node in self.nodes for pair in bindings(node))

    def name_of(self, node: ast.expr) -> str:
        """The dotted name of an expression with the imports looked up; empty if it is none, or a local thing's."""
        if isinstance(node, ast.Attribute):
            owner = self.name_of(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return self.imported.get(node.id, "") if isinstance(node, ast.Name) else ""

    def at(self, node: ast.AST, what: str) -> str:
        """An offender: place and name."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"


def bindings(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that an import statement binds and what they stand for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def lines_of(node: ast.stmt) -> range:
    """The lines a statement covers."""
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def is_docstring(node: ast.stmt) -> bool:
    """Whether a body's first statement is its docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def docstrings(tree: ast.Module) -> Iterator[ast.stmt]:
    """The docstring statements of a module, its classes and its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | Definition) and node.body and is_docstring(node.body[0]):
            yield node.body[0]


def all_arguments(function: Function) -> list[ast.arg]:
    """Every argument of a function, self and cls left out."""
    a = function.args
    found = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    return [argument for argument in found if argument.arg not in ("self", "cls")]
