# SPDX-License-Identifier: Apache-2.0
# The guests of powerpc: ELF files for an e500v2, without floating point.
target_compile_options(guest_flags INTERFACE -mcpu=8548 -msoft-float -mno-altivec
	$<$<COMPILE_LANGUAGE:ASM>:-Wa,-me500>)
# Division of 64 bits, and what saves registers at -Os.
target_link_libraries(guest_flags INTERFACE gcc)

# guest(NAME SOURCE...)
function(guest name)
	list(TRANSFORM ARGN PREPEND ${ARCH_DIR}/)
	set(script ${ARCH_DIR}/guest.ld)
	add_executable(guest_${name} ${ARCH_DIR}/start.S ${ARCH_DIR}/guest.c
		${CMAKE_CURRENT_SOURCE_DIR}/report.c ${ARGN})
	target_link_libraries(guest_${name} PRIVATE guest_flags)
	target_link_options(guest_${name} PRIVATE -T ${script})
	set_target_properties(guest_${name} PROPERTIES
		OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${GUEST_DIR}
		LINK_DEPENDS ${script} POSITION_INDEPENDENT_CODE OFF)
endfunction()

guest(entry g_entry.c)
guest(io g_io.c)
guest(irq g_irq.c)
guest(reset g_reset.c)
