/*
 * The null platform: see its header. A process is a reservation of the whole simulated range, inaccessible where nothing is
 * mapped; a byte a page says what is, since the host could not tell an unmapped page from a protected one.
 */
#include "null_platform.h"

#include <rtl/rtl.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define PAGE 4096ull
#define SPAN (NULL_PLATFORM_HIGHEST - NULL_PLATFORM_LOWEST)
#define PAGES (SPAN / PAGE)

enum page_state { PAGE_MAPPED = 1, PAGE_SHARED_MAPPING = 2, PAGE_READABLE = 4, PAGE_WRITABLE = 8, PAGE_DONTFORK = 16, PAGE_WIPE = 32 };

struct pico_process {
	unsigned references, threads;
	uint8_t *base;
	uint8_t *pages;
};

struct pico_thread {
	struct pico_process *process;
	struct pico_registers registers;
	struct pico_cpu_time time;
	unsigned kicks;
	bool started;
	int nice;
	uint64_t affinity;
};

static struct rtl_lock fault_lock = RTL_LOCK_INITIALIZER;
static unsigned fail_in, call_count, batch_count, process_count;
static int fail_error;

void null_platform_fail_call(unsigned nth, int error)
{
	fail_in = nth;
	fail_error = error;
}

unsigned null_platform_call_count(void)
{
	return call_count;
}

unsigned null_platform_batch_count(void)
{
	return batch_count;
}

unsigned null_platform_process_count(void)
{
	return process_count;
}

unsigned null_platform_kicks(const struct pico_thread *thread)
{
	return thread->kicks;
}

void null_platform_set_cpu_time(struct pico_thread *thread, struct pico_cpu_time time)
{
	thread->time = time;
}

static int inject_failure(void)
{
	int error = 0;

	rtl_lock(&fault_lock);
	call_count++;
	if (fail_in && --fail_in == 0)
		error = fail_error;
	rtl_unlock(&fault_lock);
	return error;
}

static void *reserve(size_t size)
{
	void *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return base == MAP_FAILED ? NULL : base;
}

static void process_free(struct pico_process *process)
{
	if (process->base)
		munmap(process->base, SPAN);
	free(process->pages);
	free(process);
	process_count--;
}

static struct pico_process *process_new(void)
{
	struct pico_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process_count++;
	process->references = 1;
	process->base = reserve(SPAN);
	process->pages = calloc(PAGES, 1);
	if (process->base && process->pages)
		return process;
	process_free(process);
	return NULL;
}

static struct pico_thread *thread_new(struct pico_process *process)
{
	struct pico_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	thread->process = process;
	process->threads++;
	return thread;
}

static int process_create(struct pico_process **process, struct pico_thread **first)
{
	*process = process_new();
	*first = *process ? thread_new(*process) : NULL;
	if (*process && !*first)
		process_free(*process);
	return *first ? 0 : -ENOMEM;
}

static void process_reference(struct pico_process *process)
{
	process->references++;
}

static void process_dereference(struct pico_process *process)
{
	if (--process->references == 0 && !process->threads)
		process_free(process);
}

static void thread_abandon(struct pico_thread *thread)
{
	struct pico_process *process = thread->process;

	free(thread);
	if (--process->threads == 0 && !process->references)
		process_free(process);
}

static uint8_t *host_address(struct pico_process *process, uint64_t address)
{
	return process->base + (address - NULL_PLATFORM_LOWEST);
}

static uint8_t *page_state(struct pico_process *process, uint64_t address)
{
	return &process->pages[(address - NULL_PLATFORM_LOWEST) / PAGE];
}

static bool in_range(uint64_t address, uint64_t size)
{
	return address >= NULL_PLATFORM_LOWEST && address <= NULL_PLATFORM_HIGHEST && size <= NULL_PLATFORM_HIGHEST - address;
}

static void set_pages(struct pico_process *process, uint64_t address, uint64_t size, uint8_t clear, uint8_t set)
{
	for (uint64_t at = address; at < address + size; at += PAGE)
		*page_state(process, at) = (uint8_t)((*page_state(process, at) & ~clear) | set);
}

static bool all_mapped(struct pico_process *process, uint64_t address, uint64_t size)
{
	for (uint64_t at = address; at < address + size; at += PAGE)
		if (!(*page_state(process, at) & PAGE_MAPPED))
			return false;
	return true;
}

static uint8_t protection_state(uint64_t protection)
{
	return (uint8_t)((protection & PROT_READ ? PAGE_READABLE : 0) | (protection & PROT_WRITE ? PAGE_WRITABLE : 0));
}

static int64_t do_mmap(struct pico_process *process, const uint64_t *a, const int *descriptors, size_t count)
{
	int fd = a[3] & MAP_ANONYMOUS ? -1 : a[4] < count ? descriptors[a[4]] : -2;
	uint64_t size = ALIGN_UP(a[1], PAGE);
	int flags = (int)(a[3] & ~(uint64_t)(MAP_GROWSDOWN | MAP_STACK));

	if (fd == -2)
		return -EBADF;
	if (!(a[3] & MAP_FIXED) || a[0] % PAGE || !size || !in_range(a[0], size))
		return -EINVAL;
	if (mmap(host_address(process, a[0]), size, (int)(a[2] & (PROT_READ | PROT_WRITE)), flags, fd, (off_t)a[5]) == MAP_FAILED)
		return -errno;
	set_pages(process, a[0], size, 0xff, (uint8_t)(PAGE_MAPPED | (a[3] & MAP_SHARED ? PAGE_SHARED_MAPPING : 0) | protection_state(a[2])));
	return (int64_t)a[0];
}

static int64_t do_munmap(struct pico_process *process, const uint64_t *a)
{
	uint64_t size = ALIGN_UP(a[1], PAGE);

	if (a[0] % PAGE || !size || !in_range(a[0], size))
		return -EINVAL;
	if (mmap(host_address(process, a[0]), size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	set_pages(process, a[0], size, 0xff, 0);
	return 0;
}

static int64_t do_mprotect(struct pico_process *process, const uint64_t *a)
{
	uint64_t size = ALIGN_UP(a[1], PAGE);

	if (a[0] % PAGE || !in_range(a[0], size))
		return -EINVAL;
	if (!all_mapped(process, a[0], size))
		return -ENOMEM;
	if (mprotect(host_address(process, a[0]), size, (int)(a[2] & (PROT_READ | PROT_WRITE))))
		return -errno;
	set_pages(process, a[0], size, PAGE_READABLE | PAGE_WRITABLE, protection_state(a[2]));
	return 0;
}

/* Always to a place that the caller chose, or in place; the hole that is left becomes reserved again. */
static int64_t do_mremap(struct pico_process *process, const uint64_t *a)
{
	uint64_t old = a[0], old_size = ALIGN_UP(a[1], PAGE), new_size = ALIGN_UP(a[2], PAGE), target = a[3] & MREMAP_FIXED ? a[4] : old;
	uint8_t state;

	if (!in_range(old, old_size ? old_size : PAGE) || !in_range(target, new_size))
		return -EINVAL;
	state = *page_state(process, old);
	if (!all_mapped(process, old, old_size ? old_size : PAGE))
		return -EFAULT;
	if (target == old) {
		/* The reservation behind it is in the way on the host, though not in the guest. */
		if (munmap(host_address(process, old + old_size), new_size - old_size))
			return -errno;
		if (mremap(host_address(process, old), old_size, new_size, 0) == MAP_FAILED)
			return -errno;
	} else if (mremap(host_address(process, old), old_size, new_size, (int)a[3], host_address(process, target)) == MAP_FAILED) {
		return -errno;
	}
	set_pages(process, target, new_size, 0xff, state);
	if (target != old && old_size && !(a[3] & MREMAP_DONTUNMAP)) {
		uint64_t gone[2] = {old, old_size};

		return do_munmap(process, gone) ? -ENOMEM : (int64_t)target;
	}
	return (int64_t)target;
}

static int64_t do_madvise(struct pico_process *process, const uint64_t *a)
{
	uint64_t size = ALIGN_UP(a[1], PAGE);
	bool whole = in_range(a[0], size) && all_mapped(process, a[0], size);

	switch (a[2]) {
	case MADV_DONTFORK:
		set_pages(process, a[0], size, 0, PAGE_DONTFORK);
		break;
	case MADV_DOFORK:
		set_pages(process, a[0], size, PAGE_DONTFORK, 0);
		break;
	case MADV_WIPEONFORK:
		set_pages(process, a[0], size, 0, PAGE_WIPE);
		break;
	case MADV_KEEPONFORK:
		set_pages(process, a[0], size, PAGE_WIPE, 0);
		break;
	default:
		if (size && madvise(host_address(process, a[0]), size, (int)a[2]))
			return -errno;
	}
	return whole ? 0 : -ENOMEM;
}

static int64_t need_mapped(struct pico_process *process, const uint64_t *a)
{
	uint64_t size = ALIGN_UP(a[1], PAGE);

	return in_range(a[0], size) && all_mapped(process, a[0], size) ? 0 : -ENOMEM;
}

static int64_t run_call(struct pico_process *process, const struct pico_host_call *call, const int *descriptors, size_t count)
{
	int error = inject_failure();

	if (error)
		return -error;
	switch (call->number) {
	case SYS_mmap:
		return do_mmap(process, call->arguments, descriptors, count);
	case SYS_munmap:
		return do_munmap(process, call->arguments);
	case SYS_mprotect:
		return do_mprotect(process, call->arguments);
	case SYS_mremap:
		return do_mremap(process, call->arguments);
	case SYS_madvise:
		return do_madvise(process, call->arguments);
	case SYS_mlock:
	case SYS_mlock2:
	case SYS_munlock:
	case SYS_msync:
		return need_mapped(process, call->arguments);
	default:
		return -ENOSYS;
	}
}

static int host_calls(struct pico_thread *current, struct pico_host_call *calls, size_t count, const int *descriptors, size_t descriptor_count)
{
	batch_count++;
	for (size_t i = 0; i < count; i++)
		calls[i].result = run_call(current->process, &calls[i], descriptors, descriptor_count);
	return 0;
}

static int host_calls_in(struct pico_thread *current, struct pico_thread *target, struct pico_host_call *calls, size_t count,
			 const int *descriptors, size_t descriptor_count)
{
	return host_calls(target, calls, count, descriptors, descriptor_count);
}

/* process_vm_* on the test itself: they stop at a bad page where memcpy would fault. */
static int64_t transfer(struct pico_process *process, uint64_t address, void *data, size_t size, bool writing)
{
	struct iovec local = {data, 0}, remote = {NULL, 0};
	size_t done = 0;

	while (done < size && in_range(address + done, 1)) {
		size_t piece = MIN_OF(size - done, (size_t)(PAGE - (address + done) % PAGE));
		ssize_t copied;

		local = (struct iovec){(char *)data + done, piece};
		remote = (struct iovec){host_address(process, address + done), piece};
		copied = writing ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0) : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
		if (copied <= 0)
			break;
		done += (size_t)copied;
	}
	return done || !size ? (int64_t)done : -EFAULT;
}

static int64_t read_memory(struct pico_process *process, uint64_t address, void *data, size_t size)
{
	return transfer(process, address, data, size, false);
}

static int64_t write_memory(struct pico_process *process, uint64_t address, const void *data, size_t size)
{
	return transfer(process, address, (void *)(uintptr_t)data, size, true);
}

/* One run of pages alike, from parent to child. */
static int copy_run(struct pico_process *from, struct pico_process *to, uint64_t start, uint64_t size, uint8_t state)
{
	int protection = (state & PAGE_READABLE ? PROT_READ : 0) | (state & PAGE_WRITABLE ? PROT_WRITE : 0);
	uint8_t *target = host_address(to, start), *source = host_address(from, start);

	set_pages(to, start, size, 0xff, state);
	if (state & PAGE_SHARED_MAPPING)
		return mremap(source, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED ? -errno : 0;
	if (mmap(target, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -errno;
	if (!(state & PAGE_WIPE)) {
		mprotect(source, size, PROT_READ);
		memcpy(target, source, size);
		mprotect(source, size, protection);
	}
	return mprotect(target, size, protection) ? -errno : 0;
}

static int process_fork(struct pico_thread *current, struct pico_process **process, struct pico_thread **first)
{
	struct pico_process *from = current->process;
	int error = process_create(process, first);

	for (uint64_t page = 0, run; page < PAGES && !error; page += run) {
		uint8_t state = from->pages[page];

		for (run = 1; page + run < PAGES && from->pages[page + run] == state; run++)
			;
		if (state & PAGE_MAPPED && !(state & PAGE_DONTFORK))
			error = copy_run(from, *process, NULL_PLATFORM_LOWEST + page * PAGE, run * PAGE, state);
	}
	return error;
}

static int thread_create(struct pico_thread *current, struct pico_thread **thread)
{
	*thread = thread_new(current->process);
	return *thread ? 0 : -ENOMEM;
}

static int thread_start(struct pico_thread *thread, const struct pico_registers *registers, void *context)
{
	thread->registers = *registers;
	thread->started = true;
	return 0;
}

static int thread_rebind(struct pico_thread *current, struct pico_thread *first)
{
	struct pico_process *old = current->process;

	current->process = first->process;
	current->time = first->time;
	free(first);
	if (--old->threads == 0 && !old->references)
		process_free(old);
	return 0;
}

static struct pico_process *process_of(struct pico_thread *thread)
{
	return thread->process;
}

static int compare_exchange(struct pico_thread *current, uint64_t address, uint32_t *expected, uint32_t desired)
{
	uint32_t value;

	if (read_memory(current->process, address, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value != *expected) {
		*expected = value;
		return 0;
	}
	return write_memory(current->process, address, &desired, sizeof(desired)) == sizeof(desired) ? 1 : -EFAULT;
}

static int get_registers(struct pico_thread *current, struct pico_registers *registers)
{
	*registers = current->registers;
	return 0;
}

static int set_registers(struct pico_thread *current, const struct pico_registers *registers)
{
	current->registers = *registers;
	return 0;
}

static int64_t get_extended_state(struct pico_thread *current, void *state, size_t size)
{
	return -ENOTSUP;
}

static int set_extended_state(struct pico_thread *current, const void *state, size_t size)
{
	return -ENOTSUP;
}

static void kick(struct pico_thread *thread)
{
	thread->kicks++;
}

static struct pico_cpu_time cpu_time(struct pico_thread *thread)
{
	return thread->time;
}

/* Nothing runs here. */
static char state(struct pico_thread *thread, bool *in_call)
{
	return 'S';
}

/* Nothing counts pages here: the same for every process. */
static int resident(struct pico_process *process, struct pico_resident *answer)
{
	*answer = (struct pico_resident){.peak = NULL_PLATFORM_RESIDENT, .anonymous = NULL_PLATFORM_RESIDENT};
	return 0;
}

static void set_name(struct pico_thread *current, const char *name)
{
}

static int set_affinity(struct pico_thread *thread, const void *mask, size_t size)
{
	memcpy(&thread->affinity, mask, MIN_OF(size, sizeof(thread->affinity)));
	return 0;
}

static int set_nice(struct pico_thread *thread, int nice)
{
	if (nice < 0)
		return -EACCES;
	thread->nice = nice;
	return 0;
}

int null_platform_nice(const struct pico_thread *thread)
{
	return thread->nice;
}

uint64_t null_platform_affinity(const struct pico_thread *thread)
{
	return thread->affinity;
}

const struct pico_platform null_platform = {
	.size = sizeof(null_platform),
	.process_create = process_create,
	.process_fork = process_fork,
	.thread_create = thread_create,
	.thread_start = thread_start,
	.thread_abandon = thread_abandon,
	.thread_rebind = thread_rebind,
	.process_of = process_of,
	.process_reference = process_reference,
	.process_dereference = process_dereference,
	.host_calls = host_calls,
	.host_calls_in = host_calls_in,
	.read_memory = read_memory,
	.write_memory = write_memory,
	.compare_exchange = compare_exchange,
	.get_registers = get_registers,
	.set_registers = set_registers,
	.get_extended_state = get_extended_state,
	.set_extended_state = set_extended_state,
	.kick = kick,
	.kill = kick,
	.cpu_time = cpu_time,
	.state = state,
	.resident = resident,
	.set_name = set_name,
	.set_affinity = set_affinity,
	.set_nice = set_nice,
	.lowest_address = NULL_PLATFORM_LOWEST,
	.highest_address = NULL_PLATFORM_HIGHEST,
};
