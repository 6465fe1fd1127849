# SPDX-License-Identifier: Apache-2.0
#
# dsdt.asl -> AML -> a C array. Included by the root CMakeLists.txt, which then calls
# iolite_add_dsdt(target); run as a script (cmake -P) by the build to write the C file.
#
# The array is written here rather than by iasl -tc, whose C is neither const nor the same in every
# release.

if(CMAKE_SCRIPT_MODE_FILE)
	file(READ "${DSDT_AML}" hex HEX)
	string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
	file(WRITE "${DSDT_C}"
		"/* Generated from dsdt.asl; do not edit. */\n"
		"#include <stdint.h>\n\n"
		"extern const uint8_t iol_x86_dsdt[];\n"
		"extern const uint32_t iol_x86_dsdt_bytes;\n\n"
		"const uint8_t iol_x86_dsdt[] = {\n${hex}\n};\n"
		"const uint32_t iol_x86_dsdt_bytes = sizeof(iol_x86_dsdt);\n")
	return()
endif()

find_program(IASL_EXECUTABLE iasl REQUIRED DOC "ACPI compiler (Debian: acpica-tools)")

set(IOLITE_DSDT_DIR ${CMAKE_CURRENT_LIST_DIR})

function(iolite_add_dsdt target)
	set(out ${CMAKE_CURRENT_BINARY_DIR}/dsdt)
	file(MAKE_DIRECTORY ${out})
	# -we: warnings are errors; -vr -vs: no remarks, no signon. iasl preprocesses
	# #include itself and reads nothing but these files.
	add_custom_command(
		OUTPUT ${out}/dsdt.c
		BYPRODUCTS ${out}/dsdt.aml
		COMMAND ${IASL_EXECUTABLE} -vs -vr -we
			-I ${CMAKE_SOURCE_DIR}/include -I ${IOLITE_DSDT_DIR}
			-p ${out}/dsdt ${IOLITE_DSDT_DIR}/dsdt.asl
		COMMAND ${CMAKE_COMMAND} -DDSDT_AML=${out}/dsdt.aml -DDSDT_C=${out}/dsdt.c
			-P ${IOLITE_DSDT_DIR}/dsdt.cmake
		DEPENDS ${IOLITE_DSDT_DIR}/dsdt.asl ${IOLITE_DSDT_DIR}/dsdt.cmake
			${IOLITE_DSDT_DIR}/platform.h
			${CMAKE_SOURCE_DIR}/include/iolite/acpi_pm_regs.h
		COMMENT "iasl dsdt.asl"
		VERBATIM)
	target_sources(${target} PRIVATE ${out}/dsdt.c)
endfunction()
