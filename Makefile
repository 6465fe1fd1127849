# SPDX-License-Identifier: Apache-2.0
# The front door. Everything real is in CMake, scripts/ and tests/; each target installs what it needs
# and is missing (Debian 12), and says so.

SCENARIO ?=
TIME ?= 60
SEED ?= 1
ARCH ?= x86_64
# The stress has another seed each time, unless told.
STRESS_SEED = $(if $(filter command line environment,$(origin SEED)),--seed $(SEED))
# FULL=1 on the command line, which is in the environment of all that runs: also what everyday runs leave out because
# another preset or scenario shows the same.
FULL ?=
export FULL

# The lab of each architecture: the preset of the program that is tested, what else to build as
# scripts/build.sh takes it, and groups of packages.
LAB_PRESET_x86_64 := release
LAB_BUILD_x86_64 := release:kvm_tests clang:iolite clang:powercut
LAB_DEPS_x86_64 := build test lab
LAB_PRESET_aarch64 := aarch64
LAB_BUILD_aarch64 := aarch64
LAB_DEPS_aarch64 := build lab aarch64
LAB_PRESET_powerpc := powerpc
LAB_BUILD_powerpc := powerpc
LAB_DEPS_powerpc := build lab powerpc
LAB_PRESET = $(or $(LAB_PRESET_$(ARCH)),$(error there is no ARCH=$(ARCH): x86_64, aarch64 or powerpc))

# Unit tests under qemu-user. More at a time than there are processors, for some wait more than they work.
JOBS = $(shell expr $$(nproc) + 2)
CTEST_CROSS = ctest --preset $(ARCH) -j $(JOBS) $(if $(FULL),,-LE once)

.DEFAULT_GOAL := help
.PHONY: help build demo test unit coverage fuzz fuzz-coverage stress mutation lab lab-shell bench format tidy clean

help:
	@echo 'make build      build/release/iolite'
	@echo 'make demo       boot a Linux guest in this terminal'
	@echo 'make test       all tests: unit tests under sanitizers, guests, the lab'
	@echo 'make unit       all tests but the lab; ARCH=aarch64, powerpc or ppc64: under qemu-user'
	@echo '                FULL=1 with test, unit and lab: also what adds little, such as every pair of kernel and transport'
	@echo 'make coverage   which lines the unit tests and the kept inputs of the fuzzers run'
	@echo 'make fuzz       hostile kernels, guests and options; TIME=60 seconds for each kind'
	@echo 'make fuzz-coverage  which share of the lines the kept inputs of the fuzzers run, by file'
	@echo 'make stress     one machine under ThreadSanitizer, all of it at once, for TIME=60 seconds; SEED=N: as another run with that'
	@echo 'make mutation   100 mistakes put into virtqueues, one at a time: do the tests notice? SEED=1 for these'
	@echo 'make lab        stock kernels on a nested KVM; SCENARIO=name for one of them; ARCH=aarch64, powerpc: and unit tests'
	@echo 'make lab-shell  a prompt in the lab, with iolite there; ARCH=aarch64, powerpc'
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
ifeq ($(ARCH),x86_64)
	@scripts/install-deps.sh build test
	@scripts/test.sh unit
else
	@scripts/install-deps.sh build $(ARCH)
	@scripts/build.sh $(ARCH)
	@$(CTEST_CROSS)
endif

coverage:
	@scripts/install-deps.sh build test coverage
	@scripts/build.sh coverage
	@find build/coverage -name '*.gcda' -delete # counts of an earlier run
	@ctest --preset coverage -j $(shell nproc) -L unit -E '^cli_dtb$$' # its full disk is also that of the counts
	@gcovr --root . --filter src/ --print-summary build/coverage

fuzz:
	@scripts/install-deps.sh build test
	@scripts/fuzz.sh $(TIME)

fuzz-coverage:
	@scripts/install-deps.sh build test
	@scripts/fuzz.sh --coverage

stress:
	@scripts/install-deps.sh build test
	@scripts/build.sh tsan:iolite tsan:guest_stress
	@python3 -B tests/stress/stress.py build/tsan/iolite build/tsan/tests/guest/guests/stress --seconds $(TIME) $(STRESS_SEED)

mutation:
	@scripts/install-deps.sh build test
	@scripts/build.sh dev:core
	@python3 -B tests/mutation/mutate.py build/dev --seed $(SEED)

lab:
	@scripts/install-deps.sh $(LAB_DEPS_$(ARCH))
	@scripts/build.sh $(LAB_BUILD_$(ARCH))
ifneq ($(ARCH),x86_64)
	@$(CTEST_CROSS) # the lab has those that need a kernel
endif
	@tests/lab/lab run --arch $(ARCH) --iolite build/$(LAB_PRESET)/iolite $(SCENARIO)

lab-shell:
	@scripts/install-deps.sh $(LAB_DEPS_$(ARCH))
	@scripts/build.sh $(LAB_PRESET):iolite
	@tests/lab/lab shell --arch $(ARCH) --iolite build/$(LAB_PRESET)/iolite

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
