#!/bin/sh
# Fuzzes what the wire reads, on stable Rust: tests/fuzz/run.sh [seconds]
# Needs a C++ compiler. New inputs go below target/; those in tests/fuzz/corpus are the seeds.
set -eu

seconds=${1:-60}
here=$(cd "$(dirname "$0")" && pwd)
target_dir=${CARGO_TARGET_DIR:-"$here/../../target"}
host=$(rustc -vV | sed -n 's/^host: //p')

# Coverage as cargo-fuzz asks for it, but without a sanitizer, which stable Rust does not have. With
# --target, the flags apply to the program alone and leave the other builds of target/ as they are.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build --quiet --release --locked --manifest-path "$here/Cargo.toml" --target "$host" --target-dir "$target_dir"

mkdir -p "$target_dir/fuzz/wire" "$target_dir/fuzz/found"
exec "$target_dir/$host/release/wire" \
    -max_total_time="$seconds" -max_len=65536 -timeout=5 -rss_limit_mb=512 -print_final_stats=1 \
    -artifact_prefix="$target_dir/fuzz/found/" \
    "$target_dir/fuzz/wire" "$here/corpus"
