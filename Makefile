# Needs python3 (3.10 or later, with venv), a C++20 compiler and make; everything else comes by pip into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The build tools are already in .venv, in the versions of constraints.txt, and the build folder is kept: a rebuild is short.
INSTALL := SKBUILD_BUILD_DIR=build/python $(PIP_INSTALL) --no-build-isolation
SOURCES := CMakeLists.txt pyproject.toml $(shell find cmake cpp python -type f ! -name '*.pyc')
CPP_FILES = $(shell find cpp cuda python/src examples tests/cpp tests/cuda_emulation -name '*.cpp' -o -name '*.cu' -o -name '*.h' -o -name '*.hpp' -o -name '*.inl')
PYTHON_FOLDERS = $(wildcard python tests benchmarks examples)
ifeq ($(origin CXX),default)
CXX := c++
endif

export PATH := $(abspath $(BIN)):$(PATH)
export CMAKE_GENERATOR := Ninja

.DEFAULT_GOAL := help
.PHONY: help demo test test-cpp test-cuda-build test-cuda-emulation test-emulated test-sanitize test-python test-package lint mypy format bench clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 22

demo: $(VENV)/.demo ## Install into .venv and score distorted photographs: an HTML page
	$(BIN)/limen demo

test: test-cpp test-cuda-emulation test-cuda-build test-emulated test-sanitize test-python ## All tests

test-cpp: $(VENV)/.dev ## C++ tests
	$(BIN)/cmake --preset dev
	$(BIN)/cmake --build --preset dev
	$(BIN)/ctest --preset dev --label-exclude 'emulated|cuda_emulation'

test-cuda-emulation: test-cpp ## CUDA kernels, run on the CPU under AddressSanitizer and ThreadSanitizer
	$(BIN)/ctest --preset dev --label-regex cuda_emulation --no-tests=ignore --parallel 2

test-cuda-build: $(VENV)/.dev ## CUDA kernels by nvcc: warnings, register spills and stack frames are errors; their Python module
	@if command -v nvcc > /dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then \
	  set -x; $(BIN)/cmake --preset cuda -DLIMEN_BUILD_PYTHON=ON -DPython_EXECUTABLE=$(abspath $(BIN)/python) \
	    -Dpybind11_DIR=$$($(BIN)/python -m pybind11 --cmakedir) \
	  && $(BIN)/cmake --build --preset cuda --target limen_cuda _cuda \
	  && LIMEN_CUDA_BUILD_DIR=$(abspath build/cuda) $(BIN)/python -m pytest tests/python/test_cuda_module.py; \
	else echo "skipped: the build of the CUDA kernels, which needs nvcc"; fi

test-emulated: test-cpp ## C++ tests on emulated processors: old x86-64 and 64-bit ARM
	@if command -v qemu-x86_64-static > /dev/null && [ "$$(uname -m)" = x86_64 ]; then \
	  set -x; $(BIN)/ctest --preset dev --label-regex '^emulated'; \
	else echo "skipped: old x86-64 processors, which need qemu-x86_64-static and an x86-64 machine"; fi
	@if command -v qemu-aarch64-static > /dev/null && command -v aarch64-linux-gnu-g++ > /dev/null; then \
	  set -x; $(BIN)/cmake --workflow --preset aarch64; \
	else echo "skipped: 64-bit ARM, which needs qemu-aarch64-static and aarch64-linux-gnu-g++"; fi

test-sanitize: $(VENV)/.dev ## C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@mkdir -p build
	@if echo 'int main() {}' | $(CXX) -fsanitize=address,undefined -x c++ - -o build/sanitized && build/sanitized; then \
	  set -x; $(BIN)/cmake --workflow --preset asan-ubsan; \
	else echo "skipped: sanitizers, which $(CXX) can't link or this machine can't run"; fi

test-python: test-cpp ## Python tests
	LIMEN_BUILD_DIR=$(abspath build/dev) $(BIN)/python -m pytest

# Flags and depth of folders as for .venv, so that a cache of compilations knows the sources again.
test-package: $(VENV)/.dev ## Source archive, a wheel made from it in isolation, and that wheel beside NumPy alone
	rm -rf build/package
	SKBUILD_CMAKE_DEFINE="LIMEN_WERROR=ON;LIMEN_CUDA=OFF" SKBUILD_BUILD_DIR=build/python $(BIN)/python -m build --outdir build/package
	$(BIN)/python -m venv build/package/venv
	build/package/venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt build/package/*.whl
	build/package/venv/bin/python -c 'import numpy, limen; x = numpy.zeros((3, 32, 32), "uint8"); assert limen.ssim(x, x) == 1'

lint: $(VENV)/.dev mypy ## Formatters and static checks
	$(BIN)/ruff check $(PYTHON_FOLDERS)
	$(BIN)/ruff format --check $(PYTHON_FOLDERS)
	$(BIN)/clang-format --dry-run --Werror $(CPP_FILES)

mypy: $(VENV)/.dev
	$(BIN)/mypy python
	$(BIN)/mypy --no-check-untyped-defs --allow-untyped-defs --allow-incomplete-defs --allow-untyped-calls --no-warn-unused-ignores $(wildcard benchmarks examples)

format: $(VENV)/.dev ## Formatters, writing
	$(BIN)/ruff check --fix $(PYTHON_FOLDERS)
	$(BIN)/ruff format $(PYTHON_FOLDERS)
	$(BIN)/clang-format -i $(CPP_FILES)

bench: $(VENV)/.dev ## Benchmarks, and docs/benchmarks.md from them
	@mkdir -p build
	$(BIN)/python -m pytest benchmarks/bench_*.py --benchmark-columns=median,iqr,rounds --benchmark-json=build/benchmarks.json
	$(BIN)/python -m benchmarks.report build/benchmarks.json

clean: ## Remove everything that make has made
	rm -rf $(VENV) build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "limen needs Python 3.10 or later as '$(PYTHON)'; another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null \
	  || { echo "'$(PYTHON)' lacks venv; Debian and Ubuntu have it in the package python3-venv"; exit 1; }
	@mkdir -p build && echo 'int main() {}' | $(CXX) -std=c++20 -x c++ - -o build/compiler-check \
	  || { echo "'$(CXX)' is no C++20 compiler; Debian and Ubuntu have one in the package g++; another one: make CXX=... ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Stamps: what is installed in .venv is as new as they are.
$(VENV)/.build-tools: constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) cmake ninja pybind11 scikit-build-core
	@touch $@

$(VENV)/.demo: $(VENV)/.build-tools $(SOURCES)
	SKBUILD_CMAKE_DEFINE=LIMEN_CUDA=OFF $(INSTALL) '.[demo]'
	@touch $@

# torch first and alone, so that nothing else's wishes decide which build of it is taken; then what would replace it.
$(VENV)/.torch: $(VENV)/.build-tools
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) --no-deps lpips piq torchvision
	@touch $@

$(VENV)/.dev: $(VENV)/.torch $(SOURCES)
	SKBUILD_CMAKE_DEFINE="LIMEN_WERROR=ON;LIMEN_CUDA=OFF" $(INSTALL) '.[dev]'
	@touch $@ $(VENV)/.demo
