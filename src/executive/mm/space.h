/* What the files of Mm share: the space behind mm.h's opaque name, its tree, and batches of host calls. */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include <executive/mm/mm.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>

#define MM_PAGE_SIZE 4096ull
#define MM_HUGE_PAGE_SIZE (2ull << 20)
#define MM_INITIAL_STACK (132ull << 10) /* of the initial stack this much counts as used */
#define MM_GUARD_SIZE (256 * MM_PAGE_SIZE) /* kept free below an area that grows down */
#define MM_PROT_ALL (MM_PROT_READ | MM_PROT_WRITE | MM_PROT_EXEC)
/* Flags that describe a request and not the area that it makes. */
#define MM_REQUEST_FLAGS (MM_POPULATE | MM_NO_HUGE)

RB_HEAD(mm_vad_tree, mm_vad);

struct mm_address_space {
	_Atomic uint32_t references;
	/*
	 * Recursive. Guards all below but the fixed platform and process; host calls and section locks are taken under
	 * it, and nothing else.
	 */
	struct rtl_lock lock;
	/*
	 * Recursive, a leaf. Held by who changes the tree (under the lock above) while it changes, so that who only looks at it
	 * needs this one alone: a batch that the host takes long over holds up no reader of /proc/<pid>/maps.
	 */
	struct rtl_lock tree_lock;
	uint32_t tree_depth;  /* of the holder's */
	struct mm_vad *gone;  /* taken out under it, to be freed after it; linked by tree.rbe_right */
	const struct pico_platform *platform;
	struct pico_process *process;
	struct pico_thread *target;
	struct mm_vad_tree tree;
	struct mm_vad *spare; /* nodes set aside so that no change fails half way; linked by tree.rbe_right */
	uint32_t spare_count;
	struct mm_space_limits limits;
	uint64_t mmap_base;
	uint64_t break_start, break_end; /* bytes; break_end is what brk(2) returned */
	struct mm_statistics usage;      /* bytes */
	uint32_t default_flags;          /* mlockall(MCL_FUTURE): MM_LOCKED, MM_LOCKONFAULT */
	uint64_t stack_account;          /* of the initial stack only what lies above counts: its reserve is no use of memory */
	uint32_t growing_count;          /* areas that the host grows downwards, without the initial stack */
};

struct mm_section {
	struct rtl_lock lock;   /* guards size, host_fd and viewed; a leaf */
	struct io_control_area *area; /* of a file; NULL: memory */
	uint64_t size;          /* bytes; of a file: at creation or extension */
	uint32_t protection;    /* PAGE_* */
	uint32_t attributes;    /* SEC_* */
	bool anonymous;         /* each view is memory of its own, which the host makes with it: no descriptor */
	bool viewed;            /* once: of SEC_LX_ONE_VIEW */
	int host_fd;            /* of memory: as long as it may be mapped again; of a file: none, opened for each mapping */
};

/* vad.c: the tree. All under the space's lock. */
struct mm_vad *mm_vad_find(struct mm_address_space *space, uint64_t address); /* the first that ends above address */
struct mm_vad *mm_vad_next(struct mm_vad *vad);
struct mm_vad *mm_vad_previous(struct mm_vad *vad);
struct mm_vad *mm_vad_first(struct mm_address_space *space);
struct mm_vad *mm_vad_intersecting(struct mm_address_space *space, uint64_t start, uint64_t end);
/* Set `count` nodes aside: each of the changes below takes at most three. */
NTSTATUS mm_vad_reserve(struct mm_address_space *space, uint32_t count);
/* Make area boundaries at start and end, so that the areas of the range lie wholly in it. */
void mm_vad_carve(struct mm_address_space *space, uint64_t start, uint64_t end);
void mm_vad_remove(struct mm_address_space *space, uint64_t start, uint64_t end);
/* A copy of `vad` enters the tree, with references of its own; the range must be free. */
struct mm_vad *mm_vad_insert(struct mm_address_space *space, const struct mm_vad *vad);
/* Join what became alike in the range and with its neighbours. */
void mm_vad_merge(struct mm_address_space *space, uint64_t start, uint64_t end);
/* Change an area's protection or flags; usage follows. */
void mm_vad_update(struct mm_address_space *space, struct mm_vad *vad, uint32_t protection, uint32_t flags);
void mm_vad_destroy_all(struct mm_address_space *space);
/* Bytes of the range that are mapped. */
uint64_t mm_vad_mapped_size(struct mm_address_space *space, uint64_t start, uint64_t end);
/* The flags with MM_ACCOUNTED, if the protection makes it so. */
uint32_t mm_vad_accounted(const struct mm_section *section, uint32_t protection, uint32_t flags);
bool mm_vad_is_data(uint32_t protection, uint32_t flags);
/* The area begins lower than it did; what is below it must be free. */
void mm_vad_extend_down(struct mm_address_space *space, struct mm_vad *vad, uint64_t start);

/* Does the range touch the platform's own pages? They are in no tree: to a guest they are a hole that can't be filled. */
static inline bool mm_touches_platform(const struct mm_address_space *space, uint64_t start, uint64_t end)
{
	return start < space->platform->own_end && end > space->platform->own_start;
}
/* Where mappings go that nobody has named an address for: not among the low ones. */
static inline uint64_t mm_search_start(const struct mm_address_space *space)
{
	return MAX_OF(space->platform->lowest_address, space->platform->own_end);
}
/* One host call on (start, length, argument) for each part of the range that is not the platform's; the first error. */
NTSTATUS mm_host_call_around(struct mm_address_space *space, uint64_t number, uint64_t start, uint64_t end, uint64_t argument);

/* place.c: free ranges. 0: none. */
uint64_t mm_find_top_down(struct mm_address_space *space, uint64_t low, uint64_t high, uint64_t size);
uint64_t mm_find_bottom_up(struct mm_address_space *space, uint64_t low, uint64_t high, uint64_t size);
/* Where a request goes, with all of mmap(2)'s checks of addresses. */
NTSTATUS mm_place(struct mm_address_space *space, const struct mm_map_request *request, uint64_t size, uint64_t *address);
/* RLIMIT_AS and RLIMIT_DATA. */
bool mm_may_expand(struct mm_address_space *space, uint64_t size, uint32_t protection, uint32_t flags);
bool mm_may_have_data(const struct mm_address_space *space, uint64_t size);
bool mm_may_lock_freely(void);
bool mm_may_lock(struct mm_address_space *space, uint64_t size);

/* lock.c: the host's lock of a mapping that was just made and that the host has not locked with it. */
void mm_lock_new(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t flags);

/* grow.c: take over what the host has added to areas that grow down. At the start of every change. */
void mm_follow_growth(struct mm_address_space *space);
static inline bool mm_is_growing(const struct mm_vad *vad)
{
	return (vad->flags & (MM_GROWSDOWN | MM_STACK)) == MM_GROWSDOWN;
}

/* name.c: shared, counted names of areas. */
char *mm_name_create(const char *text);
char *mm_name_reference(char *name);
void mm_name_dereference(char *name);

/* batch.c: host calls in the guest. */
#define MM_BATCH_CALLS 30
struct mm_batch {
	struct mm_address_space *space;
	size_t count, descriptor_count;
	struct pico_host_call calls[MM_BATCH_CALLS];
	int descriptors[MM_BATCH_CALLS];
	const struct mm_section *sections[MM_BATCH_CALLS]; /* whose descriptor it is */
	bool owned[MM_BATCH_CALLS];
};
void mm_batch_begin(struct mm_batch *batch, struct mm_address_space *space);
void mm_batch_end(struct mm_batch *batch);
#define cleanup_batch __attribute__((cleanup(mm_batch_end), unused))
size_t mm_batch_add(struct mm_batch *batch, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
/* The number that the section's descriptor will have during the batch. */
NTSTATUS mm_batch_grant(struct mm_batch *batch, struct mm_section *section, int *number);
/* Fails only if the batch did not run; results are in the calls. */
NTSTATUS mm_batch_run(struct mm_batch *batch);
NTSTATUS mm_batch_status(const struct mm_batch *batch, size_t index);
/* One call alone; its error as a status. */
NTSTATUS mm_host_call(struct mm_address_space *space, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);

/* section.c: a descriptor for mapping; `owned`: the caller closes it. */
NTSTATUS mm_section_descriptor(struct mm_section *section, int *descriptor, bool *owned);
NTSTATUS mm_section_extend(struct mm_section *section, uint64_t size);
/* May views write through to it? */
bool mm_section_is_writable(const struct mm_section *section);

/* virtual.c: NT's page protection and Linux'. */
NTSTATUS mm_protection_from_nt(uint32_t nt, uint32_t *protection, bool *copy_on_write);
uint32_t mm_protection_to_nt(const struct mm_vad *vad, uint32_t protection);
struct ps_process;
/* A process by handle, and its space with a reference of its own. */
NTSTATUS mm_space_by_handle(HANDLE handle, ACCESS_MASK access, struct mm_address_space **space);
static inline void mm_cleanup_space(struct mm_address_space **space)
{
	if (*space)
		mm_dereference_space(*space);
}
#define cleanup_space __attribute__((cleanup(mm_cleanup_space), unused))
/* A request's MM_* flags and placement from NT's allocation type. */
NTSTATUS mm_request_from_nt(struct mm_map_request *request, PVOID base, ULONG type);

static inline bool mm_is_aligned(uint64_t value)
{
	return !(value & (MM_PAGE_SIZE - 1));
}

static inline void mm_cleanup_unlock(struct mm_address_space **space)
{
	rtl_unlock(&(*space)->lock);
}
/* The lock is held to the end of the scope. */
#define MM_HOLD(space) \
	__attribute__((cleanup(mm_cleanup_unlock))) struct mm_address_space *held_ = (space); \
	rtl_lock(&held_->lock)

void mm_enter_tree(struct mm_address_space *space);
void mm_leave_tree(struct mm_address_space **space);
/* The tree lock is held to the end of the scope: the tree changes, or is looked at without the space's lock. */
#define MM_HOLD_TREE(space) \
	__attribute__((cleanup(mm_leave_tree))) struct mm_address_space *held_tree_ = (space); \
	mm_enter_tree(held_tree_)

#endif
