#!/bin/sh
# Builds the documentation of all modules into .build/docs; a link that leads nowhere is an error.
set -eu
cd "$(dirname "$0")/.."
modules="Perdure PerdurePostgres PerdureSQLite PerdureMemory"
graphs=.build/symbol-graphs
rm -rf "$graphs" .build/docs
mkdir -p "$graphs"

triple=$(swift -print-target-info | sed -n 's/^ *"triple": "\(.*\)",$/\1/p' | head -n 1)
headers=$(pkg-config --cflags-only-I libpq sqlite3)
for module in $modules; do
    swift build --target "$module"
    # From what the compiler has left behind: no second build with other flags.
    swift symbolgraph-extract -module-name "$module" -target "$triple" -minimum-access-level public -output-dir "$graphs" \
        -I "$(swift build --show-bin-path)/Modules" -I Sources/CLibPQ -I Sources/CSQLite $headers
done
docc convert Sources/Perdure/Perdure.docc --fallback-display-name Perdure --fallback-bundle-identifier dev.perdure.Perdure \
    --additional-symbol-graph-dir "$graphs" --warnings-as-errors --output-path .build/docs
echo "The documentation is in .build/docs."
