/*
 * Guest memory from outside. Never /proc/<pid>/mem: it reads and writes what
 * the guest's own page protection forbids.
 */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <sys/uio.h>

static pid_t any_task(struct pico_process *process)
{
	struct pico_thread *thread;
	pid_t tid = 0;

	pthread_mutex_lock(&process->lock);
	TAILQ_FOREACH(thread, &process->tasks, link) {
		pthread_mutex_lock(&thread->task_lock);
		tid = thread->tid;
		pthread_mutex_unlock(&thread->task_lock);
		if (tid > 0)
			break;
	}
	pthread_mutex_unlock(&process->lock);
	return tid;
}

static pid_t task_for(struct pico_process *process)
{
	struct pico_thread *current = half_current();

	return current && current->process == process && current->tid > 0 ? current->tid : any_task(process);
}

/*
 * process_vm_* stops at a page that can't be reached only between iovec
 * elements: on a short or failed copy the rest is tried page by page.
 */
typedef ssize_t copy_function(pid_t, const struct iovec *, unsigned long, const struct iovec *, unsigned long, unsigned long);

static int64_t copy(copy_function *function, struct pico_process *process, uint64_t address, void *data, size_t size)
{
	pid_t tid = task_for(process);
	size_t done = 0;

	if (tid <= 0)
		return -ESRCH;
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
