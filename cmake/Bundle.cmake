# SPDX-License-Identifier: Apache-2.0
# IOLITE_LIBRARIES: the libraries to link. With IOLITE_BUNDLE they come from their static archives, libc
# stays shared. Where an archive is missing, all are shared, and the configuration says so.
# libfdt has no .pc file in Debian 12.
find_library(FDT_LIBRARY fdt REQUIRED)
set(IOLITE_LIBRARIES PkgConfig::GLIB PkgConfig::URING PkgConfig::JANSSON PkgConfig::ZLIB ${FDT_LIBRARY})
if(NOT IOLITE_BUNDLE)
	return()
endif()

set(archives "")
foreach(name glib-2.0 pcre2-8 uring jansson z fdt)
	find_library(BUNDLE_${name} lib${name}.a)
	if(NOT BUNDLE_${name})
		message(STATUS "lib${name}.a is missing: iolite uses shared libraries")
		return()
	endif()
	list(APPEND archives ${BUNDLE_${name}})
endforeach()

add_library(iolite_bundle INTERFACE)
target_include_directories(iolite_bundle SYSTEM INTERFACE ${GLIB_INCLUDE_DIRS} ${URING_INCLUDE_DIRS})
target_link_libraries(iolite_bundle INTERFACE ${archives} m)
set(IOLITE_LIBRARIES iolite_bundle)
