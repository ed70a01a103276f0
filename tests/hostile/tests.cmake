# Hostile guests: tests/hostile/NAME.c attacks while an innocent guest runs beside it and another in an instance of its own.
# As ourselves, as an unprivileged user, on one CPU, and without what newer kernels offer.
find_program(SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(NOT SYSTEM_PYTHON)
	set(SYSTEM_PYTHON python3)
endif()

function(add_hostile_program name)
	add_executable(hostile_${name} ${CMAKE_CURRENT_SOURCE_DIR}/hostile/${name}.c)
	target_compile_options(hostile_${name} PRIVATE -O1 -g -Wall -Wextra -Wno-unused-parameter -Wno-nonnull
		-Wno-stringop-overflow -Wno-unused-result -Wno-infinite-recursion)
	target_include_directories(hostile_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src/pico)
	target_link_libraries(hostile_${name} PRIVATE Threads::Threads)
endfunction()

add_hostile_program(innocent)
foreach(name stub_jumps stub_calls rewrite_scratch rewrite_arguments foreign_calls unmap_everything steal_grants fork_bomb
	exhaust_memory exhaust_kept deep_recursion call_storm locked_growth)
	add_hostile_program(${name})
	add_run_test(hostile ${name} 200 ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/hostile/hostile.py $<TARGET_FILE:lxrun>
		$<TARGET_FILE:hostile_innocent> $<TARGET_FILE:hostile_${name}> 150)
endforeach()

# In MiB, with what a build for debugging adds; pipes without limits take a GiB more.
foreach(variant exhaust_kept exhaust_kept.nobody exhaust_kept.onecpu exhaust_kept.oldhost)
	if(TEST hostile.${variant})
		set_property(TEST hostile.${variant} APPEND PROPERTY ENVIRONMENT HOSTILE_MEMORY=500)
	endif()
endforeach()

# What the host itself makes of garbage is known: the same must come of it.
add_hostile_program(sigreturn_garbage)
add_run_test(hostile sigreturn_garbage 90 $<TARGET_FILE:run_both> $<TARGET_FILE:lxrun> -- $<TARGET_FILE:hostile_sigreturn_garbage>)

# Views of the host's kernel, mounted in places of the test's own, so as root alone; and once as on an older kernel.
foreach(host kernel_views kernel_views.oldhost)
	add_test(NAME hostile.${host} COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/hostile/kernel_views.py $<TARGET_FILE:lxrun>)
	set_tests_properties(hostile.${host} PROPERTIES LABELS hostile TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
set_tests_properties(hostile.kernel_views.oldhost PROPERTIES ENVIRONMENT LXRUN_FORCE_FALLBACKS=1)

# ELF files that are broken in thousands of ways, from fixed seeds.
if(CMAKE_C_COMPILER)
	add_run_test(hostile fuzz_elf 600 ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/hostile/fuzz_elf.py $<TARGET_FILE:lxrun>
		${CMAKE_C_COMPILER} 2000)
endif()

# Each allocation and host call of a small job fails once: in builds with LXRUN_FAILURES=ON, such as the preset "check".
if(LXRUN_FAILURES)
	add_test(NAME hostile.failures COMMAND ${SYSTEM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/hostile/failures.py $<TARGET_FILE:lxrun>)
	set_tests_properties(hostile.failures PROPERTIES LABELS hostile TIMEOUT 900 PROCESSORS 2 SKIP_RETURN_CODE 77)
endif()
