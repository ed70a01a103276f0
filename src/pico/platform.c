/* The operations that the executive gets, and the platform's start. */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <elf.h>

const struct pico_provider_routines *pico_provider;

static struct pico_process *process_of(struct pico_thread *thread)
{
	return thread->process;
}

static int host_calls(struct pico_thread *current, struct pico_host_call *calls, size_t count, const int *descriptors, size_t descriptor_count)
{
	return calls_run(current, calls, count, descriptors, descriptor_count);
}

static int host_calls_in(struct pico_thread *current, struct pico_thread *target, struct pico_host_call *calls, size_t count,
			 const int *descriptors, size_t descriptor_count)
{
	(void)current;
	return task_seize(target) ?: calls_run(target, calls, count, descriptors, descriptor_count);
}

static int get_registers(struct pico_thread *current, struct pico_registers *registers)
{
	if (task_load_registers(current) != 0)
		return -ESRCH;
	if (current->result_pending) {
		current->registers.rax = (uint64_t)current->result;
		current->registers.orig_rax = PICO_CALL_NONE;
		current->registers_dirty = true;
		current->result_pending = false;
	}
	*registers = current->registers;
	return 0;
}

static int set_registers(struct pico_thread *current, const struct pico_registers *registers)
{
	current->registers = *registers;
	current->registers.orig_rax = PICO_CALL_NONE;
	current->registers_valid = current->registers_dirty = true;
	current->result_pending = false;
	return 0;
}

int64_t pico_get_extended_state(struct pico_thread *current, void *state, size_t size)
{
	struct iovec area = {state, size};

	return ptrace(PTRACE_GETREGSET, current->tid, (void *)NT_X86_XSTATE, &area) == 0 ? (int64_t)area.iov_len : -errno;
}

int pico_set_extended_state(struct pico_thread *current, const void *state, size_t size)
{
	struct iovec area = {(void *)(uintptr_t)state, size};

	return ptrace(PTRACE_SETREGSET, current->tid, (void *)NT_X86_XSTATE, &area) == 0 ? 0 : -errno;
}

enum { CLOCK_PROF, CLOCK_VIRT, CLOCK_SCHED };

/* The kernel's encoding of another task's CPU clock. */
static uint64_t clock_ns(pid_t tid, bool thread, int which)
{
	clockid_t clock = (clockid_t)((~(unsigned)tid << 3) | (thread ? 4u : 0) | (unsigned)which);
	struct timespec time;

	return tid > 0 && clock_gettime(clock, &time) == 0 ? (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec : 0;
}

uint64_t pico_task_cpu_ns(struct pico_thread *thread)
{
	uint64_t time;

	rtl_lock(&thread->task_lock);
	time = clock_ns(thread->tid, false, CLOCK_SCHED);
	rtl_unlock(&thread->task_lock);
	return time;
}

static struct pico_cpu_time cpu_time(struct pico_thread *thread)
{
	struct pico_cpu_time time = {0};
	uint64_t total;

	rtl_lock(&thread->task_lock);
	total = clock_ns(thread->tid, false, CLOCK_SCHED);
	time.user_ns = clock_ns(thread->tid, false, CLOCK_VIRT);
	if (time.user_ns > total)
		time.user_ns = total;
	time.system_ns = total - time.user_ns + clock_ns(thread->half_tid, true, CLOCK_SCHED);
	rtl_unlock(&thread->task_lock);
	return time;
}

/* The third field of a task's stat, behind the name; 0: there is no such task. */
static char host_state(const char *path)
{
	char text[256];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = file < 0 ? 0 : read(file, text, sizeof(text) - 1);
	const char *name_end;

	if (file >= 0)
		close(file);
	text[size < 0 ? 0 : size] = 0;
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' ? name_end[2] : 0;
}

/* While the task is at a stop that its half has taken note of, the half acts for it. */
static char state(struct pico_thread *thread, bool *in_call)
{
	char path[48], seen = 0;

	rtl_lock(&thread->task_lock);
	*in_call = !atomic_load(&thread->in_user);
	if (*in_call)
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread->half_tid);
	else
		snprintf(path, sizeof(path), "/proc/%d/stat", thread->tid);
	if ((*in_call ? thread->half_tid : thread->tid) > 0)
		seen = host_state(path);
	rtl_unlock(&thread->task_lock);
	return seen == 'S' || seen == 'D' ? seen : 'R';
}

/* A parked task can wait for the first calls that it is to make, or for its half. */
static void set_name(struct pico_thread *thread, const char *name)
{
	memset(thread->name, 0, sizeof(thread->name));
	strncpy(thread->name, name, sizeof(thread->name) - 1);
	thread->name_pending = true;
	if (thread == half_current())
		pico_apply_name(thread);
}

static int set_affinity(struct pico_thread *thread, const void *mask, size_t size)
{
	return placement_restrict(thread, mask, size);
}

static int set_nice(struct pico_thread *thread, int nice)
{
	int error = 0;

	rtl_lock(&thread->task_lock);
	/* 0 would mean the caller: a task that is gone, a half that has not begun. */
	if (thread->tid <= 0)
		error = -ESRCH;
	else if (setpriority(PRIO_PROCESS, (id_t)thread->tid, nice) != 0 ||
		 (thread->half_tid > 0 && setpriority(PRIO_PROCESS, (id_t)thread->half_tid, nice) != 0))
		error = -errno;
	rtl_unlock(&thread->task_lock);
	return error;
}

struct pico_platform pico_platform_ops = {
	.size = sizeof(struct pico_platform),
	.process_create = pico_process_create,
	.process_fork = pico_process_fork,
	.thread_create = pico_thread_create,
	.thread_start = half_start,
	.thread_abandon = pico_thread_abandon,
	.thread_rebind = pico_thread_rebind,
	.process_of = process_of,
	.process_reference = process_reference,
	.process_dereference = process_dereference,
	.host_calls = host_calls,
	.host_calls_in = host_calls_in,
	.read_memory = pico_read_memory,
	.write_memory = pico_write_memory,
	.compare_exchange = pico_compare_exchange,
	.get_registers = get_registers,
	.set_registers = set_registers,
	.get_extended_state = pico_get_extended_state,
	.set_extended_state = pico_set_extended_state,
	.kick = task_kick,
	.kill = task_kill,
	.cpu_time = cpu_time,
	.state = state,
	.resident = pico_process_resident,
	.process_usage = pico_process_usage,
	.thread_usage = pico_thread_usage,
	.process_text = pico_process_text,
	.thread_text = pico_thread_text,
	.page_map = pico_page_map,
	.clear_references = pico_clear_references,
	.force_memory = pico_force_memory,
	.set_name = set_name,
	.set_affinity = set_affinity,
	.set_nice = set_nice,
	.is_crowded = crowd_is_there,
	.own_start = PICO_STUB_BASE,
	.own_end = PICO_LIMIT,
	.highest_address = 0x7ffffffff000,
};

/* The size of the XSAVE area, by asking for that of a task. */
static void measure_extended_state(void)
{
	unsigned eax = 0xd, ebx, ecx = 0, edx;

	__asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	pico_platform_ops.extended_state_size = ebx;
}

/* What the host lets processes map that have no privilege: guest tasks have none. */
static uint64_t lowest_mappable(void)
{
	char text[32] = {0};
	int file = open("/proc/sys/vm/mmap_min_addr", O_RDONLY | O_CLOEXEC);
	uint64_t lowest = file >= 0 && read(file, text, sizeof(text) - 1) > 0 ? strtoull(text, NULL, 10) : 65536;

	if (file >= 0)
		close(file);
	return lowest < 4096 ? 4096 : (lowest + 4095) & ~4095ull;
}

int pico_initialize(const struct pico_provider_routines *provider, const struct pico_platform **platform)
{
	/* Statuses are collected one by one; stops of children are no news for anyone. */
	struct sigaction child = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	int error;

	pico_provider = provider;
	sigaction(SIGCHLD, &child, NULL);
	measure_extended_state();
	pico_platform_ops.lowest_address = lowest_mappable();
	half_initialize(half_serve);
	placement_initialize();
	parked_initialize();
	error = pico_reaper_start() ?: pico_template_start();
	*platform = &pico_platform_ops;
	return error;
}

void pico_shutdown(void)
{
	half_wait_for_all(1);
	pico_template_stop();
	pico_reaper_finish(1);
}
