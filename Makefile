# What goes into the package, into dist/: the first target is what `plakar pkg build ./recipe.yaml` runs, with
# rustup's cargo and nothing else. Everything for those who work on it is in the Justfile.

EXT =
CARGO_HOME ?= $(HOME)/.cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
# As in the Justfile: every machine builds the same component.
export CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS = --remap-path-prefix=$(CARGO_HOME)/registry/src/=

all:
	-rustup target add wasm32-wasip2
	cargo build --locked --profile component --target wasm32-wasip2 --package caldav
# Of the whole workspace, because what is built with it decides how libraries are compiled: as in the Justfile, so that
# nothing is built twice and what is shipped is what was tested.
	cargo build --locked --release --workspace --bin plakar-caldav
	mkdir -p dist
	cp $(TARGET)/wasm32-wasip2/component/caldav.wasm $(TARGET)/release/plakar-caldav$(EXT) dist
	dist/plakar-caldav$(EXT) compile --portable

.PHONY: all
