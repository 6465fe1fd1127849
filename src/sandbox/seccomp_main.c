// SPDX-License-Identifier: Apache-2.0
/* The system calls of the loop's thread while a machine runs. See calls.h. */
#include "calls.h"

#include <asm/termios.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/vhost.h>
#include <sys/socket.h>
#include <unistd.h>

#define IO_URING_UNREGISTER_FILES 3 /* IORING_UNREGISTER_FILES */
#define IO_URING_FILES_UPDATE 6 /* IORING_REGISTER_FILES_UPDATE */

#define STREAM "what a device, a line or a client has to say or to read"
#define SELF "abort(), and the kick of a vCPU: no thread of another process"

/* Each has a second name, on 32 bits or where there is no first one. */
#define FCNTL(command, reason) \
	CALL_IF(fcntl, 1, command, reason), CALL_IF(fcntl64, 1, command, reason)
#define REPLACE(fd, reason) CALL_IF(dup2, 1, fd, reason), CALL_IF(dup3, 1, fd, reason)

/* Of every machine. */
static const struct filter_call calls[] = {
	CALL(io_uring_enter, "the loop; what it may ask for is the ring's own list (loop_files.c)"),
	CALL_IF(io_uring_register, 1, IO_URING_FILES_UPDATE,
		"files that are open come and go in the ring's table"),
	CALL_IF(io_uring_register, 1, IO_URING_UNREGISTER_FILES,
		"the end of the machine: what it had open is closed with it, not a moment later"),
	CALL(read, STREAM),
	CALL(write, STREAM),
	CALL(futex, "locks, and vCPUs at their safe points"),
	CALL(futex_time64, "locks, and vCPUs at their safe points"),
	CALL(close, "clients that leave, and the end of the machine"),
	CALL(getpid, "pthread_kill()"),
	CALL(gettid, "abort()"),
	{ .name = "tgkill", .nr = SYS_tgkill, .own_process = true, .why = SELF },
	CALL(rt_sigprocmask, "abort(), and the start of threads"),
	CALL(rt_sigreturn, "back from a signal's handler"),
	CALL(sigreturn, "the same, on 32-bit Power"),
	CALL(brk, "malloc()"),
	CALL(madvise, "free(), and guest memory at a reset"),
	CALL(getrandom, "seeds of a device tree at a reset, virtio-rng"),
	CALL(pread64, "images at a reset, KVM's counters, a disk's first block"),
	CALL(exit_group, "the end"),
	CALL(lseek, "libc gives back what it read too much of standard input"),
	CALL(_llseek, "libc gives back what it read too much of standard input"),
	FCNTL(F_GETFL, "a terminal's streams are put back as they were"),
	FCNTL(F_SETFL, "a terminal's streams are put back as they were"),
	FCNTL(F_DUPFD_CLOEXEC, "a passed descriptor is taken"),
	FCNTL(F_OFD_SETLK, "a disk's lock is released"),
	IOCTL(TCGETS, "isatty()"),
	CALL(poll, "whether there is something to read, or room"),
	CALL(ppoll, "poll() where there is no such call"),
	CALL(ppoll_time64, "poll() where there is no such call"),
	CALL(sendto, "sd_notify, clients"),
	REPLACE(STDIN_FILENO, "a machine in the background leaves its terminal"),
	REPLACE(STDOUT_FILENO, "a machine in the background leaves its terminal"),
	REPLACE(STDERR_FILENO, "a machine in the background leaves its terminal"),
	CALL(clock_gettime, "where the vDSO has no clock"),
	CALL(clock_gettime64, "where the vDSO has no clock"),
	ANSWER(clone, EAGAIN, "memory that is all there is cleared by this thread alone"),
	{ .name = NULL },
};

static const struct filter_call disk_calls[] = {
	CALL_FOR(IOL_SANDBOX_NEEDS_DISK | IOL_SANDBOX_NEEDS_NET, sched_yield,
		 "a loop that looks by itself lets a worker go first"),
	CALL_FOR(IOL_SANDBOX_NEEDS_DISK | IOL_SANDBOX_NEEDS_NET | IOL_SANDBOX_NEEDS_CLIENT,
		 sched_getaffinity, "it goes to another processor; where vCPUs may run"),
	CALL_IF_FOR(IOL_SANDBOX_NEEDS_DISK | IOL_SANDBOX_NEEDS_NET, sched_setaffinity, 0, 0,
		    "it goes to another processor, itself alone"),
	CALL_FOR(IOL_SANDBOX_NEEDS_DISK, preadv2, "what the page cache has"),
	CALL_FOR(IOL_SANDBOX_NEEDS_DISK, pwritev2, "what the page cache takes"),
	CALL_FOR(IOL_SANDBOX_NEEDS_DISK, fallocate, "discards of files"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_DISK, BLKGETSIZE64, "a disk whose size changed"),
	{ .name = NULL },
};

/* fstat() has a name of its own on most. */
#define STAT(needs, reason)                                                      \
	CALL_FOR(needs, newfstatat, reason), CALL_FOR(needs, fstatat64, reason), \
		CALL_FOR(needs, fstat, reason), CALL_FOR(needs, fstat64, reason)

#define SOCKETS (IOL_SANDBOX_NEEDS_LISTEN | IOL_SANDBOX_NEEDS_CONNECT)

static const struct filter_call file_calls[] = {
	STAT(IOL_SANDBOX_NEEDS_DISK | IOL_SANDBOX_NEEDS_CLIENT | IOL_SANDBOX_NEEDS_REMOVE,
	     "a disk whose size changed; what is to be removed is ours still"),
	CALL_FOR(IOL_SANDBOX_NEEDS_FILE | IOL_SANDBOX_NEEDS_CLIENT, ftruncate,
		 "a line's file that is to begin anew, or a client's"),
	CALL_FOR(IOL_SANDBOX_NEEDS_FILE | IOL_SANDBOX_NEEDS_CLIENT, ftruncate64,
		 "a line's file that is to begin anew, or a client's"),
	CALL_FOR(IOL_SANDBOX_NEEDS_REMOVE, unlink,
		 "sockets and links that are ours, in folders that Landlock leaves"),
	CALL_FOR(IOL_SANDBOX_NEEDS_REMOVE, lstat, "what is to be removed is ours still"),
	CALL_FOR(IOL_SANDBOX_NEEDS_REMOVE, stat, "what is to be removed is ours still"),
	CALL_FOR(IOL_SANDBOX_NEEDS_REMOVE, unlinkat, "unlink() where there is no such call"),
	CALL_FOR(IOL_SANDBOX_NEEDS_REMOVE, readlink, "a link that another machine has by now"),
	CALL_FOR(IOL_SANDBOX_NEEDS_REMOVE, readlinkat, "a link that another machine has by now"),
	CALL_FOR(IOL_SANDBOX_NEEDS_CLIENT, getcwd, "whole paths for clients"),
	CALL_FOR(IOL_SANDBOX_NEEDS_MEMORY, fallocate, "memory of a memfd at a reset"),
	CALL_FOR(IOL_SANDBOX_NEEDS_MEMORY, mlock2, "locked memory at a reset"),
	CALL_FOR(IOL_SANDBOX_NEEDS_MEMORY, munlock, "locked memory at a reset"),
#if __SIZEOF_POINTER__ == 4
	CALL(statx, "fstat() with times of 64 bits"),
#endif
	{ .name = NULL },
};

static const struct filter_call terminal_calls[] = {
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TERMINAL, TCSETS, "a terminal is made raw, and as it was"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TERMINAL, TIOCGWINSZ, "its size"),
	CALL_FOR(IOL_SANDBOX_NEEDS_TERMINAL, epoll_create1, "input of a terminal (char_input.c)"),
	CALL_FOR(IOL_SANDBOX_NEEDS_TERMINAL, epoll_ctl, "input of a terminal (char_input.c)"),
	{ .name = NULL },
};

static const struct filter_call socket_calls[] = {
	CALL_FOR(IOL_SANDBOX_NEEDS_LISTEN, accept4,
		 "clients of lines, of the control socket, debuggers"),
	CALL_FOR(SOCKETS | IOL_SANDBOX_NEEDS_CHILD, recvfrom, STREAM),
	CALL_FOR(SOCKETS, shutdown, "a client that is told to go"),
	CALL_FOR(SOCKETS, setsockopt, "packets go out at once; a client that is dead is found out"),
	CALL_FOR(SOCKETS, getsockopt, "what became of a connection"),
	CALL_FOR(SOCKETS, getsockname, "where a socket is; that it is not connected to itself"),
	CALL_FOR(SOCKETS | IOL_SANDBOX_NEEDS_CHILD, recvmsg,
		 "frames, and descriptors that a client passes"),
	CALL_FOR(SOCKETS | IOL_SANDBOX_NEEDS_CHILD, sendmsg, "frames"),
	CALL_FOR(IOL_SANDBOX_NEEDS_CONNECT, getpeername,
		 "that a socket is not connected to itself"),
	CALL_IF_FOR(IOL_SANDBOX_NEEDS_CONNECT, socket, 0, AF_UNIX,
		    "a line that connects does so again"),
	CALL_IF_FOR(IOL_SANDBOX_NEEDS_CONNECT, socket, 0, AF_INET,
		    "a line that connects does so again"),
	CALL_IF_FOR(IOL_SANDBOX_NEEDS_CONNECT, socket, 0, AF_INET6,
		    "a line that connects does so again"),
	CALL_FOR(IOL_SANDBOX_NEEDS_CONNECT, connect, "a line that connects does so again"),
	/* No new processes: only the end of those that are there. */
	CALL_FOR(IOL_SANDBOX_NEEDS_CHILD | IOL_SANDBOX_NEEDS_REMOVE, wait4,
		 "how a network's process ended; names are removed"),
	{ .name = NULL },
};

#define GUEST "the guest's driver begins, or ends"
#define AGAIN "an interface that was deleted is there again"

static const struct filter_call tap_calls[] = {
	CALL_FOR(IOL_SANDBOX_NEEDS_TAP, readv, "a frame comes in"),
	CALL_FOR(IOL_SANDBOX_NEEDS_TAP, writev, "a frame goes out"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, TUNGETIFF, "whether the interface is there"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, TUNSETOFFLOAD, "what the guest's driver takes"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, TUNSETQUEUE, "how many queues it uses"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, TUNSETIFF, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, TUNSETVNETHDRSZ, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, TUNSETVNETLE, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, SIOCGIFFLAGS, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, SIOCSIFFLAGS, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, SIOCGIFMTU, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, SIOCSIFMTU, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, SIOCBRADDIF, AGAIN),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, SIOCGIFINDEX, AGAIN),
	CALL_FOR(IOL_SANDBOX_NEEDS_TAP, recvfrom, "its name on the bridge"),
	CALL_FOR(IOL_SANDBOX_NEEDS_TAP, eventfd2, "interrupts of the kernel's vhost-net"),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_OWNER, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_FEATURES, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_MEM_TABLE, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_VRING_NUM, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_VRING_BASE, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_GET_VRING_BASE, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_VRING_ADDR, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_VRING_KICK, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_VRING_CALL, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_SET_VRING_ERR, GUEST),
	IOCTL_FOR(IOL_SANDBOX_NEEDS_TAP, VHOST_NET_SET_BACKEND, GUEST),
	{ .name = NULL },
};

/* The hottest first: what has conditions is searched for in this order. */
static const struct filter_call *const tables[] = {
#ifdef IOL_SANDBOX_SANITIZED
	sandbox_sanitizer_calls,
#endif
	calls,
	disk_calls,
	tap_calls,
	sandbox_kvm_main_calls,
	sandbox_memory_calls,
	file_calls,
	terminal_calls,
	socket_calls,
	/* Last: what a row above allows is. */
	sandbox_answered_calls,
	NULL,
};

const struct filter_list sandbox_main_list = { .tables = tables, .kind = "main" };
