# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For scripts that fetch Debian packages without installing them. Works for any architecture, needs no
# root, and leaves apt's own files alone.

cache=${IOLITE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/iolite}
apt_opts=
lists=host

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { say "$*"; exit 1; }

command -v apt-get >/dev/null || die "needs apt-get (a Debian host)"

# shellcheck disable=SC2086 # the options are a list
apt_get() { apt-get $apt_opts "$@"; }
# shellcheck disable=SC2086
apt_cache() { apt-cache $apt_opts "$@"; }

# apt_for ARCHITECTURE: Debian's name; the host's own comes from the lists that the host has
apt_for() {
	lists=host
	if [ "$1" = "$(dpkg --print-architecture)" ]; then
		apt_state=$cache/apt
	else
		apt_state=$cache/apt-$1
	fi
	mkdir -p "$apt_state/lists/partial" "$apt_state/archives/partial"
	# A package index of our own: some systems (containers) switch apt's off, which costs a second a call.
	apt_opts="-o Dir::Cache::pkgcache=$apt_state/pkgcache.bin -o Dir::Cache::srcpkgcache="
	if [ "$1" != "$(dpkg --print-architecture)" ]; then
		debian_sources >"$apt_state/sources.$$"
		mv "$apt_state/sources.$$" "$apt_state/sources.list"
		apt_opts="$apt_opts -o APT::Architecture=$1 -o APT::Architectures=$1"
		apt_opts="$apt_opts -o Dir::Etc::sourcelist=$apt_state/sources.list -o Dir::Etc::sourceparts=-"
		private_lists
	fi
}

# apt_for_backports: the host's architecture, but of Debian's backports for the host's own release
apt_for_backports() {
	apt_for "$(dpkg --print-architecture)"
	apt_state=$cache/apt-backports
	mkdir -p "$apt_state/lists/partial" "$apt_state/archives/partial"
	backports=$(debian_sources | sed -n 's/^\(.*\) \([a-z]*\) main$/\1 \2-backports main/p')
	[ -n "$backports" ] || die "apt knows no source of Debian's main suite: add it to apt's sources"
	printf '%s\n' "$backports" >"$apt_state/sources.$$"
	mv "$apt_state/sources.$$" "$apt_state/sources.list"
	apt_opts="-o Dir::Cache::pkgcache=$apt_state/pkgcache.bin -o Dir::Cache::srcpkgcache="
	apt_opts="$apt_opts -o Dir::Etc::sourcelist=$apt_state/sources.list -o Dir::Etc::sourceparts=-"
	apt_opts="$apt_opts -o Dir::State::status=/dev/null" # what is installed is no offer
	private_lists
	lists=host
}

# debian_sources: the lines of a sources.list for what the host takes from Debian itself
debian_sources() {
	found=$(sources_in_lists)
	if [ -z "$found" ]; then # the origin of a source is known once its lists are there
		(
			apt_for "$(dpkg --print-architecture)"
			refresh_lists
		)
		found=$(sources_in_lists -o Dir::State::lists="$cache/apt/lists")
	fi
	[ -n "$found" ] || die "apt knows no source of Debian's: add Debian's main and security suites to apt's sources"
	printf '%s\n' "$found"
}

sources_in_lists() {
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	options=
	[ ! -e $keyring ] || options="[signed-by=$keyring] "
	apt-get "$@" indextargets --format "\$(ORIGIN)|deb $options\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
		'Created-By: Packages' | sed -n 's/^Debian|//p' | sort -u
}

private_lists() {
	apt_opts="$apt_opts -o Dir::State::lists=$apt_state/lists -o Dir::Cache::archives=$apt_state/archives"
	apt_opts="$apt_opts -o APT::Sandbox::User= -o Debug::NoLocking=1"
}

# refresh_lists: fetch package lists into the cache, once
refresh_lists() {
	[ "$lists" = host ] || return 0
	lists=private
	case $apt_opts in
	*Dir::State::lists=*) ;;
	*) private_lists ;;
	esac
	say "fetching package lists into $apt_state"
	apt_get -qq update >&2 || say "apt-get update failed; going on with what is there"
}

version() {
	apt_cache show --no-all-versions "$1" 2>/dev/null | sed -n 's/^Version: //p' | head -n 1
}

# apt_for_sources: from here on apt knows Debian's source packages, by lists in the cache
apt_for_sources() {
	apt_state=$cache/apt-source
	mkdir -p "$apt_state/lists/partial" "$apt_state/archives/partial"
	# the main archive before others: what both have, mirrors have there
	debian_sources | sed 's/^deb /deb-src /' | sort -t ' ' -k 4,4 >"$apt_state/sources.$$"
	mv "$apt_state/sources.$$" "$apt_state/sources.list"
	apt_opts="-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::Etc::sourcelist=$apt_state/sources.list"
	apt_opts="$apt_opts -o Dir::Etc::sourceparts=-"
	private_lists
	lists=host
	refresh_lists
}

# fetch_source PACKAGE: unpacks it here, patched; a mirror may lack the newest version, then an older one
fetch_source() {
	for fetch_version in "" $(apt_cache showsrc "$1" | sed -n 's/^Version: /=/p' | sort -ruV); do
		apt_get -qq source "$1$fetch_version" && return
	done
	return 1
}
