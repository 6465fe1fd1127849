# SPDX-License-Identifier: Apache-2.0
# Cross build for aarch64 with Debian's compiler and a sysroot of Debian's packages, which the first
# configuration makes (scripts/sysroot.sh). What is built can run here under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

if(NOT IOLITE_SYSROOT)
	execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../scripts/sysroot.sh aarch64 build
		OUTPUT_VARIABLE IOLITE_SYSROOT OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
# Checks of the compiler read this file, too.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES IOLITE_SYSROOT)
set(CMAKE_SYSROOT ${IOLITE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${IOLITE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${IOLITE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${IOLITE_SYSROOT}/usr/share/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${IOLITE_SYSROOT})
