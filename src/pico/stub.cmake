# The stub is an ELF of its own, linked at its fixed address; lxrun carries it as bytes, with the addresses of its entry points as a header.
set(stub_dir ${CMAKE_BINARY_DIR}/stub)
file(MAKE_DIRECTORY ${stub_dir})
set(stub_source ${CMAKE_SOURCE_DIR}/src/pico)
add_custom_command(
	OUTPUT ${stub_dir}/stub.elf ${stub_dir}/stub_image.h
	COMMAND ${CMAKE_C_COMPILER} -c -I${stub_source} ${stub_source}/stub.S -o ${stub_dir}/stub.o
	COMMAND ${CMAKE_C_COMPILER} -E -P -x c -I${stub_source} ${stub_source}/stub.lds -o ${stub_dir}/stub.ld
	COMMAND ${CMAKE_C_COMPILER} -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096
		-T ${stub_dir}/stub.ld ${stub_dir}/stub.o -o ${stub_dir}/stub.elf
	COMMAND sh ${stub_source}/stub_header.sh ${CMAKE_NM} ${stub_dir}/stub.elf ${stub_dir}/stub_image.h
	DEPENDS ${stub_source}/stub.S ${stub_source}/stub.lds ${stub_source}/layout.h ${stub_source}/stub_header.sh
	VERBATIM)
add_custom_target(pico_stub DEPENDS ${stub_dir}/stub_image.h)
add_dependencies(lxrun_pico pico_stub)
target_include_directories(lxrun_pico PRIVATE ${stub_dir})
