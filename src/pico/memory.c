/*
 * Guest memory from outside. Never /proc/<pid>/mem: it reads and writes what
 * the guest's own page protection forbids.
 */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <sys/uio.h>

/*
 * process_vm_* stops at a page that can't be reached only between iovec
 * elements: on a short or failed copy the rest is tried page by page.
 */
typedef ssize_t copy_function(pid_t, const struct iovec *, unsigned long, const struct iovec *, unsigned long, unsigned long);

static int64_t copy_by_task(copy_function *function, pid_t tid, uint64_t address, void *data, size_t size)
{
	size_t done = 0;

	if (address + size < address || address + size > pico_platform_ops.highest_address)
		size = address < pico_platform_ops.highest_address ? pico_platform_ops.highest_address - address : 0;
	while (done < size) {
		size_t chunk = done ? 4096 - ((address + done) & 4095) : size;
		struct iovec local = {(char *)data + done, chunk < size - done ? chunk : size - done};
		struct iovec remote = {(void *)(address + done), local.iov_len};
		ssize_t copied = function(tid, &local, 1, &remote, 1, 0);

		if (copied == (ssize_t)local.iov_len) {
			done += (size_t)copied;
			continue;
		}
		if (copied > 0)
			done += (size_t)copied;
		else if (done || local.iov_len <= 4096 - ((address + done) & 4095))
			break;
		else if (errno != EFAULT)
			return -errno;
		else { /* whole range failed: its first page alone may still be there */
			local.iov_len = remote.iov_len = 4096 - (address & 4095);
			copied = function(tid, &local, 1, &remote, 1, 0);
			if (copied <= 0)
				break;
			done = (size_t)copied;
		}
	}
	return done || !size ? (int64_t)done : -EFAULT;
}

/*
 * A task of the process whose id stays its own until it is let go: one that is reaped may come back as somebody else's.
 * No lock does that: the copy may take as long as the file behind a page likes.
 */
static struct pico_thread *hold_task(struct pico_process *process, pid_t *tid)
{
	struct pico_thread *thread;

	rtl_lock(&process->lock);
	TAILQ_FOREACH(thread, &process->tasks, link) {
		rtl_lock(&thread->task_lock);
		*tid = thread->tid;
		thread->holders += *tid > 0;
		rtl_unlock(&thread->task_lock);
		if (*tid > 0)
			break;
	}
	rtl_unlock(&process->lock);
	return thread;
}

static void let_go(struct pico_thread *thread)
{
	rtl_lock(&thread->task_lock);
	if (!--thread->holders)
		pthread_cond_broadcast(&thread->let_go);
	rtl_unlock(&thread->task_lock);
}

void task_wait_let_go(struct pico_thread *thread)
{
	rtl_lock(&thread->task_lock);
	while (thread->holders)
		rtl_condition_wait(&thread->let_go, &thread->task_lock);
	rtl_unlock(&thread->task_lock);
}

static int64_t copy_from_outside(copy_function *function, struct pico_process *process, uint64_t address, void *data, size_t size)
{
	pid_t tid = 0;
	struct pico_thread *thread = hold_task(process, &tid);
	int64_t result;

	if (!thread)
		return -ESRCH;
	result = copy_by_task(function, tid, address, data, size);
	let_go(thread);
	return result;
}

static int64_t copy(copy_function *function, struct pico_process *process, uint64_t address, void *data, size_t size)
{
	struct pico_thread *current = half_current();

	/* A page may be as long in coming as the file behind it likes. */
	rtl_assert_lock_free();
	/* Nobody but its half reaps the task. */
	if (current && current->process == process && current->tid > 0)
		return copy_by_task(function, current->tid, address, data, size);
	return copy_from_outside(function, process, address, data, size);
}

int64_t pico_read_memory(struct pico_process *process, uint64_t address, void *data, size_t size)
{
	return copy(process_vm_readv, process, address, data, size);
}

int64_t pico_write_memory(struct pico_process *process, uint64_t address, const void *data, size_t size)
{
	return copy(process_vm_writev, process, address, (void *)(uintptr_t)data, size);
}

int pico_compare_exchange(struct pico_thread *current, uint64_t address, uint32_t *expected, uint32_t desired)
{
	struct pico_registers at;
	int64_t held = 0;
	int error = stub_enter(current, &at);

	if (error)
		return error;
	at.rip = PICO_STUB_COMPARE_EXCHANGE;
	at.orig_rax = PICO_CALL_NONE;
	at.rsi = address;
	at.rax = *expected;
	at.rdx = desired;
	error = stub_run(current, &at, &held);
	if (error)
		return error;
	if ((uint32_t)held == *expected)
		return 1;
	*expected = (uint32_t)held;
	return 0;
}
