# What people run besides the build: check, check-quick, lint, format, bench.
add_custom_target(check COMMAND ${CMAKE_SOURCE_DIR}/tools/check USES_TERMINAL COMMENT "tools/check")
add_custom_target(check-quick COMMAND ${CMAKE_SOURCE_DIR}/tools/check --quick USES_TERMINAL COMMENT "tools/check --quick")
add_custom_target(bench COMMAND ${CMAKE_SOURCE_DIR}/tools/bench --lxrun $<TARGET_FILE:lxrun> DEPENDS lxrun USES_TERMINAL
	COMMENT "tools/bench")
add_custom_target(lint COMMAND ${CMAKE_SOURCE_DIR}/tools/lint ${CMAKE_BINARY_DIR} DEPENDS lxrun USES_TERMINAL COMMENT "tools/lint")

find_program(CLANG_FORMAT clang-format)
if(CLANG_FORMAT)
	file(GLOB_RECURSE formatted CONFIGURE_DEPENDS src/*.[ch] translate/*.[ch] include/*.h tests/*.[ch] tools/*.[ch])
	add_custom_target(format COMMAND ${CLANG_FORMAT} -i ${formatted} COMMENT "clang-format")
endif()
