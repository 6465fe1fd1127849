# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Verified random I/O on vda (1 queue), vdb (4 queues) and vdc (O_DIRECT on the host), all three at
# once, at each of several depths, past the guest's page cache and through it.

# job NAME DEVICE OPTIONS...
job() {
	echo "[$1]"
	echo "filename=/dev/$2"
	shift 2
	printf '%s\n' "$@"
}

{
	cat <<-END
		[global]
		rw=randrw
		rwmixwrite=70
		size=2m
		verify=crc32c
		verify_fatal=1
		do_verify=1
		thread
		group_reporting
	END
	wait=stonewall
	for mode in 'depth=1 bs=4k' 'depth=16 bs=512-16k' 'depth=64 bs=4k-64k' 'depth=1 bs=4k buffered'; do
		depth=${mode#depth=} bs=${mode#* bs=}
		depth=${depth%% *} bs=${bs%% *}
		for dev in vda vdb vdc; do
			case $mode in
			*buffered) job "$dev-buffered" $dev ioengine=psync direct=0 fsync=64 bsrange="$bs-$bs" $wait ;;
			*) job "$dev-$depth" $dev ioengine=libaio direct=1 iodepth="$depth" bsrange="$(echo "$bs" | sed 's/^[^-]*$/&-&/')" $wait ;;
			esac
			[ $dev != vdb ] || printf '%s\n' numjobs=2 offset_increment=4m
			wait=
		done
		wait=stonewall
	done
} >/tmp/jobs

fact "queues vda $(find /sys/block/vda/mq/* -prune | wc -l)"
fact "queues vdb $(find /sys/block/vdb/mq/* -prune | wc -l)"
# the file's output is for people; its status is what counts
fio --output=/tmp/fio.out /tmp/jobs >/tmp/fio.said 2>&1
status=$?
grep -E ': \(groupid|(read|write): |err=[^ ]* *[1-9]' /tmp/fio.out | sed 's/^/@lab fio /'
tail -n 5 /tmp/fio.said | sed 's/^/@lab fio /'
check "fio verifies what it wrote" test $status = 0
sed -n 's/^\(.*virtio.*\)$/@lab interrupts \1/p' /proc/interrupts
kernel_errors
