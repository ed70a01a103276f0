# lxrun_tables: the tables as data and their look-ups, which need no handler and no service behind them.
# lxrun_generated: the code that joins rows with handlers and Zw* with Nt*.
set_source_files_properties(${GENERATED_FILES} PROPERTIES GENERATED TRUE)

add_library(lxrun_tables STATIC ${GEN_DIR}/lx_tables.c ${GEN_DIR}/nt_service_table.c ${GEN_DIR}/nt_status.c
	${GEN_DIR}/lx_status.c)
target_link_libraries(lxrun_tables PUBLIC lxrun_flags)
add_dependencies(lxrun_tables generated_tables)

add_library(lxrun_generated STATIC ${GEN_DIR}/lx_dispatch.c ${GEN_DIR}/nt_services.c)
target_link_libraries(lxrun_generated PUBLIC lxrun_tables)
add_dependencies(lxrun_generated generated_tables)
