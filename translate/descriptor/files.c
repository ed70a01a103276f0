/*
 * Descriptor tables as a whole: made, shared, copied, left.
 *
 * Invariant: a handle in an entry belongs to that entry alone. Other handles of
 * the handle table belong to calls under way, so a copy (fork) drops them.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/fd_table.h>

struct lx_files *lx_files_create(void)
{
	struct lx_files *files = lx_files_allocate(LX_FD_BLOCK);

	if (!files)
		return NULL;
	files->handles = ob_handle_table_create();
	if (!files->handles) {
		lx_files_free(files);
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

static void drop_all_record_locks(struct lx_files *files)
{
	struct ob_handle_table *current = ob_current_table();

	ob_set_current_table(files->handles);
	for (uint32_t fd = 0; (fd = lx_files_next_open(files, fd)) != UINT32_MAX; fd++)
		lx_fd_drop_record_locks(files, lx_fd_entry_at(files, fd)->handle);
	ob_set_current_table(current);
}

void lx_files_dereference(struct lx_files *files)
{
	if (--files->references)
		return;
	if (files->has_record_locks)
		drop_all_record_locks(files);
	lx_files_free(files);
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
static bool drop_stray_handles(struct lx_files *files, size_t used)
{
	struct stray_handles strays = {.known_count = 0};
	size_t total = 0;

	ob_handle_table_walk(files->handles, count_handle, &total);
	if (total <= used)
		return true;
	strays.stray_capacity = total - used;
	strays.known = calloc(used + strays.stray_capacity, sizeof(HANDLE));
	if (!strays.known)
		return false;
	strays.stray = strays.known + used;
	for (uint32_t fd = 0; (fd = lx_files_next_open(files, fd)) != UINT32_MAX; fd++)
		strays.known[strays.known_count++] = lx_fd_entry_at(files, fd)->handle;
	qsort(strays.known, strays.known_count, sizeof(HANDLE), compare_handles);
	ob_handle_table_walk(files->handles, note_stray, &strays);
	for (size_t i = 0; i < MIN_OF(strays.stray_count, strays.stray_capacity); i++)
		ob_handle_table_close(files->handles, strays.stray[i]);
	free(strays.known);
	return true;
}

/*
 * Every open descriptor of `from`, under its lock. What is only reserved, for an open that is under way elsewhere, is free
 * in the copy. False: out of memory.
 */
static bool copy_entries(struct lx_files *to, struct lx_files *from, size_t *used)
{
	for (uint32_t fd = 0; (fd = lx_files_next_open(from, fd)) != UINT32_MAX; fd++) {
		const struct lx_fd_entry *entry = lx_fd_entry_at(from, fd);
		struct lx_fd_entry *copy;

		if (!lx_files_make_room(to, fd))
			return false;
		copy = lx_fd_entry_at(to, fd);
		*copy = (struct lx_fd_entry){(uintptr_t)lx_fd_file_of(entry), entry->handle, entry->access, entry->is_path};
		lx_fd_assign_bit(to->taken, fd, true);
		lx_fd_assign_bit(to->close_on_exec, fd, lx_fd_test_bit(from->close_on_exec, fd));
		++*used;
	}
	return true;
}

struct lx_files *lx_files_clone(struct lx_files *files)
{
	struct lx_files *copy = lx_files_allocate(LX_FD_BLOCK);
	size_t used = 0;
	bool copied;

	if (!copy)
		return NULL;
	rtl_lock(&files->lock);
	copied = copy_entries(copy, files, &used);
	if (copied)
		copy->handles = ob_handle_table_clone(files->handles);
	rtl_unlock(&files->lock);
	if (!copy->handles || !drop_stray_handles(copy, used)) {
		lx_files_free(copy);
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
	lx_fd_let_go(call);
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

bool lx_files_close_on_exec(struct lx_call *call)
{
	if (lx_files_unshare(call) < 0)
		return false;
	lx_fd_let_go(call);
	lx_fd_close_marked(call);
	return true;
}

uint32_t lx_files_changes(struct lx_files *files)
{
	return atomic_load_explicit(&files->changes, memory_order_acquire);
}

uint32_t lx_files_capacity(struct lx_files *files)
{
	return files->capacity;
}

bool lx_files_next(struct lx_files *files, int32_t *fd, struct io_file **file, bool *close_on_exec)
{
	uint32_t found;

	rtl_lock(&files->lock);
	found = lx_files_next_open(files, (uint32_t)*fd);
	if (found != UINT32_MAX) {
		*fd = (int32_t)found;
		if (file) {
			*file = lx_fd_file_of(lx_fd_entry_at(files, found));
			ob_reference(*file);
		}
		if (close_on_exec)
			*close_on_exec = lx_fd_test_bit(files->close_on_exec, found);
	}
	rtl_unlock(&files->lock);
	return found != UINT32_MAX;
}
