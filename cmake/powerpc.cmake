# SPDX-License-Identifier: Apache-2.0
# Cross build for big-endian 32-bit PowerPC: Book E hosts (e500v2, e500mc).
set(IOLITE_CROSS powerpc)
set(IOLITE_TRIPLET powerpc-linux-gnu)
# The core must have what -mcpu=8548 gives (isel), and the FPU that libc's registers ask for: on an e500v2
# its kernel emulates that, qemu-user does not.
set(IOLITE_EMULATOR qemu-ppc-static -cpu e500mc)
set(CMAKE_SYSTEM_PROCESSOR ppc)
# An e500 traps on lwsync: for this core gcc writes sync in its place. It has no AltiVec.
set(CMAKE_C_FLAGS_INIT "-mcpu=8548 -mno-altivec")
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
