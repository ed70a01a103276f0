# A user at a terminal, natively and under lxrun with the same keys.
foreach(name inner_job_control outer_job_control made_terminal signals_of_made_terminals line_editing settings_outlive_the_run
	killed_kernel_restores editor pager interpreter inherited requests socket_as_standard_stream one_database_two_kernels)
	add_run_test(terminal ${name} 120 python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/terminal/terminal.py $<TARGET_FILE:lxrun> ${name})
endforeach()
