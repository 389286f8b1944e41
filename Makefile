# atlas-action: build, test and measure. `make help` lists the targets.
CONFIG  ?= dev
BUILD   := build/$(CONFIG)
VERSION ?= v0.1.0
COMMIT  := $(shell git rev-parse --short=8 HEAD 2>/dev/null)
CC      := gcc
PKG     := pkg-config

# --- modules, top to bottom: includes point down only, and only to the modules named here -------
MODULES := runner cli server ops project registry migrate grant store db sql pack hcl report tmpl platform http crypt base

DEPS_base     :=
DEPS_crypt    := base
DEPS_http     := crypt base
DEPS_platform := base
DEPS_tmpl     := base
DEPS_report   := tmpl base
DEPS_hcl      := base
DEPS_pack     := base
DEPS_sql      := base
DEPS_db       := sql base
DEPS_store    := http crypt base
DEPS_grant    := pack http crypt base
DEPS_migrate  := db sql pack hcl report tmpl crypt base
DEPS_registry := grant store pack hcl http crypt base
DEPS_project  := migrate store db pack hcl tmpl http crypt base
DEPS_ops      := project registry migrate grant store db sql pack report http crypt base
DEPS_server   := registry grant store http crypt pack base
DEPS_cli      := server ops project registry migrate db report tmpl http base
DEPS_runner   := ops project grant report platform tmpl http base

# --- third-party libraries: each is seen by one module only -------------------------------------
PKG_base   := jansson expat
PKG_crypt  := libcrypto
PKG_http   := libcurl
PKG_hcl    := mpfr gmp libpcre2-8 yaml-0.1
PKG_pack   := libarchive
PKG_db     := sqlite3 libpq libmariadb
PKG_server := libmicrohttpd
ALL_PKGS   := $(foreach m,$(MODULES),$(PKG_$(m)))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
  -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wnull-dereference -Wimplicit-fallthrough -Werror
WARN_GCC := -Wlogical-op -Wduplicated-cond -Wduplicated-branches
HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
CPPFLAGS := -Iinclude -D_GNU_SOURCE -DATLAS_VERSION='"$(VERSION)"' -DATLAS_COMMIT='"$(COMMIT)"' -include include/atlas/banned.h
CFLAGS_dev     := -O2 -g $(HARDEN)
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DATLAS_ARENA_MALLOC
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DATLAS_ARENA_MALLOC
CFLAGS_release := -O2 -g $(HARDEN)
LDFLAGS_dev     := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDFLAGS_asan    := -fsanitize=address,undefined
LDFLAGS_fuzz    := -fsanitize=fuzzer,address,undefined
LDFLAGS_release := -static-pie -Wl,-z,relro,-z,now
CFLAGS  := -std=c17 $(CFLAGS_$(CONFIG)) $(WARN) $(if $(findstring gcc,$(CC)),$(WARN_GCC))
LDFLAGS := $(LDFLAGS_$(CONFIG))

closure = $(sort $(1) $(foreach d,$(DEPS_$(1)),$(call closure,$(d))))
libs    = $(foreach m,$(MODULES),$(if $(filter $(m),$(call closure,$(1))),$(BUILD)/lib$(m).a))
ldlibs  = $(shell $(PKG) --libs $(foreach m,$(call closure,$(1)),$(PKG_$(m))) </dev/null 2>/dev/null) -lm
all_ldlibs = $(shell $(PKG) --libs $(ALL_PKGS) </dev/null 2>/dev/null) -lm
srcs    = $(wildcard src/$(1)/*.c src/$(1)/*/*.c)

BIN := $(BUILD)/atlas-action
all: $(BIN) $(BUILD)/atlas ## build the binary and its `atlas` name (build/dev/)

$(BIN): $(BUILD)/entrypoint/main.o $(foreach m,$(MODULES),$(BUILD)/lib$(m).a)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(all_ldlibs)
$(BUILD)/atlas: $(BIN)
	ln -sf atlas-action $@

define module
$(BUILD)/lib$(1).a: $$(patsubst %.c,$(BUILD)/%.o,$(call srcs,$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^
$(BUILD)/src/$(1)/%.o: CPPFLAGS += $(shell $(PKG) --cflags $(PKG_$(1)) 2>/dev/null) -I$(BUILD)/gen
endef
$(foreach m,$(MODULES),$(eval $(call module,$(m))))

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: CPPFLAGS += -DATLAS_TESTS -Itests/support

# --- tests: tests/unit/<module>/test_<file>.c links that module and what is below it ------------
UNIT_SRCS := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRCS))
UNIT_RUN := $(if $(T),$(patsubst %.c,$(BUILD)/%,$(T)),$(UNIT_BINS))
unit: $(UNIT_RUN) ## build and run the unit tests (T=tests/unit/hcl/test_lexer.c: one of them)
	@tests/support/run-unit $(UNIT_RUN)
define unit_module
$(BUILD)/tests/unit/$(1)/%: $(BUILD)/tests/unit/$(1)/%.o $(call libs,$(1))
	$(CC) $(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(call ldlibs,$(1)) -lcmocka
endef
$(foreach m,$(MODULES),$(eval $(call unit_module,$(m))))
define contract_module
$(BUILD)/tests/contract/test_$(1): $(BUILD)/tests/contract/test_$(1).o $(call libs,$(1))
	$(CC) $(LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(call ldlibs,$(1)) -lcmocka
endef
$(foreach m,store db registry,$(eval $(call contract_module,$(m))))
DB_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/contract/test_db*.c))
$(BUILD)/tests/contract/test_db_%: $(BUILD)/tests/contract/test_db_%.o $(call libs,db)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(call ldlibs,db) -lcmocka
RACE := $(BUILD)/tests/contract/race_registry
$(RACE): $(RACE).o $(call libs,registry)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(call ldlibs,registry)
RECORD := $(BUILD)/tests/support/record
$(RECORD): tests/support/record.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=c17 $(CFLAGS_dev) $(WARN) -o $@ $<
.PRECIOUS: $(BUILD)/tests/unit/%.o

# --- fuzzing: tests/fuzz/fuzz_<module>_<what>.c, seeds in tests/fuzz/corpus/<module>_<what>/ -----
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_REPLAY := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SRCS))
define fuzz_target
$(BUILD)/tests/fuzz/fuzz_$(1)_%: $(BUILD)/tests/fuzz/fuzz_$(1)_%.o $(if $(filter fuzz,$(CONFIG)),,$(BUILD)/tests/fuzz/replay.o) $(call libs,$(1))
	$(CC) $(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(call ldlibs,$(1))
endef
$(foreach m,$(MODULES),$(eval $(call fuzz_target,$(m))))
fuzz-replay: $(FUZZ_REPLAY) ## replay the fuzz corpora
	@tests/support/replay-fuzz $(FUZZ_REPLAY)

fuzz: ## fuzz every target for FUZZ_SECONDS (60) with libFuzzer
	@tests/support/deps build && tests/support/deps fuzz
	@$(MAKE) --no-print-directory -j$(shell nproc) CONFIG=fuzz CC=clang $(patsubst tests/%.c,build/fuzz/tests/%,$(FUZZ_SRCS))
	@tests/support/fuzz $(or $(FUZZ_SECONDS),60) $(patsubst tests/%.c,build/fuzz/tests/%,$(FUZZ_SRCS))

# --- checks ---------------------------------------------------------------------------------------
LAYER_CHECKS := $(addprefix layer-,$(MODULES))
layers: $(LAYER_CHECKS) ## includes point down only
$(LAYER_CHECKS): layer-%:
	@tests/support/layers $* $(DEPS_$*)
hdr-check: ## each header compiles alone
	@tests/support/hdr-check "$(CC) $(CPPFLAGS) $(shell $(PKG) --cflags $(ALL_PKGS) 2>/dev/null) $(CFLAGS)"
format: ## lay out the code
	@tests/support/deps tidy && clang-format -i $$(git ls-files '*.c' '*.h')
tidy: ## clang-tidy over all modules
	@tests/support/deps tidy && clang-tidy --quiet $$(git ls-files 'src/*.c') -- $(CPPFLAGS) $(shell $(PKG) --cflags $(ALL_PKGS) 2>/dev/null) -std=c17

# --- packaging: action.yml, GitLab, CircleCI, Bitbucket, README tables, from the manifest ---------
PACKAGER := $(BUILD)/tests/support/packaging
$(PACKAGER): $(BUILD)/tests/support/packaging.o $(foreach m,$(MODULES),$(BUILD)/lib$(m).a)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(all_ldlibs)
packaging: $(PACKAGER) ## write the packaging anew (IMAGE=docker://... for a release)
	$(PACKAGER) . $(or $(IMAGE),Dockerfile)
packaging-check: $(PACKAGER)
	@$(PACKAGER) --check . $(or $(IMAGE),Dockerfile) && echo "packaging: 1 passed, 0 failed"

# --- what a newcomer types ------------------------------------------------------------------------
demo: ## install what is missing, build, and play the whole story
	@tests/support/deps build
	@$(MAKE) --no-print-directory -j$(shell nproc) all >/dev/null
	@tests/support/demo $(BUILD)
check: ## install what is missing, build, and run all tests
	@tests/support/deps build && tests/support/deps test
	@tests/support/check
e2e-programs: all $(BUILD)/tests/contract/test_store $(DB_TESTS) $(BUILD)/tests/contract/test_registry $(RACE) $(RECORD)
e2e: e2e-programs ## end-to-end tests against real servers (T=file.bats: one of them)
	@tests/support/run-e2e $(BUILD) $(T)
STORE_IO := $(BUILD)/tests/bench/store_io
$(STORE_IO): $(STORE_IO).o $(call libs,store)
	$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(call ldlibs,store)
bench: ## measure, as ratios side by side in one run (B="stores serve": some parts of it)
	@tests/support/deps build && tests/support/deps test && tests/support/deps bench
	@$(MAKE) --no-print-directory -j$(shell nproc) all $(STORE_IO) >/dev/null
	@tests/bench/run $(BUILD) $(B)
check-peers: ## the stores and credentials against better judges, where Go or PyPI can be reached
	@tests/support/deps build && tests/support/deps test
	@$(MAKE) --no-print-directory -j$(shell nproc) all $(BUILD)/tests/contract/test_store $(DB_TESTS) >/dev/null
	@tests/peers/run $(BUILD)
release: ## one static binary in build/release/
	@tests/support/deps build && tests/support/deps release && tests/support/release
container-check: ## build the container image and run it as root and as nobody
	@tests/support/deps container && tests/support/deps test && tests/support/container

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

clean: ## remove all build output
	rm -rf build

.PHONY: all unit fuzz-replay fuzz layers $(LAYER_CHECKS) hdr-check format tidy packaging packaging-check demo check check-peers e2e e2e-programs bench release container-check help clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
