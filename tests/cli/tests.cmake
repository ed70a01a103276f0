# The command line at its edges.
add_run_test(cli edges 120 sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/edges.sh $<TARGET_FILE:lxrun>
	${PROJECT_SOURCE_DIR}/tools/completion)
add_run_test(cli places 200 sh ${CMAKE_CURRENT_SOURCE_DIR}/cli/places.sh $<TARGET_FILE:lxrun>)
