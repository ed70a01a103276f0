# Random calls of a guest's, and what libFuzzer finds in the readers of ELF headers and tables. tools/fuzz has them run longer.
add_executable(fuzz_calls ${CMAKE_CURRENT_LIST_DIR}/calls.c)
target_compile_options(fuzz_calls PRIVATE -O1 -g -Wall -Wextra)
target_link_libraries(fuzz_calls PRIVATE Threads::Threads)
add_run_test(fuzz calls 200 ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/hostile/hostile.py $<TARGET_FILE:lxrun>
	$<TARGET_FILE:hostile_innocent> $<TARGET_FILE:fuzz_calls> 150)

find_program(CLANG clang)
if(CLANG)
	set(fuzzed_with ${CLANG} -g -O1 -std=gnu17 -D_GNU_SOURCE -w -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
	set(tblgen_sources "")
	foreach(name source lookup types flags structures status services syscalls)
		list(APPEND tblgen_sources ${CMAKE_SOURCE_DIR}/tools/tblgen/${name}.c)
	endforeach()
	add_custom_command(OUTPUT fuzz_elf_headers COMMAND ${fuzzed_with} -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/src
		-I${CMAKE_SOURCE_DIR}/translate -I${CMAKE_BINARY_DIR}/gen -o fuzz_elf_headers ${CMAKE_CURRENT_LIST_DIR}/elf_headers.c
		${CMAKE_SOURCE_DIR}/translate/exec/exec_elf.c -lelf
		DEPENDS ${CMAKE_CURRENT_LIST_DIR}/elf_headers.c ${CMAKE_SOURCE_DIR}/translate/exec/exec_elf.c generated_tables VERBATIM)
	add_custom_command(OUTPUT fuzz_tables COMMAND ${fuzzed_with} -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/tools/tblgen
		-Wl,--wrap=source_open -o fuzz_tables ${CMAKE_CURRENT_LIST_DIR}/tables.c ${tblgen_sources}
		DEPENDS ${CMAKE_CURRENT_LIST_DIR}/tables.c ${tblgen_sources} VERBATIM)
	add_custom_target(fuzz_targets ALL DEPENDS fuzz_elf_headers fuzz_tables)
	foreach(name elf_headers tables)
		add_test(NAME fuzz.${name} COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/target.sh ${CMAKE_CURRENT_BINARY_DIR}/fuzz_${name}
			${CMAKE_SOURCE_DIR} 10)
		set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
	endforeach()
endif()
