/*
 * What /proc/<pid> says of a task's memory: statm, and the strings that lie in
 * it (cmdline, environ), which the guest may have changed meanwhile.
 */
#include <exec/exec.h>
#include <proc/procfs.h>

#define STRINGS_LIMIT (2u << 20)

/* --- where the program lies */

struct layout_search {
	const struct io_control_area *program;
	struct lx_proc_layout layout;
};

static void note_layout(const struct mm_vad *vad, void *context)
{
	struct layout_search *search = context;
	struct lx_proc_layout *layout = &search->layout;

	if (vad->flags & MM_HEAP && !layout->break_start)
		layout->break_start = vad->start;
	if (!vad->section || mm_section_area(vad->section) != search->program)
		return;
	if (vad->protection & MM_PROT_EXEC && !layout->code_start) {
		layout->code_start = vad->start;
		layout->code_end = vad->end;
	} else if (vad->protection & MM_PROT_WRITE && layout->code_start && !layout->data_start) {
		layout->data_start = vad->start;
		layout->data_end = vad->end;
	}
}

struct lx_proc_layout lx_proc_layout(const struct lx_proc_view *view)
{
	const struct lx_executable *executable;
	struct layout_search search = {0};

	/* Only what it is is compared, so that it may go meanwhile. */
	lx_lock_tree();
	executable = view->process->executable_file;
	search.program = executable ? executable->area : NULL;
	lx_unlock_tree();
	if (view->space && search.program)
		mm_walk(view->space, note_layout, &search);
	return search.layout;
}

NTSTATUS lx_proc_show_statm(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	struct mm_statistics memory = {0};
	struct pico_resident resident = {0};
	uint64_t shared;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS)
		return status;
	if (view.space) {
		mm_statistics(view.space, &memory);
		resident = mm_resident(view.space);
	}
	shared = resident.file + resident.shared;
	procfs_printf(text, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)(memory.virtual_size / LX_PAGE_SIZE),
		      (unsigned long long)((resident.anonymous + shared) / LX_PAGE_SIZE),
		      (unsigned long long)(shared / LX_PAGE_SIZE), (unsigned long long)(memory.text / LX_PAGE_SIZE),
		      (unsigned long long)((memory.data + memory.stack) / LX_PAGE_SIZE));
	return STATUS_SUCCESS;
}

/* --- strings in guest memory */

static NTSTATUS append_memory(struct mm_address_space *space, uint64_t start, uint64_t end, struct procfs_text *text)
{
	char chunk[LX_PAGE_SIZE];

	if (end <= start)
		return STATUS_SUCCESS;
	end = MIN_OF(end, start + STRINGS_LIMIT);
	while (start < end) {
		size_t wanted = (size_t)MIN_OF((uint64_t)sizeof chunk, end - start);
		size_t got = mm_copy_from(space, chunk, start, wanted);

		procfs_append(text, chunk, got);
		if (got < wanted)
			break;
		start += wanted;
	}
	return STATUS_SUCCESS;
}

/*
 * A program that has overwritten the last zero of its arguments (setproctitle) is
 * shown up to the first zero behind, into its environment.
 */
NTSTATUS lx_proc_show_cmdline(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);
	size_t length;

	if (status != STATUS_SUCCESS || !view.space)
		return status;
	status = append_memory(view.space, view.process->arg_start, view.process->arg_end, text);
	if (status != STATUS_SUCCESS || !text->size || text->failed || text->data[text->size - 1] == 0)
		return status;
	status = append_memory(view.space, view.process->arg_end, view.process->env_end, text);
	length = strnlen(text->data, text->size);
	text->size = length < text->size ? length + 1 : length;
	return status;
}

NTSTATUS lx_proc_show_environ(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS || !view.space)
		return status;
	return append_memory(view.space, view.process->env_start, view.process->env_end, text);
}

NTSTATUS lx_proc_show_auxv(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS && view.space)
		procfs_append(text, view.process->auxv, MIN_OF(view.process->auxv_size, sizeof view.process->auxv));
	return status;
}
