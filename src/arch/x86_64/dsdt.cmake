# SPDX-License-Identifier: Apache-2.0
#
# dsdt.asl and ssdt_virtio_mmio.asl -> AML -> C arrays. Included by the root CMakeLists.txt, which
# then calls iolite_add_dsdt(target); run as a script (cmake -P) by the build to write a C file.
#
# The C compiler preprocesses: iasl's own preprocessor has no macros with arguments. The array is
# written here rather than by iasl -tc, whose C is neither const nor the same in every release.

if(CMAKE_SCRIPT_MODE_FILE)
	file(READ "${AML}" hex HEX)
	string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
	file(WRITE "${C}"
		"/* Generated from ${NAME}.asl; do not edit. */\n"
		"#include <stdint.h>\n\n"
		"extern const uint8_t iol_x86_${NAME}[];\n"
		"extern const uint32_t iol_x86_${NAME}_bytes;\n\n"
		"const uint8_t iol_x86_${NAME}[] = {\n${hex}\n};\n"
		"const uint32_t iol_x86_${NAME}_bytes = sizeof(iol_x86_${NAME});\n")
	return()
endif()

find_program(IASL_EXECUTABLE iasl REQUIRED DOC "ACPI compiler (Debian: acpica-tools)")

set(IOLITE_DSDT_DIR ${CMAKE_CURRENT_LIST_DIR})

function(iolite_add_aml target name)
	set(out ${CMAKE_CURRENT_BINARY_DIR}/dsdt)
	file(MAKE_DIRECTORY ${out})
	# iasl: no preprocessing; -we: warnings are errors; -vr -vs: no remarks, no signon.
	add_custom_command(
		OUTPUT ${out}/${name}.c
		BYPRODUCTS ${out}/${name}.i.asl ${out}/${name}.aml
		COMMAND ${CMAKE_C_COMPILER} -E -P -undef -nostdinc -x c
			-I ${CMAKE_SOURCE_DIR}/include -I ${IOLITE_DSDT_DIR}
			-o ${out}/${name}.i.asl ${IOLITE_DSDT_DIR}/${name}.asl
		COMMAND ${IASL_EXECUTABLE} -Pn -vs -vr -we -p ${out}/${name} ${out}/${name}.i.asl
		COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DAML=${out}/${name}.aml
			-DC=${out}/${name}.c -P ${IOLITE_DSDT_DIR}/dsdt.cmake
		DEPENDS ${IOLITE_DSDT_DIR}/${name}.asl ${IOLITE_DSDT_DIR}/dsdt.cmake
			${IOLITE_DSDT_DIR}/platform.h
			${CMAKE_SOURCE_DIR}/include/iolite/acpi_pm_regs.h
		COMMENT "iasl ${name}.asl"
		VERBATIM)
	target_sources(${target} PRIVATE ${out}/${name}.c)
endfunction()

function(iolite_add_dsdt target)
	iolite_add_aml(${target} dsdt)
	iolite_add_aml(${target} ssdt_virtio_mmio)
endfunction()
