#!/bin/sh
# The formatter's rules and the house's.
set -u
cd "$(dirname "$0")/.."
failed=0

complain() {
    echo "$1" >&2
    failed=1
}

swift format lint -s -r Sources Tests Examples Benchmarks Package.swift || failed=1

long=$(find Sources -name '*.swift' -exec awk 'END { if (FNR > 400) print FILENAME ": " FNR " lines" }' {} \;)
[ -z "$long" ] || complain "Files of more than 400 lines:
$long"

# Spelled so that this file does not find itself.
if grep -rnE 'try[!]|TO[D]O|FIX[M]E' --include='*.swift' --include='*.sh' --include='*.md' Sources Tests Examples Benchmarks Scripts *.md run; then
    complain "No forced try, and nothing left to be done later."
fi

for script in run Scripts/*.sh; do sh -n "$script" || failed=1; done
bash -n .ci/run || failed=1

# The guide's code is a file that is compiled.
guide=Sources/Perdure/Perdure.docc/GettingStarted.md
program=Examples/GettingStarted/main.swift
if ! awk '/^```swift main$/ { on = 1; next } /^```$/ { on = 0 } on' "$guide" | diff -u "$program" -; then
    complain "$guide and $program differ."
fi

[ $failed = 0 ] && echo "lint: clean"
exit $failed
