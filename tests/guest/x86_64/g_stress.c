// SPDX-License-Identifier: Apache-2.0
/*
 * Four processors with a disk and a network card, see stress.h, until the machine is ended: tests/stress/stress.py does so, and all
 * else from outside. The command line: "pci=1,17 seed=N". Says "verified" when what an earlier boot wrote was found on the disk,
 * then several times a second "progress" with what has been done since the boot, "STALL" or what was wrong after "FAIL".
 */
#include "ap.h"
#include "cpu.h"
#include "stress.h"

enum {
	PROGRESS_MS = 250,
	STACK = 8192,
	REGISTERS_OF = 16, /* turns, of which one reads registers */
	NAP_TICKS = 2000000, /* of the local APIC: milliseconds */
};

static volatile uint32_t verified, speaking;
static uint8_t stacks[CPUS][STACK] __attribute__((aligned(16)));

static void lock(volatile uint32_t *what)
{
	while (__atomic_exchange_n(what, 1, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
}

static void unlock(volatile uint32_t *what)
{
	__atomic_store_n(what, 0, __ATOMIC_RELEASE);
}

void stress_fail(unsigned int cpu, const char *what, uint64_t value)
{
	lock(&speaking); /* for good: the first to fail is the one that is heard */
	say("FAIL cpu=");
	say_number(cpu);
	say(" ");
	say(what);
	say(" ");
	say_number(value);
	say("\n");
	power_off();
}

bool stress_late(uint64_t since)
{
	uint64_t now = user_ticks();

	return now > since && now - since > LIMIT_MS * user_ticks_per_ms;
}

bool all_poison(const uint8_t *data, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += 8)
		if (*(const uint64_t *)(data + i) != UINT64_C(0x0101010101010101) * POISON)
			return false;
	return true;
}

static void say_of_all(const char *what, uint64_t (*of)(unsigned int cpu))
{
	say(what);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		say(cpu ? "," : "");
		say_number(of(cpu));
	}
}

static void say_one(const char *what, uint64_t number)
{
	say(what);
	say_number(number);
}

static void progress(void)
{
	static uint64_t next;

	if (user_ticks() < next)
		return;
	next = user_ticks() + PROGRESS_MS * user_ticks_per_ms;
	lock(&speaking);
	say_of_all("progress disk=", disk_done);
	say_of_all(" sent=", net_sent);
	say_of_all(" pongs=", net_pongs);
	say_one(" disk_resets=", disk_device.resets);
	say_one(" net_resets=", net_device.resets);
	say_one(" unbinds=", disk_device.unbinds + net_device.unbinds);
	say_one(" disk_settles=", disk_device.settles);
	say_one(" net_settles=", net_device.settles);
	say_one(" interrupts=", disk_interrupts());
	say("\n");
	unlock(&speaking);
}

/* Until an interrupt, which a device may have been asked for. The host's threads want the processors, too. */
static void nap(uint64_t unused)
{
	(void)unused;
	lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_NAP);
	lapic_write(LAPIC_TIMER_INITIAL, NAP_TICKS);
	__asm__ volatile("sti; hlt; cli");
}

static _Noreturn void work(unsigned int cpu)
{
	uint64_t seed = (option_number("seed", 0, 1) + 1) * UINT64_C(0x9e3779b97f4a7c15) + cpu;
	uint64_t since = user_ticks();

	disk_verify(cpu);
	__atomic_add_fetch(&verified, 1, __ATOMIC_SEQ_CST);
	while (verified < CPUS)
		if (stress_late(since))
			stress_fail(cpu, "STALL: processors that have verified", verified);
	if (!cpu)
		say("\nverified\n"); /* a reset may have come in the middle of a line */
	for (;;) {
		bool busy = disk_work(cpu, &seed);

		busy = net_work(cpu, &seed) || busy;
		device_drive(&disk_device, cpu, &seed);
		device_drive(&net_device, cpu, &seed);
		if (!(random_next(&seed) >> 32 & (REGISTERS_OF - 1)))
			device_read_registers(seed >> 63 ? &disk_device : &net_device, &seed);
		if (!cpu)
			progress();
		if (!busy)
			user_call(USER_PRIVILEGED, (uint64_t)nap, 0);
	}
}

/* --- the processors, which are known by their APIC ids --- */

static void work_of_1(void)
{
	work(1);
}

static void work_of_2(void)
{
	work(2);
}

static void work_of_3(void)
{
	work(3);
}

void ap_main(uint32_t number)
{
	static void (*const works[CPUS])(void) = { NULL, work_of_1, work_of_2, work_of_3 };
	uint32_t id = lapic_read(LAPIC_ID) >> 24;

	(void)number;
	cpu_load_idt();
	lapic_on();
	cpu_load_task(id);
	cpu_enter_user_on(works[id], stacks[id] + STACK);
}

static void start_others(void)
{
	uint8_t *to = (uint8_t *)AP_TRAMPOLINE;

	for (const uint8_t *from = ap_trampoline; from < ap_trampoline_end;)
		*to++ = *from++;
	for (uint32_t id = 1; id < CPUS; id++) {
		lapic_send(id, LAPIC_ICR_INIT | LAPIC_ICR_ASSERT);
		lapic_send(id, LAPIC_ICR_STARTUP | LAPIC_ICR_ASSERT | AP_TRAMPOLINE >> 12);
	}
}

static void run(void)
{
	uint64_t seed = option_number("seed", 0, 1) + 1;

	disk_make();
	net_make();
	device_start(&disk_device, &seed);
	device_start(&net_device, &seed);
	start_others();
	work(0);
}

int main(void)
{
	user_run(run);
}
