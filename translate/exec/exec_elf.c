/*
 * ELF headers. Linux accepts more than most tools do: any alignment, segments
 * without bytes, tables anywhere in the file; so nothing is refused here that
 * its loader would take.
 */
#include <exec/exec_image.h>

#include <libelf.h>
#include <stdio.h>

/* File bytes to native structures; libelf does the format. */
static bool translate_headers(const void *bytes, size_t size, Elf_Type type, void *out, size_t out_size)
{
	Elf_Data from = {.d_buf = (void *)(uintptr_t)bytes, .d_size = size, .d_type = type, .d_version = EV_CURRENT};
	Elf_Data to = {.d_buf = out, .d_size = out_size, .d_type = type, .d_version = EV_CURRENT};

	return elf_version(EV_CURRENT) != EV_NONE && elf64_xlatetom(&to, &from, ELFDATA2LSB) != NULL;
}

static int64_t check_header(const struct exec_file *file, const Elf64_Ehdr *header, const struct exec_reason *reason)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return exec_fail(reason, -LX_ENOEXEC, "%s: not an ELF file, and no #! line says what runs it (a shell would: lxrun sh %s)",
				 file->path, file->path);
	if (header->e_machine != EM_X86_64) /* which is all that Linux asks */
		return exec_fail(reason, -LX_ENOEXEC, "%s: built for another machine (class %u, machine %u); only x86-64 runs", file->path,
				 header->e_ident[EI_CLASS], header->e_machine);
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return exec_fail(reason, -LX_ENOEXEC, "%s: an ELF file, but no program (type %u)", file->path, header->e_type);
	if (header->e_phentsize != sizeof(Elf64_Phdr) || !header->e_phnum)
		return exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: no usable program headers", file->path);
	return 0;
}

static int64_t read_interpreter(struct exec_file *file, const Elf64_Phdr *segment, struct exec_elf *elf, const struct exec_reason *reason)
{
	int64_t got;

	if (elf->interpreter[0])
		return 0; /* the first one counts */
	if (segment->p_filesz < 2 || segment->p_filesz > sizeof(elf->interpreter))
		return exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: interpreter name of %llu bytes", file->path,
				 (unsigned long long)segment->p_filesz);
	if (segment->p_offset > INT64_MAX - segment->p_filesz)
		return exec_fail(reason, -LX_EINVAL, "%s: malformed ELF: its interpreter's name lies nowhere", file->path);
	got = exec_read(file, segment->p_offset, elf->interpreter, segment->p_filesz);
	if (got < 0)
		return got;
	if ((uint64_t)got != segment->p_filesz)
		return exec_fail(reason, -LX_EIO, "%s: truncated ELF: its interpreter's name is missing", file->path);
	if (elf->interpreter[got - 1])
		return exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: interpreter name without an end", file->path);
	/* Linux opens an empty name as the directory that it starts from. */
	if (!elf->interpreter[0])
		strcpy(elf->interpreter, ".");
	return 0;
}

static void note_load(struct exec_file *file, const Elf64_Phdr *segment, struct exec_elf *elf, const struct exec_reason *reason)
{
	uint64_t end = segment->p_vaddr + segment->p_memsz;
	const uint64_t limit = ps_platform()->highest_address;

	if (elf->load_error)
		return;
	if (segment->p_filesz > segment->p_memsz || end < segment->p_vaddr || end > limit || segment->p_memsz > limit)
		elf->load_error = exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: a segment lies outside the address space", file->path);
	else if (((segment->p_vaddr - segment->p_offset) & (LX_PAGE_SIZE - 1)) && segment->p_filesz)
		elf->load_error = exec_fail(reason, -LX_EINVAL, "%s: malformed ELF: a segment's address and offset differ within a page",
					    file->path);
	else if (elf->segment_count == EXEC_SEGMENTS_MAX)
		elf->load_error = exec_fail(reason, -LX_ENOEXEC, "%s: more than %d loadable segments", file->path, EXEC_SEGMENTS_MAX);
	if (elf->load_error)
		return;
	if (segment->p_align > elf->alignment && !(segment->p_align & (segment->p_align - 1)))
		elf->alignment = segment->p_align;
	elf->lowest = MIN_OF(elf->lowest, ALIGN_DOWN(segment->p_vaddr, LX_PAGE_SIZE));
	elf->highest = MAX_OF(elf->highest, ALIGN_UP(end, LX_PAGE_SIZE));
	if (elf->header.e_phoff >= segment->p_offset && elf->header.e_phoff < segment->p_offset + segment->p_filesz && !elf->headers_address)
		elf->headers_address = elf->header.e_phoff - segment->p_offset + segment->p_vaddr;
	elf->segments[elf->segment_count++] = *segment;
}

static int64_t note_segment(struct exec_file *file, const Elf64_Phdr *segment, struct exec_elf *elf, const struct exec_reason *reason)
{
	switch (segment->p_type) {
	case PT_LOAD:
		if (segment->p_memsz || segment->p_filesz)
			note_load(file, segment, elf, reason);
		return 0;
	case PT_INTERP:
		return read_interpreter(file, segment, elf, reason);
	case PT_GNU_STACK:
		elf->executable_stack = segment->p_flags & PF_X;
		return 0;
	default:
		return 0;
	}
}

static int64_t read_segments(struct exec_file *file, struct exec_elf *elf, const struct exec_reason *reason)
{
	const size_t size = elf->header.e_phnum * sizeof(Elf64_Phdr);
	cleanup_free Elf64_Phdr *raw = malloc(size);
	cleanup_free Elf64_Phdr *table = malloc(size);
	int64_t error = 0, got;

	if (!raw || !table)
		return -LX_ENOMEM;
	/* Linux reads at most 64 KiB of program headers. */
	if (size > 65536)
		return exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: %u program headers", file->path, elf->header.e_phnum);
	got = exec_read(file, elf->header.e_phoff, raw, size);
	if (got < 0)
		return got;
	if ((uint64_t)got != size)
		return exec_fail(reason, -LX_ENOEXEC, "%s: truncated ELF: program headers are missing", file->path);
	if (!translate_headers(raw, size, ELF_T_PHDR, table, size))
		return exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: %s", file->path, elf_errmsg(-1));
	for (unsigned i = 0; i < elf->header.e_phnum && !error; i++)
		error = note_segment(file, &table[i], elf, reason);
	return error;
}

int64_t exec_parse_elf(struct exec_file *file, struct exec_elf *elf, const struct exec_reason *reason)
{
	unsigned char raw[sizeof(Elf64_Ehdr)];
	int64_t got = exec_read(file, 0, raw, sizeof(raw)), error;

	memset(elf, 0, sizeof(*elf));
	elf->lowest = UINT64_MAX;
	elf->alignment = LX_PAGE_SIZE;
	if (got < 0)
		return got;
	memset(raw + got, 0, sizeof(raw) - (size_t)got);
	if (!translate_headers(raw, sizeof(raw), ELF_T_EHDR, &elf->header, sizeof(elf->header)))
		return exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: %s", file->path, elf_errmsg(-1));
	error = check_header(file, &elf->header, reason);
	if (error)
		return error;
	error = read_segments(file, elf, reason);
	if (!error && !elf->load_error && !elf->segment_count)
		elf->load_error = exec_fail(reason, -LX_ENOEXEC, "%s: malformed ELF: nothing to load", file->path);
	return error;
}
