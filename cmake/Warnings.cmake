# SPDX-License-Identifier: Apache-2.0
# One interface target, iolite_flags, that carries the warnings, sanitizers and feature macros.
add_library(iolite_flags INTERFACE)
target_compile_definitions(iolite_flags INTERFACE _GNU_SOURCE)
if(CMAKE_SIZEOF_VOID_P EQUAL 4) # sizes of files and times of 64 bits everywhere
	target_compile_definitions(iolite_flags INTERFACE _FILE_OFFSET_BITS=64 _TIME_BITS=64)
endif()
target_compile_options(iolite_flags INTERFACE
	-Wall -Wextra -Werror
	-Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
	-Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough
	-Wcast-align -Wnull-dereference -Wdouble-promotion
	-fno-common -fno-strict-aliasing)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
	target_compile_options(iolite_flags INTERFACE
		-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init)
endif()
if(IOLITE_SANITIZE)
	target_compile_options(iolite_flags INTERFACE
		-fsanitize=${IOLITE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(iolite_flags INTERFACE -fsanitize=${IOLITE_SANITIZE})
endif()
if(IOLITE_COVERAGE)
	target_compile_options(iolite_flags INTERFACE --coverage -fprofile-update=atomic)
	target_link_options(iolite_flags INTERFACE --coverage)
endif()
