/*
 * The mappings of a task: maps and map_files. They are copied out first, under a lock that nobody holds for long: a task in the
 * middle of a large mlock(2) is looked at all the same.
 */
#include <path/resolve.h>
#include <proc/procfs.h>

#define PATH_COLUMN 73

static void keep_area(const struct mm_vad *vad, void *context)
{
	struct lx_proc_areas *areas = context;
	struct lx_proc_area *grown;

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
	areas->list[areas->count] = (struct lx_proc_area){.vad = *vad, .start = vad->start, .name = vad->name ? strdup(vad->name) : NULL};
	if (vad->section)
		ob_reference(vad->section);
	areas->count++;
}

void lx_proc_release_areas(struct lx_proc_areas *areas)
{
	for (size_t i = 0; i < areas->count; i++) {
		if (areas->list[i].vad.section)
			ob_dereference(areas->list[i].vad.section);
		free(areas->list[i].name);
	}
	free(areas->list);
}

void lx_proc_take_areas(struct mm_address_space *space, struct lx_proc_areas *areas)
{
	*areas = (struct lx_proc_areas){0};
	mm_walk(space, keep_area, areas);
	for (size_t i = 0; i < areas->count; i++) {
		struct lx_proc_area *area = &areas->list[i];

		if (area->vad.flags & MM_STACK) {
			area->start = mm_stack_start(space, area->vad.start, area->vad.end);
			break; /* what an mprotect(2) has made of the rest lies above */
		}
	}
}

struct backing {
	FILE_LX_STATX_INFORMATION attributes;
	char path[LX_PATH_MAX + 16];
};

/* What stands behind an area: device, inode and name. */
static void describe(const struct lx_proc_area *area, struct backing *backing)
{
	cleanup_object struct io_file *file = area->vad.section ? mm_section_file(area->vad.section) : NULL;
	int64_t length;

	backing->attributes = (FILE_LX_STATX_INFORMATION){0};
	backing->path[0] = 0;
	if (file) {
		backing->attributes.Mask = FILE_LX_STATX_KNOWN;
		io_query_file(file, FileLxStatxWantedInformation, &backing->attributes, sizeof backing->attributes);
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

void lx_proc_show_area(const struct lx_proc_area *area, struct procfs_text *text)
{
	const struct mm_vad *vad = &area->vad;
	size_t start = text->size;
	struct backing backing;

	describe(area, &backing);
	procfs_printf(text, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (unsigned long long)area->start,
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

void lx_proc_area_path(const struct lx_proc_area *area, char *path, size_t size)
{
	struct backing backing;

	describe(area, &backing);
	snprintf(path, size, "%s", backing.path);
}

void lx_proc_area_identity(const struct lx_proc_area *area, uint64_t *inode, uint32_t *major, uint32_t *minor)
{
	struct backing backing;

	describe(area, &backing);
	*inode = backing.attributes.Inode;
	*major = backing.attributes.DevMajor;
	*minor = backing.attributes.DevMinor;
}

/* The host's, where it has the page: programs take its absence for that of the calls. */
static void show_vsyscall(struct procfs_text *text)
{
	procfs_append_host_lines(text, "/proc/self/maps", "ffffffffff600000-");
}

NTSTATUS lx_proc_show_maps(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	cleanup_areas struct lx_proc_areas areas = {0};
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS || !view.space)
		return status;
	lx_proc_take_areas(view.space, &areas);
	for (size_t i = 0; i < areas.count; i++)
		lx_proc_show_area(&areas.list[i], text);
	show_vsyscall(text);
	return areas.failed ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}

/* --- map_files: the areas of files as links, named by their ranges */

struct file_search {
	uint64_t from;
	struct mm_vad vad;
	struct io_file *file; /* referenced */
};

static void consider_area(const struct mm_vad *vad, void *context)
{
	struct file_search *search = context;

	if (search->file || !vad->section || vad->start < search->from)
		return;
	search->file = mm_section_file(vad->section);
	search->vad = *vad;
}

static bool find_area(const struct procfs_subject *directory, uint64_t from, struct mm_vad *found, struct io_file **file)
{
	cleanup_proc_view struct lx_proc_view view;
	struct file_search search = {.from = from};

	if (lx_proc_look(directory, &view) != STATUS_SUCCESS || !view.space)
		return false;
	mm_walk(view.space, consider_area, &search);
	if (!search.file)
		return false;
	*found = search.vad;
	if (file)
		*file = search.file;
	else
		ob_dereference(search.file);
	return true;
}

static bool next_map_file(const struct procfs_subject *directory, uint64_t *number, struct procfs_subject *child)
{
	struct mm_vad vad;

	if (*number > UINT64_MAX / LX_PAGE_SIZE || !find_area(directory, *number * LX_PAGE_SIZE, &vad, NULL))
		return false;
	*number = vad.start / LX_PAGE_SIZE;
	*child = *directory;
	child->start = vad.start;
	child->end = vad.end;
	return true;
}

static int print_range(const struct procfs_subject *child, char name[PROCFS_NAME_SIZE])
{
	return snprintf(name, PROCFS_NAME_SIZE, "%llx-%llx", (unsigned long long)child->start, (unsigned long long)child->end);
}

static bool find_map_file(const struct procfs_subject *directory, const STRING *name, struct procfs_subject *child)
{
	char wanted[PROCFS_NAME_SIZE], exact[PROCFS_NAME_SIZE];
	unsigned long long start, end;
	struct mm_vad vad;

	if (name->Length >= sizeof wanted)
		return false;
	memcpy(wanted, name->Buffer, name->Length);
	wanted[name->Length] = 0;
	if (sscanf(wanted, "%llx-%llx", &start, &end) != 2 || !find_area(directory, start, &vad, NULL) || vad.start != start ||
	    vad.end != end)
		return false;
	*child = *directory;
	child->start = start;
	child->end = end;
	print_range(child, exact);
	return !strcmp(wanted, exact);
}

static NTSTATUS follow_map_file(const struct procfs_subject *subject, struct io_file **file)
{
	struct mm_vad vad;

	if (!find_area(subject, subject->start, &vad, file))
		return lx_proc_error(LX_ENOENT);
	return STATUS_SUCCESS;
}

static int64_t map_file_target(const struct procfs_subject *subject, char *target, size_t size)
{
	cleanup_object struct io_file *file = NULL;
	NTSTATUS status = follow_map_file(subject, &file);
	int64_t length = status == STATUS_SUCCESS ? lx_file_path(file, target, size) : 0;

	if (status != STATUS_SUCCESS)
		return status;
	return length < 0 ? lx_proc_error((int)-length) : length;
}

static ULONG map_file_permissions(const struct procfs_subject *subject)
{
	cleanup_object struct io_file *file = NULL;
	struct mm_vad vad;

	if (!find_area(subject, subject->start, &vad, &file))
		return 0;
	return (file->access & FILE_READ_DATA ? 0400u : 0) | (file->access & FILE_WRITE_DATA ? 0200u : 0);
}

static const struct procfs_node map_file_node = {
	.name = "range",
	.kind = PROCFS_MAGIC,
	.permissions_of = map_file_permissions,
	.target = map_file_target,
	.follow = follow_map_file,
	.follow_capabilities = 1ull << LX_CAP_SYS_ADMIN | 1ull << LX_CAP_CHECKPOINT_RESTORE,
};
const struct procfs_numbers lx_proc_map_files = {
	.next = next_map_file, .child = &map_file_node, .named = find_map_file, .print = print_range};
