/*
 * Descriptor tables: what CLONE_FILES shares.
 *
 * An entry is the NT handle of an open file description in the table's own
 * handle table; three bitmaps beside say which descriptors are taken (a taken one
 * without a handle is reserved: its open is under way), which close on exec, and
 * which are O_PATH. The lowest free descriptor is found from a word below which
 * every bit is known to be set.
 *
 * Invariant: a handle in an entry belongs to that entry alone. Other handles of
 * the handle table belong to calls under way, so a copy (fork) drops them.
 *
 * Lock: lx_files.lock guards entries and bitmaps; no service is called under it,
 * but that cloning copies the handle table under it.
 */
#include <core/thread.h>
#include <descriptor/fd.h>
#include <process/process.h>
#include <resources/resources.h>

enum { INITIAL_CAPACITY = 64 };

struct lx_files {
	_Atomic uint32_t references;
	/* Set once a POSIX record lock was asked for: closing drops the owner's locks. */
	_Atomic bool has_record_locks;
	struct rtl_lock lock;
	struct ob_handle_table *handles;
	uint32_t capacity;  /* descriptors, a multiple of 64 */
	uint32_t full_words; /* words of `taken` before it are all ones */
	HANDLE *entries;    /* with the three bitmaps behind in one block */
	uint64_t *taken, *close_on_exec, *path;
};

static bool test_bit(const uint64_t *map, uint32_t bit)
{
	return map[bit / 64] >> bit % 64 & 1;
}

static void assign_bit(uint64_t *map, uint32_t bit, bool value)
{
	uint64_t mask = UINT64_C(1) << bit % 64;

	map[bit / 64] = value ? map[bit / 64] | mask : map[bit / 64] & ~mask;
}

/* Point the arrays of `files` into a fresh block for `capacity` descriptors, all free. */
static bool allocate_entries(struct lx_files *files, uint32_t capacity)
{
	size_t words = capacity / 64;
	void *block = calloc(1, capacity * sizeof(HANDLE) + 3 * words * sizeof(uint64_t));

	if (!block)
		return false;
	files->capacity = capacity;
	files->entries = block;
	files->taken = (uint64_t *)(files->entries + capacity);
	files->close_on_exec = files->taken + words;
	files->path = files->close_on_exec + words;
	return true;
}

static void copy_entries(struct lx_files *to, const struct lx_files *from)
{
	size_t words = from->capacity / 64;

	memcpy(to->entries, from->entries, from->capacity * sizeof(HANDLE));
	memcpy(to->taken, from->taken, words * sizeof(uint64_t));
	memcpy(to->close_on_exec, from->close_on_exec, words * sizeof(uint64_t));
	memcpy(to->path, from->path, words * sizeof(uint64_t));
	to->full_words = from->full_words;
}

/* Room for descriptor `fd`; under the lock. */
static bool grow(struct lx_files *files, uint32_t fd)
{
	struct lx_files larger = {.capacity = 0};
	uint32_t capacity = files->capacity;

	while (capacity <= fd)
		capacity *= 2;
	if (!allocate_entries(&larger, capacity))
		return false;
	copy_entries(&larger, files);
	free(files->entries);
	files->capacity = larger.capacity;
	files->entries = larger.entries;
	files->taken = larger.taken;
	files->close_on_exec = larger.close_on_exec;
	files->path = larger.path;
	return true;
}

static struct lx_files *allocate_files(uint32_t capacity)
{
	struct lx_files *files = calloc(1, sizeof(*files));

	if (!files || !allocate_entries(files, capacity)) {
		free(files);
		return NULL;
	}
	files->references = 1;
	rtl_lock_initialize(&files->lock);
	return files;
}

static void free_files(struct lx_files *files)
{
	if (files->handles)
		ob_handle_table_dereference(files->handles);
	rtl_lock_destroy(&files->lock);
	free(files->entries);
	free(files);
}

struct lx_files *lx_files_create(void)
{
	struct lx_files *files = allocate_files(INITIAL_CAPACITY);

	if (!files)
		return NULL;
	files->handles = ob_handle_table_create();
	if (!files->handles) {
		free_files(files);
		return NULL;
	}
	return files;
}

struct lx_files *lx_files_reference(struct lx_files *files)
{
	files->references++;
	return files;
}

struct ob_handle_table *lx_files_handles(struct lx_files *files)
{
	return files->handles;
}

bool lx_files_are_shared(struct lx_files *files)
{
	return files->references > 1;
}

/* Drop the POSIX record locks that this table owns on the file behind `handle`; the handle table must be the current one. */
static void drop_record_locks(struct lx_files *files, HANDLE handle)
{
	FSCTL_LX_RECORD_LOCK_BUFFER whole = {.Command = LX_F_SETLK, .Owner = files, .Type = LX_F_UNLCK};
	IO_STATUS_BLOCK io;

	ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_LX_RECORD_LOCK, &whole, sizeof(whole), &whole,
			sizeof(whole));
}

static void drop_all_record_locks(struct lx_files *files)
{
	struct ob_handle_table *current = ob_current_table();

	ob_set_current_table(files->handles);
	for (uint32_t fd = 0; fd < files->capacity; fd++)
		if (files->entries[fd])
			drop_record_locks(files, files->entries[fd]);
	ob_set_current_table(current);
}

void lx_files_dereference(struct lx_files *files)
{
	if (--files->references)
		return;
	if (files->has_record_locks)
		drop_all_record_locks(files);
	free_files(files);
}

/* The handles of a copied table that no descriptor holds: those of calls that other threads were in. */
struct stray_handles {
	HANDLE *known; /* sorted */
	size_t known_count;
	HANDLE *stray;
	size_t stray_count, stray_capacity;
};

static int compare_handles(const void *a, const void *b)
{
	uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;

	return (left > right) - (left < right);
}

static void note_stray(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes, void *context)
{
	struct stray_handles *strays = context;

	if (strays->known_count &&
	    bsearch(&handle, strays->known, strays->known_count, sizeof(handle), compare_handles))
		return;
	if (strays->stray_count < strays->stray_capacity)
		strays->stray[strays->stray_count] = handle;
	strays->stray_count++;
}

static void count_handle(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes, void *context)
{
	++*(size_t *)context;
}

/*
 * A pipe's writer that a call of another thread held must not live on in the copy: its reader would never see the end.
 * False: out of memory.
 */
static bool drop_stray_handles(struct lx_files *files)
{
	struct stray_handles strays = {.known_count = 0};
	size_t total = 0, used = 0;

	for (uint32_t fd = 0; fd < files->capacity; fd++)
		used += files->entries[fd] != NULL;
	ob_handle_table_walk(files->handles, count_handle, &total);
	if (total <= used)
		return true;
	strays.stray_capacity = total - used;
	strays.known = calloc(used + strays.stray_capacity, sizeof(HANDLE));
	if (!strays.known)
		return false;
	strays.stray = strays.known + used;
	for (uint32_t fd = 0; fd < files->capacity; fd++)
		if (files->entries[fd])
			strays.known[strays.known_count++] = files->entries[fd];
	qsort(strays.known, strays.known_count, sizeof(HANDLE), compare_handles);
	ob_handle_table_walk(files->handles, note_stray, &strays);
	for (size_t i = 0; i < MIN_OF(strays.stray_count, strays.stray_capacity); i++)
		ob_handle_table_close(files->handles, strays.stray[i]);
	free(strays.known);
	return true;
}

/* A descriptor whose open is under way elsewhere is free in the copy. */
static void drop_reservations(struct lx_files *files)
{
	for (uint32_t word = 0; word < files->capacity / 64; word++) {
		uint64_t taken = files->taken[word];

		while (taken) {
			uint32_t fd = word * 64 + (uint32_t)__builtin_ctzll(taken);

			taken &= taken - 1;
			if (files->entries[fd])
				continue;
			assign_bit(files->taken, fd, false);
			files->full_words = MIN_OF(files->full_words, word);
		}
	}
}

struct lx_files *lx_files_clone(struct lx_files *files)
{
	struct lx_files *copy;

	rtl_lock(&files->lock);
	copy = allocate_files(files->capacity);
	if (copy) {
		copy_entries(copy, files);
		copy->handles = ob_handle_table_clone(files->handles);
	}
	rtl_unlock(&files->lock);
	if (!copy)
		return NULL;
	drop_reservations(copy);
	if (!copy->handles || !drop_stray_handles(copy)) {
		free_files(copy);
		return NULL;
	}
	return copy;
}

int64_t lx_files_unshare(struct lx_call *call)
{
	struct lx_thread *thread = call->thread;
	struct ps_process *process = thread->ps->process;
	struct lx_files *old = thread->files, *own;
	struct ob_handle_table *replaced = NULL;

	if (!lx_files_are_shared(old))
		return 0;
	own = lx_files_clone(old);
	if (!own)
		return -LX_ENOMEM;
	lx_lock_tree();
	thread->files = own;
	lx_unlock_tree();
	ob_set_current_table(own->handles);
	rtl_lock(&process->lock);
	if (process->thread_count <= 1 && process->handles) {
		replaced = process->handles;
		process->handles = ob_handle_table_reference(own->handles);
	}
	rtl_unlock(&process->lock);
	if (replaced)
		ob_handle_table_dereference(replaced);
	lx_files_dereference(old);
	return 0;
}

PVOID lx_files_lock_owner(struct lx_call *call)
{
	call->thread->files->has_record_locks = true;
	return call->thread->files;
}

/* The caller's limit as a count of descriptors. */
static uint32_t descriptor_limit(struct lx_call *call)
{
	uint64_t limit = lx_limit(call->thread->process, LX_RLIMIT_NOFILE);

	return (uint32_t)MIN_OF(limit, (uint64_t)LX_FD_MAXIMUM);
}

bool lx_fd_is_in_limit(struct lx_call *call, int32_t fd)
{
	return fd >= 0 && (uint32_t)fd < descriptor_limit(call);
}

/* The lowest free descriptor >= minimum, or `capacity` if all are taken; under the lock. */
static uint32_t find_free(struct lx_files *files, uint32_t minimum)
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

int64_t lx_fd_reserve(struct lx_call *call, int32_t minimum, bool close_on_exec)
{
	struct lx_files *files = call->thread->files;
	uint32_t limit = descriptor_limit(call), fd;
	int64_t result;

	rtl_lock(&files->lock);
	fd = find_free(files, (uint32_t)minimum);
	if (fd >= limit) {
		result = -LX_EMFILE;
	} else if (fd >= files->capacity && !grow(files, fd)) {
		result = -LX_ENOMEM;
	} else {
		assign_bit(files->taken, fd, true);
		assign_bit(files->close_on_exec, fd, close_on_exec);
		assign_bit(files->path, fd, false);
		files->entries[fd] = NULL;
		result = fd;
	}
	rtl_unlock(&files->lock);
	return result;
}

void lx_fd_fill(struct lx_call *call, int32_t fd, HANDLE handle, bool is_path)
{
	struct lx_files *files = call->thread->files;

	rtl_lock(&files->lock);
	files->entries[fd] = handle;
	assign_bit(files->path, (uint32_t)fd, is_path);
	rtl_unlock(&files->lock);
}

/* Empty an entry; under the lock. The handle that was there. */
static HANDLE take_entry(struct lx_files *files, uint32_t fd)
{
	HANDLE handle = files->entries[fd];

	files->entries[fd] = NULL;
	assign_bit(files->taken, fd, false);
	assign_bit(files->close_on_exec, fd, false);
	assign_bit(files->path, fd, false);
	files->full_words = MIN_OF(files->full_words, fd / 64);
	return handle;
}

void lx_fd_release(struct lx_call *call, int32_t fd)
{
	struct lx_files *files = call->thread->files;

	rtl_lock(&files->lock);
	take_entry(files, (uint32_t)fd);
	rtl_unlock(&files->lock);
}

static int64_t install(struct lx_call *call, HANDLE handle, bool is_path, bool close_on_exec, int32_t minimum)
{
	int64_t fd = lx_fd_reserve(call, minimum, close_on_exec);

	if (fd < 0)
		ZwClose(handle);
	else
		lx_fd_fill(call, (int32_t)fd, handle, is_path);
	return fd;
}

int64_t lx_fd_install(struct lx_call *call, HANDLE handle, bool close_on_exec, int32_t minimum)
{
	return install(call, handle, false, close_on_exec, minimum);
}

/* The entry of an open descriptor, or NULL; under the lock. */
static HANDLE entry_of(const struct lx_files *files, int32_t fd)
{
	return fd >= 0 && (uint32_t)fd < files->capacity ? files->entries[fd] : NULL;
}

int64_t lx_fd_handle(struct lx_call *call, int32_t fd, bool allow_path, HANDLE *handle)
{
	struct lx_files *files = call->thread->files;
	HANDLE found;

	rtl_lock(&files->lock);
	found = entry_of(files, fd);
	if (found && !allow_path && test_bit(files->path, (uint32_t)fd))
		found = NULL;
	rtl_unlock(&files->lock);
	*handle = found;
	return found ? 0 : -LX_EBADF;
}

bool lx_fd_is_path(struct lx_call *call, int32_t fd)
{
	struct lx_files *files = call->thread->files;
	bool is_path;

	rtl_lock(&files->lock);
	is_path = entry_of(files, fd) && test_bit(files->path, (uint32_t)fd);
	rtl_unlock(&files->lock);
	return is_path;
}

/* Close a handle that has left its entry. */
static void close_taken(struct lx_files *files, HANDLE handle)
{
	if (files->has_record_locks)
		drop_record_locks(files, handle);
	ZwClose(handle);
}

int64_t lx_fd_close(struct lx_call *call, int32_t fd)
{
	struct lx_files *files = call->thread->files;
	HANDLE handle;

	rtl_lock(&files->lock);
	handle = entry_of(files, fd);
	if (handle)
		take_entry(files, (uint32_t)fd);
	rtl_unlock(&files->lock);
	if (!handle)
		return -LX_EBADF;
	close_taken(files, handle);
	return 0;
}

int64_t lx_fd_duplicate(struct lx_call *call, int32_t fd, int32_t minimum, bool close_on_exec)
{
	HANDLE handle, copy = NULL;
	int64_t result = lx_fd_handle(call, fd, true, &handle);
	NTSTATUS status;

	if (result < 0)
		return result;
	status = ZwDuplicateObject(NtCurrentProcess(), handle, NtCurrentProcess(), &copy, 0, 0, DUPLICATE_SAME_ACCESS);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return install(call, copy, lx_fd_is_path(call, fd), close_on_exec, minimum);
}

/* Put `handle` at descriptor `fd` itself; what was there comes back in *replaced. */
static int64_t place_at(struct lx_files *files, uint32_t fd, HANDLE handle, bool is_path, bool close_on_exec,
			HANDLE *replaced)
{
	int64_t result = fd;

	*replaced = NULL;
	rtl_lock(&files->lock);
	if (fd >= files->capacity && !grow(files, fd)) {
		result = -LX_ENOMEM;
	} else if (test_bit(files->taken, fd) && !files->entries[fd]) {
		result = -LX_EBUSY;
	} else {
		*replaced = files->entries[fd];
		files->entries[fd] = handle;
		assign_bit(files->taken, fd, true);
		assign_bit(files->close_on_exec, fd, close_on_exec);
		assign_bit(files->path, fd, is_path);
	}
	rtl_unlock(&files->lock);
	return result;
}

int64_t lx_fd_duplicate_to(struct lx_call *call, int32_t old, int32_t new, bool close_on_exec)
{
	struct lx_files *files = call->thread->files;
	HANDLE handle, copy = NULL, replaced;
	NTSTATUS status;
	int64_t result;

	if (!lx_fd_is_in_limit(call, new))
		return -LX_EBADF;
	result = lx_fd_handle(call, old, true, &handle);
	if (result < 0)
		return result;
	status = ZwDuplicateObject(NtCurrentProcess(), handle, NtCurrentProcess(), &copy, 0, 0, DUPLICATE_SAME_ACCESS);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	result = place_at(files, (uint32_t)new, copy, lx_fd_is_path(call, old), close_on_exec, &replaced);
	if (result < 0)
		ZwClose(copy);
	else if (replaced)
		close_taken(files, replaced);
	return result;
}

int64_t lx_fd_close_on_exec(struct lx_call *call, int32_t fd)
{
	struct lx_files *files = call->thread->files;
	int64_t result = -LX_EBADF;

	rtl_lock(&files->lock);
	if (entry_of(files, fd))
		result = test_bit(files->close_on_exec, (uint32_t)fd);
	rtl_unlock(&files->lock);
	return result;
}

int64_t lx_fd_set_close_on_exec(struct lx_call *call, int32_t fd, bool value)
{
	struct lx_files *files = call->thread->files;
	int64_t result = -LX_EBADF;

	rtl_lock(&files->lock);
	if (entry_of(files, fd)) {
		assign_bit(files->close_on_exec, (uint32_t)fd, value);
		result = 0;
	}
	rtl_unlock(&files->lock);
	return result;
}

/* The first open descriptor in [fd, last] that `only` marks (NULL: any) is taken out; false: none is left. */
static bool take_next(struct lx_files *files, uint32_t *fd, uint32_t last, bool close_on_exec_only, HANDLE *handle)
{
	bool found = false;

	rtl_lock(&files->lock);
	while (!found && *fd <= last && *fd < files->capacity) {
		found = files->entries[*fd] && (!close_on_exec_only || test_bit(files->close_on_exec, *fd));
		if (found)
			*handle = take_entry(files, *fd);
		++*fd;
	}
	rtl_unlock(&files->lock);
	return found;
}

void lx_fd_close_range(struct lx_call *call, uint32_t first, uint32_t last)
{
	struct lx_files *files = call->thread->files;
	HANDLE handle;

	while (take_next(files, &first, last, false, &handle))
		close_taken(files, handle);
}

void lx_files_close_all(struct lx_files *files)
{
	struct ob_handle_table *current = ob_current_table();
	uint32_t fd = 0;
	HANDLE handle;

	if (lx_files_are_shared(files))
		return;
	ob_set_current_table(files->handles);
	while (take_next(files, &fd, UINT32_MAX, false, &handle))
		close_taken(files, handle);
	ob_set_current_table(current);
}

void lx_fd_mark_range(struct lx_call *call, uint32_t first, uint32_t last)
{
	struct lx_files *files = call->thread->files;

	rtl_lock(&files->lock);
	for (uint32_t fd = first; fd <= last && fd < files->capacity; fd++)
		if (files->entries[fd])
			assign_bit(files->close_on_exec, fd, true);
	rtl_unlock(&files->lock);
}

bool lx_files_close_on_exec(struct lx_call *call)
{
	struct lx_files *files;
	uint32_t fd = 0;
	HANDLE handle;

	if (lx_files_unshare(call) < 0)
		return false;
	files = call->thread->files;
	while (take_next(files, &fd, UINT32_MAX, true, &handle))
		close_taken(files, handle);
	return true;
}

void lx_files_walk(struct lx_files *files,
		   void (*visit)(int32_t fd, HANDLE handle, bool close_on_exec, void *context), void *context)
{
	uint32_t fd = 0;

	for (;;) {
		HANDLE handle = NULL;
		bool close_on_exec = false;

		rtl_lock(&files->lock);
		while (fd < files->capacity && !files->entries[fd])
			fd++;
		if (fd < files->capacity) {
			handle = files->entries[fd];
			close_on_exec = test_bit(files->close_on_exec, fd);
		}
		rtl_unlock(&files->lock);
		if (!handle)
			return;
		visit((int32_t)fd++, handle, close_on_exec, context);
	}
}

bool lx_files_place(struct lx_files *files, int32_t fd, HANDLE handle, bool is_path)
{
	HANDLE replaced;

	return place_at(files, (uint32_t)fd, handle, is_path, false, &replaced) >= 0;
}
