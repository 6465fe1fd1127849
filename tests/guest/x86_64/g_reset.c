// SPDX-License-Identifier: Apache-2.0
/*
 * Resets, three times over by the way that the command line names, and checks after each that
 * memory and registers are as in a new machine. What boot this is lies in CMOS RAM, which a battery
 * keeps.
 *
 *   cf9, i8042    the reset registers
 *   bios          real mode and the reset vector that a BIOS would have
 *   triple        a triple fault after the reset flag was written, as operating systems do
 *   crash         a triple fault without: ends the machine
 *   poweroff      no reset at all
 */
#include "cpu.h"
#include "real.h"

enum {
	BOOTS = 4,
	CMOS_BOOT = 0x40,
	RESET_FLAG_WARM = 0x1234,
	SCRATCH_PORT = IOL_X86_COM1 + 7,
	LAPIC_TPR = 0x80,
	PIC_MASTER_MASK = 0x21,
	PIC_MASTER_ELCR = 0x4d0,
	ELCR_WRITABLE = 0xf8, /* timer, keyboard and cascade are always edges */
};
#define DIRTY_LOW 0x80000u
#define DIRTY_HIGH 0x3000000u
#define DIRTY UINT64_C(0xdeadbeefdeadbeef)

#define MSR_STAR 0xc0000081
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_PAT 0x277
#define MSR_SYSENTER_EIP 0x176
#define MSR_APIC_BASE 0x1b
#define PAT_RESET UINT64_C(0x0007040600070406)
#define APIC_BASE_RESET UINT64_C(0xfee00900) /* enabled, bootstrap processor */

static uint64_t data_of_the_image = 0x600d; /* loaded anew at each boot */

static uint64_t dr(unsigned int idx)
{
	uint64_t value;

	if (idx == 0)
		__asm__ volatile("movq %%dr0, %0" : "=r"(value));
	else
		__asm__ volatile("movq %%dr7, %0" : "=r"(value));
	return value;
}

static uint64_t cr2(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr2, %0" : "=r"(value));
	return value;
}

static uint8_t cmos_read(uint8_t reg)
{
	outb(IOL_X86_RTC, reg);
	return inb(IOL_X86_RTC + 1);
}

static void cmos_write(uint8_t reg, uint8_t value)
{
	outb(IOL_X86_RTC, reg);
	outb(IOL_X86_RTC + 1, value);
}

static void check_new(void)
{
	check_eq("new: memory below 1 MiB", read64(DIRTY_LOW), 0);
	check_eq("new: memory above", read64(DIRTY_HIGH), 0);
	check_eq("new: data of the image", data_of_the_image, 0x600d);
	check_eq("new: rflags", entry.rflags & 0xcd5, 0);
	check_eq("new: cr0", entry.cr0 & 0x80000001, 1);
	check_eq("new: cr4", entry.cr4 & ~ENTRY_CR4_OF_KVM, 0);
	check_eq("new: efer", entry.efer, 0);
	check_eq("new: rax, rcx, rdx, rsi, rdi, rbp",
		 entry.rax | entry.rcx | entry.rdx | entry.rsi | entry.rdi | entry.rbp, 0);
	check_eq("new: cr2", cr2(), 0);
	check_eq("new: dr0", dr(0), 0);
	check_eq("new: dr7", dr(7), 0x400);
	check_eq("new: STAR", rdmsr(MSR_STAR), 0);
	check_eq("new: KERNEL_GS_BASE", rdmsr(MSR_KERNEL_GS_BASE), 0);
	check_eq("new: SYSENTER_EIP", rdmsr(MSR_SYSENTER_EIP), 0);
	check_eq("new: PAT", rdmsr(MSR_PAT), PAT_RESET);
	check_eq("new: APIC base", rdmsr(MSR_APIC_BASE), APIC_BASE_RESET);
	check_eq("new: local APIC is software-disabled", lapic_read(LAPIC_SPURIOUS), 0xff);
	check_eq("new: task priority", lapic_read(LAPIC_TPR), 0);
	check_eq("new: timer stands", lapic_read(LAPIC_TIMER_CURRENT), 0);
	check_eq("new: timer is masked", lapic_read(LAPIC_LVT_TIMER), LAPIC_MASKED);
	write32(IOL_X86_IOAPIC, 0x10 + 2 * IOL_X86_COM1_GSI);
	check_eq("new: IOAPIC pin is masked", read32(IOL_X86_IOAPIC + 0x10), LAPIC_MASKED);
	check_eq("new: PIC is masked", inb(PIC_MASTER_MASK), 0xff);
	check_eq("new: PIC edge/level control", inb(PIC_MASTER_ELCR), 0);
	outb(PIC_MASTER_ELCR, 0xff);
	check_eq("new: PIC edge/level control can be set", inb(PIC_MASTER_ELCR), ELCR_WRITABLE);
	check_eq("new: UART scratch", inb(SCRATCH_PORT), 0);
	check_eq("new: PCI address", inl(IOL_X86_PCI_CONF1), 0);
	check_eq("new: sleep control", inb(IOL_X86_ACPI_PM), 0);
}

/* Leaves traces everywhere. */
static void make_dirty(void)
{
	write64(DIRTY_LOW, DIRTY);
	write64(DIRTY_HIGH, DIRTY);
	data_of_the_image = DIRTY;
	__asm__ volatile("movq %0, %%cr2" : : "r"(DIRTY));
	__asm__ volatile("movq %0, %%dr0" : : "r"(UINT64_C(0x123456)));
	wrmsr(MSR_STAR, UINT64_C(0x1234567800000000));
	wrmsr(MSR_KERNEL_GS_BASE, 0x12345678);
	wrmsr(MSR_SYSENTER_EIP, 0x12345678);
	wrmsr(MSR_PAT, UINT64_C(0x0606060606060606));
	lapic_on();
	lapic_write(LAPIC_TPR, 0x20);
	lapic_write(LAPIC_LVT_TIMER, LAPIC_TIMER_PERIODIC | 0x30);
	lapic_write(LAPIC_TIMER_INITIAL, 0xffffffff);
	ioapic_route(IOL_X86_COM1_GSI, 0x34);
	outb(PIC_MASTER_MASK, 0);
	outb(SCRATCH_PORT, 0x77);
	outl(IOL_X86_PCI_CONF1, 0x80000000);
}

static void jump_to_bios(void)
{
	uint8_t *to = (uint8_t *)REAL_COPY;

	for (const uint8_t *from = real_code; from < real_code_end;)
		*to++ = *from++;
	((void (*)(void))REAL_COPY)();
}

static _Noreturn void reset(void)
{
	if (told_to("cf9")) {
		outb(IOL_X86_RESET_PORT, 0x02);
		outb(IOL_X86_RESET_PORT, IOL_X86_RESET_VALUE);
	} else if (told_to("i8042")) {
		outb(IOL_X86_I8042 + 4, 0xfe);
	} else if (told_to("bios")) {
		jump_to_bios();
	} else if (told_to("triple")) {
		write16(IOL_X86_RESET_FLAG, RESET_FLAG_WARM);
		triple_fault();
	} else if (told_to("crash")) {
		say("crash\n");
		triple_fault();
	} else {
		end();
	}
	/* The processor may get some instructions further, but not far. */
	for (uint64_t limit = rdtsc() + 5000 * tsc_per_ms(); rdtsc() < limit;)
		__asm__ volatile("pause");
	check("the reset came", false);
	end();
}

int main(void)
{
	uint8_t boot = (uint8_t)(cmos_read(CMOS_BOOT) + 1);

	cmos_write(CMOS_BOOT, boot);
	say("boot ");
	say_hex(boot);
	say("\n");
	check_new();
	if (boot == BOOTS)
		end();
	make_dirty();
	reset();
}
