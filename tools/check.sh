# All of `make check`, each check run even where one before it found something.
failed=
try() {
    echo "-- $*"
    "$@" || failed="$failed${failed:+, }$1 ${2:-}"
}
PATH="$PWD/.venv/bin:$PATH"
try ruff check --quiet
try ruff format --check --quiet
try mypy --strict src tools
try lint-imports
try python tools/check_rules.py
if [ -n "$failed" ]; then
    echo "latens: failed: $failed" >&2
    exit 1
fi
