# Targets: build install uninstall test fmt check bench clean
PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift
SCRATCH ?= .build
BIN = $(SCRATCH)/release
TO = $(DESTDIR)$(PREFIX)

programs = berth berth-runtime berth-monitor berth-unpack berth-registry berth-init berth-keeper berth-dns berth-hello
SWIFTBUILD = $(SWIFT) build -c release --scratch-path $(SCRATCH)

.PHONY: build install uninstall test fmt check bench clean

build:
	@for program in $(programs); do $(SWIFTBUILD) --product $$program || exit; done
	scripts/make-hello-image $(BIN)/berth-hello $(BIN)/hello.tar

# Installs what `make build` made; completions and manual pages come from the programs' own definitions.
install:
	install -d $(TO)/bin $(TO)/libexec/berth $(TO)/share/man/man1 $(TO)/share/bash-completion/completions \
	  $(TO)/share/zsh/site-functions $(TO)/share/fish/vendor_completions.d
	install -m 0755 $(BIN)/berth $(BIN)/berth-runtime $(TO)/bin
	install -m 0755 $(BIN)/berth-monitor $(BIN)/berth-registry $(BIN)/berth-init $(BIN)/berth-keeper $(BIN)/berth-unpack $(BIN)/berth-dns $(TO)/libexec/berth
	install -m 0644 $(BIN)/hello.tar $(TO)/libexec/berth
	$(BIN)/berth documentation --man $(TO)/share/man/man1
	$(BIN)/berth documentation --completion bash >$(TO)/share/bash-completion/completions/berth
	$(BIN)/berth documentation --completion zsh >$(TO)/share/zsh/site-functions/_berth
	$(BIN)/berth documentation --completion fish >$(TO)/share/fish/vendor_completions.d/berth.fish

uninstall:
	rm -rf $(TO)/libexec/berth
	rm -f $(TO)/bin/berth $(TO)/bin/berth-runtime $(TO)/share/man/man1/berth.1 $(TO)/share/man/man1/berth-*.1 \
	  $(TO)/share/bash-completion/completions/berth $(TO)/share/zsh/site-functions/_berth \
	  $(TO)/share/fish/vendor_completions.d/berth.fish

test:
	scripts/test

fmt:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests Benchmarks

check:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Benchmarks

# BENCH passes arguments: make bench BENCH='--rounds 20'
bench: build
	$(SWIFTBUILD) --product berth-bench
	$(MAKE) install PREFIX=$(abspath $(SCRATCH))/bench-prefix DESTDIR= >/dev/null
	$(BIN)/berth-bench $(abspath $(SCRATCH))/bench-prefix $(BENCH)

clean:
	rm -rf $(SCRATCH) .build-test
