/*
 * Address spaces: making, sharing, cloning, and looking at them. A space is referred to by every process that shares it
 * (CLONE_VM) and holds a reference to the platform's process.
 */
#include <executive/mm/space.h>

static struct mm_address_space *space_allocate(const struct pico_platform *platform, struct pico_process *process)
{
	struct mm_address_space *space = calloc(1, sizeof(*space));

	if (!space)
		return NULL;
	space->references = 1;
	rtl_lock_initialize_long(&space->lock);
	space->tree_lock = (struct rtl_lock)RTL_RECURSIVE_LOCK_INITIALIZER;
	space->platform = platform;
	space->process = process;
	RB_INIT(&space->tree);
	space->limits = (struct mm_space_limits){UINT64_MAX, UINT64_MAX, UINT64_MAX, 8ull << 20, UINT64_MAX};
	space->mmap_base = platform->highest_address;
	return space;
}

static void space_free(struct mm_address_space *space)
{
	mm_vad_destroy_all(space);
	rtl_lock_destroy(&space->lock);
	rtl_lock_destroy(&space->tree_lock);
	free(space);
}

static NTSTATUS enter_special(struct mm_address_space *space, uint64_t start, uint64_t size, uint32_t protection, const char *text)
{
	struct mm_vad vad = {.start = start, .end = start + ALIGN_UP(size, MM_PAGE_SIZE), .protection = protection,
			     .maximum_protection = MM_PROT_READ | MM_PROT_EXEC, .flags = MM_SPECIAL};
	NTSTATUS status;

	if (!size)
		return STATUS_SUCCESS;
	status = mm_vad_reserve(space, 1);
	if (!NT_SUCCESS(status))
		return status;
	vad.name = mm_name_create(text);
	if (!vad.name)
		return STATUS_NO_MEMORY;
	mm_vad_insert(space, &vad);
	mm_name_dereference(vad.name);
	return STATUS_SUCCESS;
}

/* vvar and vdso, as they lie in every process. */
static NTSTATUS enter_specials(struct mm_address_space *space, const struct pico_platform *platform)
{
	uint64_t clock = platform->vdso_address - platform->vclock_size, vvar = platform->vdso_address - platform->vvar_size;
	NTSTATUS status;

	if (!platform->vdso_address)
		return STATUS_SUCCESS;
	status = enter_special(space, vvar, clock - vvar, MM_PROT_READ, "[vvar]");
	if (NT_SUCCESS(status))
		status = enter_special(space, clock, platform->vclock_size, MM_PROT_READ, "[vvar_vclock]");
	if (NT_SUCCESS(status))
		status = enter_special(space, platform->vdso_address, platform->vdso_image_size, MM_PROT_READ | MM_PROT_EXEC, "[vdso]");
	return status;
}

NTSTATUS mm_create_space(const struct pico_platform *platform, struct pico_process *process, struct mm_address_space **result)
{
	struct mm_address_space *space = space_allocate(platform, process);
	NTSTATUS status;

	if (!space)
		return STATUS_NO_MEMORY;
	status = enter_specials(space, platform);
	if (!NT_SUCCESS(status)) {
		space_free(space);
		return status;
	}
	*result = space;
	return STATUS_SUCCESS;
}

/* What the host's fork does with an area: MADV_DONTFORK leaves it out, and locks are not inherited. */
static NTSTATUS clone_vads(struct mm_address_space *parent, struct mm_address_space *child)
{
	for (struct mm_vad *vad = mm_vad_first(parent); vad; vad = mm_vad_next(vad)) {
		struct mm_vad copy = *vad;

		if (vad->flags & MM_DONTFORK)
			continue;
		if (!NT_SUCCESS(mm_vad_reserve(child, 1)))
			return STATUS_NO_MEMORY;
		copy.flags &= ~(MM_LOCKED | MM_LOCKONFAULT);
		mm_vad_insert(child, &copy);
	}
	return STATUS_SUCCESS;
}

NTSTATUS mm_clone_space(struct mm_address_space *parent, struct pico_process *process, struct mm_address_space **result)
{
	struct mm_address_space *space = space_allocate(parent->platform, process);
	MM_HOLD(parent);
	NTSTATUS status;

	if (!space)
		return STATUS_NO_MEMORY;
	space->limits = parent->limits;
	space->mmap_base = parent->mmap_base;
	space->stack_account = parent->stack_account;
	space->break_start = parent->break_start;
	space->break_end = parent->break_end;
	status = clone_vads(parent, space);
	if (!NT_SUCCESS(status)) {
		space_free(space);
		return status;
	}
	*result = space;
	return STATUS_SUCCESS;
}

void mm_reference_space(struct mm_address_space *space)
{
	space->references++;
}

void mm_dereference_space(struct mm_address_space *space)
{
	const struct pico_platform *platform = space->platform;
	struct pico_process *process = space->process;

	if (--space->references)
		return;
	space_free(space);
	platform->process_dereference(process);
}

void mm_lock_space(struct mm_address_space *space)
{
	rtl_lock(&space->lock);
}

void mm_unlock_space(struct mm_address_space *space)
{
	rtl_unlock(&space->lock);
}

void mm_space_set_target(struct mm_address_space *space, struct pico_thread *target)
{
	MM_HOLD(space);
	space->target = target;
}

void mm_set_limits(struct mm_address_space *space, const struct mm_space_limits *limits)
{
	MM_HOLD(space);
	space->limits = *limits;
}

void mm_set_mmap_base(struct mm_address_space *space, uint64_t base)
{
	MM_HOLD(space);
	space->mmap_base = MIN_OF(ALIGN_DOWN(base, MM_PAGE_SIZE), space->platform->highest_address);
}

bool mm_is_guest_range(struct mm_address_space *space, uint64_t address, uint64_t size)
{
	return address >= space->platform->lowest_address && address <= space->platform->highest_address &&
	       size <= space->platform->highest_address - address && !mm_touches_platform(space, address, address + size);
}

bool mm_is_mapped(struct mm_address_space *space, uint64_t address, uint64_t size)
{
	MM_HOLD(space);

	return mm_is_guest_range(space, address, size) && mm_vad_mapped_size(space, address, address + size) == size;
}

bool mm_query(struct mm_address_space *space, uint64_t address, struct mm_vad *result)
{
	MM_HOLD_TREE(space);
	struct mm_vad *vad = mm_vad_find(space, address);

	if (!vad || vad->start > address)
		return false;
	*result = *vad;
	return true;
}

void mm_walk(struct mm_address_space *space, void (*visit)(const struct mm_vad *vad, void *context), void *context)
{
	MM_HOLD_TREE(space);

	for (struct mm_vad *vad = mm_vad_first(space); vad; vad = mm_vad_next(vad))
		visit(vad, context);
}

struct pico_resident mm_resident(struct mm_address_space *space)
{
	struct pico_resident resident;

	if (space->platform->resident(space->process, &resident) != 0)
		return (struct pico_resident){0};
	return resident;
}

void mm_statistics(struct mm_address_space *space, struct mm_statistics *statistics)
{
	MM_HOLD_TREE(space);
	*statistics = space->usage;
}

static void rename_areas(struct mm_address_space *space, uint64_t start, uint64_t end, char *name)
{
	MM_HOLD_TREE(space);

	for (struct mm_vad *vad = mm_vad_find(space, start); vad && vad->start < end; vad = mm_vad_next(vad)) {
		if (vad->section || (vad->flags & MM_SPECIAL))
			continue;
		mm_name_dereference(vad->name);
		vad->name = mm_name_reference(name);
	}
}

NTSTATUS mm_set_name(struct mm_address_space *space, uint64_t address, uint64_t size, const char *text)
{
	uint64_t end = address + ALIGN_UP(size, MM_PAGE_SIZE);
	MM_HOLD(space);
	char *name = NULL;
	bool hole;

	if (!mm_is_aligned(address) || !mm_is_guest_range(space, address, ALIGN_UP(size, MM_PAGE_SIZE)))
		return STATUS_INVALID_PARAMETER;
	if (!NT_SUCCESS(mm_vad_reserve(space, 2)) || (text && !(name = mm_name_create(text))))
		return STATUS_NO_MEMORY;
	hole = mm_vad_mapped_size(space, address, end) != end - address;
	mm_vad_carve(space, address, end);
	rename_areas(space, address, end, name);
	mm_name_dereference(name);
	mm_vad_merge(space, address, end);
	return hole ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}
