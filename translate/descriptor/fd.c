/*
 * Descriptors of the calling thread's table: what CLONE_FILES shares.
 *
 * A descriptor is a reference. Its entry holds the file object, the access it
 * grants, and the NT handle that stands for it in traces and services; a call
 * takes the file once, by lx_fd_stream(), and works on it to its end, whatever
 * other threads do to the number meanwhile: the file is held, and the handle is
 * pinned to it (executive/ob/pin.c). Two bitmaps beside the entries say which
 * descriptors are taken (a taken one that is not open is reserved: its open is
 * under way) and which close on exec.
 *
 * A lookup takes no lock of the table, but the entry's own, the lowest bit of the
 * file pointer, for as long as it takes to add a reference; dup2 and close exchange
 * an entry under the same bit, so that a racing lookup gets the old file or the new
 * one. A table that one thread alone uses is no exception: when that thread hangs
 * in the host and is to end, another closes its descriptors.
 *
 * Lock: lx_files.lock guards the bitmaps and who changes an entry; no service is
 * called under it, but that cloning copies the handle table under it. An entry's
 * lock comes last, and nothing is taken under it.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/fd_table.h>

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

/* --- looking up */

/* What is open at an entry, held for the call. */
static bool look(struct lx_fd_entry *entry, struct lx_stream *stream)
{
	for (unsigned round = 0;; round++) {
		uintptr_t file = atomic_load_explicit(&entry->file, memory_order_relaxed);

		if (!file)
			return false;
		if (!(file & LX_FD_LOCKED) &&
		    atomic_compare_exchange_weak_explicit(&entry->file, &file, file | LX_FD_LOCKED, memory_order_acquire,
							  memory_order_relaxed)) {
			stream->file = (struct io_file *)file;
			ob_hold(stream->file);
			stream->handle = entry->handle;
			stream->access = entry->access;
			stream->is_path = entry->is_path;
			atomic_store_explicit(&entry->file, file, memory_order_release);
			return true;
		}
		if (round < 64)
			__builtin_ia32_pause();
		else
			hal_yield();
	}
}

/* Look `fd` up and pin it. */
static int64_t take(struct lx_call *call, int32_t fd, struct lx_stream *stream)
{
	struct lx_files *files = call->thread->files;
	struct lx_fd_entry *entry = lx_fd_entry_at(files, (uint32_t)fd);

	if (!entry || !look(entry, stream))
		return -LX_EBADF;
	if (unlikely(!NT_SUCCESS(ob_pin(files->handles, stream->handle, stream->file, stream->access, true)))) {
		ob_let_go(stream->file);
		return -LX_ENOMEM;
	}
	stream->fd = fd;
	return 0;
}

int64_t lx_fd_object(struct lx_call *call, int32_t fd, struct lx_stream *stream)
{
	int64_t result;

	for (uint32_t i = 0; i < call->stream_count; i++)
		if (call->streams[i].fd == fd) {
			*stream = call->streams[i];
			return 0;
		}
	result = take(call, fd, stream);
	if (likely(result == 0) && call->stream_count < LX_CALL_STREAMS)
		call->streams[call->stream_count++] = *stream;
	return result;
}

int64_t lx_fd_stream(struct lx_call *call, int32_t fd, ACCESS_MASK access, struct lx_stream *stream)
{
	int64_t result = lx_fd_object(call, fd, stream);

	if (result < 0)
		return result;
	return stream->is_path || (access && !(stream->access & access)) ? -LX_EBADF : 0;
}

int64_t lx_fd_handle(struct lx_call *call, int32_t fd, bool allow_path, HANDLE *handle)
{
	struct lx_stream stream;
	int64_t result = allow_path ? lx_fd_object(call, fd, &stream) : lx_fd_stream(call, fd, 0, &stream);

	*handle = result < 0 ? NULL : stream.handle;
	return result;
}

void lx_fd_let_go(struct lx_call *call)
{
	call->stream_count = 0;
	ob_unpin_all();
}

#define IOCTL_NUMBER 16

int64_t lx_fd_end_call(struct lx_call *call, int64_t result)
{
	if (unlikely(result == -LX_ENOTTY && call->number == IOCTL_NUMBER))
		result = lx_ioctl_refused(call);
	lx_fd_let_go(call);
	return result;
}

/* --- opening */

int64_t lx_fd_reserve(struct lx_call *call, int32_t minimum, bool close_on_exec)
{
	struct lx_files *files = call->thread->files;
	uint32_t limit = descriptor_limit(call), fd;
	int64_t result;

	rtl_lock(&files->lock);
	fd = lx_files_find_free(files, (uint32_t)minimum);
	if (fd >= limit) {
		result = -LX_EMFILE;
	} else if (!lx_files_make_room(files, fd)) {
		result = -LX_ENOMEM;
	} else {
		lx_fd_assign_bit(files->taken, fd, true);
		lx_fd_assign_bit(files->close_on_exec, fd, close_on_exec);
		result = fd;
	}
	rtl_unlock(&files->lock);
	return result;
}

/* The entry of a handle that is the caller's alone. Its file is held by the handle. */
static struct lx_fd_entry entry_for(HANDLE handle, bool is_path)
{
	struct lx_fd_entry entry = {.handle = handle, .is_path = is_path};
	void *object;

	ob_handle_access(handle, &entry.access);
	if (NT_SUCCESS(ob_reference_by_handle(handle, 0, &io_file_type, &object))) {
		entry.file = (uintptr_t)object;
		ob_dereference(object);
	}
	return entry;
}

void lx_fd_fill(struct lx_call *call, int32_t fd, HANDLE handle, bool is_path)
{
	struct lx_files *files = call->thread->files;
	struct lx_fd_entry entry = entry_for(handle, is_path), replaced;

	rtl_lock(&files->lock);
	lx_fd_exchange(files, (uint32_t)fd, &entry, &replaced);
	rtl_unlock(&files->lock);
}

void lx_fd_release(struct lx_call *call, int32_t fd)
{
	struct lx_files *files = call->thread->files;

	rtl_lock(&files->lock);
	lx_fd_take_entry(files, (uint32_t)fd);
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

int64_t lx_fd_install_file(struct lx_call *call, struct io_file *file, bool close_on_exec)
{
	HANDLE handle;
	NTSTATUS status = ob_open_by_pointer(file, 0, file->access, &handle);

	ob_dereference(file);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return lx_fd_install(call, handle, close_on_exec, 0);
}

/* --- duplicates */

static int64_t duplicate_handle(struct lx_call *call, const struct lx_stream *stream, HANDLE *copy)
{
	*copy = NULL;
	return lx_result(call, ZwDuplicateObject(NtCurrentProcess(), stream->handle, NtCurrentProcess(), copy, 0, 0,
						 DUPLICATE_SAME_ACCESS));
}

int64_t lx_fd_duplicate(struct lx_call *call, int32_t fd, int32_t minimum, bool close_on_exec)
{
	struct lx_stream stream;
	HANDLE copy;
	int64_t result = lx_fd_object(call, fd, &stream);

	if (result == 0)
		result = duplicate_handle(call, &stream, &copy);
	return result < 0 ? result : install(call, copy, stream.is_path, close_on_exec, minimum);
}

/* Put `entry` at descriptor `fd` itself; the handle that was there comes back in *replaced. */
static int64_t place_at(struct lx_files *files, uint32_t fd, const struct lx_fd_entry *entry, bool close_on_exec,
			HANDLE *replaced)
{
	struct lx_fd_entry old = {0};
	int64_t result = fd;

	rtl_lock(&files->lock);
	if (!lx_files_make_room(files, fd)) {
		result = -LX_ENOMEM;
	} else if (lx_fd_test_bit(files->taken, fd) && !lx_fd_file_of(lx_fd_entry_at(files, fd))) {
		result = -LX_EBUSY;
	} else {
		lx_fd_exchange(files, fd, entry, &old);
		lx_fd_assign_bit(files->taken, fd, true);
		lx_fd_assign_bit(files->close_on_exec, fd, close_on_exec);
	}
	rtl_unlock(&files->lock);
	*replaced = old.handle;
	return result;
}

int64_t lx_fd_duplicate_to(struct lx_call *call, int32_t old, int32_t new, bool close_on_exec)
{
	struct lx_files *files = call->thread->files;
	struct lx_fd_entry entry = {0};
	struct lx_stream stream;
	HANDLE replaced;
	int64_t result;

	if (!lx_fd_is_in_limit(call, new))
		return -LX_EBADF;
	result = lx_fd_object(call, old, &stream);
	if (result == 0)
		result = duplicate_handle(call, &stream, &entry.handle);
	if (result < 0)
		return result;
	entry.file = (uintptr_t)stream.file;
	entry.access = stream.access;
	entry.is_path = stream.is_path;
	result = place_at(files, (uint32_t)new, &entry, close_on_exec, &replaced);
	if (result < 0)
		ZwClose(entry.handle);
	else if (replaced)
		lx_fd_close_taken(files, replaced);
	return result;
}

bool lx_files_place(struct lx_files *files, int32_t fd, HANDLE handle, bool is_path)
{
	struct lx_fd_entry entry = entry_for(handle, is_path);
	HANDLE replaced;

	return place_at(files, (uint32_t)fd, &entry, false, &replaced) >= 0;
}

/* --- closing */

/* Is it open? Under the lock. */
static bool is_open(struct lx_files *files, int32_t fd)
{
	return lx_fd_file_of(lx_fd_entry_at(files, (uint32_t)fd)) != NULL;
}

int64_t lx_fd_close(struct lx_call *call, int32_t fd)
{
	struct lx_files *files = call->thread->files;
	HANDLE handle = NULL;

	rtl_lock(&files->lock);
	if (is_open(files, fd))
		handle = lx_fd_take_entry(files, (uint32_t)fd);
	rtl_unlock(&files->lock);
	if (!handle)
		return -LX_EBADF;
	lx_fd_close_taken(files, handle);
	return 0;
}

int64_t lx_fd_close_on_exec(struct lx_call *call, int32_t fd)
{
	struct lx_files *files = call->thread->files;
	int64_t result = -LX_EBADF;

	rtl_lock(&files->lock);
	if (is_open(files, fd))
		result = lx_fd_test_bit(files->close_on_exec, (uint32_t)fd);
	rtl_unlock(&files->lock);
	return result;
}

int64_t lx_fd_set_close_on_exec(struct lx_call *call, int32_t fd, bool value)
{
	struct lx_files *files = call->thread->files;
	int64_t result = -LX_EBADF;

	rtl_lock(&files->lock);
	if (is_open(files, fd)) {
		lx_fd_assign_bit(files->close_on_exec, (uint32_t)fd, value);
		result = 0;
	}
	rtl_unlock(&files->lock);
	return result;
}

/* The first open descriptor in [fd, last] is taken out, or the first that closes on exec; NULL: none is left. */
static HANDLE take_next(struct lx_files *files, uint32_t *fd, uint32_t last, bool close_on_exec_only)
{
	HANDLE handle = NULL;

	rtl_lock(&files->lock);
	for (uint32_t next; !handle && (next = lx_files_next_open(files, *fd)) <= last && next != UINT32_MAX; *fd = next + 1)
		if (!close_on_exec_only || lx_fd_test_bit(files->close_on_exec, next))
			handle = lx_fd_take_entry(files, next);
	rtl_unlock(&files->lock);
	return handle;
}

void lx_fd_close_range(struct lx_call *call, uint32_t first, uint32_t last)
{
	struct lx_files *files = call->thread->files;
	HANDLE handle;

	while ((handle = take_next(files, &first, last, false)))
		lx_fd_close_taken(files, handle);
}

void lx_fd_close_marked(struct lx_call *call)
{
	struct lx_files *files = call->thread->files;
	uint32_t fd = 0;
	HANDLE handle;

	while ((handle = take_next(files, &fd, UINT32_MAX, true)))
		lx_fd_close_taken(files, handle);
}

void lx_files_close_all(struct lx_files *files)
{
	struct ob_handle_table *current = ob_current_table();
	uint32_t fd = 0;
	HANDLE handle;

	if (lx_files_are_shared(files))
		return;
	ob_set_current_table(files->handles);
	while ((handle = take_next(files, &fd, UINT32_MAX, false)))
		lx_fd_close_taken(files, handle);
	ob_set_current_table(current);
}

void lx_fd_mark_range(struct lx_call *call, uint32_t first, uint32_t last)
{
	struct lx_files *files = call->thread->files;

	rtl_lock(&files->lock);
	for (uint32_t fd = first; (fd = lx_files_next_open(files, fd)) <= last && fd != UINT32_MAX; fd++)
		lx_fd_assign_bit(files->close_on_exec, fd, true);
	rtl_unlock(&files->lock);
}
