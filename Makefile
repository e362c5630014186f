# The front door. Meson builds (meson.build); this file only names the things that people do.
BUILD := build/plain
TESTS := python3 tools/run_tests.py

help:           ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: deps     ## the program and the library, in build/plain
	@test -e $(BUILD)/build.ninja || meson setup $(BUILD)
	@ninja -C $(BUILD)

deps:           ## the Debian packages that are missing, if any
	@tools/install_deps.sh

test: deps      ## every test in every build: 5 to 10 minutes
	@$(TESTS)

quick: deps     ## unit tests, corpus replay and small benches in the plain build: under a minute
	@$(TESTS) --quick

asan: deps      ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(TESTS) --suite asan

tsan: deps      ## tests of what runs on several threads, under ThreadSanitizer
	@$(TESTS) --suite tsan

fuzz: deps      ## each fuzz target for some seconds
	@$(TESTS) --suite fuzz

bench: build    ## the measurements, at full size
	@bench/run_all.sh $(BUILD)

demo: deps      ## the main job on a few days of real flights, end to end
	@test -e $(BUILD)/build.ninja || meson setup $(BUILD) >/dev/null
	@ninja -C $(BUILD) app/tandem bench/serve_load >/dev/null
	@python3 examples/flights/demo.py $(BUILD)/app/tandem build/demo

parity-live:    ## train models anew and compare with the frameworks themselves (needs Python packages)
	@python3 tests/parity/run_parity.py --live

docs: deps      ## the generated pages of docs/reference
	@python3 tools/gen_errors.py
	@python3 tools/gen_metrics.py

install: build  ## into /usr/local, or DESTDIR
	@meson install -C $(BUILD) --no-rebuild

clean:          ## all that was built
	@rm -rf build

.PHONY: help build deps test quick asan tsan fuzz bench demo parity-live docs install clean
