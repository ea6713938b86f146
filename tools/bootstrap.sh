# Installs latens and its tools into .venv unless .venv already holds exactly that. Both choices are remembered there:
#   PYTHON        the interpreter to build on (python3)
#   LATENS_TORCH  the torch to install: a pip requirement, or "skip" to use the system's (torch==2.13.0)
set -eu
root=$(pwd)
default_torch="torch==2.13.0"
old_python=$(cat .venv/python 2>/dev/null || echo python3)
old_torch=$(cat .venv/torch 2>/dev/null || echo "$default_torch")
python=${PYTHON:-$old_python}
torch=${LATENS_TORCH:-$old_torch}

fail() {
    echo "latens: $1" >&2
    exit 1
}

digest() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi
}

wanted=$({ cat pyproject.toml constraints/*.txt tools/bootstrap.sh; echo "$root $python $torch"; } | digest)
if [ -x .venv/bin/latens ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

check_python() {
    command -v "$python" >/dev/null || fail "$python is not there; install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=python3.12 ..."
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "$python does not start; name another: make PYTHON=python3.12 ..."
    case $version in
    3.11 | 3.12 | 3.13) ;;
    *) fail "$python is Python $version and latens needs 3.11, 3.12 or 3.13; install one and name it: make PYTHON=python3.12 ..." ;;
    esac
}

# A virtual environment holds absolute paths: one that was copied or moved here would install into the old place.
is_ours() {
    grep -qF " $root/.venv" .venv/pyvenv.cfg 2>/dev/null && .venv/bin/python -m pip --version >/dev/null 2>&1 &&
        [ "$old_python $old_torch" = "$python $torch" ]
}

create() {
    system=
    if [ "$torch" = skip ]; then system=--system-site-packages; fi
    rm -rf .venv
    "$python" -m venv $system "$root/.venv" >/dev/null 2>&1 ||
        fail "$python -m venv .venv failed; on Debian and Ubuntu: apt install python3-venv"
}

requirements() {
    if [ "$torch" != skip ]; then echo "$torch"; fi
}

constraints() {
    if [ "$torch" = "$default_torch" ]; then cat constraints/py311.txt; else grep -v -E '^(torch|triton)==' constraints/py311.txt; fi
}

install() {
    constraints >.venv/constraints.txt
    requirements >.venv/requirements.txt
    PIP_ROOT_USER_ACTION=ignore .venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off \
        -c .venv/constraints.txt -r .venv/requirements.txt -e ".[test,dev]" >.venv/install.log 2>&1
}

start=$(date +%s)
if is_ours; then
    echo "latens: updating .venv, up to 2 minutes"
else
    check_python
    echo "latens: installing into .venv, about 2 minutes, once"
    create
fi
rm -f .venv/stamp
echo "$python" >.venv/python
echo "$torch" >.venv/torch
if ! install; then
    tail -n 15 .venv/install.log >&2
    fail "the installation failed (all of it: .venv/install.log); mend the cause above and run make again"
fi
echo "$wanted" >.venv/stamp.new
mv .venv/stamp.new .venv/stamp
echo "latens: installed in $(($(date +%s) - start)) s"
