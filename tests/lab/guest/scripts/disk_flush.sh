# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Numbered records of 4 KiB, each reported when it is on the disk: at once where the disk is
# write-through, after fsync otherwise. Goes on until the machine is killed.

fact "cache $(cat /sys/block/vda/queue/write_cache)"
case $(cat /sys/block/vda/queue/write_cache) in
'write through') how=oflag=direct ;;
*) how=conv=fsync ;;
esac
n=0
while [ $n -lt 2000 ]; do
	for _ in 1 2 3 4 5 6 7 8; do
		printf '%-511d\n' $n
	done >/tmp/record
	dd if=/tmp/record of=/dev/vda bs=4k seek=$n count=1 $how 2>/dev/null || fact "error no record $n"
	fact "record $n"
	n=$((n + 1))
done
