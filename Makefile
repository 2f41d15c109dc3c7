# Omen. `make help` lists what there is; everything installs what it misses
# from Go's and npm's own caches and registries.
SHELL   := bash
GO      ?= go
NPM     ?= npm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
UI      := web/dist/index.html
UI_SRC  := $(shell find web/ui -type f -not -path '*/node_modules/*' 2>/dev/null)

export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help build run test check portable fuzz cover bench bench-save bench-compare lint scenarios e2e kube vm kill live ui shots onnx release clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ui ## build bin/omen, the user interface inside
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/omen ./cmd/omen

run: build ## watch this machine: build, then `omen serve` (more flags: make run ARGS='--help')
	./bin/omen serve $(ARGS)

test: ui onnx ## all tests (those of real peers skip, and say so, where a peer is not installed)
	$(GO) test -timeout 25m ./...
	cd web/ui && $(NPM) test --silent

check: ## what CI does
	bash .ci/run

# Models are fitted ten times as slowly here, so of detect only what crosses all of it.
PORTABLE := -short -run 'Plain|Asinh|Tanh|Gradient|Crossing|Saved|Explains' ./internal/simd ./autoencoder ./detect

portable: ## arm64 builds; the plain kernels' tests, on this processor and under qemu-user-static
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=arm64 $(GO) build -o /dev/null ./cmd/omen
	$(GO) test -tags purego $(PORTABLE)
	@if command -v qemu-aarch64-static >/dev/null; then \
	GOARCH=arm64 $(GO) test -exec qemu-aarch64-static $(PORTABLE); \
	else echo "qemu-aarch64-static is absent: no test ran as arm64"; fi

fuzz: ## every fuzz target for FUZZTIME (10s)
	bash tools/fuzz.sh

cover: ## what the tests reach, by package (the whole program's tests aside)
	@mkdir -p bin
	$(GO) test -short -coverprofile=bin/cover.out ./...
	@bash tools/cover.sh bin/cover.out

bench-save: ## benchmarks of the code into bin/bench.txt (PACKAGES, BENCH, COUNT, BENCHTIME)
	bash tools/bench.sh

bench-compare: ## the same of BASE (HEAD) and of this tree in turns, compared
	bash tools/bench.sh $(or $(BASE),HEAD)

bench: ## benchmarks of the code, and detection quality on ../shared/bench
	$(GO) test -run '^$$' -bench . -benchmem ./internal/simd ./autoencoder ./detect ./incident ./store ./watch
	@if [ -d ../shared/bench ]; then $(MAKE) --no-print-directory build && ./bin/omen bench ../shared/bench; \
	else echo "../shared/bench is absent: no detection quality measured"; fi

scenarios: ## scenario scripts: metrics in, incidents and messages out, in virtual time
	$(GO) test -count=1 -run 'Scenario' -v ./incident/... ./watch/... ./app/...

lint: ## static checks, by .golangci.yml
	$(GO) vet ./...
	cd tools/pinned && $(GO) build -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	./bin/golangci-lint run ./...

e2e: build ## whole-program tests with real peers: Prometheus, Alertmanager, VictoriaMetrics, a browser
	$(GO) test -count=1 -parallel 3 -timeout 60m -tags e2e -v ./test/...

kube: build ## actions against a real kube-apiserver and etcd, built from their modules (a quarter of an hour at first)
	@dir=$$(bash test/kube/build.sh) && export OMEN_KUBE_BIN=$$dir && $(GO) test -count=1 -timeout 20m -tags e2e -v ./remedy/kube/ && \
	$(GO) test -count=1 -timeout 20m -tags e2e -run '^(TestALeakInACluster|TestANodesIncidentIsBlamedOnAPod)$$' -v ./test/

vm: build ## a real Debian in qemu: Omen as deploy/systemd installs it, a unit that leaks, an approval, a restart (root; debootstrap, qemu-system-x86)
	@dir=$$(timeout 15m bash test/vm/build.sh) && OMEN_VM=$$dir $(GO) test -count=1 -timeout 40m -tags e2e -run '^TestInDebian$$' -v ./test/

kill: ## 500 times kill -9 amid actions, at failpoints and at random: what took effect twice, what is in doubt
	OMEN_SLOW=1 $(GO) test -count=1 -timeout 20m -run '^TestKilled$$' -v ./remedy/

live: build ## an hour of this machine's life with twelve real faults (root; LIVE_LEARN, LIVE_LAST, LIVE_GAP shorten it)
	$(GO) test -count=1 -timeout 2h -tags e2e,live -run TestLiveHour -v ./test/

ui: $(UI)

$(UI): web/ui/package-lock.json api/openapi.json $(UI_SRC)
	cd web/ui && $(NPM) ci --no-audit --no-fund --loglevel=error && $(NPM) run build --silent
	@touch $@

shots: ui ## pictures of the web UI of a running Omen (OMEN_URL) into bin/shots
	cd web/ui && OMEN_SHOTS=../../bin/shots $(NPM) run e2e --silent

onnx: autoencoder/testdata/onnx/node_modules/.package-lock.json

autoencoder/testdata/onnx/node_modules/.package-lock.json: autoencoder/testdata/onnx/package-lock.json
	cd autoencoder/testdata/onnx && $(NPM) ci --no-audit --no-fund --loglevel=error

release: ## tag VERSION=vX.Y.Z and build what is published (ARGS='--dry-run' only tries)
	bash tools/release.sh $(ARGS) $(VERSION)

clean: ## remove what was built (never ./data)
	rm -rf bin dist web/ui/node_modules autoencoder/testdata/onnx/node_modules
	find web/dist -mindepth 1 ! -name .keep -delete
