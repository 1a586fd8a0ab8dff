#!/bin/sh
# Builds LevelDB's own benchmark, the C++ program, from the sources that classic-level ships (1.20 with classic-level's
# patch), for `npm run bench -- --peers --db-bench PATH`. Needs make and a C++ compiler; prints where the program is.
#
#   sh bench/peers/build-leveldb.sh [DIRECTORY]      default: bench/peers/leveldb
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sources=$here/../../node_modules/classic-level/deps/leveldb/leveldb-1.20
target=${1:-$here/leveldb}
mkdir -p "$target"
cp -R "$sources/." "$target"
cd "$target"
# The C binding is not patched along; the benchmark does without it.
rm -f db/c.cc build_config.mk
# The patched Get() writes into a sink.
sed -i 's/db_->Get(options, key, &value)/db_->Get(options, key, \&sink)/; s/^    std::string value;$/    std::string value;\n    StringValueSink sink(\&value);/' db/db_bench.cc
chmod +x build_detect_platform
# As classic-level is built: optimised, without Snappy (the targets are stated without compression).
sed -i 's/-DSNAPPY//; s/-lsnappy//' build_detect_platform
make out-static/db_bench OPT="-O3 -DNDEBUG -w" >/dev/null
echo "$target/out-static/db_bench"
