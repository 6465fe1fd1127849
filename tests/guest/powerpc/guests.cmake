# SPDX-License-Identifier: Apache-2.0
# The guests of 32-bit Power Book E: no floating point, no instructions that only server processors have.
target_compile_options(guest_flags INTERFACE -m32 -mcpu=powerpc -msoft-float -mno-altivec -mno-multiple)
target_link_options(guest_flags INTERFACE -m32)

# guest(NAME SOURCE...)
function(guest name)
	list(TRANSFORM ARGN PREPEND ${ARCH_DIR}/)
	set(script ${ARCH_DIR}/guest.ld)
	add_executable(guest_${name} ${ARCH_DIR}/start.S ${ARCH_DIR}/guest.c
		${CMAKE_CURRENT_SOURCE_DIR}/report.c ${CMAKE_CURRENT_SOURCE_DIR}/tree.c ${ARGN})
	target_link_libraries(guest_${name} PRIVATE guest_flags gcc)
	target_link_options(guest_${name} PRIVATE -T ${script})
	set_target_properties(guest_${name} PROPERTIES
		OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${GUEST_DIR}
		LINK_DEPENDS ${script} POSITION_INDEPENDENT_CODE OFF)
endfunction()

guest(entry g_entry.c)
guest(io g_io.c)
guest(timer g_timer.c)
guest(irq g_irq.c mpic.c)
guest(reset g_reset.c mpic.c disk.c)
guest(watchdog g_watchdog.c)
guest(traces g_traces.c)
guest(spin g_spin.c)
