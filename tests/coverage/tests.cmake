# The record of what guest tests show, held against what they print and against the table's full rows.
file(GLOB coverage_records CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.tbl)
add_test(NAME guest.coverage COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/check_coverage --lxrun $<TARGET_FILE:lxrun>
	--programs $<TARGET_FILE_DIR:run_both> ${coverage_records})
set_tests_properties(guest.coverage PROPERTIES LABELS guest TIMEOUT 300 SKIP_RETURN_CODE 77)
