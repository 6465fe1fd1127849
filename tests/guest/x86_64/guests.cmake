# SPDX-License-Identifier: Apache-2.0
# The guests of x86_64.
target_compile_options(guest_flags INTERFACE -march=x86-64 -mno-red-zone -fcf-protection=none
	$<$<COMPILE_LANGUAGE:C>:-mgeneral-regs-only>)

# guest(NAME ENTRY SOURCE...): ENTRY is PVH, LONG or BZIMAGE; see start.S.
function(guest name entry)
	list(TRANSFORM ARGN PREPEND ${ARCH_DIR}/ REGEX "^[^/]")
	set(script ${ARCH_DIR}/guest.ld)
	set(suffix "")
	if(entry STREQUAL BZIMAGE)
		set(script ${ARCH_DIR}/bzimage.ld)
		set(suffix .elf)
	endif()
	add_executable(guest_${name} ${ARCH_DIR}/start.S ${ARCH_DIR}/guest.c
		${CMAKE_CURRENT_SOURCE_DIR}/report.c ${ARGN})
	target_compile_definitions(guest_${name} PRIVATE ENTRY_${entry})
	target_link_libraries(guest_${name} PRIVATE guest_flags)
	target_link_options(guest_${name} PRIVATE -T ${script})
	set_target_properties(guest_${name} PROPERTIES
		OUTPUT_NAME ${name}${suffix} RUNTIME_OUTPUT_DIRECTORY ${GUEST_DIR}
		LINK_DEPENDS ${script} POSITION_INDEPENDENT_CODE OFF)
	if(suffix)
		add_custom_command(TARGET guest_${name} POST_BUILD VERBATIM
			BYPRODUCTS ${GUEST_DIR}/${name}
			COMMAND ${CMAKE_OBJCOPY} -O binary
				$<TARGET_FILE:guest_${name}> ${GUEST_DIR}/${name})
	endif()
endfunction()

guest(entry_pvh PVH g_entry.c)
guest(entry_elf64 LONG g_entry.c)
guest(entry_bzimage BZIMAGE g_entry.c)
guest(memory PVH g_memory.c)
guest(acpi PVH g_acpi.c)
guest(io PVH g_io.c)
guest(uart_out PVH g_uart_out.c)
guest(uart_in PVH g_uart_in.c cpu.c isr.S)
guest(uarts PVH g_uarts.c cpu.c isr.S)
guest(reset PVH g_reset.c cpu.c isr.S real.S)
guest(button PVH g_button.c cpu.c isr.S)
guest(life PVH g_life.c cpu.c isr.S)
guest(timer PVH g_timer.c cpu.c isr.S)
guest(watchdog PVH g_watchdog.c cpu.c isr.S)
guest(smp PVH g_smp.c cpu.c isr.S ap.S)
guest(spin PVH g_spin.c cpu.c isr.S ap.S)
guest(debug PVH g_debug.c debug_steps.S cpu.c isr.S ap.S)
# Debuggers are to find lines and variables where the source has them. (A source's options come last.)
set_source_files_properties(${ARCH_DIR}/g_debug.c PROPERTIES COMPILE_OPTIONS "-g3;-O0")

# Those that work at CPL 3 with virtio disks.
set(USER_SOURCES user.c user_gate.S cpu.c isr.S ${VIRTIO}/options.c ${VIRTIO}/vio.c)
set(DISK_SOURCES ${USER_SOURCES} ${VIRTIO}/disk.c)
guest(disk PVH g_disk.c ap.S ${DISK_SOURCES})
guest(bench PVH g_bench.c ${DISK_SOURCES})
guest(console PVH g_console.c ${DISK_SOURCES})
guest(journal PVH g_journal.c ${DISK_SOURCES})

# The same with network cards.
set(CARD_SOURCES ${USER_SOURCES} card.c)
guest(netbench PVH g_netbench.c ${CARD_SOURCES})
guest(tcpbench PVH g_tcpbench.c ${CARD_SOURCES})
guest(faults PVH g_faults.c ${VIRTIO}/disk.c ${CARD_SOURCES})

# Four processors at both: tests/stress.
guest(stress PVH g_stress.c stress_device.c stress_disk.c stress_net.c ap.S ${DISK_SOURCES})

# Those that break the rules of a device: what is common to all of them, and a list of each.
set(HOSTILE_SOURCES ${VIRTIO_HOSTILE} ${USER_SOURCES})
set(HOSTILE_OTHER ${VIRTIO}/hostile_other.c ${VIRTIO}/disk.c)
# hostile_guest(NAME LIST QUEUE_SIZE SOURCE...)
function(hostile_guest name list queue_size)
	guest(${name} PVH ${ARGN} ${HOSTILE_SOURCES})
	target_compile_definitions(guest_${name} PRIVATE
		HOSTILE_LIST="hostile_${list}_list.h" HOSTILE_Q_SIZE=${queue_size})
endfunction()
hostile_guest(virtio_hostile disk 64 ${VIRTIO_HOSTILE_DISK} ${HOSTILE_OTHER})
hostile_guest(net_hostile net 64 g_net_hostile.c hostile_net_tx.c hostile_net_rx.c hostile_net_ctrl.c
	hostile_net_setup.c)
hostile_guest(rng_hostile rng 8 g_rng_hostile.c ${HOSTILE_OTHER})
hostile_guest(console_hostile console 32 g_console_hostile.c hostile_console_io.c ${HOSTILE_OTHER})
# The machine around a disk, with a list of its own.
guest(machine_hostile PVH ${VIRTIO}/g_virtio_hostile.c ${VIRTIO}/hostile.c ${VIRTIO}/hostile_random.c hostile_machine.c hostile_machine_dma.c hostile_machine_isa.c
	hostile_machine_msix.c hostile_machine_pci.c hostile_machine_race.c hostile_machine_reset.c ap.S
	${VIRTIO}/hostile_other.c ${DISK_SOURCES})
target_compile_definitions(guest_machine_hostile PRIVATE HOSTILE_MACHINE
	HOSTILE_LIST="hostile_machine_list.h" HOSTILE_Q_SIZE=64)
