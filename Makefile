# A thin front for Meson.  `make help` lists the targets.
B ?= build
MESON ?= meson
SETUP := tools/setup
export BULKHEAD_BUILD := $(abspath $(B))

.PHONY: all help setup check test demo run bench soak fuzz san lint cover install clean

all: $(B)/build.ninja ## build into build/
	@ninja -C $(B) --quiet

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

# What building needs is installed first when it is missing; quick when it is not.
setup:
	@$(SETUP) build test

$(B)/build.ninja:
	@$(SETUP) build
	@$(MESON) setup $(B) --werror >$(B).log 2>&1 || { cat $(B).log; rm -f $(B).log; exit 1; }
	@rm -f $(B).log

check: all ## unit tests, fuzz corpora, layers: no root, about a minute
	@tests/check $(B)

test: setup all ## everything: check, then the tests in namespaces (root)
	@tests/run $(B)

demo: setup all ## the main job on real SMB traffic, in a lab of namespaces (root)
	@tools/demo $(B)

run: setup all ## watch SMB on this machine's own interfaces (root)
	@tools/as-root $(B)/bulkhead watch

bench: setup all ## packets and messages per CPU second, beside its peers; a million conversations
	@$(SETUP) bench
	@tests/bench/run $(B)

soak: setup all ## long: many seeds, long fuzzing
	@tests/soak $(B)

fuzz: ## fuzz one target: make fuzz T=NAME [SECONDS=600]
	@$(SETUP) build fuzz
	@tests/fuzz/run "$(T)" "$(SECONDS)"

san: ## unit tests and corpora under ASan and UBSan
	@$(SETUP) build test
	@test -f $(B)-san/build.ninja || $(MESON) setup $(B)-san --werror -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@ninja -C $(B)-san
	@tests/check $(B)-san

lint: ## formatting and static checks
	@$(SETUP) build lint
	@tests/lint $(B)

cover: ## line coverage of the unit tests
	@$(SETUP) build test
	@test -f $(B)-cover/build.ninja || $(MESON) setup $(B)-cover -Db_coverage=true >/dev/null
	@ninja -C $(B)-cover
	@tests/cover $(B)-cover

install: all ## into DESTDIR, prefix as set up
	@$(MESON) install -C $(B)

clean: ## remove what was built
	rm -rf $(B) $(B)-san $(B)-cover $(B)-fuzz
