/*
 * Descriptors are the host's, and all guests share lxrun's. What is left of them is kept in three parts: most are for
 * whoever comes; of the last ones a process that has more than half of all itself gets none, so that it can't starve the
 * others; and the very last are lxrun's own, so that programs start and fork on.
 *
 * The host gives the lowest free number, so a number tells how many are in use. Nobody is asked before the first number
 * beyond the common part is seen.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <drivers/fsrtl/fsrtl.h>
#include <executive/ex/debug.h>
#include <executive/ps/ps.h>

static struct {
	int limit, common, shared; /* numbers: of all, and where the parts end */
} parts;

static _Atomic bool scarce;
static _Atomic bool reported;

static void divide(void)
{
	struct rlimit limit = {1024, 1024};
	int own;

	getrlimit(RLIMIT_NOFILE, &limit);
	parts.limit = (int)MIN_OF(limit.rlim_cur, (rlim_t)INT32_MAX);
	own = MIN_OF(parts.limit / 16, 64);
	parts.shared = parts.limit - own;
	parts.common = parts.shared - parts.limit / 16;
}

static const int *find_parts(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, divide);
	return &parts.common;
}

static NTSTATUS none_left(const char *why)
{
	if (!atomic_exchange(&reported, true))
		ex_debug_print("%s of the %d descriptors that lxrun may have: raise the hard limit (ulimit -Hn)", why, parts.limit);
	return FSRTL_ERRNO(ENFILE);
}

/* Has the caller's process more than half of them? */
static bool has_most(void)
{
	const struct ps_thread *thread = ps_current_thread();
	uint32_t count = 0;

	if (!thread || !thread->process)
		return false;
	rtl_lock(&thread->process->lock);
	if (thread->process->handles)
		count = ob_handle_table_count(thread->process->handles);
	rtl_unlock(&thread->process->lock);
	return count > (uint32_t)parts.limit / 2;
}

NTSTATUS fsrtl_refused_descriptor(int error)
{
	if (error != EMFILE)
		return FSRTL_ERRNO(error);
	find_parts();
	return none_left("guests have all");
}

void fsrtl_note_descriptor(int descriptor)
{
	if (unlikely(descriptor >= *find_parts()))
		atomic_store(&scarce, true);
}

NTSTATUS fsrtl_spare_descriptor(void)
{
	int next;

	if (likely(!atomic_load_explicit(&scarce, memory_order_relaxed)))
		return STATUS_SUCCESS;
	next = eventfd(0, EFD_CLOEXEC);
	if (next >= 0)
		close(next);
	if (next < 0 || next >= parts.shared)
		return none_left("guests have all");
	if (next < parts.common)
		atomic_store(&scarce, false);
	else if (has_most())
		return none_left("one guest has most");
	return STATUS_SUCCESS;
}
