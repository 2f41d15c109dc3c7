#!/usr/bin/env bash
# Makes a release of the commit that is checked out: puts changelog/unreleased
# into CHANGELOG.md, commits, tags, builds static binaries with checksums into
# dist/, and checks them. It publishes nothing: push the commit and the tag, and
# hand out dist/.
#   tools/release.sh [--dry-run] [--check] vX.Y.Z
# --dry-run does all of it in a clone that is thrown away, --check runs `make
# check` first.
set -euo pipefail
cd "$(dirname "$0")/.."
die() { echo "release: $*" >&2; exit 1; }

dry= check= version=
for a in "$@"; do
  case $a in
  --dry-run) dry=1 ;;
  --check) check=1 ;;
  v*) version=$a ;;
  *) die "unknown argument $a" ;;
  esac
done
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || die "give a version such as v1.2.3, not '$version'"
[ -z "$(git status --porcelain)" ] || die "the checkout has changes that are not committed"
if [ -n "$dry" ]; then
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  git clone --quiet . "$tree/omen"
  [ ! -e web/dist/index.html ] || cp -r web/dist "$tree/omen/web/" # built already
  cd "$tree/omen"
  git config user.name release && git config user.email release@localhost
fi
! git rev-parse -q --verify "refs/tags/$version" >/dev/null || die "$version is there already"
shopt -s nullglob
changes=(changelog/unreleased/*.md)
((${#changes[@]})) || die "changelog/unreleased is empty: nothing to release"
[ -z "$check" ] || make check

# section KIND: its changes as a list; a last paragraph with an address is the
# change's link.
section() {
  local list
  list=$(awk -v kind="$1: " '
    FNR == 1 { if (text) print "- " text link; text = link = ""; mine = index($0, kind) == 1; if (mine) text = substr($0, length(kind) + 1); next }
    !mine || !NF { next }
    /^https?:/ { link = " ([details](" $1 "))"; next }
    { text = text " " $0 }
    END { if (text) print "- " text link }' "${changes[@]}")
  [ -z "$list" ] || printf '### %s\n%s\n\n' "$1" "$list"
}
kinds="Added Changed Fixed Removed Security"
for f in "${changes[@]}"; do
  [[ " $kinds " == *" $(sed -n '1s/: .*//p' "$f") "* ]] || die "$f: begin with one of: $kinds, a colon and a space"
done
{
  sed '/^<!-- releases -->$/q' CHANGELOG.md
  printf '\n## [%s] - %s\n' "${version#v}" "$(date -u +%F)"
  for k in $kinds; do section "$k"; done
  sed '1,/^<!-- releases -->$/d' CHANGELOG.md
} | cat -s >CHANGELOG.new
(($(grep -c '^- ' CHANGELOG.new) - $(grep -c '^- ' CHANGELOG.md || true) == ${#changes[@]})) || die "CHANGELOG.new does not have one line for each of ${#changes[@]} changes"
mv CHANGELOG.new CHANGELOG.md
mkdir -p "changelog/$version"
git mv "${changes[@]}" "changelog/$version/"
git add CHANGELOG.md
git commit --quiet -m "release: $version"
git tag -a "$version" -m "Omen $version"

make ui
rm -rf dist && mkdir dist
for arch in amd64 arm64; do
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -ldflags "-s -w -X main.version=$version" -o "dist/omen-$version-linux-$arch" ./cmd/omen
done
(cd dist && sha256sum omen-* >SHA256SUMS && sha256sum --check --quiet SHA256SUMS)
for bin in dist/omen-*; do
  ! file "$bin" 2>/dev/null | grep -q 'dynamically linked' || die "$bin is not static"
done
says=$("dist/omen-$version-linux-$(go env GOARCH)" version)
[[ $says == *"$version"* ]] || die "the binary says '$says', not $version"
[ -z "$(git status --porcelain)" ] || die "the release left changes behind: $(git status --short)"
ls -l dist
echo "${dry:+dry run: }$version is committed, tagged and built"
