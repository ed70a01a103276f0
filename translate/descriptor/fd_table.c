/* Descriptor tables from inside: see table.h. */
#include <descriptor/fd_table.h>

static bool allocate_maps(struct lx_files *files, uint32_t capacity)
{
	uint32_t words = capacity / 64;
	uint64_t *maps = words > 1 ? calloc(2 * words, sizeof(*maps)) : files->few;

	if (!maps)
		return false;
	files->taken = maps;
	files->close_on_exec = maps + words;
	files->capacity = capacity;
	return true;
}

static void free_maps(struct lx_files *files)
{
	if (files->taken != files->few)
		free(files->taken);
}

struct lx_files *lx_files_allocate(uint32_t capacity)
{
	struct lx_files *files = calloc(1, sizeof(*files));

	if (!files || !allocate_maps(files, capacity)) {
		free(files);
		return NULL;
	}
	files->references = 1;
	files->blocks[0] = files->first;
	rtl_lock_initialize(&files->lock);
	return files;
}

void lx_files_free(struct lx_files *files)
{
	if (files->handles)
		ob_handle_table_dereference(files->handles);
	rtl_lock_destroy(&files->lock);
	for (unsigned block = 1; block < LX_FD_BLOCKS; block++)
		free(atomic_load_explicit(&files->blocks[block], memory_order_relaxed));
	free_maps(files);
	free(files);
}

static bool grow_maps(struct lx_files *files, uint32_t fd)
{
	struct lx_files larger = {.capacity = 0};
	size_t size = files->capacity / 64 * sizeof(uint64_t);
	uint32_t capacity;

	if (fd < files->capacity)
		return true;
	for (capacity = LX_FD_SECOND_SIZE; capacity <= fd;)
		capacity *= 2;
	if (!allocate_maps(&larger, capacity))
		return false;
	memcpy(larger.taken, files->taken, size);
	memcpy(larger.close_on_exec, files->close_on_exec, size);
	free_maps(files);
	files->capacity = capacity;
	files->taken = larger.taken;
	files->close_on_exec = larger.close_on_exec;
	return true;
}

bool lx_files_make_room(struct lx_files *files, uint32_t fd)
{
	unsigned block = fd < LX_FD_BLOCK ? 0 : 26u - (unsigned)__builtin_clz(fd);
	struct lx_fd_entry *entries;

	if (!grow_maps(files, fd))
		return false;
	if (atomic_load_explicit(&files->blocks[block], memory_order_relaxed))
		return true;
	entries = calloc((size_t)LX_FD_BLOCK << (block - 1), sizeof(*entries));
	if (entries)
		atomic_store_explicit(&files->blocks[block], entries, memory_order_release);
	return entries != NULL;
}

uint32_t lx_files_find_free(struct lx_files *files, uint32_t minimum)
{
	uint32_t words = files->capacity / 64;
	uint32_t word = MAX_OF(files->full_words, minimum / 64);

	for (; word < words; word++) {
		uint64_t free_bits = ~files->taken[word];

		if (word == files->full_words && !free_bits)
			files->full_words++;
		if (word == minimum / 64)
			free_bits &= ~UINT64_C(0) << minimum % 64;
		if (free_bits)
			return word * 64 + (uint32_t)__builtin_ctzll(free_bits);
	}
	return MAX_OF(files->capacity, minimum);
}

/* Wait out the lookups that are at the entry; a reference each is all they take there. */
static void lock_entry(struct lx_fd_entry *entry)
{
	for (unsigned round = 0;; round++) {
		uintptr_t file = atomic_load_explicit(&entry->file, memory_order_relaxed);

		if (!(file & LX_FD_LOCKED) &&
		    atomic_compare_exchange_weak_explicit(&entry->file, &file, file | LX_FD_LOCKED, memory_order_acquire,
							  memory_order_relaxed))
			return;
		if (round < 64)
			__builtin_ia32_pause();
		else
			hal_yield();
	}
}

void lx_fd_exchange(struct lx_files *files, uint32_t fd, const struct lx_fd_entry *new, struct lx_fd_entry *replaced)
{
	struct lx_fd_entry *entry = lx_fd_entry_at(files, fd);

	lock_entry(entry);
	*replaced = (struct lx_fd_entry){(uintptr_t)lx_fd_file_of(entry), entry->handle, entry->access, entry->is_path};
	entry->handle = new->handle;
	entry->access = new->access;
	entry->is_path = new->is_path;
	atomic_store_explicit(&entry->file, new->file, memory_order_release);
	atomic_fetch_add_explicit(&files->changes, 1, memory_order_release);
}

HANDLE lx_fd_take_entry(struct lx_files *files, uint32_t fd)
{
	const struct lx_fd_entry nothing = {0};
	struct lx_fd_entry taken;

	lx_fd_exchange(files, fd, &nothing, &taken);
	lx_fd_assign_bit(files->taken, fd, false);
	lx_fd_assign_bit(files->close_on_exec, fd, false);
	files->full_words = MIN_OF(files->full_words, fd / 64);
	return taken.handle;
}

uint32_t lx_files_next_open(struct lx_files *files, uint32_t fd)
{
	for (uint32_t word = fd / 64; word < files->capacity / 64; word++) {
		uint64_t taken = files->taken[word];

		if (word == fd / 64)
			taken &= ~UINT64_C(0) << fd % 64;
		for (; taken; taken &= taken - 1) {
			uint32_t found = word * 64 + (uint32_t)__builtin_ctzll(taken);

			if (lx_fd_file_of(lx_fd_entry_at(files, found)))
				return found;
		}
	}
	return UINT32_MAX;
}

void lx_fd_drop_record_locks(struct lx_files *files, HANDLE handle)
{
	FSCTL_LX_RECORD_LOCK_BUFFER whole = {.Command = LX_F_SETLK, .Owner = files, .Type = LX_F_UNLCK};
	IO_STATUS_BLOCK io;

	ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_RECORD_LOCK, &whole, sizeof(whole), &whole,
			sizeof(whole));
}

void lx_fd_close_taken(struct lx_files *files, HANDLE handle)
{
	if (files->has_record_locks)
		lx_fd_drop_record_locks(files, handle);
	ZwClose(handle);
}
