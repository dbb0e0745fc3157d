# BPF programs: compiled for the kernel's own types (CO-RE), turned into a header that holds them.
#
# bpf_available(RET): is there everything that it takes? Kernel, compiler, tool, library.
function(bpf_available ret)
	find_program(BPF_CLANG NAMES clang clang-14 clang-16)
	find_program(BPF_TOOL NAMES bpftool PATHS /usr/sbin)
	pkg_check_modules(bpf QUIET IMPORTED_TARGET GLOBAL libbpf)
	if(BPF_CLANG AND BPF_TOOL AND bpf_FOUND AND EXISTS /sys/kernel/btf/vmlinux)
		set(${ret} TRUE PARENT_SCOPE)
	else()
		message(STATUS "no BPF providers: they need clang, bpftool, libbpf-dev and "
			"/sys/kernel/btf/vmlinux")
		set(${ret} FALSE PARENT_SCOPE)
	endif()
endfunction()

# bpf_program(TARGET NAME): bpf/NAME.bpf.c, for TARGET's sources as "NAME.skel.h".
function(bpf_program target name)
	set(out ${CMAKE_CURRENT_BINARY_DIR}/bpf)
	set(source ${CMAKE_CURRENT_SOURCE_DIR}/bpf/${name}.bpf.c)
	file(MAKE_DIRECTORY ${out})
	file(GLOB shared ${CMAKE_CURRENT_SOURCE_DIR}/bpf/*.h)
	add_custom_command(OUTPUT ${out}/${name}.skel.h
		COMMAND ${BPF_TOOL} btf dump file /sys/kernel/btf/vmlinux format c > ${out}/vmlinux.h
		COMMAND ${BPF_CLANG} -O2 -g -target bpf -D__TARGET_ARCH_x86 -std=gnu17 -Wall -Werror
			-I${out} -I${PROJECT_SOURCE_DIR} -c ${source} -o ${out}/${name}.bpf.o
		COMMAND ${BPF_TOOL} gen skeleton ${out}/${name}.bpf.o name ${name} > ${out}/${name}.skel.h
		DEPENDS ${source} ${shared} ${PROJECT_SOURCE_DIR}/origin/uapi/origin.h VERBATIM)
	target_sources(${target} PRIVATE ${out}/${name}.skel.h)
	target_include_directories(${target} SYSTEM PRIVATE ${out})
	target_link_libraries(${target} PRIVATE PkgConfig::bpf)
endfunction()
