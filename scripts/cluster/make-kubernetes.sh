#!/bin/sh
# Compiles Kubernetes from Debian's source package and puts into the directory $1: bin/ and versions. Only fetching uses the network.
#
# It takes a Go before 1.18, for the vendored reflect2 knows no later one: bullseye's is unpacked beside the system.
set -eu
out=$1
. "$(dirname "$0")/apt-beside.sh"

version=1.20.2
sha256=b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc
targets="kube-apiserver kube-controller-manager kube-scheduler kubelet"
go=$CLUSTER_WORK/go

export GOROOT=$go/usr/lib/go-1.15 GOPATH=$CLUSTER_WORK/gopath GOCACHE=$CLUSTER_WORK/go-cache GOTMPDIR=$CLUSTER_WORK/go-tmp
export GOPROXY=off GOFLAGS= CGO_ENABLED=0
tree=$GOPATH/src/k8s.io/kubernetes

fetch() {
  apt_beside "$CLUSTER_WORK/apt" "deb bullseye" "deb-src bookworm"
  rm -rf "$CLUSTER_WORK/source" "$go" "$GOPATH"
  mkdir -p "$CLUSTER_WORK/source" "$GOPATH/src/k8s.io"
  cd "$CLUSTER_WORK/source"
  get download golang-1.15-go golang-1.15-src
  get --download-only --only-source source kubernetes
  for package in golang-*.deb; do dpkg-deb --extract "$package" "$go"; done
  echo "$sha256  $(ls kubernetes_*.orig.tar.gz)" | sha256sum --check --quiet
  tar --extract --file kubernetes_*.orig.tar.gz
  # Its name is what says that all is there.
  mv "kubernetes-$version" "$tree"
}

# The one generated file that the tarball lacks: the OpenAPI definitions of all types that are marked for it.
generate_openapi() {
  package=pkg/generated/openapi
  [ ! -e $package/zz_generated.openapi.go ] || return 0
  GO111MODULE=off go build -o "$GOTMPDIR/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  marked=$(
    find -L cmd pkg plugin vendor/k8s.io -name '*.go' ! -path '*/testdata/*' ! -path '*/_examples/*' ! -path '*/sample-*' \
      -exec grep -l '+k8s:openapi-gen=' {} + | sed 's|/[^/]*$||; s|^|k8s.io/kubernetes/|' | sort -u | paste -s -d , -
  )
  GO111MODULE=off "$GOTMPDIR/openapi-gen" --logtostderr --input-dirs "$marked" --output-base "$GOTMPDIR/generated" \
    --output-package "k8s.io/kubernetes/$package" --output-file-base zz_generated.openapi \
    --go-header-file hack/boilerplate/boilerplate.generatego.txt --report-filename "$GOTMPDIR/violations"
  mv "$GOTMPDIR/generated/k8s.io/kubernetes/$package/zz_generated.openapi.go" $package/
}

compile() {
  flags="-s -w"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags="$flags -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=20 -X $package.gitTreeState=archive"
  done
  mkdir -p "$out/bin"
  # The compiler prints each package; one line now and then will do. Its complaints are kept whole.
  {
    GO111MODULE=on go build -mod=vendor -v -trimpath -ldflags "$flags" -o "$out/bin/" $(printf './cmd/%s ' $targets) 2>&1 ||
      echo "the compiler failed"
  } | awk '/^[A-Za-z0-9_.\/-]+$/ { if (++n % 250 == 0) print "cluster: " n " packages compiled"; fflush(); next } { print }'
  for target in $targets; do [ -x "$out/bin/$target" ]; done
}

PATH=$GOROOT/bin:$PATH
mkdir -p "$GOTMPDIR"
[ -d "$tree" ] || fetch
cd "$tree"
generate_openapi
compile
for target in $targets; do echo "$target $version"; done >"$out/versions"
