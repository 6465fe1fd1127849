# SPDX-License-Identifier: Apache-2.0
# Cross build for big-endian 64-bit PowerPC: Book E hosts (e5500, e6500).
set(IOLITE_CROSS ppc64)
set(IOLITE_TRIPLET powerpc64-linux-gnu)
set(IOLITE_EMULATOR qemu-ppc64-static)
set(CMAKE_SYSTEM_PROCESSOR ppc64)
# An e5500 has no AltiVec.
set(CMAKE_C_FLAGS_INIT "-mcpu=powerpc64 -mno-altivec")
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
