/*
 * What /proc/<pid> says of a task's memory: maps, statm, and the strings that lie in
 * it (cmdline, environ), which the guest may have changed meanwhile.
 */
#include <path/resolve.h>
#include <proc/procfs.h>

#define STRINGS_LIMIT (2u << 20)
#define PATH_COLUMN 73

/* --- the mappings, copied out so that no file is asked for its name under the space's lock */

struct area {
	struct mm_vad vad;
	char *name;
};
struct areas {
	struct area *list;
	size_t count, room;
	bool failed;
};

static void keep_area(const struct mm_vad *vad, void *context)
{
	struct areas *areas = context;
	struct area *grown;

	if (areas->count == areas->room) {
		size_t room = areas->room ? areas->room * 2 : 64;

		grown = areas->failed ? NULL : realloc(areas->list, room * sizeof *grown);
		if (!grown) {
			areas->failed = true;
			return;
		}
		areas->list = grown;
		areas->room = room;
	}
	areas->list[areas->count] = (struct area){.vad = *vad, .name = vad->name ? strdup(vad->name) : NULL};
	if (vad->section)
		ob_reference(vad->section);
	areas->count++;
}

static void release_areas(struct areas *areas)
{
	for (size_t i = 0; i < areas->count; i++) {
		if (areas->list[i].vad.section)
			ob_dereference(areas->list[i].vad.section);
		free(areas->list[i].name);
	}
	free(areas->list);
}

struct backing {
	FILE_LX_STATX_INFORMATION attributes;
	char path[LX_PATH_MAX + 16];
};

/* What stands behind an area: device, inode and name. */
static void describe(const struct area *area, struct backing *backing)
{
	struct io_file *file = area->vad.section ? mm_section_file(area->vad.section) : NULL;
	ULONG_PTR information = 0;
	int64_t length;

	backing->attributes = (FILE_LX_STATX_INFORMATION){0};
	backing->path[0] = 0;
	if (file) {
		IO_OPERATION(file, query_information)(file, FileLxStatxInformation, &backing->attributes,
						      sizeof backing->attributes, &information);
		length = lx_file_path(file, backing->path, sizeof backing->path);
		if (length < 0)
			backing->path[0] = 0;
	} else if (area->vad.flags & MM_SPECIAL) {
		snprintf(backing->path, sizeof backing->path, "%s", area->name ? area->name : "");
	} else if (area->vad.flags & MM_STACK) {
		strcpy(backing->path, "[stack]");
	} else if (area->vad.flags & MM_HEAP) {
		strcpy(backing->path, "[heap]");
	} else if (area->name) {
		snprintf(backing->path, sizeof backing->path, area->vad.flags & MM_SHARED ? "[anon_shmem:%s]" : "[anon:%s]",
			 area->name);
	} else if (area->vad.flags & MM_SHARED) {
		strcpy(backing->path, "/dev/zero (deleted)");
		backing->attributes.DevMinor = 1;
		backing->attributes.Inode = (uintptr_t)area->vad.section >> 6 & 0xffffffff;
	}
}

/* A line end in a name would end the record. */
static void append_path(struct procfs_text *text, const char *path)
{
	for (; *path; path++) {
		if (*path == '\n')
			procfs_append(text, "\\012", 4);
		else
			procfs_append(text, path, 1);
	}
}

static void show_area(const struct area *area, struct procfs_text *text)
{
	const struct mm_vad *vad = &area->vad;
	size_t start = text->size;
	struct backing backing;

	describe(area, &backing);
	procfs_printf(text, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (unsigned long long)vad->start,
		      (unsigned long long)vad->end, vad->protection & MM_PROT_READ ? 'r' : '-',
		      vad->protection & MM_PROT_WRITE ? 'w' : '-', vad->protection & MM_PROT_EXEC ? 'x' : '-',
		      vad->flags & MM_SHARED ? 's' : 'p', (unsigned long long)(vad->section ? vad->offset : 0),
		      backing.attributes.DevMajor, backing.attributes.DevMinor,
		      (unsigned long long)backing.attributes.Inode);
	if (backing.path[0]) {
		size_t written = text->size - start;

		procfs_printf(text, "%*s", written < PATH_COLUMN ? (int)(PATH_COLUMN - written) : 1, "");
		append_path(text, backing.path);
	}
	procfs_append(text, "\n", 1);
}

NTSTATUS lx_proc_show_maps(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	struct areas areas = {0};
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS || !view.space)
		return status;
	mm_walk(view.space, keep_area, &areas);
	for (size_t i = 0; i < areas.count; i++)
		show_area(&areas.list[i], text);
	status = areas.failed ? STATUS_NO_MEMORY : STATUS_SUCCESS;
	release_areas(&areas);
	return status;
}

/* --- where the program lies */

struct layout_search {
	const struct io_file *program;
	struct lx_proc_layout layout;
};

static void note_layout(const struct mm_vad *vad, void *context)
{
	struct layout_search *search = context;
	struct lx_proc_layout *layout = &search->layout;

	if (vad->flags & MM_HEAP && !layout->break_start)
		layout->break_start = vad->start;
	if (!vad->section || mm_section_file(vad->section) != search->program)
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
	struct layout_search search = {.program = view->process->executable_file};

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
