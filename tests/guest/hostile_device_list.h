/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hostile guests do to devices of every kind: VIOLATION(name, verdict, transports, text). The
 * verdict is the expected one:
 *
 *   PASS    the device coped: it ignored what was wrong, and serves requests without a reset
 *   REJECT  it said no: NEEDS_RESET, a status other than OK, a frame that went nowhere, FEATURES_OK
 *           or a register refused
 *   EITHER  a race decides, or the specification leaves it open
 *
 * After each, whatever the verdict, a reset must bring the device back, and another device must work
 * as if nothing had been; otherwise the verdict is WEDGED. FAIL: the device did what it must not, or
 * nothing at all.
 *
 * docs/hostile-guest.md is made from this file and those of the kinds, hostile_*_list.h, by
 * tests/guest/check_hostile.py --write-doc.
 */

/* Queue layout */
VIOLATION(desc_misaligned, REJECT, BOTH, "descriptor table 8 bytes off its alignment")
VIOLATION(avail_misaligned, REJECT, BOTH, "available ring 1 byte off its alignment")
VIOLATION(used_misaligned, REJECT, BOTH, "used ring 2 bytes off its alignment")
VIOLATION(desc_outside_ram, REJECT, BOTH, "descriptor table at an address without memory")
VIOLATION(avail_outside_ram, REJECT, BOTH, "available ring at an address without memory")
VIOLATION(used_outside_ram, REJECT, BOTH, "used ring at an address without memory")
VIOLATION(desc_across_ram_end, REJECT, BOTH, "descriptor table begins in the last 16 bytes of RAM")
VIOLATION(avail_across_ram_end, REJECT, BOTH, "available ring begins in the last 16 bytes of RAM")
VIOLATION(used_across_ram_end, REJECT, BOTH, "used ring begins in the last 16 bytes of RAM")
VIOLATION(desc_wraps, REJECT, BOTH, "descriptor table wraps around the end of the address space")
VIOLATION(used_wraps, REJECT, BOTH, "used ring wraps around the end of the address space")
VIOLATION(desc_in_registers, REJECT, BOTH, "descriptor table in the device's own registers")
VIOLATION(used_in_registers, REJECT, BOTH, "used ring in the device's own registers")
VIOLATION(size_zero, EITHER, BOTH, "queue of 0 entries")
VIOLATION(size_three, EITHER, BOTH, "queue of 3 entries")
VIOLATION(size_twice_max, EITHER, BOTH, "queue of twice the largest size")
VIOLATION(size_65535, EITHER, BOTH, "queue of 65535 entries")
VIOLATION(enabled_twice, PASS, BOTH, "other addresses for an enabled queue, and enabled again")
VIOLATION(moved_after_driver_ok, PASS, BOTH, "other addresses for a queue in use")
VIOLATION(resized_after_driver_ok, PASS, BOTH, "another size for a queue in use")
VIOLATION(disabled_after_driver_ok, EITHER, BOTH, "a queue in use disabled")
VIOLATION(enabled_after_driver_ok, EITHER, BOTH, "a queue enabled after DRIVER_OK")
VIOLATION(rings_overlap, EITHER, BOTH, "all three parts of a queue at one address")
VIOLATION(queue_missing, PASS, BOTH, "registers of queue 65535")

/* Rings */
VIOLATION(avail_jump, REJECT, BOTH, "available index ahead by the size and 1")
VIOLATION(avail_jump_far, REJECT, BOTH, "available index ahead by 32768")
VIOLATION(avail_backwards, REJECT, BOTH, "available index taken back by 1")
VIOLATION(avail_full, PASS, BOTH, "the whole ring made available at once")
VIOLATION(head_is_size, REJECT, BOTH, "head one beyond the table")
VIOLATION(head_65535, REJECT, BOTH, "head 65535")
VIOLATION(head_twice, EITHER, BOTH, "one head made available many times at once")
VIOLATION(next_is_size, REJECT, BOTH, "next one beyond the table")
VIOLATION(next_65535, REJECT, BOTH, "next 65535")
VIOLATION(loop_of_one, REJECT, BOTH, "descriptor followed by itself")
VIOLATION(loop_of_two, REJECT, BOTH, "two descriptors followed by each other")
VIOLATION(loop_of_all, REJECT, BOTH, "all descriptors of the table in a ring")
VIOLATION(used_scribbled, PASS, BOTH, "used index and ring overwritten by the driver")
VIOLATION(events_scribbled, PASS, BOTH, "used event and flags of the available ring are junk")
VIOLATION(rings_zeroed, EITHER, BOTH, "rings cleared with requests in flight")
VIOLATION(rings_change, EITHER, BOTH, "descriptors change while the device reads them")

/* Indirect tables */
VIOLATION(indirect_nested, REJECT, BOTH, "indirect table in an indirect table")
VIOLATION(indirect_and_next, REJECT, BOTH, "indirect descriptor with a next one")
VIOLATION(indirect_empty, REJECT, BOTH, "indirect table of 0 bytes")
VIOLATION(indirect_odd, REJECT, BOTH, "indirect table of 40 bytes")
VIOLATION(indirect_too_long, REJECT, BOTH, "chain in an indirect table, longer than the queue")
VIOLATION(indirect_huge, REJECT, BOTH, "indirect table of 4 GiB - 16")
VIOLATION(indirect_not_agreed, REJECT, BOTH, "indirect table without the feature")
VIOLATION(indirect_outside_ram, REJECT, BOTH, "indirect table at an address without memory")
VIOLATION(indirect_across_ram_end, REJECT, BOTH, "indirect table across the end of RAM")
VIOLATION(indirect_in_registers, REJECT, BOTH, "indirect table in the device's own registers")
VIOLATION(indirect_next_beyond, REJECT, BOTH, "next beyond the indirect table")
VIOLATION(indirect_loop, REJECT, BOTH, "loop in an indirect table")
VIOLATION(indirect_writable, PASS, BOTH, "indirect descriptor that is marked writable")
VIOLATION(indirect_unaligned, EITHER, BOTH, "indirect table at an odd address")
VIOLATION(indirect_in_itself, REJECT, BOTH, "indirect table that names itself as one")

/* Status and features */
VIOLATION(driver_ok_early, REJECT, BOTH, "DRIVER_OK without FEATURES_OK")
VIOLATION(driver_ok_first, REJECT, BOTH, "DRIVER_OK alone")
VIOLATION(status_all, EITHER, BOTH, "all bits of the status at once")
VIOLATION(status_backwards, PASS, BOTH, "bits of the status taken back")
VIOLATION(status_failed, EITHER, BOTH, "FAILED, then a request")
VIOLATION(status_needs_reset, EITHER, BOTH, "NEEDS_RESET written by the driver")
VIOLATION(feature_not_offered, REJECT, BOTH, "a feature that was not offered")
VIOLATION(features_all, REJECT, BOTH, "all 64 features")
VIOLATION(version_1_declined, REJECT, BOTH, "no VERSION_1")
VIOLATION(features_late, PASS, BOTH, "features after FEATURES_OK")
VIOLATION(features_in_use, PASS, BOTH, "features after DRIVER_OK")
VIOLATION(feature_select_far, PASS, BOTH, "features 224 to 255")
VIOLATION(kick_before_driver_ok, PASS, BOTH, "a request before DRIVER_OK")
VIOLATION(request_after_broken, REJECT, BOTH, "more requests after NEEDS_RESET")
VIOLATION(reset_in_flight, PASS, BOTH, "reset with requests in flight")
VIOLATION(reset_storm, PASS, BOTH, "200 resets")
VIOLATION(reset_storm_in_flight, PASS, BOTH, "20 resets, each with requests in flight")

/* Notifications and configuration space */
VIOLATION(notify_missing, PASS, BOTH, "notification of queues that do not exist")
VIOLATION(notify_storm, PASS, BOTH, "2000 notifications without work")
VIOLATION(notify_storm_in_flight, PASS, BOTH, "notifications while requests are in flight")
VIOLATION(notify_widths, PASS, BOTH, "notification of 1, 2, 4 and 8 bytes")
VIOLATION(notify_read, PASS, BOTH, "notification register read")
VIOLATION(config_beyond, PASS, BOTH, "configuration read and written behind its end")
VIOLATION(config_read_only, PASS, BOTH, "configuration written")
VIOLATION(config_widths, PASS, BOTH, "configuration read with odd widths and alignments")
VIOLATION(isr_storm, PASS, BOTH, "1000 reads of the interrupt status, and writes to it")
VIOLATION(registers_widths, PASS, BOTH, "registers read with every width and alignment")
VIOLATION(registers_beyond, PASS, BOTH, "registers behind the last one")
VIOLATION(registers_read_only, PASS, BOTH, "read-only registers written")
VIOLATION(ack_junk, PASS, MMIO, "interrupt acknowledgement of all bits")
VIOLATION(shared_memory, PASS, MMIO, "shared memory regions selected")

/* PCI */
VIOLATION(msix_junk, PASS, PCI, "MSI-X entries with junk addresses and data, unmasked")
VIOLATION(msix_vector_far, PASS, PCI, "MSI-X vector that does not exist, for a queue")
VIOLATION(msix_config_vector_far, PASS, PCI, "MSI-X vector that does not exist, for configuration")
VIOLATION(msix_pending_written, PASS, PCI, "MSI-X pending bits written")
VIOLATION(msix_widths, PASS, PCI, "MSI-X table with odd widths and alignments, and behind its end")
VIOLATION(msix_storm, PASS, PCI, "MSI-X switched on and off under load")
VIOLATION(cap_bar, PASS, PCI, "configuration access to BARs that do not exist")
VIOLATION(cap_offset, PASS, PCI, "configuration access behind the end of the BAR")
VIOLATION(cap_length, PASS, PCI, "configuration access of lengths 0, 3 and 255")
VIOLATION(cap_unaligned, PASS, PCI, "configuration access off its alignment")
VIOLATION(cap_notify, PASS, PCI, "notification through the configuration access capability")
VIOLATION(bar_moved, PASS, PCI, "BARs moved with requests in flight")
VIOLATION(bar_over_ram, PASS, PCI, "BARs over RAM")
VIOLATION(bar_over_other, PASS, PCI, "BARs over those of another device")
VIOLATION(bar_over_apic, PASS, PCI, "BARs over the interrupt controllers and configuration space")
VIOLATION(bar_sized, PASS, PCI, "BARs sized with requests in flight and decoding on")
VIOLATION(decoding_off, PASS, PCI, "memory decoding off with requests in flight")
VIOLATION(master_off, EITHER, PCI, "bus mastering off with requests in flight")
VIOLATION(command_junk, EITHER, PCI, "all bits of the command register, then none, 100 times")
VIOLATION(pci_config_junk, EITHER, PCI, "junk written to the whole configuration header")
