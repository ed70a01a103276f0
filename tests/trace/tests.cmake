# The tracer against strace: the same program under both, and what the options do.
add_executable(trace_threads ${CMAKE_CURRENT_SOURCE_DIR}/trace/threads.c)
target_compile_options(trace_threads PRIVATE -O1 -g -Wall -Wextra -Wno-unused-result)
target_link_libraries(trace_threads PRIVATE Threads::Threads)
# The system's own, which an unprivileged user can run too.
find_program(TRACE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(NOT TRACE_PYTHON)
	set(TRACE_PYTHON python3)
endif()

function(add_trace_test name)
	add_run_test(trace ${name} 150 ${TRACE_PYTHON} ${ARGN})
endfunction()

set(compare ${CMAKE_CURRENT_SOURCE_DIR}/trace/compare.py ${CMAKE_BINARY_DIR}/lxtrace)
add_trace_test(compare_ls ${compare} ls -ln /etc/ssl)
add_trace_test(compare_cat ${compare} cat /etc/passwd)
add_trace_test(compare_pipeline ${compare} sh -c "echo a | /usr/bin/wc -l")
add_trace_test(compare_child ${compare} sh -c "/bin/true; exit 3")
add_trace_test(compare_killed ${compare} sh -c "kill -TERM $$")
add_trace_test(compare_threads ${compare} $<TARGET_FILE:trace_threads>)
foreach(name calls_on_standard_error a_file_gets_numbers selection signals_and_statuses strings_and_paths times summary
	services_beneath_calls wrong_expressions unfinished_calls ignored_signals nothing_when_off)
	add_trace_test(${name} ${CMAKE_CURRENT_SOURCE_DIR}/trace/options.py ${CMAKE_BINARY_DIR}/lxtrace ${name})
endforeach()

# What the table says of services is what the traces of guest tests show.
add_test(NAME trace.services COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_nt_services --lxtrace ${CMAKE_BINARY_DIR}/lxtrace
	--programs $<TARGET_FILE_DIR:run_both> --table ${CMAKE_SOURCE_DIR}/translate/tables/syscalls.tbl)
set_tests_properties(trace.services PROPERTIES LABELS trace TIMEOUT 400 SKIP_RETURN_CODE 77)
