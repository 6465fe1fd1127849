# SPDX-License-Identifier: Apache-2.0
# The front door. Everything real is in CMake, scripts/ and tests/; each target installs what it needs
# and is missing (Debian 12), and says so.

SCENARIO ?=
TIME ?= 60

.DEFAULT_GOAL := help
.PHONY: help build demo test unit fuzz lab lab-shell bench format tidy clean

help:
	@echo 'make build      build/release/iolite'
	@echo 'make demo       boot a Linux guest in this terminal'
	@echo 'make test       all tests: unit tests under sanitizers, guests, the lab'
	@echo 'make unit       only the tests that take seconds'
	@echo 'make fuzz       hostile kernels, guests and options; TIME=60 seconds for each kind'
	@echo 'make lab        stock kernels on a nested KVM; SCENARIO=name for one of them'
	@echo 'make lab-shell  a prompt in the lab, with iolite there'
	@echo 'make bench      benchmarks against QEMU'
	@echo 'make format     clang-format over all sources'
	@echo 'make tidy       clang-tidy over all sources'
	@echo 'make clean      remove build/'

build:
	@scripts/install-deps.sh build
	@scripts/build.sh release:iolite

demo:
	@scripts/install-deps.sh build demo
	@scripts/build.sh release:iolite
	@scripts/demo.sh

test:
	@scripts/install-deps.sh build test lab
	@scripts/test.sh all

unit:
	@scripts/install-deps.sh build test
	@scripts/test.sh unit

fuzz:
	@scripts/install-deps.sh build test
	@scripts/fuzz.sh $(TIME)

lab:
	@scripts/install-deps.sh build test lab
	@scripts/build.sh release clang:iolite clang:powercut
	@tests/lab/lab run --iolite build/release/iolite $(SCENARIO)

lab-shell: build
	@scripts/install-deps.sh lab
	@tests/lab/lab shell --iolite build/release/iolite

bench:
	@scripts/install-deps.sh build bench
	@scripts/build.sh release
	@scripts/bench.sh

format:
	@scripts/install-deps.sh format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

tidy:
	@scripts/install-deps.sh build test format
	@scripts/build.sh clang
	@git ls-files 'src/*.c' | xargs clang-tidy --quiet -p build/clang

clean:
	rm -rf build
