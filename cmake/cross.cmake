# SPDX-License-Identifier: Apache-2.0
# Cross builds with Debian's compilers: what a file of an architecture (cmake/aarch64.cmake ...) has in common
# with the others. It sets IOLITE_CROSS, the name for scripts/sysroot.sh, IOLITE_TRIPLET, IOLITE_EMULATOR
# and CMAKE_SYSTEM_PROCESSOR (as uname -m there), and includes this.
# The first configuration makes the sysroot. What is built can run here under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${IOLITE_TRIPLET}-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE ${IOLITE_TRIPLET})

if(NOT IOLITE_SYSROOT)
	execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../scripts/sysroot.sh ${IOLITE_CROSS} build
		OUTPUT_VARIABLE IOLITE_SYSROOT OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
# Checks of the compiler read this file, too.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES IOLITE_SYSROOT)
set(CMAKE_SYSROOT ${IOLITE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${IOLITE_SYSROOT})
set(libdir ${IOLITE_SYSROOT}/usr/lib)
set(ENV{PKG_CONFIG_LIBDIR} ${libdir}/${IOLITE_TRIPLET}/pkgconfig:${libdir}/pkgconfig:${IOLITE_SYSROOT}/usr/share/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR ${IOLITE_EMULATOR} -L ${IOLITE_SYSROOT})
