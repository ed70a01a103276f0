# What enters the host kernel while ordinary, observing and hostile guests run. Root only.
add_test(NAME audit.guests COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/audit/audited.sh $<TARGET_FILE:lxaudit> $<TARGET_FILE:lxrun>
	$<TARGET_FILE:hostile_innocent> $<TARGET_FILE:hostile_stub_calls> $<TARGET_FILE:hostile_rewrite_scratch>
	$<TARGET_FILE:hostile_foreign_calls> $<TARGET_FILE:hostile_steal_grants> $<TARGET_FILE:hostile_unmap_everything>)
set_tests_properties(audit.guests PROPERTIES LABELS audit TIMEOUT 900 SKIP_RETURN_CODE 77)
