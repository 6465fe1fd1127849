# SPDX-License-Identifier: Apache-2.0
# Cross build for aarch64, against Debian's packages.
set(IOLITE_CROSS aarch64)
set(IOLITE_TRIPLET aarch64-linux-gnu)
set(IOLITE_EMULATOR qemu-aarch64-static)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
