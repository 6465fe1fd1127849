# SPDX-License-Identifier: Apache-2.0
# The guests of aarch64, arm64 Images. Data may lie at any multiple of its size only: memory is device memory
# until start.S has switched the MMU on.
target_compile_options(guest_flags INTERFACE -march=armv8-a -mstrict-align -mno-outline-atomics
	$<$<COMPILE_LANGUAGE:C>:-mgeneral-regs-only>)

# guest(NAME SOURCE...)
function(guest name)
	list(TRANSFORM ARGN PREPEND ${ARCH_DIR}/ REGEX "^[^/]")
	set(script ${ARCH_DIR}/guest.ld)
	add_executable(guest_${name} ${ARCH_DIR}/start.S ${ARCH_DIR}/guest.c
		${CMAKE_CURRENT_SOURCE_DIR}/report.c ${CMAKE_CURRENT_SOURCE_DIR}/tree.c ${ARGN})
	target_link_libraries(guest_${name} PRIVATE guest_flags)
	target_link_options(guest_${name} PRIVATE -T ${script})
	set_target_properties(guest_${name} PROPERTIES
		OUTPUT_NAME ${name}.elf RUNTIME_OUTPUT_DIRECTORY ${GUEST_DIR}
		LINK_DEPENDS ${script} POSITION_INDEPENDENT_CODE OFF)
	add_custom_command(TARGET guest_${name} POST_BUILD VERBATIM
		BYPRODUCTS ${GUEST_DIR}/${name}
		COMMAND ${CMAKE_OBJCOPY} -O binary $<TARGET_FILE:guest_${name}> ${GUEST_DIR}/${name})
endfunction()

guest(entry g_entry.c)
guest(io g_io.c)
guest(timer g_timer.c irq.c)
guest(reset g_reset.c irq.c its.c)
guest(smp g_smp.c irq.c)
guest(spin g_spin.c)

# A driver that breaks the rules of a disk.
guest(virtio_hostile ${VIRTIO_HOSTILE_DISK} ${VIRTIO_HOSTILE} ${VIRTIO}/hostile_other.c ${VIRTIO}/disk.c
	${VIRTIO}/options.c ${VIRTIO}/vio.c user.c)
target_compile_definitions(guest_virtio_hostile PRIVATE HOSTILE_LIST="hostile_disk_list.h" HOSTILE_Q_SIZE=64)
