#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A client of QMP that is not ours, the npm package qemu-qmp, drives a machine.
#
#   check_qmp_client.sh IOLITE GUEST     GUEST: tests/guest/x86_64/g_debug.c
#
# The package is installed into a temporary folder, by npm as it is set up here.
set -u
iolite=$(realpath "$1") guest=$(realpath "$2")
script=$(realpath "$(dirname "$0")")/qmp_client.js
skip() {
	echo "SKIP: $*"
	exit 77
}
if ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
	skip "/dev/kvm is missing or forbidden"
fi
if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
	skip "no node or no npm here"
fi
dir=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
echo '{"private": true}' > package.json
timeout 120 npm install --no-audit --no-fund --ignore-scripts qemu-qmp@0.5.0 > npm.log 2>&1 ||
	skip "npm cannot install qemu-qmp: $(grep -m1 -i 'err' npm.log || echo 'no answer within 120 s')"
"$iolite" run -k "$guest" -m 16M -a plain -s null --name qmp-client --control "$dir/socket" 2> err < /dev/null &
pid=$!
tries=0
until [ -S socket ]; do
	tries=$((tries + 1))
	if [ $tries -gt 600 ] || ! kill -0 $pid 2> /dev/null; then
		echo "FAIL: no control socket; stderr: $(cat err)"
		exit 1
	fi
	sleep 0.05
done
NODE_PATH=$dir/node_modules timeout 60 node --no-deprecation "$script" "$dir/socket"
status=$?
if [ $status -ne 0 ]; then
	echo "FAIL: the client ends with status $status; stderr of iolite: $(cat err)"
	exit 1
fi
wait $pid
status=$?
pid=
if [ $status -ne 0 ]; then
	echo "FAIL: iolite ends with status $status; stderr: $(cat err)"
	exit 1
fi
echo "PASS: qemu-qmp drives a machine"
