# The two commands of the README are `make run` and `make test`; everything they need is installed by `make deps`.
SHELL := /bin/bash
BUN := node_modules/.bin/bun
DENO := node_modules/.bin/deno
BUILD_FLAGS := --compile --minify --bytecode --format=esm --splitting --sourcemap=linked --no-compile-autoload-dotenv --no-compile-autoload-bunfig
REVISION := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
SOURCES := $(shell find src ffi -name '*.ts') package-lock.json
PREFIX ?= /usr
DEBIAN := iproute2 qemu-system-x86 linux-image-amd64 keepalived ipvsadm nftables tcpdump busybox-static curl openssl kmod \
  iputils-ping procps tcc xz-utils zstd lz4 util-linux minisign frr bird2
# Judges of packages, shells and the reader of manuals.
DEBIAN_PACKAGES := lintian man-db fish zsh
# Firmware, and tools that judge what was made.
DEBIAN_APPLIANCE := mtools ovmf ipxe-qemu qemu-utils fdisk dosfstools binutils

.DEFAULT_GOAL := help
.PHONY: help deps build image deb run run-appliance lab check fmt test test-unit test-deno test-netns test-vm test-appliance test-appliance-everyday test-packages test-words test-mutants bench docs install uninstall clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: .cache/debian .cache/npm ## Install what is needed: Debian's packages and npm's, Bun and Deno among them

.cache/debian: Makefile
	@mkdir -p .cache
	@if [ "$$(dpkg-query -W -f '$${db:Status-Abbrev}\n' $(DEBIAN) 2>/dev/null | grep -c ^ii)" = $(words $(DEBIAN)) ]; then echo "Debian's packages are there"; else appliance/install-debian.sh $(DEBIAN); fi
	@touch $@

# Install scripts stay off: netlink would build a native addon that nothing uses, Bun would fetch without a checksum what npm left out.
.cache/npm: package-lock.json
	@mkdir -p .cache
	@node -e 'process.exit(+process.versions.node.split(".")[0] >= 18 ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null || { echo "Node 18 or newer and npm are needed, to fetch what builds lbd: apt-get install nodejs npm"; exit 1; }
	npm ci --ignore-scripts --no-audit --no-fund
	appliance/link-bun.sh node_modules
	node node_modules/deno/install.cjs
	@touch $@

build: dist/lbd ## Compile dist/lbd, one binary, and try it

dist/lbd: .cache/npm Makefile appliance/licenses.ts $(SOURCES)
	@rm -rf dist/new && mkdir -p dist/new
	$(BUN) build $(BUILD_FLAGS) --define 'LBD_REVISION="$(REVISION)"' --define "LBD_LICENSES=$$($(BUN) appliance/licenses.ts)" src/main.ts --outfile dist/new/lbd
	@./dist/new/lbd --version 2>&1 | grep -q '^lbd ' || { echo "the new binary is not lbd (was it stripped?):"; ./dist/new/lbd --version; exit 1; }
	@./dist/new/lbd check conf/keepalived.conf || { echo "the new binary does not read conf/keepalived.conf"; exit 1; }
	@# Beside it lie the maps of its lines, which are in it as well.
	@mv dist/new/lbd dist/lbd && rm -r dist/new

# LEVEL is zstd's (3 is quick, and a seventh larger); KEY a secret key of minisign without a password; CONFIG a folder that goes into the media.
LEVEL ?= 19
image: build ## Write dist/image: disk images, ISO, netboot, UKI, checksums, signature, SBOM; no root rights needed. CONFIG=dir KEY=file LEVEL=3
	$(BUN) appliance/image.ts --level $(LEVEL) $(if $(CONFIG),--config $(CONFIG)) $(if $(KEY),--key $(KEY))

deb: build ## Write dist/lbd_VERSION_ARCHITECTURE.deb, which takes keepalived's place; no root rights needed
	$(BUN) appliance/deb.ts

run: deps build ## Boot a lab (client, two directors, real servers), show failover, leave the API on a local port
	$(BUN) test/machine/lab.ts

# Made anew when what goes into it changed.
TEST_IMAGE := dist/test-appliance/image
$(TEST_IMAGE)/SHA256SUMS: dist/lbd $(wildcard appliance/*)
	$(BUN) appliance/image.ts --config test/appliance/director --out $(TEST_IMAGE)

run-appliance: deps build $(TEST_IMAGE)/SHA256SUMS ## Boot two images of the appliance as a pair, with a client and real servers; their APIs on local ports
	$(BUN) test/machine/pair-lab.ts $(TEST_IMAGE)

lab: ## A command in the lab that `make run` started, in another terminal: make lab CMD="status --down", CMD=help
	@$(BUN) test/machine/lab-shell.ts $(CMD)

check: .cache/npm ## Types, lint, format, and the house rules
	node_modules/.bin/tsc --noEmit -p .
	node_modules/.bin/biome check --error-on-warnings .
	$(BUN) test test/tidy.test.ts

fmt: .cache/npm ## Format and mend what the linter can
	node_modules/.bin/biome check --write .

test: deps build .cache/debian-appliance ## Every ring, side by side, the appliance's behind them, with one summary
	$(BUN) test/run.ts check unit deno netns vm packages appliance

test-unit: .cache/npm ## Pure tests: units, golden files, scenarios, simulations
	$(BUN) test/run.ts unit

test-deno: .cache/npm ## The core's tests and the FFI cases under Deno
	$(BUN) test/run.ts deno

test-netns: deps build ## Packets between network namespaces, beside Debian's keepalived
	$(BUN) test/run.ts netns

test-vm: deps build ## A machine with a real ip_vs
	$(BUN) test/run.ts vm

test-packages: deps build .cache/debian-packages ## The Debian package: made twice, judged by lintian, installed over keepalived, upgraded, removed
	$(BUN) test --timeout 900000 test/packages

.cache/debian-packages: Makefile
	@mkdir -p .cache
	@if [ "$$(dpkg-query -W -f '$${db:Status-Abbrev}\n' $(DEBIAN_PACKAGES) 2>/dev/null | grep -c ^ii)" = $(words $(DEBIAN_PACKAGES)) ]; then echo "Debian's packages for the tests of packages are there"; else appliance/install-debian.sh $(DEBIAN_PACKAGES); fi
	@touch $@

test-appliance-everyday: deps build .cache/debian-appliance ## The image of a disk: start, refused and good update, a crash of the appliance; a ring of its own (bun test/run.ts appliance)
	$(BUN) appliance/image.ts --level 3 --config test/appliance/director --out $(TEST_IMAGE)
	$(BUN) test --timeout 900000 test/appliance/everyday.test.ts

test-appliance: deps build .cache/debian-appliance ## Boot every medium of the image through every firmware, check formats and signature, updates that fail, build twice: hours
	$(BUN) appliance/image.ts --config test/appliance/director --out $(TEST_IMAGE)
	$(BUN) test --timeout 2400000 test/appliance

.cache/debian-appliance: Makefile
	@mkdir -p .cache
	@if [ "$$(dpkg-query -W -f '$${db:Status-Abbrev}\n' $(DEBIAN_APPLIANCE) 2>/dev/null | grep -c ^ii)" = $(words $(DEBIAN_APPLIANCE)) ]; then echo "Debian's packages for the appliance's tests are there"; else appliance/install-debian.sh $(DEBIAN_APPLIANCE); fi
	@touch $@

test-words: .cache/npm ## Does each test that docs/compat.md names fail without its word? A minute; unit ring only
	$(BUN) test/words.ts

# AT=file or AT=file:line tries all faults there, instead of N of a room by SEED. CPU=60: seconds for each fault.
test-mutants: .cache/npm ## Would the pure tests see a fault? ROOM=src/vrrp N=40 SEED=1, or AT=src/vrrp/accept.ts:120
	@ROOM="$(ROOM)" N="$(N)" SEED="$(SEED)" AT="$(AT)" CPU="$(CPU)" $(BUN) test/mutants.ts

# As `make image` makes it: its size is one of the figures.
BENCH_IMAGE := dist/bench-appliance/image
$(BENCH_IMAGE)/SHA256SUMS: dist/lbd $(wildcard appliance/*)
	$(BUN) appliance/image.ts --level $(LEVEL) --out $(BENCH_IMAGE)

bench: deps build $(if $(if $(ONLY),$(findstring appliance,$(ONLY)),all),$(BENCH_IMAGE)/SHA256SUMS) ## Figures beside Debian's keepalived (PEER=program) and a build before (BEFORE=program or revision): ONLY=rest,start
	$(BUN) test/bench/run.ts

docs: .cache/npm ## Write docs/reference.md and docs/compat.md from the keyword tables
	$(BUN) src/main.ts docs --write docs

# DESTDIR and PREFIX as usual. Whoever packages it must not strip it: what makes the program lbd lies behind its symbols.
install: build ## Install /usr/sbin/lbd and the service file; an old program is replaced in one step
	install -D -m 755 dist/lbd $(DESTDIR)$(PREFIX)/sbin/lbd.new
	@$(DESTDIR)$(PREFIX)/sbin/lbd.new --version | grep -q '^lbd ' || { echo "what was installed is not lbd: was it stripped?"; exit 1; }
	mv $(DESTDIR)$(PREFIX)/sbin/lbd.new $(DESTDIR)$(PREFIX)/sbin/lbd
	install -D -m 644 conf/lbd.service $(DESTDIR)/etc/systemd/system/lbd.service
	@echo "Next: lbd check; systemctl daemon-reload; systemctl disable --now keepalived; systemctl enable --now lbd"

uninstall: ## Remove what make install put there; the configuration stays
	rm -f $(DESTDIR)$(PREFIX)/sbin/lbd $(DESTDIR)/etc/systemd/system/lbd.service

clean: ## Remove what was built and cached
	rm -rf dist .cache
