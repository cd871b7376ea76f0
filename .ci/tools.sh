# Sourced: puts the pinned Go tools on PATH. Installed once into a folder that is named by their versions.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS
go_tools="$STROBE_TOOLS/go-$BUF_VERSION-$PROTOC_GEN_GO_VERSION-$PROTOC_GEN_GO_GRPC_VERSION-$STATICCHECK_VERSION"
if [ ! -f "$go_tools/done" ]; then
  mkdir -p "$go_tools"
  GOBIN=$go_tools go install "github.com/bufbuild/buf/cmd/buf@$BUF_VERSION"
  GOBIN=$go_tools go install "google.golang.org/protobuf/cmd/protoc-gen-go@$PROTOC_GEN_GO_VERSION"
  GOBIN=$go_tools go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$PROTOC_GEN_GO_GRPC_VERSION"
  GOBIN=$go_tools go install "honnef.co/go/tools/cmd/staticcheck@$STATICCHECK_VERSION"
  touch "$go_tools/done"
fi
export PATH="$go_tools:$PATH"
need=
command -v gcc >/dev/null || need="gcc libc6-dev"                            # the race detector links with it
command -v qemu-aarch64-static >/dev/null || need="$need qemu-user-static" # runs arm64's own code
[ -z "$need" ] || { apt-get update -qq; apt-get install -y -qq $need >/dev/null; }
