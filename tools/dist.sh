# Builds sdist and wheel (the wheel from the sdist) and tries the wheel in a clean environment, away from the checkout.
set -eu
root=$(pwd)
rm -rf dist
.venv/bin/python -m build --outdir dist >.venv/build.log 2>&1 || {
    tail -n 15 .venv/build.log >&2
    exit 1
}
ls dist

away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
system=
if [ "$(cat .venv/torch)" = skip ]; then system=--system-site-packages; fi
.venv/bin/python -m venv $system "$away/venv"
PIP_ROOT_USER_ACTION=ignore "$away/venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
    -c .venv/constraints.txt -r .venv/requirements.txt "$root"/dist/*.whl >"$away/install.log" 2>&1 || {
    tail -n 15 "$away/install.log" >&2
    exit 1
}

cd "$away"
unset PYTHONPATH LATENS_DATA
PATH="$away/venv/bin:$PATH"
try() {
    echo "-- $*"
    "$@" >out.txt || {
        cat out.txt >&2
        exit 1
    }
}
try latens --version
try latens --help
try latens fit dataset:digits -o m.latens --set max_epochs=1
try latens info m.latens --json
python -c 'import json; json.load(open("out.txt"))'
case $(python -c 'import latens; print(latens.__file__)') in
"$away"/*) ;;
*)
    echo "latens: the wheel was not what ran" >&2
    exit 1
    ;;
esac
