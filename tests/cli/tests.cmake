# The command line at its edges.
add_run_test(cli edges 120 sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/edges.sh $<TARGET_FILE:lxrun>
	${PROJECT_SOURCE_DIR}/tools/completion)
add_run_test(cli places 200 sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/places.sh $<TARGET_FILE:lxrun>)
add_executable(refuse ${CMAKE_CURRENT_SOURCE_DIR}/cli/refuse.c)
add_run_test(cli refused 300 sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/refused.sh $<TARGET_FILE:lxrun> $<TARGET_FILE:refuse>)
add_executable(inherit ${CMAKE_CURRENT_SOURCE_DIR}/cli/inherit.c)
target_link_libraries(inherit PRIVATE Threads::Threads)
add_run_test(cli inherited 600 sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/inherited.sh $<TARGET_FILE:lxrun> $<TARGET_FILE:inherit>)
