# Whole programs, ends of runs, and both again for other users and one CPU.

# add_run_test(LABEL NAME command...): once as we are, and with the label "matrix" as an unprivileged user (if we are root)
# and pinned to one CPU.
find_program(TASKSET taskset)
find_program(PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
# What measures time has the label "timing" too.
function(add_run_test label name limit)
	set(labels ${label})
	if(name MATCHES "^(time_|signal_restart)")
		list(APPEND labels timing)
	endif()
	add_test(NAME ${label}.${name} COMMAND ${ARGN})
	add_test(NAME ${label}.${name}.nobody COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/as_nobody ${CMAKE_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR} ${ARGN})
	add_test(NAME ${label}.${name}.onecpu COMMAND ${TASKSET} -c 0 ${ARGN})
	set_tests_properties(${label}.${name} PROPERTIES LABELS "${labels}" TIMEOUT ${limit} SKIP_RETURN_CODE 77)
	# The system's programs, not those of whoever runs the tests.
	set_tests_properties(${label}.${name} ${label}.${name}.nobody ${label}.${name}.onecpu PROPERTIES
		ENVIRONMENT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	set_tests_properties(${label}.${name}.nobody ${label}.${name}.onecpu PROPERTIES LABELS "${labels};matrix" TIMEOUT ${limit}
		SKIP_RETURN_CODE 77)
	if(label MATCHES "^(guest|program)$")
		# On a kernel such as Debian 12's: the supervisor does without what is newer.
		add_test(NAME ${label}.${name}.oldhost COMMAND env LXRUN_FORCE_FALLBACKS=1 ${ARGN})
		set_tests_properties(${label}.${name}.oldhost PROPERTIES LABELS "${labels};matrix" TIMEOUT ${limit} SKIP_RETURN_CODE 77
			ENVIRONMENT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	endif()
endfunction()

file(GLOB program_tests CONFIGURE_DEPENDS programs/*.sh)
foreach(source ${program_tests})
	get_filename_component(name ${source} NAME_WE)
	add_run_test(program ${name} 300 $<TARGET_FILE:run_both> -t 140 $<TARGET_FILE:lxrun> -- /bin/sh ${source})
endforeach()

foreach(name reader_that_ends_early writer_whose_reader_ends interrupt_from_terminal terminated terminated_with_children handler_survives_termination
	every_signal_reaches_the_program any_signal_ends_the_program stopped_from_outside
	killed_in_a_storm last_process_decides host_tools_see_names processes_cost_few_sockets programs_share_their_files many_programs_run_under_a_low_limit exec_tells_of_a_shortage)
	add_run_test(life ${name} 300 ${PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/life/life.py $<TARGET_FILE:lxrun> ${name})
endforeach()

# On a file system of the test's own, so as root alone, and once as on an older kernel.
foreach(name long_names sticky stalled_bystander stalled_futex stalled_kill stalled_pipe)
	add_test(NAME program.${name} COMMAND ${PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/programs/${name}.py $<TARGET_FILE:lxrun>)
	add_test(NAME program.${name}.oldhost COMMAND env LXRUN_FORCE_FALLBACKS=1 ${PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/programs/${name}.py
		$<TARGET_FILE:lxrun>)
	set_tests_properties(program.${name} program.${name}.oldhost PROPERTIES LABELS program TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
# They switch the host's settings: not beside each other.
set_tests_properties(program.sticky program.sticky.oldhost PROPERTIES RESOURCE_LOCK sysctl)
