# SPDX-License-Identifier: Apache-2.0
# IOLITE_LIBRARIES: the libraries to link. With IOLITE_BUNDLE they come from their static archives, libc
# stays shared. Where an archive is missing, all are shared, and the configuration says so.
# libfdt has no .pc file in Debian 12.
find_library(FDT_LIBRARY fdt REQUIRED)
set(IOLITE_LIBRARIES PkgConfig::GLIB PkgConfig::URING PkgConfig::JANSSON PkgConfig::ZLIB ${FDT_LIBRARY})

# IOLITE_EDIT_LIBRARIES: what `iolite monitor` edits lines with; empty where there is none, then the terminal does it.
find_path(EDIT_INCLUDE histedit.h)
find_library(EDIT_LIBRARY edit)
set(IOLITE_EDIT_LIBRARIES "")
if(EDIT_INCLUDE AND EDIT_LIBRARY)
	set(IOLITE_EDIT_LIBRARIES ${EDIT_LIBRARY})
else()
	message(STATUS "libedit is missing: iolite monitor has no line editing")
endif()
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

# With what Debian's libedit needs.
if(IOLITE_EDIT_LIBRARIES)
	set(archives "")
	foreach(name edit tinfo bsd md)
		find_library(BUNDLE_${name} lib${name}.a)
		if(BUNDLE_${name})
			list(APPEND archives ${BUNDLE_${name}})
		else()
			message(STATUS "lib${name}.a is missing: iolite uses a shared libedit")
			return()
		endif()
	endforeach()
	set(IOLITE_EDIT_LIBRARIES ${archives})
endif()
