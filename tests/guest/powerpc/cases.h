/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of powerpc, for an e500v2 with one CPU. CMake reads their names from here. */

static const struct guest_case cases[] = {
	{
		.name = "entry",
		.guest = "entry",
		.args = { "-m", "64M", "-a", "hello=\"guest\" x" },
		.initrd_bytes = 100,
	},
	{ .name = "io", .guest = "io", .args = { "-m", "64M" } },
	{ .name = "irq", .guest = "irq", .args = { "-m", "64M" } },
	{
		.name = "poweroff",
		.guest = "reset",
		.args = { "-m", "64M", "-a", "poweroff" },
		.expect = { "boot 1\n" },
	},
	{
		.name = "watchdog_reset",
		.guest = "reset",
		.args = { "-m", "64M" },
		.expect = { "boot 1\n", "boot 2\n", "boot 3\n", "boot 4\n" },
		.log = "the guest's watchdog ran out: the machine is reset",
	},
	{
		.name = "watchdog_stop",
		.guest = "reset",
		.args = { "-m", "64M", "--on-watchdog", "stop" },
		.expect = { "boot 1\n", "dirty\n" },
		.ends_early = true,
		.status = 5,
		.log = "the guest's watchdog ran out: the machine is stopped",
	},
};
