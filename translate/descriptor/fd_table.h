/*
 * A descriptor table from inside: for the files of this room that take entries out and put them in.
 *
 * An entry is the file object, the access that the descriptor grants, and the NT
 * handle by which traces and services know it. Entries live in blocks that double
 * in size and never move, so that a lookup needs no lock of the table.
 */
#ifndef DESCRIPTOR_TABLE_H
#define DESCRIPTOR_TABLE_H

#include <descriptor/fd.h>

#define LX_FD_BLOCK 64u    /* descriptors in each of the first two blocks; a bitmap's word */
#define LX_FD_BLOCKS 15u   /* the last ends at LX_FD_MAXIMUM */
#define LX_FD_SECOND_SIZE 256u /* of a table that was too small for the first time */
#define LX_FD_LOCKED ((uintptr_t)1)

struct lx_fd_entry {
	_Atomic uintptr_t file; /* struct io_file * | LX_FD_LOCKED; 0: not open */
	HANDLE handle;
	ACCESS_MASK access;
	bool is_path;
};

struct lx_files {
	_Atomic uint32_t references;
	/* Set once a POSIX record lock was asked for: closing drops the owner's locks. */
	_Atomic bool has_record_locks;
	struct rtl_lock lock;
	struct ob_handle_table *handles;
	_Atomic uint32_t changes;  /* of what a number means */
	_Atomic uint32_t capacity; /* bits in the bitmaps: 64, or a power of two from 256, as the Linux kernel's tables */
	uint32_t full_words; /* words of `taken` before it are all ones */
	uint64_t *taken, *close_on_exec; /* in one block; `few` at first */
	uint64_t few[2];
	_Atomic(struct lx_fd_entry *) blocks[LX_FD_BLOCKS];
	struct lx_fd_entry first[LX_FD_BLOCK];
};

static inline bool lx_fd_test_bit(const uint64_t *map, uint32_t bit)
{
	return map[bit / 64] >> bit % 64 & 1;
}

static inline void lx_fd_assign_bit(uint64_t *map, uint32_t bit, bool value)
{
	uint64_t mask = UINT64_C(1) << bit % 64;

	map[bit / 64] = value ? map[bit / 64] | mask : map[bit / 64] & ~mask;
}

/* The place of a descriptor; NULL: its block was never needed. Any thread, no lock. */
static inline struct lx_fd_entry *lx_fd_entry_at(struct lx_files *files, uint32_t fd)
{
	unsigned block = fd < LX_FD_BLOCK ? 0 : 26u - (unsigned)__builtin_clz(fd);
	struct lx_fd_entry *entries;

	if (fd >= LX_FD_MAXIMUM)
		return NULL;
	entries = atomic_load_explicit(&files->blocks[block], memory_order_acquire);
	return entries ? entries + (block ? fd - (LX_FD_BLOCK << (block - 1)) : fd) : NULL;
}

/* What is open there, without a reference: for who holds the table's lock, or is alone with it. */
static inline struct io_file *lx_fd_file_of(const struct lx_fd_entry *entry)
{
	return entry ? (struct io_file *)(atomic_load_explicit(&entry->file, memory_order_relaxed) & ~LX_FD_LOCKED) : NULL;
}

/* An empty table without handles; NULL: out of memory. */
struct lx_files *lx_files_allocate(uint32_t capacity);
void lx_files_free(struct lx_files *files);
/* All that follows is done under the table's lock. Room for descriptor `fd`. */
bool lx_files_make_room(struct lx_files *files, uint32_t fd);
/* The lowest free descriptor >= minimum; it may lie beyond the capacity. */
uint32_t lx_files_find_free(struct lx_files *files, uint32_t minimum);
/* Exchange what is open at a number: whoever looks it up meanwhile gets the old or the new. Replaced is what was there. */
void lx_fd_exchange(struct lx_files *files, uint32_t fd, const struct lx_fd_entry *new, struct lx_fd_entry *replaced);
/* Empty a descriptor. The handle that was there, now the caller's to close; NULL: it was reserved. */
HANDLE lx_fd_take_entry(struct lx_files *files, uint32_t fd);
/* The lowest open descriptor >= fd, or UINT32_MAX. */
uint32_t lx_files_next_open(struct lx_files *files, uint32_t fd);
/* Without the lock: close a handle that has left its entry. */
void lx_fd_close_taken(struct lx_files *files, HANDLE handle);
/* POSIX record locks that this table owns on the file behind `handle`; the handle table must be the current one. */
void lx_fd_drop_record_locks(struct lx_files *files, HANDLE handle);

#endif
