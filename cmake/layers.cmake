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

# Flows and fields are copied and cleared by the million. For their sizes GCC otherwise takes the
# processor's string instructions, which need longer to begin than the whole copy takes.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
	add_compile_options(-mmemcpy-strategy=vector_loop:512:noalign,libcall:-1:noalign
		-mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign)
endif()

# sees(TARGET FOLDERS...): the compiler finds headers of these folders, and of no other. Each target
# has an include directory of its own, in which there are links to what it may see.
function(sees target)
	set(view ${PROJECT_BINARY_DIR}/sees/${target})
	file(REMOVE_RECURSE ${view})
	foreach(folder ${ARGN})
		cmake_path(GET folder PARENT_PATH parent)
		if(parent IN_LIST ARGN) # a folder inside one that is seen is seen with it
			continue()
		endif()
		file(MAKE_DIRECTORY ${view}/${parent})
		file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${view}/${folder} SYMBOLIC)
	endforeach()
	target_include_directories(${target} PRIVATE ${view})
	set_target_properties(${target} PROPERTIES SPOOR_SEES "${ARGN}")
endfunction()

# What a target in `folder` sees: that folder, and what the layers it USES see.
function(folders_seen ret folder)
	set(seen ${folder})
	foreach(used ${ARGN})
		if(TARGET ${used})
			get_target_property(below ${used} SPOOR_SEES)
			list(APPEND seen ${below}) # packages have none: "below-NOTFOUND"
		endif()
	endforeach()
	list(REMOVE_DUPLICATES seen)
	list(REMOVE_ITEM seen below-NOTFOUND)
	set(${ret} ${seen} PARENT_SCOPE)
endfunction()

# layer(NAME [PURE] [FOLDER folder] SOURCES ... USES ...)
#
# A static library of one folder that sees the layers it USES, and no other. PURE layers are strict
# ISO C with base/ban.h before the first line: no POSIX is declared there.
function(layer name)
	cmake_parse_arguments(L "PURE" "FOLDER" "SOURCES;USES" ${ARGN})
	if(NOT L_FOLDER)
		file(RELATIVE_PATH L_FOLDER ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
	endif()
	add_library(${name} STATIC ${L_SOURCES})
	target_link_libraries(${name} PUBLIC ${L_USES} PRIVATE warnings)
	folders_seen(seen ${L_FOLDER} ${L_USES})
	sees(${name} ${seen})
	if(L_PURE)
		target_compile_options(${name} PRIVATE -include ${PROJECT_SOURCE_DIR}/base/ban.h)
	else()
		target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
	endif()
endfunction()

# program(NAME SOURCES ... USES ...): an executable of the folder it is declared in. Tests see all.
function(program name)
	cmake_parse_arguments(P "" "" "SOURCES;USES" ${ARGN})
	add_executable(${name} ${P_SOURCES})
	target_link_libraries(${name} PRIVATE ${P_USES} warnings)
	target_compile_definitions(${name} PRIVATE _GNU_SOURCE SPOOR_VERSION="${PROJECT_VERSION}")
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
	file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
	if(folder STREQUAL "tests")
		target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
	else()
		folders_seen(seen ${folder} ${P_USES})
		sees(${name} ${seen})
	endif()
endfunction()
