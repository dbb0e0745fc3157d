# How a layer is built: what it may see, and how strictly it is read.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(warnings INTERFACE)
target_compile_options(warnings INTERFACE
	-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith
	-Wwrite-strings -Wundef -Wvla -Walloca -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough
	-Wnull-dereference -Wdouble-promotion -Wbad-function-cast -Wdate-time)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
	target_compile_options(warnings INTERFACE
		-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wtrampolines)
endif()

# layer(NAME [PURE] SOURCES ... USES ...)
#
# A static library that sees the layers it USES, and no other. PURE layers are strict ISO C with
# base/ban.h before the first line: no POSIX is declared there.
function(layer name)
	cmake_parse_arguments(L "PURE" "" "SOURCES;USES" ${ARGN})
	add_library(${name} STATIC ${L_SOURCES})
	target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
	target_link_libraries(${name} PUBLIC ${L_USES} PRIVATE warnings)
	if(L_PURE)
		target_compile_options(${name} PRIVATE -include ${PROJECT_SOURCE_DIR}/base/ban.h)
	else()
		target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
	endif()
endfunction()

# program(NAME SOURCES ... USES ...)
function(program name)
	cmake_parse_arguments(P "" "" "SOURCES;USES" ${ARGN})
	add_executable(${name} ${P_SOURCES})
	target_link_libraries(${name} PRIVATE ${P_USES} warnings)
	target_compile_definitions(${name} PRIVATE _GNU_SOURCE SPOOR_VERSION="${PROJECT_VERSION}")
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()
