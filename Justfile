# What can be done here. `just` alone lists it.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Panic messages name source files: without the folder they happen to be in, every machine builds the same bytes.
export CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS := "--remap-path-prefix=" + env("CARGO_HOME", env("HOME") / ".cargo") / "registry/src/="

component := "target/wasm32-wasip2/component/caldav.wasm"
build_component := "cargo build --locked --profile component --target wasm32-wasip2 --package caldav"
wasmtime_version := "48.0.8"
version := `sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml`

default:
    @just --list --unsorted

# A real server, an account on it, and its backup
demo: build
    target/release/demo

# The component, the one that only backs up, the program, and the component compiled for it; nothing that only
# tests need
build: target
    {{ build_component }} --no-default-features
    mkdir -p target/release
    cp {{ component }} target/release/caldav-backup.wasm
    {{ build_component }}
    cp {{ component }} target/release/caldav.wasm
    cargo build --locked --release --workspace --exclude host-tests --exclude dav-model --exclude hostile-guest --exclude source-lint
    target/release/plakar-caldav compile

# rustup reads rust-toolchain.toml, but not every rustup adds the target from it
[private]
target:
    rustup target add wasm32-wasip2

# Everything that CI runs
test: build lint
    cargo test --locked --release --workspace -- --show-output

# Formatting and lints, of the native build and of the component; last, the rules of docs/style.md
lint: target
    cargo fmt --all --check
    cargo clippy --locked --release --workspace --all-targets -- --deny warnings
    cargo clippy --locked --profile component --target wasm32-wasip2 --package caldav -- --deny warnings
    cargo clippy --locked --profile component --target wasm32-wasip2 --package caldav --no-default-features -- --deny warnings
    cargo build --locked --release --workspace --bin source-lint
    target/release/source-lint

# Schemas, manual and README's tables, from the tables of options and the command line
generate:
    cargo build --locked --release --workspace --bin plakar-caldav
    target/release/plakar-caldav generate

# The component under stock wasmtime, which is built for it the first time (20 minutes)
test-wasmtime: build
    [ -x target/tools/bin/wasmtime ] || cargo install --locked wasmtime-cli@{{ wasmtime_version }} --root target/tools --target-dir target/wasmtime-cli
    rm -rf target/wasmtime-cli
    cargo test --locked --release --workspace --test wasmtime -- --show-output

# What Plakar installs, into dist/: with a `plakar` on the PATH or in $PLAKAR, the package itself
package:
    make
    plakar="${PLAKAR:-$(command -v plakar || true)}"; \
    if [ -z "$plakar" ]; then \
        echo "SKIPPED: no plakar, no .ptar; dist/ and manifest.yaml have all that goes into one"; \
    else \
        cd dist && rm -f caldav_*.ptar && "$plakar" pkg create ../manifest.yaml v{{ version }}; \
    fi

# The plugin under the real Plakar and plaklet, from the PATH or $PLAKAR and $PLAKLET; what is not there is skipped
test-plakar: build
    cargo test --locked --release --workspace --test plakar -- --show-output --test-threads 1

# Everything there is
test-full: test test-wasmtime test-plakar bench

# What the component costs beside the same core built natively
bench objects="10000" runs="5": build
    cargo run --locked --release --quiet --package host-tests --bin bench -- {{ objects }} {{ runs }}
    cargo run --locked --release --quiet --package host-tests --bin bench -- 2000 3 20
    cargo run --locked --release --quiet --package host-tests --bin bench_plugin -- 5000 {{ runs }}

# Format everything
fmt:
    cargo fmt --all
