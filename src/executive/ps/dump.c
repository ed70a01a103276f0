/* For --objects: what exists, and who holds it. */
#include <executive/ps/ps_internal.h>
#include <inttypes.h>

static void dump_process(struct ps_process *process, void *context)
{
	FILE *out = context;
	struct ob_handle_table *handles = NULL;

	rtl_lock(&process->lock);
	if (process->handles)
		handles = ob_handle_table_reference(process->handles);
	fprintf(out, "\nProcess %llu, parent %llu: %s, %u thread%s\n", (unsigned long long)process->unique_id,
		(unsigned long long)process->parent_id, process->image_name, process->thread_count, process->thread_count == 1 ? "" : "s");
	rtl_unlock(&process->lock);
	if (!handles)
		return;
	ob_dump_handle_table(handles, out);
	ob_handle_table_dereference(handles);
}

void ps_dump_objects(FILE *out)
{
	ob_dump_namespace(out);
	ps_walk_processes(dump_process, out);
	fprintf(out, "\nLocks: %" PRIu64 " acquisitions had to wait\n", atomic_load(&rtl_lock_contentions));
}
