/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of aarch64, for a host with a GICv3. CMake reads their names from here. */

static const struct guest_case cases[] = {
	{
		.name = "entry",
		.guest = "entry",
		.args = { "-m", "64M", "-c", "2", "-a", "hello=\"guest\" x" },
		.initrd_bytes = 100,
	},
	{ .name = "io", .guest = "io", .args = { "-m", "64M" } },
	{
		.name = "io_pair",
		.guest = "io",
		.args = { "-m", "64M", "-a", "pair" },
		.expect = { "pair\n" },
		.status = 3,
		.log = "iolite: vCPU 0: the guest accessed 0x11000000, where no memory is, by an "
		       "instruction that KVM does not decode\n",
	},
	{ .name = "timer", .guest = "timer", .args = { "-m", "64M" } },
	{
		.name = "poweroff",
		.guest = "reset",
		.args = { "-m", "64M", "-c", "2", "-a", "poweroff" },
		.expect = { "boot 1\n" },
	},
	{
		.name = "reset",
		.guest = "reset",
		.args = { "-m", "64M", "-c", "2", "-a", "reset" },
		.expect = { "boot 1\n", "boot 2\n", "boot 3\n", "boot 4\n" },
	},
	{
		.name = "reset2",
		.guest = "reset",
		.args = { "-m", "64M", "-c", "2", "-a", "reset2" },
		.expect = { "boot 1\n", "boot 2\n", "boot 3\n", "boot 4\n" },
	},
	{
		.name = "reset_other",
		.guest = "reset",
		.args = { "-m", "64M", "-c", "2", "-a", "other" },
		.expect = { "boot 1\n", "boot 2\n", "boot 3\n", "boot 4\n" },
	},
	{
		.name = "smp_2",
		.guest = "smp",
		.args = { "-m", "64M", "-c", "2", "-a", "1" },
		.expect = { "ok interrupts to all\n" },
	},
	{
		/* two clusters */
		.name = "smp_18",
		.guest = "smp",
		.args = { "-m", "64M", "-c", "18", "-a", "17" },
		.expect = { "ok interrupts to all\n" },
	},
	{
		.name = "smp_again",
		.guest = "smp",
		.args = { "-m", "64M", "-c", "4", "-a", "3 again" },
		.expect = { "reset\n", "ok interrupts to all\n" },
	},
};
