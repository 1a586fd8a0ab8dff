#!/bin/sh
# Builds ./driver from Debian's LevelDB: apt-get install g++ libleveldb-dev
set -eu
cd "$(dirname "$0")"
g++ -std=c++17 -O2 -Wall -Wextra driver.cc -o driver -lleveldb
echo "$(pwd)/driver"
