# What grows with the number of things that there are, or were: tests/scaling/grow.c has the cases.
add_executable(scaling_grow ${CMAKE_CURRENT_SOURCE_DIR}/scaling/grow.c)
target_compile_options(scaling_grow PRIVATE -O1 -g -Wall -Wextra -Wno-array-bounds)
target_link_libraries(scaling_grow PRIVATE Threads::Threads)
add_run_test(guest kept 120 ${PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/scaling/kept.py $<TARGET_FILE:lxrun> $<TARGET_FILE:scaling_grow>)
add_test(NAME scaling.linear COMMAND ${PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/scaling/linear.py $<TARGET_FILE:lxrun> $<TARGET_FILE:scaling_grow>)
set_tests_properties(scaling.linear PROPERTIES LABELS "scaling;timing" TIMEOUT 600)
