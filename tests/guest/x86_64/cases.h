/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of x86_64. CMake reads their names from here. */

/* The lines that g_uart_out.c makes: all of them, then the first quarter of them again. */
static const char *check_uart_out(const GString *console)
{
	enum { LINES = 64, LINE_BYTES = 64 };
	g_autoptr(GString) want = g_string_new(NULL);

	for (unsigned int i = 0; i < LINES + LINES / 4; i++) {
		for (unsigned int j = 0; j < LINE_BYTES - 1; j++)
			g_string_append_c(want, (char)('0' + (i % LINES + j) % 64));
		g_string_append_c(want, '\n');
	}
	g_string_append(want, "end\n");
	return g_string_equal(want, console) ? NULL : "the console has other bytes than were sent";
}

static const struct guest_case cases[] = {
	{
		.name = "entry_pvh",
		.guest = "entry_pvh",
		.args = { "-m", "64M", "-a", "hello=\"guest\" x" },
		.initrd_bytes = 100,
	},
	{
		.name = "entry_elf64",
		.guest = "entry_elf64",
		.args = { "-m", "64M", "-a", "hello=\"guest\" x" },
		.initrd_bytes = 100,
	},
	{
		.name = "entry_bzimage",
		.guest = "entry_bzimage",
		.args = { "-m", "64M", "-a", "hello=\"guest\" x" },
		.initrd_bytes = 100,
	},
	{
		.name = "memory_64m",
		.guest = "memory",
		.args = { "-m", "64M", "-a", "4000000 0" },
	},
	{
		.name = "memory_odd",
		.guest = "memory",
		.args = { "-m", "16388K", "-a", "1001000 0" },
	},
	{
		/* all of the RAM below the hole, and none above */
		.name = "memory_3g",
		.guest = "memory",
		.args = { "-m", "3G", "-a", "c0000000 0" },
	},
	{
		.name = "memory_high",
		.guest = "memory",
		.args = { "-m", "3200M", "-a", "c0000000 108000000" },
	},
	{
		.name = "memory_high_page",
		.guest = "memory",
		.args = { "-m", "3145732K", "-a", "c0000000 100001000" },
	},
	{ .name = "acpi", .guest = "acpi", .args = { "-c", "3" } },
	{ .name = "io", .guest = "io" },
	{ .name = "uart_out", .guest = "uart_out", .check = check_uart_out },
	{ .name = "uarts_one", .guest = "uarts" },
	{
		.name = "uarts_four",
		.guest = "uarts",
		.args = { "-a", "four", "-s", "null", "-s", "null", "-s", "null" },
	},
	{
		.name = "uart_in_poll",
		.guest = "uart_in",
		.args = { "-a", "poll" },
		.steps = { { .after = "ready\n", .send = "hello\nquit\n" } },
		.expect = { "ready\n", "echo hello\n", "echo quit\n" },
	},
	{
		.name = "uart_in_irq",
		.guest = "uart_in",
		.args = { "-a", "irq" },
		.steps = { { .after = "ready\n", .send = "hello\n" },
			   { .after = "echo hello\n",
			     .send = "a line that is longer than the receive FIFO of 16 bytes\n" },
			   { .after = "16 bytes\n", .send = "quit\n" } },
		.expect = { "ready\n", "echo hello\n",
			    "echo a line that is longer than the receive FIFO of 16 bytes\n",
			    "echo quit\n", "ok receive interrupts came\n" },
	},
	{
		.name = "poweroff",
		.guest = "reset",
		.args = { "-a", "poweroff" },
		.expect = { "boot 0x1\n" },
	},
	{
		.name = "reset_cf9",
		.guest = "reset",
		.args = { "-m", "64M", "-a", "cf9" },
		.expect = { "boot 0x1\n", "boot 0x2\n", "boot 0x3\n", "boot 0x4\n" },
	},
	{
		.name = "reset_i8042",
		.guest = "reset",
		.args = { "-m", "64M", "-a", "i8042", "-c", "2" },
		.expect = { "boot 0x1\n", "boot 0x2\n", "boot 0x3\n", "boot 0x4\n" },
	},
	{
		.name = "reset_bios",
		.guest = "reset",
		.args = { "-m", "64M", "-a", "bios" },
		.expect = { "boot 0x1\n", "boot 0x2\n", "boot 0x3\n", "boot 0x4\n" },
	},
	{
		.name = "reset_triple",
		.guest = "reset",
		.args = { "-m", "64M", "-a", "triple" },
		.expect = { "boot 0x1\n", "boot 0x2\n", "boot 0x3\n", "boot 0x4\n" },
	},
	{
		.name = "crash",
		.guest = "reset",
		.args = { "-m", "64M", "-a", "crash" },
		.expect = { "boot 0x1\n", "crash\n" },
		.status = 3,
		.log = "iolite: vCPU 0: the guest crashed (triple fault)\n",
	},
	{
		.name = "panic",
		.guest = "life",
		.args = { "-m", "64M", "-a", "panic" },
		.expect = { "boot 0x1\n", "ok pvpanic: events\n" },
		.status = 4,
		.log = "iolite: the guest panicked: the machine is stopped (on-panic)\n",
	},
	{
		.name = "panic_reset",
		.guest = "life",
		.args = { "-m", "64M", "-a", "panic 3 boots", "--on-panic=reset" },
		.expect = { "boot 0x1\n", "boot 0x2\n", "boot 0x3\n" },
		.log = "iolite: the guest panicked: the machine is reset (on-panic)\n",
	},
	{
		/* does nothing else any more */
		.name = "panic_row",
		.guest = "life",
		.args = { "-m", "64M", "-a", "panic", "--on-panic=reset" },
		.expect = { "boot 0x1\n", "boot 0x6\n" },
		.status = 4,
		.log = "iolite: the guest panicked, 6 times in a row and at once after a reset: "
		       "the machine is stopped\n",
	},
	{
		.name = "crash_reset_row",
		.guest = "life",
		.args = { "-m", "64M", "-a", "crash", "--on-crash=reset" },
		.expect = { "boot 0x1\n", "boot 0x6\n" },
		.status = 3,
		.log = "iolite: the guest crashed, 6 times in a row and at once after a reset: "
		       "the machine is stopped\n",
	},
	{
		.name = "crash_pause",
		.guest = "life",
		.args = { "-m", "64M", "-a", "crash", "--on-crash=pause" },
		.steps = { { .after_log = "paused (on-crash)", .signal = SIGTERM },
			   { .after_log = "power button pressed", .signal = SIGTERM } },
		.expect = { "boot 0x1\n" },
		.ends_early = true,
		.log = "iolite: the guest crashed: the machine is paused (on-crash)",
	},
	{
		.name = "reboot_exit",
		.guest = "life",
		.args = { "-m", "64M", "-a", "reboot", "--on-reboot=exit" },
		.expect = { "boot 0x1\n" },
		.ends_early = true,
	},
	{
		.name = "poweroff_pause",
		.guest = "life",
		.args = { "-m", "64M", "-a", "poweroff", "--on-poweroff=pause" },
		.steps = { { .after_log = "paused (on-poweroff)", .signal = SIGTERM },
			   { .after_log = "power button pressed", .signal = SIGTERM } },
		.expect = { "boot 0x1\n" },
		.log = "iolite: the guest powered off: the machine is paused (on-poweroff)",
	},
	{
		.name = "watchdog_interrupt",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "interrupt", "--watchdog", "i6300esb",
			  "--on-watchdog=stop" },
	},
	{
		.name = "watchdog_reset",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "starve", "--watchdog", "i6300esb" },
		.expect = { "starving\n", "reset by the watchdog\n" },
		.log = "the guest's watchdog ran out: the machine is reset",
	},
	{
		.name = "watchdog_stop",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "starve", "--watchdog", "i6300esb",
			  "--on-watchdog=stop" },
		.expect = { "starving\n" },
		.status = 5,
		.log = "the guest's watchdog ran out: the machine is stopped",
	},
	{
		.name = "watchdog_pause",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "starve", "--watchdog", "i6300esb",
			  "--on-watchdog=pause" },
		.steps = { { .after_log = "paused (on-watchdog)", .signal = SIGTERM },
			   { .after_log = "power button pressed", .signal = SIGTERM } },
		.expect = { "starving\n" },
		.ends_early = true,
		.log = "the guest's watchdog ran out: the machine is paused",
	},
	{
		.name = "watchdog_none",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "starve", "--watchdog", "i6300esb",
			  "--on-watchdog=none" },
		.expect = { "starving\n", "ok ran out\n", "ok the machine goes on\n" },
		.log = "the guest's watchdog ran out: the machine runs on",
	},
	{
		.name = "watchdog_autostart",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "idle", "--watchdog", "i6300esb,autostart=1",
			  "--on-watchdog=stop" },
		.expect = { "idle\n" },
		.status = 5,
		.log = "the guest's watchdog ran out: the machine is stopped",
	},
	{
		.name = "watchdog_autostart_reset",
		.guest = "watchdog",
		.args = { "-m", "64M", "-a", "idle", "--watchdog", "i6300esb,autostart=2" },
		.expect = { "idle\n", "reset by the watchdog\n" },
		.log = "the guest's watchdog ran out: the machine is reset",
	},
	{
		.name = "button",
		.guest = "button",
		.steps = { { .after = "ready\n", .signal = SIGTERM } },
		.log = "power button pressed",
	},
	{
		/* the guest does not react to the button: the second signal stops it */
		.name = "stop",
		.guest = "uart_in",
		.args = { "-a", "poll" },
		.steps = { { .after = "ready\n", .signal = SIGINT },
			   { .after_log = "power button pressed", .signal = SIGINT } },
		.expect = { "ready\n" },
		.ends_early = true,
		.log = "power button pressed",
	},
	{ .name = "timer", .guest = "timer" },
	{ .name = "smp_2", .guest = "smp", .args = { "-c", "2", "-a", "1" } },
	{
		.name = "smp_4_reset",
		.guest = "smp",
		.args = { "-c", "4", "-a", "3 again" },
		.expect = { "reset\n", "ok interrupts to all\n" },
	},
	{
		.name = "disk_pci",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "pci=1 test=basic" },
		.disks = { { .bytes = 8 << 20, .changed = true }, { .bytes = 8 << 20 } },
		.expect = { "id 'disk0'\n" },
	},
	{
		.name = "disk_mmio",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "mmio=0xf0001000 test=basic" },
		.disks = { { .bytes = 8 << 20,
			     .options = ",transport=mmio,serial=a serial",
			     .changed = true },
			   { .bytes = 8 << 20 } },
		.expect = { "id 'a serial'\n" },
	},
	{
		.name = "disk_msix",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "pci=1 test=msix" },
		.disks = { { .bytes = 8 << 20 } },
	},
	{
		.name = "disk_intx",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "pci=1 test=intx" },
		.disks = { { .bytes = 8 << 20 } },
	},
	{
		.name = "disk_queues_pci",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "pci=1 test=queues queues=4" },
		.disks = { { .bytes = 8 << 20, .options = ",queues=4" }, { .bytes = 8 << 20 } },
	},
	{
		.name = "disk_queues_mmio",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "mmio=0xf0001000 test=queues queues=8" },
		.disks = { { .bytes = 8 << 20, .options = ",transport=mmio,queues=8" } },
	},
	{
		.name = "disk_pci_cfg",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "pci=1 test=pci_cfg" },
		.disks = { { .bytes = 8 << 20 } },
	},
	{
		.name = "disk_reset_pci",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "pci=1 test=reset" },
		.disks = { { .bytes = 8 << 20 } },
	},
	{
		.name = "disk_reset_mmio",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "mmio=0xf0001000 test=reset" },
		.disks = { { .bytes = 8 << 20, .options = ",transport=mmio" } },
	},
	{
		.name = "disk_smp_pci",
		.guest = "disk",
		.args = { "-m", "128M", "-c", "2", "-a", "pci=1 test=smp" },
		.disks = { { .bytes = 8 << 20 } },
	},
	{
		.name = "disk_smp_mmio",
		.guest = "disk",
		.args = { "-m", "128M", "-c", "2", "-a", "mmio=0xf0001000 test=smp" },
		.disks = { { .bytes = 8 << 20, .options = ",transport=mmio" } },
	},
	{
		.name = "disk_reboot_pci",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "pci=1 test=reboot" },
		.disks = { { .bytes = 8 << 20 } },
		.expect = { "boot 1\n", "boot 2\n", "boot 3\n", "boot 4\n" },
	},
	{
		.name = "disk_reboot_mmio",
		.guest = "disk",
		.args = { "-m", "128M", "-a", "mmio=0xf0001000 test=reboot" },
		.disks = { { .bytes = 8 << 20, .options = ",transport=mmio" } },
		.expect = { "boot 1\n", "boot 2\n", "boot 3\n", "boot 4\n" },
	},
};
