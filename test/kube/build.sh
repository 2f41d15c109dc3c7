#!/usr/bin/env bash
# Builds kube-apiserver and etcd from their modules, as go.mod beside this pins
# them, for the tests of remedy/kube; prints the folder they are in. Some 15
# minutes of a core at first; then they lie in the user's cache, by what they were
# built from.
set -euo pipefail
cd "$(dirname "$0")"
key=$(cat go.mod go.sum build.sh <(go env GOVERSION GOARCH) | sha256sum | cut -c 1-16)
dir=${OMEN_KUBE_BIN:-${XDG_CACHE_HOME:-$HOME/.cache}/omen-kube/$key}
if [ ! -x "$dir/kube-apiserver" ] || [ ! -x "$dir/etcd" ]; then
  mkdir -p "$dir"
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  # The API server refuses to start without a version of this form.
  stamp="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$(cut -d . -f 2 <<<"$version")"
  export CGO_ENABLED=0
  go build -trimpath -ldflags '-s -w' -o "$dir/etcd.new" go.etcd.io/etcd/server/v3 >&2
  go build -trimpath -ldflags "$stamp" -o "$dir/kube-apiserver.new" k8s.io/kubernetes/cmd/kube-apiserver >&2
  mv "$dir/etcd.new" "$dir/etcd"
  mv "$dir/kube-apiserver.new" "$dir/kube-apiserver"
fi
echo "$dir"
