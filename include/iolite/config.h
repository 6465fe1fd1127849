/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked for: one struct that every source of configuration fills. */
#ifndef IOLITE_CONFIG_H
#define IOLITE_CONFIG_H

#include <iolite/block_cache.h>
#include <iolite/char_config.h>
#include <iolite/error.h>
#include <iolite/jail_config.h>
#include <iolite/place_config.h>
#include <iolite/sandbox.h>
#include <iolite/tree_edit.h>

#define IOL_CONFIG_MEMORY_DEFAULT (256 * IOL_MIB)
#define IOL_CONFIG_MEMORY_MIN (1 * IOL_MIB)
#define IOL_CONFIG_MEMORY_MAX (64 * IOL_GIB)
#define IOL_CONFIG_MEMORY_STEP (4 * IOL_KIB)
enum {
	IOL_CONFIG_CPUS_MAX = 64,
	IOL_CONFIG_NAME_MAX = 64,
	IOL_CONFIG_ID_MAX = 32, /* of a device */
	IOL_CONFIG_TREE_EDITS_MAX = 4096,
	IOL_CONFIG_FILE_BYTES_MAX = 1024 * 1024,
};

/* The command line of a guest for which none was given. */
#define IOL_CONFIG_CMDLINE_DEFAULT "console=ttyS0"

enum iol_transport {
	IOL_TRANSPORT_PCI,
	IOL_TRANSPORT_MMIO,
};

enum iol_watchdog_kind {
	IOL_WATCHDOG_KIND_NONE,
	IOL_WATCHDOG_KIND_I6300ESB,
};

/* The watchdog that a machine is given; what processors have of their own is beside it. */
struct iol_watchdog_config {
	enum iol_watchdog_kind kind;
	unsigned int
		autostart_s; /* it counts before the guest does anything; 0: the guest starts it */
};

/* What becomes of a machine whose guest did not serve its watchdog in time. */
enum iol_watchdog_action {
	IOL_WATCHDOG_RESET,
	IOL_WATCHDOG_STOP,
	IOL_WATCHDOG_PAUSE,
	IOL_WATCHDOG_NONE, /* the guest runs on */
};

/* What becomes of the machine when its guest reboots, panics (pvpanic), or crashes (triple fault). */
enum iol_end_action {
	IOL_END_EXIT, /* the program ends, with the status of the cause */
	IOL_END_RESET,
	IOL_END_PAUSE, /* it stands, to be looked at */
};

enum {
	IOL_CONFIG_OVERLAYS_MAX = 16,
	IOL_CONFIG_DISKS_MAX = 16,
	IOL_CONFIG_SERIALS_MAX = 4,
	IOL_CONFIG_DISK_QUEUES_MAX = 16,
	IOL_CONFIG_WATCHDOG_SECONDS_MAX = 2046, /* as Linux' driver has it */
	IOL_CONFIG_DISK_SERIAL_MAX = 20, /* VIRTIO_BLK_ID_BYTES */
};

/* One disk; the place in the list is its place in the machine (slot), hence its name in the guest. */
struct iol_disk_config {
	char *path; /* never NULL */
	char *id; /* never NULL, unique: for messages and control; default disk0, disk1 ... */
	char *serial; /* what the guest reads as the disk's identity, NULL: the id */
	char *fault; /* test builds: a fault specification (block_fault.h), else NULL */
	bool read_only;
	bool direct; /* past the host's page cache */
	enum iol_block_cache cache;
	bool discard; /* default on */
	bool lock; /* default on */
	unsigned int
		queues; /* 0: not said; iol_config_complete() makes it one for each CPU, up to the maximum */
	enum iol_transport transport;
	uint64_t bytes_per_s; /* 0: no limit */
	uint64_t requests_per_s; /* 0: no limit */
};

enum {
	IOL_CONFIG_NETS_MAX = 8,
	IOL_CONFIG_NET_QUEUES_MAX = 8, /* pairs */
	IOL_CONFIG_NET_FORWARDS_MAX = 64,
	IOL_CONFIG_MAC_BYTES = 6,
};

enum iol_net_kind {
	IOL_NET_KIND_NONE, /* a card without a cable */
	IOL_NET_KIND_TAP,
	IOL_NET_KIND_BRIDGE, /* a tap of our own on a bridge */
	IOL_NET_KIND_USER, /* libslirp, in a child process */
	IOL_NET_KIND_PASST,
	IOL_NET_KIND_SOCKET, /* frames over a unix stream socket */
	IOL_NET_KIND_COUNT,
};

/* As configurations have them. Static. [any] */
const char *iol_net_kind_name(enum iol_net_kind kind);
const char *iol_block_cache_name(enum iol_block_cache cache);

/* Whether the kernel's vhost-net serves a card in our place. */
enum iol_net_vhost {
	IOL_NET_VHOST_AUTO, /* if it is there */
	IOL_NET_VHOST_ON, /* or the machine does not start */
	IOL_NET_VHOST_OFF,
};

/* One network card; its place in the list is its slot, and thus its name in the guest. NULL, 0: not said. */
struct iol_net_config {
	enum iol_net_kind kind;
	char *id; /* never NULL, unique: for messages and control; default net0, net1 ... */
	bool has_mac; /* iol_config_complete() makes one */
	uint8_t mac[IOL_CONFIG_MAC_BYTES];
	unsigned int mtu; /* told to the guest, and set on a tap of ours */
	unsigned int queues; /* pairs; iol_config_complete() makes it 1 */
	enum iol_transport transport;
	/* tap, bridge */
	char *ifname;
	char *bridge; /* never NULL for a bridge */
	enum iol_net_vhost vhost;
	unsigned int fd_count;
	int fds[IOL_CONFIG_NET_QUEUES_MAX]; /* open taps that we inherited */
	/* passt, socket */
	char *path; /* never NULL for a socket */
	bool listen;
	/* user; texts are judged when the backend is made */
	bool restricted;
	bool ipv4, ipv6; /* default on */
	char *hostname, *domain, *net4, *host4, *dns4, *dhcp_start, *net6, *host6, *dns6;
	char *forwards[IOL_CONFIG_NET_FORWARDS_MAX + 1]; /* ended by NULL */
};

struct iol_config {
	char *file; /* path of the JSON file that was loaded, or NULL */
	char *name; /* of the machine; default MAC addresses follow from it; NULL: none was given */
	char *kernel; /* path; never NULL in a checked configuration */
	bool has_kernel_address; /* the kernel is no image of a known kind, but bytes to be entered there */
	uint64_t kernel_address; /* guest-physical */
	char *initrd; /* path or NULL */
	char *cmdline; /* never NULL in a checked configuration */
	uint64_t memory_bytes;
	struct iol_memory_place memory_place;
	unsigned int cpus;
	struct iol_cpu_place cpu_place;
	unsigned int serial_count;
	struct iol_char_config serials[IOL_CONFIG_SERIALS_MAX]; /* ttyS0 ... in the guest */
	bool has_console;
	struct iol_char_config console; /* hvc0 */
	char *control; /* path of the control socket; NULL: none. iol_config_complete() makes one of the name */
	bool control_made; /* it is of the name: whoever starts the machine has one of their own, and it is not written */
	bool no_control; /* none, though the machine has a name */
	int control_fd; /* > 0: a socket that listens there already; borrowed, and no part of what is written */
	bool has_gdb;
	struct iol_char_config
		gdb; /* where debuggers connect: IOL_CHAR_TCP or IOL_CHAR_UNIX, not connecting */
	bool gdb_wait; /* no guest instruction before a debugger says so */
	struct iol_watchdog_config watchdog;
	enum iol_watchdog_action on_watchdog;
	enum iol_end_action on_reboot; /* default IOL_END_RESET */
	enum iol_end_action on_panic, on_crash,
		on_poweroff; /* default IOL_END_EXIT; a power-off does not reset */
	char *machine; /* one of the architecture's machines; NULL: its first */
	char *dtb; /* path of a device tree that replaces the generated one, or NULL */
	unsigned int dtb_overlay_count;
	char *dtb_overlays[IOL_CONFIG_OVERLAYS_MAX]; /* paths, applied in this order */
	size_t tree_edit_count;
	struct iol_tree_edit *tree_edits; /* applied after the overlays; updates, then deletions */
	unsigned int disk_count;
	struct iol_disk_config disks[IOL_CONFIG_DISKS_MAX];
	unsigned int net_count;
	struct iol_net_config nets[IOL_CONFIG_NETS_MAX];
	bool rng; /* a source of entropy for the guest */
	enum iol_sandbox_mode sandbox;
	struct iol_jail_config jail;
};

/* All that is wrong with one configuration, told with file, line and column where the place is known. */
struct iol_mistakes;
enum { IOL_MISTAKES_MAX = 50 }; /* kept; others are counted */

struct iol_mistakes *iol_mistakes_new(void);
void iol_mistakes_free(struct iol_mistakes *mistakes);
/* All, also those that were not kept. */
size_t iol_mistakes_count(const struct iol_mistakes *mistakes);
/* "web.json:7:14: disks[1].cache: 'x' is ...", in the order of the file, those without a place last; NULL behind the last. */
const char *iol_mistakes_text(const struct iol_mistakes *mistakes, size_t i);
/* One more without a place, such as an option's. */
void iol_mistakes_add(struct iol_mistakes *mistakes, const char *text);
/* Something else replaces @key of the file ("serials"): what is found out about it later is none of the file's. */
void iol_mistakes_forget(struct iol_mistakes *mistakes, const char *key);

/*
 * Two sources fill it: a JSON file, then options, which override what the file says and append to its
 * lists; serial lines, which are few and have numbers, are replaced. Nothing here is opened but that file; others
 * are looked at (stat). Before any thread.
 */

/* Defaults: no kernel, 256 MiB, 1 CPU, serial on standard input and output, a watchdog that resets. */
void iol_config_init(struct iol_config *config);
void iol_config_finish(struct iol_config *config);

/*
 * Puts what the JSON file @path says (iolite-config(5)) into @config, in place of all that was there. Relative
 * paths of the file are made relative to its folder. At most IOL_CONFIG_FILE_BYTES_MAX; a pipe will do. -errno with
 * the file and the place in it, and @config is then as before.
 */
int iol_config_load(struct iol_config *config, const char *path, struct iol_error *err);

/*
 * The same with all mistakes, in @mistakes, and @config has what could be read. @path may be NULL: an empty one. Each of
 * @sets (ended by NULL, or NULL) is PATH=VALUE and changes what the file says before it is read, such as
 * disks[0].direct=true; the value is JSON, or else text. Paths of such values are relative to the current folder.
 */
void iol_config_load_all(struct iol_config *config, const char *path, char *const *sets,
			 struct iol_mistakes *mistakes);

/*
 * The same from @len bytes of @text. @name for messages; @folder is put before relative paths, NULL: nothing is
 * (tests, fuzzing).
 */
int iol_config_load_text(struct iol_config *config, const char *text, size_t len, const char *name,
			 const char *folder, struct iol_error *err);
void iol_config_load_text_all(struct iol_config *config, const char *text, size_t len,
			      const char *name, const char *folder, char *const *sets,
			      struct iol_mistakes *mistakes);

/*
 * Setters parse the text of an option or of a configuration value, and put it in the place of the last
 * one. -EINVAL with a text that names the value and what would be right, and nothing is changed; the caller
 * prefixes the option's name.
 */
int iol_config_set_name(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_machine(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_kernel(struct iol_config *config, const char *path, struct iol_error *err);
int iol_config_set_kernel_address(struct iol_config *config, const char *text,
				  struct iol_error *err);
int iol_config_set_initrd(struct iol_config *config, const char *path, struct iol_error *err);
int iol_config_set_cmdline(struct iol_config *config, const char *text, struct iol_error *err);
/* SIZE[,key...] and COUNT[,key=value...]; what is not named stays. Together they are checked by iol_config_check(). */
int iol_config_set_memory(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_cpus(struct iol_config *config, const char *text, struct iol_error *err);
/* The only serial line, in place of all that were there. */
int iol_config_set_serial(struct iol_config *config, const char *text, struct iol_error *err);
/* One more. */
int iol_config_add_serial(struct iol_config *config, const char *text, struct iol_error *err);
/* The virtio console, in place of one that was there. Beside the serial lines it is checked by iol_config_check(). */
int iol_config_set_console(struct iol_config *config, const char *text, struct iol_error *err);
/* Where debuggers connect: tcp:[HOST:]PORT[,expose] or unix:PATH. Beside the lines it is checked by iol_config_check(). */
int iol_config_set_gdb(struct iol_config *config, const char *text, struct iol_error *err);
/* on, off */
int iol_config_set_gdb_wait(struct iol_config *config, const char *text, struct iol_error *err);
/* The control socket: the path of a socket to be made, or none. Beside lines and debuggers it is checked by iol_config_check(). */
int iol_config_set_control(struct iol_config *config, const char *text, struct iol_error *err);
/*
 * The folder of control sockets that have no place of their own: /run/iolite for root, iolite in $XDG_RUNTIME_DIR for others. To be freed with
 * g_free(); NULL: there is none.
 */
char *iol_config_control_folder(void);
/* exit, reset, pause; on_poweroff: exit, pause */
int iol_config_set_on_reboot(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_on_panic(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_on_crash(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_on_poweroff(struct iol_config *config, const char *text, struct iol_error *err);
/* reset, stop, pause, none */
int iol_config_set_on_watchdog(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_dtb(struct iol_config *config, const char *path, struct iol_error *err);
/* Appends one overlay. */
int iol_config_add_dtb_overlay(struct iol_config *config, const char *path, struct iol_error *err);
/* Appends one disk: PATH[,key=value...]; a comma within a value is written twice. */
int iol_config_add_disk(struct iol_config *config, const char *text, struct iol_error *err);

/* Appends one network card: KIND[,key=value...]; a comma within a value is written twice. */
int iol_config_add_net(struct iol_config *config, const char *text, struct iol_error *err);
/* off, log, on */
int iol_config_set_sandbox(struct iol_config *config, const char *text, struct iol_error *err);
/* key=value[,key=value...]; what is not named stays. Together they are checked by iol_config_check(). */
int iol_config_set_jail(struct iol_config *config, const char *text, struct iol_error *err);
int iol_config_set_rng(struct iol_config *config, const char *text, struct iol_error *err);
/* The watchdog, in place of one that was there: KIND[,key=value]. */
int iol_config_set_watchdog(struct iol_config *config, const char *text, struct iol_error *err);

/* Fills the defaults that depend on others: command line, queues, MAC addresses, the control socket. */
void iol_config_complete(struct iol_config *config);

/*
 * Completes a configuration that is to be run, and finds what the setters cannot see alone, as what the file and the
 * options say together: no kernel, a wait for a debugger that cannot connect, two lines at one terminal, a line whose output goes to a file that another line, the
 * configuration, the kernel, the initrd, the tree, an overlay or a disk has. -EINVAL; @config is complete all the same
 * where a kernel is named.
 */
int iol_config_check(struct iol_config *config, struct iol_error *err);
/* The same with all mistakes; what may only be missing because it was mistaken is then not missed. */
void iol_config_check_all(struct iol_config *config, struct iol_mistakes *mistakes);

/*
 * A completed configuration as the JSON file that gives an identical one: with all defaults, paths from the root, into
 * @text, which is to be freed with g_free(). -EILSEQ: one is not UTF-8, @err names which, and @text is NULL.
 */
int iol_config_to_json(const struct iol_config *config, char **text, struct iol_error *err);
/* A JSON Schema (draft 2020-12) of such files. To be freed with g_free(). */
char *iol_config_schema(void);

#endif
