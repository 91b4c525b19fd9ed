#!/bin/sh
# Builds into the directory $1 the CNI plugins that the virtual machine's tests use, from Go modules pinned in test/real/: bin/ and versions.
set -eu
out=$1
real=$(cd "$(dirname "$0")/../../test/real" && pwd)

unobtainable() {
  echo "vm: $*" >&2
  exit 77
}

command -v go >/dev/null || unobtainable "there is no go, which builds sriov-cni and the CNI project's plugins"
mkdir -p "$out/bin"
export CGO_ENABLED=0 GOFLAGS="-mod=readonly -trimpath -buildvcs=false"

# build GROUP MODULE   every tool of the group's go.mod; the version named is the module's
build() {
  cd "$real/$1"
  go mod download || unobtainable "the modules of test/real/$1 could not be fetched (is the Go module proxy within reach?)"
  for tool in $(go list -f '{{.ImportPath}}' tool); do go build -o "$out/bin/" "$tool"; done
  go list -m -f '{{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}}' "$2" >>"$out/versions"
}

build cni-plugins github.com/containernetworking/plugins
build sriov-cni github.com/intel/sriov-cni
