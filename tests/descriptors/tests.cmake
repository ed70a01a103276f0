# A matrix of kinds of descriptors and calls: what comes natively must come under lxrun.
set(descriptor_calls ${CMAKE_BINARY_DIR}/gen/descriptor_calls.inc)
file(GLOB call_tables CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/translate/tables/*.tbl)
add_custom_command(OUTPUT ${descriptor_calls} COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/calls.py ${CMAKE_SOURCE_DIR}/translate/tables
	${descriptor_calls} DEPENDS ${CMAKE_CURRENT_LIST_DIR}/calls.py ${call_tables} VERBATIM)
foreach(name calls pairs)
	add_executable(descriptors_${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c ${CMAKE_CURRENT_LIST_DIR}/kinds.c)
	target_compile_options(descriptors_${name} PRIVATE -O1 -g -Wall -Wextra)
	target_include_directories(descriptors_${name} PRIVATE ${CMAKE_BINARY_DIR}/gen)
endforeach()
target_sources(descriptors_calls PRIVATE ${descriptor_calls})
foreach(name calls pairs)
	add_test(NAME descriptor.${name} COMMAND python3 ${CMAKE_CURRENT_LIST_DIR}/check.py $<TARGET_FILE:run_both> $<TARGET_FILE:lxrun>
		$<TARGET_FILE:descriptors_${name}> ${CMAKE_CURRENT_LIST_DIR}/known_${name}.tbl)
	set_tests_properties(descriptor.${name} PROPERTIES LABELS descriptor TIMEOUT 400 SKIP_RETURN_CODE 77)
endforeach()
