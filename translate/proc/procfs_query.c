/*
 * PROCMAP_QUERY, the ioctl(2) of /proc/<pid>/maps: one area by an address, in numbers instead of text. The request comes
 * by way of the driver, which knows whose file it is; addresses of the guest's are this file's alone to look at.
 */
#include <elf.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/resolve.h>
#include <proc/procfs.h>

#define QUERY_READABLE 0x01u
#define QUERY_WRITABLE 0x02u
#define QUERY_EXECUTABLE 0x04u
#define QUERY_SHARED 0x08u
#define QUERY_NEXT 0x10u /* or else the one behind it */
#define QUERY_FILE 0x20u
#define QUERY_FLAGS 0x3fu
#define PERMISSIONS (QUERY_READABLE | QUERY_WRITABLE | QUERY_EXECUTABLE | QUERY_SHARED)

#define BUILD_ID_MAXIMUM 20u
#define LARGEST_NOTES 4096u

/* What travels to the driver and back. */
struct packet {
	FSCTL_LX_IOCTL_BUFFER head;
	struct query_answer {
		struct lx_procmap_query query;
		bool wants_build_id;
		uint32_t build_id_size;
		uint8_t build_id[BUILD_ID_MAXIMUM];
		char name[LX_PATH_MAX + 16];
	} answer;
};

static uint32_t permissions_of(const struct mm_vad *vad)
{
	return (vad->protection & MM_PROT_READ ? QUERY_READABLE : 0) | (vad->protection & MM_PROT_WRITE ? QUERY_WRITABLE : 0) |
	       (vad->protection & MM_PROT_EXEC ? QUERY_EXECUTABLE : 0) | (vad->flags & MM_SHARED ? QUERY_SHARED : 0);
}

/* Shared memory without a file is a file to the kernel. */
static bool is_file(const struct mm_vad *vad)
{
	return vad->section || vad->flags & MM_SHARED;
}

static const struct lx_proc_area *find_area(const struct lx_proc_areas *areas, const struct lx_procmap_query *query)
{
	uint32_t wanted = (uint32_t)query->query_flags & PERMISSIONS;

	for (size_t i = 0; i < areas->count; i++) {
		const struct mm_vad *vad = &areas->list[i].vad;
		bool next = query->query_flags & QUERY_NEXT;

		if (vad->end <= query->query_addr)
			continue;
		if ((!(query->query_flags & QUERY_FILE) || is_file(vad)) && (permissions_of(vad) & wanted) == wanted &&
		    (next || areas->list[i].start <= query->query_addr))
			return &areas->list[i];
		if (!next)
			return NULL;
	}
	return NULL;
}

static bool read_at(HANDLE file, uint64_t offset, void *data, uint32_t size)
{
	LARGE_INTEGER position = {.QuadPart = (LONGLONG)offset};
	struct io_buffer buffer;
	IO_STATUS_BLOCK io = {0};

	io_buffer_from_kernel(&buffer, data, size);
	return NT_SUCCESS(ZwReadFile(file, NULL, NULL, NULL, &io, &buffer, size, &position, NULL)) && io.Information == size;
}

/* The build id among the notes; its size, or 0. */
static uint32_t find_build_id(const uint8_t *notes, uint32_t size, uint8_t build_id[BUILD_ID_MAXIMUM])
{
	Elf64_Nhdr note;

	for (uint32_t at = 0; at + sizeof(note) <= size;) {
		uint64_t name = at + sizeof(note), description, end;

		memcpy(&note, notes + at, sizeof(note));
		description = name + (((uint64_t)note.n_namesz + 3) & ~3ull);
		end = description + (((uint64_t)note.n_descsz + 3) & ~3ull);
		if (end > size)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 && note.n_descsz && note.n_descsz <= BUILD_ID_MAXIMUM) {
			memcpy(build_id, notes + description, note.n_descsz);
			return note.n_descsz;
		}
		at = (uint32_t)end;
	}
	return 0;
}

/* Of a 64-bit ELF file. */
static uint32_t build_id_of(HANDLE file, uint8_t build_id[BUILD_ID_MAXIMUM])
{
	static const uint8_t magic[] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64};
	uint8_t notes[LARGEST_NOTES];
	Elf64_Phdr segment;
	Elf64_Ehdr elf;
	uint32_t found = 0;

	if (!read_at(file, 0, &elf, sizeof(elf)) || memcmp(elf.e_ident, magic, sizeof(magic)) != 0)
		return 0;
	for (uint32_t i = 0; i < elf.e_phnum && !found; i++) {
		if (!read_at(file, elf.e_phoff + i * sizeof(segment), &segment, sizeof(segment)))
			return 0;
		if (segment.p_type == PT_NOTE && segment.p_filesz <= sizeof(notes) &&
		    read_at(file, segment.p_offset, notes, (uint32_t)segment.p_filesz))
			found = find_build_id(notes, (uint32_t)segment.p_filesz, build_id);
	}
	return found;
}

static void take_build_id(const struct lx_proc_area *area, struct query_answer *answer)
{
	cleanup_object struct io_file *file = area->vad.section ? mm_section_file(area->vad.section) : NULL;
	HANDLE handle;

	answer->build_id_size = 0;
	if (!file || !NT_SUCCESS(ob_open_by_pointer(file, OBJ_KERNEL_HANDLE, FILE_READ_DATA, &handle)))
		return;
	answer->build_id_size = build_id_of(handle, answer->build_id);
	ZwClose(handle);
}

static NTSTATUS query_area(const struct procfs_subject *subject, struct query_answer *answer)
{
	cleanup_proc_view struct lx_proc_view view;
	cleanup_areas struct lx_proc_areas areas = {0};
	const struct lx_proc_area *area;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS || !view.space)
		return lx_proc_error(LX_ESRCH);
	lx_proc_take_areas(view.space, &areas);
	area = find_area(&areas, &answer->query);
	if (!area)
		return lx_proc_error(areas.failed ? LX_ENOMEM : LX_ENOENT);
	answer->query.vma_start = area->start;
	answer->query.vma_end = area->vad.end;
	answer->query.vma_flags = permissions_of(&area->vad);
	answer->query.vma_page_size = LX_PAGE_SIZE;
	answer->query.vma_offset = is_file(&area->vad) ? area->vad.offset : 0;
	lx_proc_area_identity(area, &answer->query.inode, &answer->query.dev_major, &answer->query.dev_minor);
	lx_proc_area_path(area, answer->name, sizeof(answer->name));
	if (answer->wants_build_id)
		take_build_id(area, answer);
	return STATUS_SUCCESS;
}

/* What the driver asks of a maps file. Data of no size: is it one? */
NTSTATUS lx_proc_query_maps(const struct procfs_subject *subject, ULONG request, void *data, ULONG size)
{
	if (request != LX_PROCMAP_QUERY)
		return lx_proc_error(LX_ENOTTY);
	return size < sizeof(struct query_answer) ? STATUS_SUCCESS : query_area(subject, data);
}

static int64_t ask(struct lx_call *call, int32_t fd, struct packet *packet, size_t size)
{
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	packet->head = (FSCTL_LX_IOCTL_BUFFER){.Request = LX_PROCMAP_QUERY, .Size = (ULONG)size};
	if (result < 0)
		return result;
	return lx_result(call, ZwDeviceIoControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_IOCTL, packet, sizeof(*packet),
						     packet, sizeof(*packet)));
}

/* A newer program's longer structure may hold zeroes behind what is known. */
static int64_t take_query(struct lx_call *call, struct lx_uptr argp, struct lx_procmap_query *query)
{
	uint8_t given[LX_PAGE_SIZE] = {0};
	uint64_t size;

	if (lx_copy_in(call, &size, argp, sizeof(size)) < 0)
		return -LX_EFAULT;
	if (size > LX_PAGE_SIZE)
		return -LX_E2BIG;
	if (size < offsetof(struct lx_procmap_query, vma_start))
		return -LX_EINVAL;
	if (lx_copy_in(call, given, argp, size) < 0)
		return -LX_EFAULT;
	for (uint64_t i = sizeof(*query); i < size; i++)
		if (given[i])
			return -LX_E2BIG;
	memcpy(query, given, sizeof(*query));
	query->size = size;
	if (query->query_flags & ~(uint64_t)QUERY_FLAGS || !query->vma_name_size != !query->vma_name_addr ||
	    !query->build_id_size != !query->build_id_addr)
		return -LX_EINVAL;
	return 0;
}

static int64_t give_answer(struct lx_call *call, struct lx_uptr argp, struct query_answer *answer)
{
	struct lx_procmap_query *query = &answer->query;
	uint32_t name_size = answer->name[0] ? (uint32_t)strlen(answer->name) + 1 : 0;

	if (query->build_id_size && answer->build_id_size > query->build_id_size)
		return -LX_ENAMETOOLONG;
	if (query->vma_name_size && name_size > MIN_OF(query->vma_name_size, (uint32_t)LX_PATH_MAX))
		return -LX_ENAMETOOLONG;
	query->vma_name_size = query->vma_name_size ? name_size : 0;
	query->build_id_size = query->build_id_size ? answer->build_id_size : 0;
	if (query->vma_name_size && lx_copy_out(call, lx_uptr(query->vma_name_addr), answer->name, name_size) < 0)
		return -LX_EFAULT;
	if (query->build_id_size &&
	    lx_copy_out(call, lx_uptr(query->build_id_addr), answer->build_id, query->build_id_size) < 0)
		return -LX_EFAULT;
	return lx_copy_out(call, argp, query, MIN_OF(query->size, (uint64_t)sizeof(*query)));
}

int64_t lx_sys_ioctl_procmap_query(struct lx_call *call, int32_t fd, struct lx_uptr argp)
{
	struct packet packet = {0};
	int64_t result = ask(call, fd, &packet, 0);

	if (result == 0)
		result = take_query(call, argp, &packet.answer.query);
	if (result < 0)
		return result;
	packet.answer.wants_build_id = packet.answer.query.build_id_size;
	result = ask(call, fd, &packet, sizeof(packet.answer));
	return result < 0 ? result : give_answer(call, argp, &packet.answer);
}
