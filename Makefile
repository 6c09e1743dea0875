# The house's one door: every target sets up what it misses.  Needs python3 (3.11 or newer) with venv, git and make.

PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet --no-input
READY := $(VENV)/ready
PORTS := rp2 esp32 stm32
LOCKS := requirements/development.txt $(PORTS:%=requirements/stubs-%.txt)

PACKAGES := protocol/spinline_protocol host/spinline hil_tests tools
# What goes to a board: all of the firmware, and the contract without the host's half of the link.
BOARD := $(wildcard firmware/*.py) firmware/spinline_firmware \
	$(filter-out %/host_link.py %/host_messages.py %/clock.py %/bus.py %/bus_search.py,$(wildcard protocol/spinline_protocol/*.py))
TESTS := $(wildcard protocol/tests firmware/tests host/tests hil_tests/tests tests)
PYTEST := $(PYTHON) -m pytest -n 3 --dist loadgroup

SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup format check check-style check-types check-firmware check-imports check-compile \
	test hil demo bench golden lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(READY) ## packages, board stubs, the bench's interpreters and tshark
	@$(PYTHON) -m hil_tests.bench.interpreters

# Everything lands in $(VENV) but the interpreters and tshark, which stay in the user's cache and so outlive the folder.
$(READY): $(LOCKS) pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	test -x $(VENV)/bin/pip || $(PYTHON3) -m venv --clear $(VENV)
	$(PIP) install -r requirements/development.txt
	$(PIP) install --no-build-isolation --no-deps -e .
	rm -rf $(VENV)/typings
	for port in $(PORTS); do \
		$(PIP) install --target $(VENV)/typings/$$port -r requirements/stubs-$$port.txt || exit 1; done
	-$(PYTHON) -m hil_tests.bench.interpreters --fetch
	-$(PYTHON) -m hil_tests.bench.interpreters --fetch --architecture amd64
	-$(PYTHON) -m hil_tests.bench.interpreters --fetch --architecture armhf
	-$(PYTHON) -m hil_tests.bench.tshark
	@touch $@

check: $(READY) ## style, types, directions of imports, board compiler
	@$(MAKE) --no-print-directory --keep-going --output-sync -j2 \
		check-types check-firmware check-style check-imports check-compile

check-style: $(READY)
	$(VENV)/bin/ruff check --quiet --output-format concise .
	$(VENV)/bin/ruff format --check --quiet --output-format concise .

format: $(READY) ## let ruff lay out the Python files
	$(VENV)/bin/ruff format --quiet .
	$(VENV)/bin/ruff check --quiet --select I --fix .

check-types: $(READY)
	$(VENV)/bin/mypy $(PACKAGES)

# The same code against the modules of each port's own MicroPython.
check-firmware: $(READY)
	for port in $(PORTS); do \
		MYPYPATH=$(VENV)/typings/$$port:protocol:firmware $(VENV)/bin/mypy --config-file tools/mypy_firmware.ini \
			--cache-dir .mypy_cache/$$port --custom-typeshed-dir $(VENV)/typings/$$port $(BOARD) || exit 1; done
	MYPYPATH=$(VENV)/typings/rp2:protocol:firmware:hil_tests/fixture $(VENV)/bin/mypy --config-file tools/mypy_firmware.ini \
		--cache-dir .mypy_cache/fixture --custom-typeshed-dir $(VENV)/typings/rp2 \
		hil_tests/fixture/boot.py hil_tests/fixture/main.py hil_tests/fixture/spinline_fixture

check-imports: $(READY)
	$(VENV)/bin/lint-imports --no-logo

check-compile: $(READY)
	$(PYTHON) -m tools.compile_firmware $(BOARD) hil_tests/bench/mpy hil_tests/bench/mpy_bus hil_tests/bench/mpy_fixture hil_tests/bench/mpy_flash hil_tests/bench/mpy_littlefs hil_tests/fixture

test: $(READY) ## every test but the scenarios of the whole line
	$(PYTEST) $(TESTS)

hil: $(READY) ## every scenario, with a report in build/hil; SHORT=1 few of each, SEED=n, MODE=pty on real ports, BENCH=FILE wired
	$(if $(BENCH)$(MODE),$(PYTHON) -m pytest,$(PYTEST)) -p hil_tests.report.plugin hil_tests/scenarios $(if $(SHORT),,--whole -o faulthandler_timeout=900) \
		--seed $(SEED) --junit-xml build/hil/$(if $(SHORT),short,junit).xml $(if $(MODE),--mode $(MODE)) $(if $(BENCH),--bench $(BENCH))

demo: $(READY) ## one batch on a simulated line, into build/demo
	$(PYTHON) -m hil_tests.demo

bench: $(READY) ## measurements into build/bench/bench.json; ONLY=prefix picks some, FULL=1 counts to the end
	@# not -m: each process that is forked to be killed would import the whole of it anew
	FULL=$(FULL) $(PYTHON) -c 'import sys; from tools.bench import main; sys.exit(main())' $(if $(ONLY),--only $(ONLY))

golden: $(READY) ## rewrite the golden files; review the difference
	$(PYTHON) -m tools.golden

# Without a configuration of pip: the files must hold on any machine, and so name no address.
lock: ## pin the newest packages, with hashes
	$(PYTHON3) -m venv build/lock
	build/lock/bin/pip install --quiet pip-tools
	cd requirements && for name in runtime development $(PORTS:%=stubs-%); do \
		env -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL -u PIP_FIND_LINKS PIP_CONFIG_FILE=/dev/null ../build/lock/bin/pip-compile \
			--quiet --upgrade --generate-hashes --strip-extras --no-header --no-emit-index-url --no-emit-find-links \
			--no-emit-trusted-host --output-file $$name.txt $$name.in || exit 1; done

clean: ## remove what was made; packages and the interpreter stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
