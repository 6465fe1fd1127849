/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of Power Book E, for an e500v2. CMake reads their names from here. */

#define BOOT_DISK                                                                          \
	{                                                                                  \
		{                                                                          \
			.bytes = 512 * 1024, .options = ",transport=mmio", .changed = true \
		}                                                                          \
	}

static const struct guest_case cases[] = {
	{
		.name = "entry",
		.guest = "entry",
		.args = { "-m", "64M", "-a", "hello=\"guest\" x" },
		.initrd_bytes = 100,
	},
	{ .name = "io", .guest = "io", .args = { "-m", "64M" } },
	{ .name = "timer", .guest = "timer", .args = { "-m", "64M" } },
	{ .name = "irq", .guest = "irq", .args = { "-m", "64M" } },
	{
		.name = "poweroff",
		.guest = "reset",
		.args = { "-m", "64M", "-a", "poweroff" },
		.disks = BOOT_DISK,
		.expect = { "boot 1\n" },
	},
	{
		.name = "reset",
		.guest = "reset",
		.args = { "-m", "64M" },
		.disks = BOOT_DISK,
		.expect = { "boot 1\n", "boot 2\n", "boot 3\n", "boot 4\n" },
	},
	{
		.name = "watchdog_feed",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "feed", "--on-watchdog=stop" },
	},
	{
		.name = "watchdog_off",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "off", "--on-watchdog=stop" },
	},
	{
		.name = "watchdog_stop",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "starve", "--on-watchdog=stop" },
		.expect = { "starving\n" },
		.status = 5,
		.log = "the guest's watchdog ran out: the machine is stopped",
	},
	{
		.name = "watchdog_reset",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "starve" },
		.expect = { "starving\n", "reset by the watchdog\n" },
		.log = "the guest's watchdog ran out: the machine is reset",
	},
	{
		.name = "watchdog_none",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "starve", "--on-watchdog=none" },
		.expect = { "starving\n", "ok the machine goes on\n" },
		.log = "the guest's watchdog ran out: the machine runs on",
	},
};
