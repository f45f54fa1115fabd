# Everything here runs as an ordinary user and changes nothing outside this folder and Go's own caches. What the
# targets need beyond Go, a C compiler, git and make is unpacked into .deps by scripts/deps.

.PHONY: help demo test build pcscd tears bench fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: build ## a GP writes a summary to a simulated card, emergency staff read it; leaves ./demo to play with
	@scripts/demo

test: ## vet, staticcheck, formatting, tests with -race, cross-builds: all that must hold before a change is taken
	@scripts/deps test || [ $$? -eq 3 ] # 3: no Debian packages here, the tests that need a virtual reader are skipped
	@scripts/env scripts/test

build: ## bin/secours
	@scripts/env scripts/build

pcscd: ## a private PC/SC service with a virtual reader, to try the reader side without one, until Ctrl-C
	@scripts/deps test || [ $$? -eq 3 ] # 3: no Debian packages here, the system's pcscd and vpcd will do
	@scripts/pcscd

tears: ## the long tear campaign: power cuts in the middle of card updates (minutes; no -race, for speed)
	scripts/env env SECOURS_TEARS=long go test ./card -run Tear -count=1 -timeout 2h -v

bench: ## all benchmarks
	scripts/env go test -run '^$$' -bench . -benchmem ./...

fmt: ## format the Go sources with gofumpt
	scripts/env go tool -modfile=tools/go.mod gofumpt -l -w .

clean: ## remove what the other targets made: bin, demo, .deps
	rm -rf bin demo .deps
