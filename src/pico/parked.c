/*
 * Tasks of ended threads that wait, parked and without a half, for further threads of their process.
 *
 * When a task of ours ends, which is a process to the host, the host's accounting walks all mappings of the address space that
 * it leaves: N threads with a stack each would cost N * N. So a task stays when its thread ends and serves a later one; the rest
 * are ended when the space has no guest thread left: then all of it is unmapped first, by one of them, and there is nothing to
 * walk. Of a process that lives on they are ended one by one, if it hasn't needed them for a while; at once, if the host refuses
 * somebody a task or a thread.
 *
 * The few that any process keeps are not worth a look: it is listed here while it has more.
 *
 * Locks: parked.lock guards the list of such processes and is a leaf, taken under a process's.
 */
#include "internal.h"

#include <errno.h>
#include <hal/hal.h>
#include <rtl/rtl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FEW 16u		      /* of a process: kept without a limit in time, and ended without being unmapped */
#define LOOK_SECONDS 1u	      /* between two looks at what isn't needed */
#define ENDED_AT_ONCE 128u    /* at a look, of a process that lives on */
#define SHARE_OF_LIMIT 2u     /* this part of the tasks that the host gives us may be parked ones */

static struct {
	struct rtl_lock lock;
	TAILQ_HEAD(, pico_process) processes;
	_Atomic unsigned listed;
	bool looked_after;
	_Atomic unsigned count; /* of all parked tasks */
	unsigned limit;
} parked = {.lock = RTL_LOCK_INITIALIZER, .processes = TAILQ_HEAD_INITIALIZER(parked.processes)};

static unsigned read_number(const char *path, unsigned otherwise)
{
	FILE *file = fopen(path, "re");
	unsigned number;

	if (!file)
		return otherwise;
	if (fscanf(file, "%u", &number) != 1)
		number = otherwise;
	fclose(file);
	return number;
}

void parked_initialize(void)
{
	unsigned tasks = read_number("/proc/sys/kernel/threads-max", 1024), ids = read_number("/proc/sys/kernel/pid_max", 1024);
	struct rlimit own;

	tasks = ids < tasks ? ids : tasks;
	if (getrlimit(RLIMIT_NPROC, &own) == 0 && own.rlim_cur < tasks)
		tasks = (unsigned)own.rlim_cur;
	parked.limit = tasks / SHARE_OF_LIMIT;
}

/* --- in and out; process->lock held */

static void list_locked(struct pico_process *process, bool wanted)
{
	if (process->listed == wanted)
		return;
	rtl_lock(&parked.lock);
	process->listed = wanted;
	atomic_fetch_add(&parked.listed, wanted ? 1u : UINT32_MAX);
	if (wanted)
		TAILQ_INSERT_TAIL(&parked.processes, process, parked_link);
	else
		TAILQ_REMOVE(&parked.processes, process, parked_link);
	rtl_unlock(&parked.lock);
}

static void add_locked(struct pico_process *process, struct pico_thread *thread)
{
	thread->state = TASK_PARKED;
	thread->recycled = true;
	thread->usage_known = false;
	/* Behind the idle pairs, which cost less to use. */
	TAILQ_INSERT_TAIL(&process->idle_tasks, thread, idle_link);
	process->parked++;
	if (process->parked > FEW)
		list_locked(process, true);
}

void parked_remove_locked(struct pico_process *process, struct pico_thread *thread)
{
	TAILQ_REMOVE(&process->idle_tasks, thread, idle_link);
	process->parked--;
	if (process->parked < process->parked_least)
		process->parked_least = process->parked;
	if (process->parked <= FEW)
		list_locked(process, false);
	atomic_fetch_sub(&parked.count, 1);
}

static void steal_locked(struct pico_process *process, unsigned most, struct task_list *stolen)
{
	struct pico_thread *thread;

	while (most-- && (thread = TAILQ_LAST(&process->idle_tasks, task_list)) && thread->state == TASK_PARKED) {
		parked_remove_locked(process, thread);
		TAILQ_REMOVE(&process->tasks, thread, link);
		TAILQ_INSERT_TAIL(stolen, thread, idle_link);
	}
}

void parked_steal_all_locked(struct pico_process *process, struct task_list *stolen)
{
	steal_locked(process, UINT32_MAX, stolen);
}

/* --- their end */

static void end_task(struct pico_thread *thread)
{
	struct pico_process *process = thread->process;

	task_wait_let_go(thread);
	pico_reap_later(thread->tid);
	thread_free(thread);
	process_dereference(process);
}

/* No guest thread is left, so what this one does nobody sees. If it fails, the host is slower, that's all. */
static void unmap_all(struct pico_thread *thread)
{
	const struct pico_host_call all = {SYS_munmap, {PICO_LIMIT, pico_platform_ops.highest_address - PICO_LIMIT}, 0};
	int64_t ignored;

	if (task_seize(thread) == 0)
		stub_single_call(thread, &all, &ignored);
}

static unsigned count_of(const struct task_list *tasks)
{
	const struct pico_thread *thread;
	unsigned count = 0;

	TAILQ_FOREACH(thread, tasks, idle_link)
		count++;
	return count;
}

void parked_end_all(struct task_list *stolen)
{
	struct pico_thread *thread;

	if (count_of(stolen) > FEW)
		unmap_all(TAILQ_FIRST(stolen));
	while ((thread = TAILQ_FIRST(stolen))) {
		TAILQ_REMOVE(stolen, thread, idle_link);
		end_task(thread);
	}
}

/* Of a process that lives on: what they have used is not to be forgotten. */
static unsigned end_some(struct pico_process *process, unsigned most)
{
	struct task_list stolen = TAILQ_HEAD_INITIALIZER(stolen);
	struct pico_thread *thread;
	unsigned count;

	rtl_lock(&process->lock);
	steal_locked(process, most, &stolen);
	process->reaping += count = count_of(&stolen);
	rtl_unlock(&process->lock);
	while ((thread = TAILQ_FIRST(&stolen))) {
		struct pico_usage usage;

		TAILQ_REMOVE(&stolen, thread, idle_link);
		pico_thread_usage(thread, &usage);
		rtl_lock(&process->lock);
		pico_add_usage(&process->ended, &usage);
		process->reaping--;
		rtl_unlock(&process->lock);
		end_task(thread);
	}
	return count;
}

/* The process that was looked at longest ago, referenced. */
static struct pico_process *next_process(void)
{
	struct pico_process *process;

	rtl_lock(&parked.lock);
	process = TAILQ_FIRST(&parked.processes);
	if (process) {
		TAILQ_REMOVE(&parked.processes, process, parked_link);
		TAILQ_INSERT_TAIL(&parked.processes, process, parked_link);
		process_reference(process);
	}
	rtl_unlock(&parked.lock);
	return process;
}

bool parked_make_room(int error)
{
	struct pico_process *process = error == -EAGAIN || error == -ENOMEM ? next_process() : NULL;
	unsigned ended;

	if (!process)
		return false;
	ended = end_some(process, ENDED_AT_ONCE);
	process_dereference(process);
	if (ended)
		pico_reaper_finish(1);
	return ended;
}

/* End what has not been needed since the last look, but for the few. */
static void look_at(struct pico_process *process)
{
	unsigned unused;

	rtl_lock(&process->lock);
	unused = process->parked_least > FEW ? process->parked_least - FEW : 0;
	process->parked_least = process->parked;
	rtl_unlock(&process->lock);
	end_some(process, unused < ENDED_AT_ONCE ? unused : ENDED_AT_ONCE);
}

/* False, and nobody looks any more: none is left. */
static bool has_processes(void)
{
	bool has;

	rtl_lock(&parked.lock);
	has = parked.looked_after = !TAILQ_EMPTY(&parked.processes);
	rtl_unlock(&parked.lock);
	return has;
}

static void look_after(void *unused)
{
	struct pico_process *process;

	(void)unused;
	do {
		sleep(LOOK_SECONDS);
		for (unsigned left = atomic_load(&parked.listed); left && (process = next_process()); left--) {
			look_at(process);
			process_dereference(process);
		}
	} while (has_processes());
}

/* By a thread that is there while there is something to look at. */
static void see_to_looks(void)
{
	bool start;

	if (likely(!atomic_load(&parked.listed)))
		return;
	rtl_lock(&parked.lock);
	start = !TAILQ_EMPTY(&parked.processes) && !parked.looked_after;
	parked.looked_after = parked.looked_after || start;
	rtl_unlock(&parked.lock);
	if (!start || hal_thread_create(look_after, NULL) == 0)
		return;
	rtl_lock(&parked.lock);
	parked.looked_after = false;
	rtl_unlock(&parked.lock);
}

/* --- their beginning */

/* The task goes to where it waits, traced by nobody. */
static bool send_to_park(struct pico_thread *thread)
{
	if (atomic_fetch_add(&parked.count, 1) < parked.limit && task_unseize(thread) == 0)
		return true;
	atomic_fetch_sub(&parked.count, 1);
	return false;
}

bool parked_keep(struct pico_thread *thread)
{
	struct pico_process *process = thread->process;
	bool keep;

	if (thread->state != TASK_ACTIVE || !half_may_serve_again(thread) || !process_has_others(process) || !send_to_park(thread))
		return false;
	rtl_lock(&thread->task_lock);
	thread->half_tid = 0;
	rtl_unlock(&thread->task_lock);
	thread->has_half = false;
	rtl_lock(&process->lock);
	keep = process->active > 1;
	if (keep) {
		process->active--;
		add_locked(process, thread);
	}
	rtl_unlock(&process->lock);
	if (keep)
		see_to_looks();
	else
		atomic_fetch_sub(&parked.count, 1);
	return keep;
}

bool parked_leave(struct pico_thread *current)
{
	struct pico_process *process = current->process;
	struct pico_thread *left;

	if (current->stop != TASK_STOP_CALL || !half_may_serve_again(current) || !process_has_others(process))
		return false;
	left = thread_allocate(NULL, current->tid);
	if (!left)
		return false;
	if (task_load_registers(current) != 0 || !send_to_park(current)) {
		thread_free(left);
		return false;
	}
	process_reference(process);
	left->process = process;
	rtl_lock(&process->lock);
	TAILQ_INSERT_TAIL(&process->tasks, left, link);
	add_locked(process, left);
	rtl_unlock(&process->lock);
	see_to_looks();
	return true;
}
