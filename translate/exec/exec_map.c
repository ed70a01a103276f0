/*
 * The address space of a new program: the layout of Linux x86-64 (program, heap
 * behind it, linker and mappings top down below the stack), built in one batch.
 */
#include <core/process.h>
#include <core/thread.h>
#include <exec/exec_image.h>

#include <executive/ex/random.h>

#define DYNAMIC_BASE 0x555555554000ull /* where Linux puts position-independent programs: two thirds of the space */
#define BASE_RANDOM_PAGES (1ull << 28)
#define PROGRAM_RANDOM_PAGES (1ull << 24)
#define STACK_GAP_MINIMUM (128ull << 20)
#define STACK_MAXIMUM (256ull << 20) /* of an unlimited stack: the reservation has to end somewhere */
#define STACK_MINIMUM (132ull << 10)
#define BREAK_RANDOM (32ull << 20)
#define REQUESTS_MAX (2 * 2 * EXEC_SEGMENTS_MAX + 1)
#define ADDR_NO_RANDOMIZE 0x0040000u
#define CAP_SYS_RAWIO 17

struct map_list {
	struct mm_map_request requests[REQUESTS_MAX];
	size_t count;
	struct mm_section *sections[2];
};

static void free_list(struct map_list **list)
{
	if (!*list)
		return;
	for (unsigned i = 0; i < 2; i++)
		if ((*list)->sections[i])
			ob_dereference((*list)->sections[i]);
	free(*list);
}

static uint64_t random_below(const struct exec_layout *layout, uint64_t limit)
{
	uint64_t value = 0;

	if (layout->randomize)
		ex_random(&value, sizeof(value));
	return value % limit;
}

static uint32_t protection_of(const Elf64_Phdr *segment)
{
	return (segment->p_flags & PF_R ? MM_PROT_READ : 0) | (segment->p_flags & PF_W ? MM_PROT_WRITE : 0) |
	       (segment->p_flags & PF_X ? MM_PROT_EXEC : 0);
}

/* A segment's pages that come from the file, then those that are only memory. */
static void add_segment(struct map_list *list, const Elf64_Phdr *segment, uint64_t bias, struct mm_section *section)
{
	uint64_t start = segment->p_vaddr + bias, page = ALIGN_DOWN(start, LX_PAGE_SIZE);
	uint64_t file_end = segment->p_filesz ? ALIGN_UP(start + segment->p_filesz, LX_PAGE_SIZE) : page;
	uint64_t memory_end = ALIGN_UP(start + segment->p_memsz, LX_PAGE_SIZE);

	if (file_end > page)
		list->requests[list->count++] = (struct mm_map_request){
			.address = page, .size = file_end - page, .protection = protection_of(segment), .fixed = true, .section = section,
			.offset = segment->p_offset - (start - page)};
	if (memory_end > file_end)
		list->requests[list->count++] = (struct mm_map_request){
			.address = file_end, .size = memory_end - file_end, .protection = protection_of(segment), .fixed = true};
}

/* Bytes of the last file page behind a segment's data: zero to the page's end, not only to its size, since linkers use that rest. */
static int64_t clear_tails(struct mm_address_space *space, const struct exec_elf *elf)
{
	static const char zeros[LX_PAGE_SIZE];

	for (unsigned i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];
		uint64_t end = segment->p_vaddr + segment->p_filesz + elf->bias;

		const uint64_t rest = LX_PAGE_SIZE - (end & (LX_PAGE_SIZE - 1));

		if (segment->p_memsz > segment->p_filesz && segment->p_filesz && (segment->p_flags & PF_W) && rest < LX_PAGE_SIZE &&
		    mm_copy_to(space, end, zeros, rest) != rest)
			return -LX_EFAULT; /* the file is too short */
	}
	return 0;
}

static int64_t add_object(struct map_list *list, unsigned index, struct exec_file *file, const struct exec_elf *elf)
{
	NTSTATUS status = mm_create_section(file->file, 0, PAGE_EXECUTE_WRITECOPY, &list->sections[index]);

	if (!NT_SUCCESS(status))
		return lx_errno_from_status(status);
	for (unsigned i = 0; i < elf->segment_count; i++)
		add_segment(list, &elf->segments[i], elf->bias, list->sections[index]);
	return 0;
}

/* The stack ends below the kernel's own pages; mappings end below the room that it may grow into. */
static uint64_t place_stack(struct lx_call *call, struct exec_layout *layout, struct mm_map_request *stack, bool executable)
{
	const struct pico_platform *platform = ps_platform();
	uint64_t limit = lx_limit(call->thread->process, LX_RLIMIT_STACK), gap;
	uint64_t top = platform->vdso_address ? platform->vdso_address - platform->vvar_size : platform->highest_address;

	limit = MAX_OF(MIN_OF(ALIGN_DOWN(limit, LX_PAGE_SIZE), STACK_MAXIMUM), STACK_MINIMUM);
	layout->stack_top = ALIGN_DOWN(top - 2 * LX_PAGE_SIZE, LX_PAGE_SIZE) - random_below(layout, 4096) * LX_PAGE_SIZE;
	layout->stack_low = layout->stack_top - limit;
	*stack = (struct mm_map_request){.address = layout->stack_low,
					 .size = limit,
					 .protection = MM_PROT_READ | MM_PROT_WRITE | (executable ? MM_PROT_EXEC : 0),
					 .flags = MM_STACK | MM_GROWSDOWN | MM_NORESERVE,
					 .fixed = true,
					 .name = NULL};
	gap = MAX_OF(limit + (1ull << 20), STACK_GAP_MINIMUM);
	return layout->stack_top - gap - random_below(layout, BASE_RANDOM_PAGES) * LX_PAGE_SIZE;
}

/*
 * Below `top` among the mappings. An alignment that no address but 0 has means address 0, which only the privileged may
 * map; here nobody can, but they get their program elsewhere.
 */
static uint64_t place_below(const struct exec_layout *layout, const struct exec_elf *elf, uint64_t top)
{
	uint64_t aligned = ALIGN_DOWN(top - (elf->highest - elf->lowest), elf->alignment);

	return aligned || !layout->privileged ? aligned : ALIGN_DOWN(top - (elf->highest - elf->lowest), LX_PAGE_SIZE);
}

/* Where the mappings below it begin. */
static uint64_t place_program(const struct exec_layout *layout, struct exec_elf *elf, uint64_t mmap_base)
{
	uint64_t base = DYNAMIC_BASE + random_below(layout, PROGRAM_RANDOM_PAGES) * LX_PAGE_SIZE;

	if (elf->header.e_type != ET_DYN)
		return mmap_base;
	base = ALIGN_DOWN(base, elf->alignment);
	elf->bias = (base ? base : place_below(layout, elf, mmap_base)) - elf->lowest;
	return base ? mmap_base : elf->bias + elf->lowest;
}

/* Also a program that is its own linker or needs none: Linux lets it lie where mappings do. */
static void place_linker(const struct exec_layout *layout, struct exec_elf *elf, uint64_t mmap_base)
{
	if (elf->header.e_type == ET_DYN)
		elf->bias = place_below(layout, elf, mmap_base) - elf->lowest;
}

/* The heap begins behind the last byte of the program, or where one with a linker would lie, at a random distance. */
static void place_break(const struct exec_layout *layout, const struct exec_elf *elf)
{
	const bool among_mappings = elf->header.e_type == ET_DYN && !elf->interpreter[0];
	uint64_t end = among_mappings ? DYNAMIC_BASE : elf->highest + elf->bias;
	uint64_t start = end + ALIGN_DOWN(random_below(layout, BREAK_RANDOM), LX_PAGE_SIZE);

	/* One that begins below the platform's pages could not grow past them. */
	start = MAX_OF(start, ps_platform()->own_end);
	mm_set_break_area(layout->space, start, start);
}

static int64_t create_space(struct lx_call *call, struct lx_exec_image *image, struct exec_layout *layout)
{
	const struct pico_platform *platform = ps_platform();
	struct pico_process *process;
	int error = platform->process_create(&process, &image->body);
	struct mm_space_limits limits = lx_space_limits(call->thread->process);
	NTSTATUS status;

	if (error)
		return lx_errno_from_status(nt_status_from_errno(-error));
	status = mm_create_space(platform, process, &image->space);
	if (!NT_SUCCESS(status)) {
		platform->process_dereference(process);
		return lx_errno_from_status(status);
	}
	platform->set_name(image->body, image->comm);
	mm_space_set_target(image->space, image->body);
	mm_set_limits(image->space, &limits);
	layout->space = image->space;
	return 0;
}

int64_t exec_build_space(struct lx_call *call, struct exec_file *program, struct exec_elf *elf, struct exec_file *linker,
			 struct exec_elf *linker_elf, struct lx_exec_image *image, struct exec_layout *layout)
{
	__attribute__((cleanup(free_list))) struct map_list *list = calloc(1, sizeof(*list));
	uint64_t base;
	int64_t error = list ? create_space(call, image, layout) : -LX_ENOMEM;

	if (error)
		return error;
	layout->privileged = call->thread->token->cap_effective >> CAP_SYS_RAWIO & 1;
	layout->randomize = !(call->thread->process->personality & ADDR_NO_RANDOMIZE);
	base = place_stack(call, layout, &list->requests[list->count++], elf->executable_stack);
	mm_set_mmap_base(layout->space, base);
	if (linker)
		place_linker(layout, linker_elf, place_program(layout, elf, base));
	else
		place_linker(layout, elf, base);
	error = add_object(list, 0, program, elf);
	if (!error && linker)
		error = add_object(list, 1, linker, linker_elf);
	if (!error)
		error = lx_errno_from_status(mm_map_many(layout->space, list->requests, list->count, NULL));
	if (error)
		return error;
	error = clear_tails(layout->space, elf);
	if (!error && linker)
		error = clear_tails(layout->space, linker_elf);
	if (error)
		return error;
	place_break(layout, elf);
	mm_space_set_target(layout->space, NULL);
	return 0;
}
