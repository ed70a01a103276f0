/*
 * Handle tables.
 *
 * Entries live in blocks that double in size and never move, so that a lookup
 * needs no lock of the table: it takes the entry's own lock, the lowest bit of
 * its object pointer, for as long as it takes to add a reference. What makes or
 * frees entries holds the table's lock, too.
 *
 * Freed values wait in a queue until a good number of them is there, and are
 * reused in the order in which they were freed: a stale handle then is an
 * invalid one, not somebody else's object.
 *
 * Locks: table > entry; nothing is taken under an entry's lock. Objects are
 * closed and dereferenced without either.
 */
#include "ob_internal.h"

#define FIRST_BLOCK_SHIFT 6
#define FIRST_BLOCK (1u << FIRST_BLOCK_SHIFT)
#define BLOCK_COUNT 17
#define MAX_ENTRIES (FIRST_BLOCK * ((1u << BLOCK_COUNT) - 1))
#define NO_ENTRY UINT32_MAX
/* So many freed values are kept back before the oldest is used again. */
#define REUSE_DELAY 48
#define KERNEL_HANDLE_BIT ((uintptr_t)1 << 63)
#define LOCKED ((uintptr_t)1)

struct entry {
	_Atomic uintptr_t object; /* header | LOCKED; 0: free */
	ACCESS_MASK access;
	union {
		ULONG attributes;
		uint32_t next_free;
	};
};

struct ob_handle_table {
	_Atomic uint32_t references;
	bool is_kernel;
	struct rtl_lock lock; /* guards all below, and which entries are free */
	_Atomic(struct entry *) blocks[BLOCK_COUNT];
	uint32_t used; /* entries that were ever in use */
	uint32_t count;
	uint32_t free_head, free_tail, free_count;
};

static __thread struct ob_handle_table *current_table;
static struct ob_handle_table kernel_table = {
    .references = 1,
    .is_kernel = true,
    .lock = RTL_LOCK_INITIALIZER,
    .free_head = NO_ENTRY,
    .free_tail = NO_ENTRY,
};

struct ob_handle_table *ob_kernel_table(void)
{
	return &kernel_table;
}

/* A thread without a table is the system's own. */
struct ob_handle_table *ob_current_table(void)
{
	return current_table ? current_table : &kernel_table;
}

void ob_set_current_table(struct ob_handle_table *table)
{
	current_table = table;
}

/* Which block an entry is in, and where. */
static unsigned block_of(uint32_t index, uint32_t *offset)
{
	uint32_t position = index + FIRST_BLOCK;
	unsigned block = 31u - (unsigned)__builtin_clz(position) - FIRST_BLOCK_SHIFT;

	*offset = position - (FIRST_BLOCK << block);
	return block;
}

static struct entry *entry_at(struct ob_handle_table *table, uint32_t index)
{
	uint32_t offset;
	struct entry *block = atomic_load_explicit(&table->blocks[block_of(index, &offset)], memory_order_acquire);

	return block ? block + offset : NULL;
}

static HANDLE handle_of(struct ob_handle_table *table, uint32_t index)
{
	uintptr_t value = ((uintptr_t)index + 1) * 4;

	return (HANDLE)(table->is_kernel ? value | KERNEL_HANDLE_BIT : value);
}

static struct entry *entry_of_handle(struct ob_handle_table *table, HANDLE handle, uint32_t *index)
{
	uintptr_t value = (uintptr_t)handle;

	if (table->is_kernel)
		value &= ~KERNEL_HANDLE_BIT;
	if (value % 4 || value < 4 || value / 4 > MAX_ENTRIES)
		return NULL;
	*index = (uint32_t)(value / 4 - 1);
	return entry_at(table, *index);
}

static void relax(unsigned round)
{
	if (round < 64)
		__builtin_ia32_pause();
	else
		hal_yield();
}

/* NULL: the entry is free. */
static struct ob_header *lock_entry(struct entry *entry)
{
	for (unsigned round = 0;; round++) {
		uintptr_t object = atomic_load_explicit(&entry->object, memory_order_relaxed);

		if (!object)
			return NULL;
		if (!(object & LOCKED) &&
		    atomic_compare_exchange_weak_explicit(&entry->object, &object, object | LOCKED,
							  memory_order_acquire, memory_order_relaxed))
			return (struct ob_header *)object;
		relax(round);
	}
}

static void unlock_entry(struct entry *entry, struct ob_header *header)
{
	atomic_store_explicit(&entry->object, (uintptr_t)header, memory_order_release);
}

static void initialize_table(struct ob_handle_table *table)
{
	atomic_store_explicit(&table->references, 1, memory_order_relaxed);
	rtl_lock_initialize(&table->lock);
	table->free_head = table->free_tail = NO_ENTRY;
}

struct ob_handle_table *ob_handle_table_create(void)
{
	struct ob_handle_table *table = calloc(1, sizeof(*table));

	if (table)
		initialize_table(table);
	return table;
}

struct ob_handle_table *ob_handle_table_reference(struct ob_handle_table *table)
{
	atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
	return table;
}

/* With the table's lock held: an entry to fill, or NULL. */
static struct entry *allocate_entry(struct ob_handle_table *table, uint32_t *index)
{
	struct entry *entry;
	uint32_t offset;

	if (table->free_count > REUSE_DELAY || (table->used == MAX_ENTRIES && table->free_count)) {
		*index = table->free_head;
		entry = entry_at(table, *index);
		table->free_head = entry->next_free;
		if (table->free_head == NO_ENTRY)
			table->free_tail = NO_ENTRY;
		table->free_count--;
		return entry;
	}
	if (table->used == MAX_ENTRIES)
		return NULL;

	unsigned block = block_of(table->used, &offset);
	struct entry *entries = atomic_load_explicit(&table->blocks[block], memory_order_relaxed);

	if (!entries) {
		entries = calloc(FIRST_BLOCK << block, sizeof(*entries));
		if (!entries)
			return NULL;
		atomic_store_explicit(&table->blocks[block], entries, memory_order_release);
	}
	*index = table->used++;
	return entries + offset;
}

static void free_entry(struct ob_handle_table *table, struct entry *entry, uint32_t index)
{
	entry->next_free = NO_ENTRY;
	if (table->free_tail == NO_ENTRY)
		table->free_head = index;
	else
		entry_at(table, table->free_tail)->next_free = index;
	table->free_tail = index;
	table->free_count++;
}

/* The same, but no value that the calling thread has pinned to what it meant before: that one waits for its turn again. */
static struct entry *allocate_unpinned(struct ob_handle_table *table, uint32_t *index)
{
	struct entry *entry = allocate_entry(table, index);

	for (uint32_t tries = table->free_count; entry && ob_is_pinned(table, handle_of(table, *index)); tries--) {
		free_entry(table, entry, *index);
		if (!tries)
			return NULL;
		entry = allocate_entry(table, index);
	}
	return entry;
}

NTSTATUS ob_handle_table_insert(struct ob_handle_table *table, struct ob_header *header, ACCESS_MASK access,
				ULONG attributes, PHANDLE handle)
{
	uint32_t index;

	rtl_lock(&table->lock);
	struct entry *entry = allocate_unpinned(table, &index);

	if (!entry) {
		rtl_unlock(&table->lock);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	ob_reference(ob_body_of(header));
	ob_count_handle(header);
	entry->access = access;
	entry->attributes = attributes;
	table->count++;
	unlock_entry(entry, header);
	rtl_unlock(&table->lock);
	*handle = handle_of(table, index);
	return STATUS_SUCCESS;
}

NTSTATUS ob_handle_table_lookup(struct ob_handle_table *table, HANDLE handle, struct ob_header **header,
				struct ob_handle_information *information)
{
	uint32_t index;
	struct entry *entry = entry_of_handle(table, handle, &index);
	struct ob_header *found = entry ? lock_entry(entry) : NULL;

	if (!found)
		return STATUS_INVALID_HANDLE;
	ob_reference(ob_body_of(found));
	*information = (struct ob_handle_information){entry->access, entry->attributes};
	unlock_entry(entry, found);
	*header = found;
	return STATUS_SUCCESS;
}

NTSTATUS ob_handle_table_set_attributes(struct ob_handle_table *table, HANDLE handle, ULONG mask, ULONG attributes)
{
	uint32_t index;
	struct entry *entry = entry_of_handle(table, handle, &index);
	NTSTATUS status = STATUS_INVALID_HANDLE;

	rtl_lock(&table->lock);
	struct ob_header *header = entry ? lock_entry(entry) : NULL;

	if (header) {
		entry->attributes = (entry->attributes & ~mask) | (attributes & mask);
		unlock_entry(entry, header);
		status = STATUS_SUCCESS;
	}
	rtl_unlock(&table->lock);
	return status;
}

NTSTATUS ob_handle_table_close(struct ob_handle_table *table, HANDLE handle)
{
	uint32_t index;
	struct entry *entry = entry_of_handle(table, handle, &index);

	if (!entry)
		return STATUS_INVALID_HANDLE;
	rtl_lock(&table->lock);
	struct ob_header *header = lock_entry(entry);
	bool is_protected = header && entry->attributes & OB_PROTECT_FROM_CLOSE;

	if (!header || is_protected) {
		if (header)
			unlock_entry(entry, header);
		rtl_unlock(&table->lock);
		return is_protected ? STATUS_HANDLE_NOT_CLOSABLE : STATUS_INVALID_HANDLE;
	}
	free_entry(table, entry, index);
	table->count--;
	unlock_entry(entry, NULL);
	rtl_unlock(&table->lock);
	ob_uncount_handle(header);
	return STATUS_SUCCESS;
}

static void free_table(struct ob_handle_table *table)
{
	for (unsigned block = 0; block < BLOCK_COUNT; block++)
		free(atomic_load_explicit(&table->blocks[block], memory_order_relaxed));
	rtl_lock_destroy(&table->lock);
	free(table);
}

void ob_handle_table_dereference(struct ob_handle_table *table)
{
	if (atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t index = 0; index < table->used; index++) {
		uintptr_t object = atomic_load_explicit(&entry_at(table, index)->object, memory_order_relaxed);

		if (object)
			ob_uncount_handle((struct ob_header *)object);
	}
	free_table(table);
}

/* All blocks that the original has in use, still empty. */
static struct ob_handle_table *create_like(struct ob_handle_table *table)
{
	struct ob_handle_table *copy = ob_handle_table_create();
	uint32_t offset;
	unsigned blocks = table->used ? block_of(table->used - 1, &offset) + 1 : 0;

	for (unsigned block = 0; copy && block < blocks; block++) {
		struct entry *entries = calloc(FIRST_BLOCK << block, sizeof(*entries));

		if (!entries) {
			free_table(copy);
			return NULL;
		}
		atomic_store_explicit(&copy->blocks[block], entries, memory_order_relaxed);
	}
	return copy;
}

static void copy_entry(struct entry *to, struct entry *from)
{
	/* What is in the entry stays while the table is locked: a lookup's lock need not be waited for. */
	struct ob_header *header =
	    (struct ob_header *)(atomic_load_explicit(&from->object, memory_order_relaxed) & ~LOCKED);

	if (!header) {
		to->next_free = from->next_free;
		return;
	}
	to->access = from->access;
	to->attributes = from->attributes;
	ob_reference(ob_body_of(header));
	ob_count_handle(header);
	atomic_store_explicit(&to->object, (uintptr_t)header, memory_order_relaxed);
}

struct ob_handle_table *ob_handle_table_clone(struct ob_handle_table *table)
{
	rtl_lock(&table->lock);
	struct ob_handle_table *copy = create_like(table);

	if (copy) {
		copy->used = table->used;
		copy->count = table->count;
		copy->free_head = table->free_head;
		copy->free_tail = table->free_tail;
		copy->free_count = table->free_count;
		for (uint32_t index = 0; index < table->used; index++)
			copy_entry(entry_at(copy, index), entry_at(table, index));
	}
	rtl_unlock(&table->lock);
	return copy;
}

uint32_t ob_handle_table_count(struct ob_handle_table *table)
{
	uint32_t count;

	rtl_lock(&table->lock);
	count = table->count;
	rtl_unlock(&table->lock);
	return count;
}

void ob_handle_table_walk(struct ob_handle_table *table,
			  void (*visit)(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes,
					void *context),
			  void *context)
{
	rtl_lock(&table->lock);
	for (uint32_t index = 0; index < table->used; index++) {
		struct entry *entry = entry_at(table, index);
		struct ob_header *header = lock_entry(entry);

		if (!header)
			continue;
		unlock_entry(entry, header);
		visit(handle_of(table, index), ob_body_of(header), entry->access, entry->attributes, context);
	}
	rtl_unlock(&table->lock);
}
