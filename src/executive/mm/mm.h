/*
 * Memory manager: address spaces (VAD tree at 4 KiB granularity), sections, views.
 *
 * NT maps at 64 KiB and can't split a view; Linux splits and merges at will. So Mm is NT's in its objects (a section is
 * what can be mapped, a view one mapping of it) and Linux' in its granularity, with Linux' protection, flags and
 * accounts beside NT's in each VAD. WSL1 had to change NT's memory manager for the same reason.
 *
 * Mm is the only honest author of a guest's mappings: a change is made in the tree and in the guest (by a batch of host
 * calls, see pico/calls.c) under the space's lock, tree last. What the host refuses is refused to the guest, with the
 * host's status. A guest can change mappings behind its back by jumping into the stub, so nothing is assumed of the
 * guest's memory itself: the tree is for /proc, limits and NT's services, never for safety.
 *
 * Lock: mm_address_space.lock. Host calls are made under it, in the space's own guest, which is why it is a long lock:
 * whoever needs a space of somebody else's must be ready to wait for that guest, and /proc reads the tree by a copy.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <bsd/sys/tree.h>
#include <executive/io/io.h>
#include <nt/ntmm.h>
#include <pico/pico.h>

struct mm_section;

/* Linux' view of a mapping, kept beside NT's protection in each VAD. */
#define MM_PROT_READ 1u
#define MM_PROT_WRITE 2u
#define MM_PROT_EXEC 4u
#define MM_SHARED 0x01u     /* MAP_SHARED */
#define MM_GROWSDOWN 0x02u
#define MM_NORESERVE 0x04u
#define MM_LOCKED 0x08u
#define MM_DONTFORK 0x10u
#define MM_WIPEONFORK 0x20u
#define MM_STACK 0x40u      /* the initial stack: shown as [stack] */
#define MM_HEAP 0x80u       /* brk area: [heap] */
#define MM_SPECIAL 0x100u   /* vdso, vvar: name says which */
#define MM_POPULATE 0x200u
#define MM_DROPPABLE 0x400u
#define MM_LOCKONFAULT 0x800u
#define MM_NO_HUGE 0x2000u  /* MAP_STACK: of a request alone */
#define MM_ACCOUNTED 0x2000u /* private view that is or was writable: to the host another kind of memory than one that never was */
#define MM_RESERVED 0x1000u /* NT: address space without memory behind it (MEM_RESERVE) */

struct mm_vad {
	uint64_t start, end; /* bytes, page aligned, end exclusive */
	uint32_t protection; /* MM_PROT_* */
	uint32_t maximum_protection;
	uint32_t flags;      /* MM_* */
	struct mm_section *section; /* NULL: anonymous private */
	uint64_t offset;     /* of start in the section, bytes */
	char *name;          /* special areas; PR_SET_VMA_ANON_NAME */
	/* kept by the tree: what the subtree below this node spans, and its largest hole */
	RB_ENTRY(mm_vad) tree;
	uint64_t subtree_start, subtree_end, subtree_hole;
};

struct mm_map_request {
	uint64_t address;  /* wanted, 0: anywhere (top down below mmap_base) */
	uint64_t size;     /* bytes */
	uint32_t protection, flags;
	bool fixed;        /* exactly there, replacing what is there */
	bool no_replace;   /* exactly there, or STATUS_CONFLICTING_ADDRESSES */
	bool low_2g;       /* MAP_32BIT: bottom up between 1 and 2 GiB */
	struct mm_section *section;
	uint64_t offset;
	const char *name;
};

struct mm_space_limits {
	uint64_t address_space; /* RLIMIT_AS in bytes, UINT64_MAX: none */
	uint64_t data, locked, stack;
	uint64_t data_most; /* RLIMIT_DATA's hard limit, which stands for a soft one of 0 */
};

/* A new space around a pico process, with vdso and vvar entered. On success the caller's reference to `process` becomes the space's. */
NTSTATUS mm_create_space(const struct pico_platform *platform, struct pico_process *process, struct mm_address_space **space);
/* The copy of `parent` that fork made in `process`; MADV_DONTFORK areas are left out, WIPEONFORK ones emptied (by `first`'s half at its start if the host does not do it). */
NTSTATUS mm_clone_space(struct mm_address_space *parent, struct pico_process *process, struct mm_address_space **space);
/*
 * fork: hold the parent's lock over platform->process_fork and mm_clone_space, so that no other thread changes the
 * mappings in between. The lock is recursive.
 */
void mm_lock_space(struct mm_address_space *space);
void mm_unlock_space(struct mm_address_space *space);
void mm_reference_space(struct mm_address_space *space);
void mm_dereference_space(struct mm_address_space *space);

/*
 * Changes to a space by one of its own threads. While exec builds a fresh
 * space, mm_space_set_target() names the parked thread that runs the batches.
 */
NTSTATUS mm_map(struct mm_address_space *space, const struct mm_map_request *request, uint64_t *address);
/* Several at once, in as few batches as they fit in: exec. After a failure the space is of no use. `addresses` may be NULL. */
NTSTATUS mm_map_many(struct mm_address_space *space, const struct mm_map_request *requests, size_t count, uint64_t *addresses);
/* The initial stack grows to hold an address, if that is below it and within its limit. */
bool mm_grow_stack(struct mm_address_space *space, uint64_t address);
/* A lower limit holds: what lies beyond it and has not been used, which is below the stack pointer `used`, goes. */
void mm_trim_stack(struct mm_address_space *space, uint64_t used);
NTSTATUS mm_unmap(struct mm_address_space *space, uint64_t address, uint64_t size);
NTSTATUS mm_protect(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t protection);
/* mremap(2): flags are LX_MREMAP_*. */
NTSTATUS mm_remap(struct mm_address_space *space, uint64_t old, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t wanted, uint64_t *address);
/* PROT_GROWSDOWN of mprotect(2): from the start of the area that grows. */
#define MM_PROT_GROWSDOWN 0x01000000u
#define MM_PROT_GROWSUP 0x02000000u
NTSTATUS mm_advise(struct mm_address_space *space, uint64_t address, uint64_t size, int32_t advice);
/* remap_file_pages(2) of whole pages of a shared view: they show the section from page `page` on. */
NTSTATUS mm_remap_file_pages(struct mm_address_space *space, uint64_t address, uint64_t size, uint64_t page, uint32_t flags);
/* msync(2) of a mapped range; flags are LX_MS_*. STATUS_NOT_MAPPED_VIEW: a hole in it. */
NTSTATUS mm_flush(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t flags);
/* mlock2(2), munlock(2): flags are MM_LOCKED, with MM_LOCKONFAULT; 0 unlocks. SeLockMemoryPrivilege: no limit. */
NTSTATUS mm_lock(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t flags);
/* mlockall(2), munlockall(2): what is mapped now, and what will be. */
NTSTATUS mm_lock_all(struct mm_address_space *space, uint32_t current, bool change_current, uint32_t future);
/* PR_SET_VMA_ANON_NAME; NULL takes the name away. */
NTSTATUS mm_set_name(struct mm_address_space *space, uint64_t address, uint64_t size, const char *name);
/* Is every byte of the range in some VAD? */
bool mm_is_mapped(struct mm_address_space *space, uint64_t address, uint64_t size);
/* May a guest mapping lie in the range at all (not the platform's stub, not the host kernel's half)? */
bool mm_is_guest_range(struct mm_address_space *space, uint64_t address, uint64_t size);
/* brk(2): returns the break in force afterwards. */
uint64_t mm_set_break(struct mm_address_space *space, uint64_t wanted);
void mm_set_break_area(struct mm_address_space *space, uint64_t start, uint64_t end);
void mm_set_limits(struct mm_address_space *space, const struct mm_space_limits *limits);
void mm_set_mmap_base(struct mm_address_space *space, uint64_t base);
void mm_space_set_target(struct mm_address_space *space, struct pico_thread *target);

/* The VAD that holds an address: copied out (name not owned, section not referenced); false: none. */
bool mm_query(struct mm_address_space *space, uint64_t address, struct mm_vad *vad);
/* The allocation or view that holds an address: neighbouring VADs that were made as one. False: none. */
bool mm_query_view(struct mm_address_space *space, uint64_t address, uint64_t *start, uint64_t *end);
/* Each VAD in order, under a lock that is a leaf and that no batch is made under: /proc/<pid>/maps. */
void mm_walk(struct mm_address_space *space, void (*visit)(const struct mm_vad *vad, void *context), void *context);
struct mm_statistics { uint64_t virtual_size, peak_virtual_size, data, stack, text, locked; };
void mm_statistics(struct mm_address_space *space, struct mm_statistics *statistics);
/* What of it is in RAM, by the platform's count; all 0 for a space that no task is in any more. */
struct pico_resident mm_resident(struct mm_address_space *space);

/* Where the initial stack in [start, end) begins to be in use: what is below was only set aside for it to grow into. */
uint64_t mm_stack_start(struct mm_address_space *space, uint64_t start, uint64_t end);
/* What its tasks have used so far. */
struct pico_usage mm_usage(struct mm_address_space *space);
/* The platform's process, with a reference for the caller: who wants to hear of its usage after the space has gone. */
struct pico_process *mm_reference_process(struct mm_address_space *space);

/* What only the host knows of it (report.c). The text is the caller's to free; 0: no task is in the space any more. */
size_t mm_host_text(struct mm_address_space *space, enum pico_text which, char **text);
/* Entries of the host's pagemap; pages outside of the guest's own areas count as not there. ESRCH's status: nobody is in the space any more. */
NTSTATUS mm_page_map(struct mm_address_space *space, uint64_t address, uint64_t *entries, size_t count);
NTSTATUS mm_clear_references(struct mm_address_space *space, int which);
/* A debugger's copy, past page protection, within one area; *done is short at the area's end. An errno's status if nothing could be copied. */
NTSTATUS mm_force_copy(struct mm_address_space *space, uint64_t address, void *data, size_t size, bool writing, size_t *done);

/* Sections. Over a file object, or backed by memory (file NULL: size bytes of a memfd). */
/* `protection` is NT's PAGE_*: the most that views may have; PAGE_WRITECOPY and PAGE_EXECUTE_WRITECOPY allow private views alone. One reference to the caller. */
NTSTATUS mm_create_section(struct io_file *file, uint64_t size, uint32_t protection, struct mm_section **section);
/* ... and with NtCreateSection's SEC_* attributes. mm_create_section() itself lets views reach beyond the file's end. */
NTSTATUS mm_create_section_ex(struct io_file *file, uint64_t size, uint32_t protection, uint32_t attributes, struct mm_section **section);
/* The file that it shows, referenced; NULL: memory. */
struct io_file *mm_section_file(struct mm_section *section);
struct io_control_area *mm_section_area(struct mm_section *section);
extern struct ob_type mm_section_type;

/* Guest memory. Bytes copied: short at a fault. */
size_t mm_copy_from(struct mm_address_space *space, void *data, uint64_t address, size_t size);
size_t mm_copy_to(struct mm_address_space *space, uint64_t address, const void *data, size_t size);

void mm_initialize(void);

#endif
