# Runs a command between a line that says what it is and a line that says how long it took.
#   sh tools/step.sh "the tests: under 4 minutes" command ...
title=$1
shift
start=$(date +%s)
echo "latens: $title"
"$@"
status=$?
seconds=$(($(date +%s) - start))
if [ $status -eq 0 ]; then
    echo "latens: done in $seconds s"
else
    echo "latens: failed after $seconds s (exit code $status)" >&2
fi
exit $status
