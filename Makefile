# Nothing here is needed to build or test: `go run ./cmd/strobe serve` and `go test ./...` do it with Go alone.

.PHONY: build test full lint generate bench gpu-check golden clean

# The one binary, for this machine, without cgo.
build:
	CGO_ENABLED=0 go build -trimpath -o bin/strobe ./cmd/strobe

# What everybody runs: needs only Go, at most three minutes on two cores.
test:
	go test ./...

# All that CI runs: installs tools (Debian, as root), then races, outside viewers and clients too.
full:
	.ci/run

# Formatting, vet on every platform, staticcheck, proto lint.
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted"; exit 1; }
	for platform in linux/amd64 linux/arm64 darwin/arm64; do \
	  GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0 go vet ./... || exit 1; done
	bash -c '. .ci/versions && . .ci/tools.sh && staticcheck ./... && buf lint'

# The Go code of sdk/proto, with pinned tools.
generate:
	bash -c '. .ci/versions && . .ci/tools.sh && go generate ./...'

# Every golden file from what the code does now: read the diff before you commit it.
golden:
	go test $$(git ls-files '*_test.go' | xargs grep -l 'flag.Bool("update"' | xargs -n1 dirname | sort -u | sed 's#^#./#') -update

# The benchmarks of the tree; BENCHMARKS.md says what was measured where.
bench:
	go test -run '^$$' -bench . -benchmem ./...

# On a machine with a GPU: serves a model that launches kernels under one backend after the other and compares the recordings
# with what was launched. The folder can be taken to another machine with glibc: bin/gpu-check/gpu-check is all it runs.
gpu-check:
	CGO_ENABLED=0 go build -trimpath -o bin/gpu-check/strobe ./cmd/strobe
	cd examples/model-cuda && CGO_ENABLED=0 go build -trimpath -o ../../bin/gpu-check/model-cuda . && \
	  CGO_ENABLED=0 go build -trimpath -o ../../bin/gpu-check/gpu-check ./check
	cd bin/gpu-check && ./gpu-check

clean:
	rm -rf bin
