/* Processes and their tasks: who is in them, who is idle, when they go. */
#include "internal.h"

#include <errno.h>
#include <rtl/rtl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local struct pico_thread *current_thread;

struct pico_thread *half_current(void)
{
	return current_thread;
}

void half_set_current(struct pico_thread *thread)
{
	current_thread = thread;
}

struct pico_process *process_allocate(struct grant_socket *socket)
{
	struct pico_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	atomic_init(&process->references, 1);
	rtl_lock_initialize(&process->lock);
	pthread_cond_init(&process->slot_freed, NULL);
	TAILQ_INIT(&process->tasks);
	TAILQ_INIT(&process->idle_tasks);
	process->socket = grant_socket_reference(socket);
	return process;
}

void process_reference(struct pico_process *process)
{
	atomic_fetch_add(&process->references, 1);
}

void process_dereference(struct pico_process *process)
{
	if (!process || atomic_fetch_sub(&process->references, 1) != 1)
		return;
	grant_socket_dereference(process->socket);
	pthread_cond_destroy(&process->slot_freed);
	rtl_lock_destroy(&process->lock);
	free(process);
}

struct pico_thread *thread_allocate(struct pico_process *process, pid_t tid)
{
	struct pico_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	rtl_lock_initialize(&thread->task_lock);
	rtl_lock_initialize(&thread->idle_lock);
	pthread_cond_init(&thread->idle_wake, NULL);
	pthread_cond_init(&thread->let_go, NULL);
	thread->tid = tid;
	thread->state = TASK_ACTIVE;
	atomic_init(&thread->cpu, -1);
	if (process)
		process_add_task(process, thread);
	return thread;
}

void thread_free(struct pico_thread *thread)
{
	rtl_lock_destroy(&thread->task_lock);
	rtl_lock_destroy(&thread->idle_lock);
	pthread_cond_destroy(&thread->idle_wake);
	pthread_cond_destroy(&thread->let_go);
	free(thread->start_state);
	free(thread);
}

void process_add_task(struct pico_process *process, struct pico_thread *thread)
{
	process_reference(process);
	thread->process = process;
	rtl_lock(&process->lock);
	TAILQ_INSERT_TAIL(&process->tasks, thread, link);
	process->active++;
	rtl_unlock(&process->lock);
}

bool process_has_others(struct pico_process *process)
{
	bool has;

	rtl_lock(&process->lock);
	has = process->active > 1;
	rtl_unlock(&process->lock);
	return has;
}

static void add_idle_locked(struct pico_process *process, struct pico_thread *thread)
{
	process->idle++;
	thread->state = TASK_IDLE;
	TAILQ_INSERT_HEAD(&process->idle_tasks, thread, idle_link);
}

bool process_keep_idle(struct pico_process *process, struct pico_thread *thread)
{
	bool keep;

	rtl_lock(&process->lock);
	keep = process->active > 1 && process->idle < PICO_IDLE_MAX;
	if (keep) {
		process->active--;
		add_idle_locked(process, thread);
		thread->recycled = true;
	}
	rtl_unlock(&process->lock);
	return keep;
}

void process_give_back(struct pico_process *process, struct pico_thread *thread)
{
	rtl_lock(&process->lock);
	process->active--;
	add_idle_locked(process, thread);
	rtl_unlock(&process->lock);
}

static void remove_idle_locked(struct pico_process *process, struct pico_thread *thread)
{
	TAILQ_REMOVE(&process->idle_tasks, thread, idle_link);
	process->idle--;
}

struct pico_thread *process_take_idle(struct pico_process *process)
{
	struct pico_thread *thread;

	rtl_lock(&process->lock);
	thread = TAILQ_FIRST(&process->idle_tasks);
	if (thread && thread->state == TASK_IDLE)
		remove_idle_locked(process, thread);
	else if ((thread = TAILQ_LAST(&process->idle_tasks, task_list)))
		parked_remove_locked(process, thread);
	if (thread) {
		thread->state = TASK_ACTIVE;
		process->active++;
	}
	rtl_unlock(&process->lock);
	return thread;
}

/* Idle halves end their tasks themselves; parked tasks are for the caller to end. */
static void quit_idle_tasks(struct pico_process *process, struct task_list *stolen)
{
	struct pico_thread *thread;

	parked_steal_all_locked(process, stolen);
	TAILQ_FOREACH(thread, &process->idle_tasks, idle_link) {
		rtl_lock(&thread->idle_lock);
		thread->idle_command = IDLE_QUIT;
		pthread_cond_signal(&thread->idle_wake);
		rtl_unlock(&thread->idle_lock);
	}
}

void process_remove_task(struct pico_process *process, struct pico_thread *thread)
{
	struct task_list stolen = TAILQ_HEAD_INITIALIZER(stolen);
	struct grant_socket *socket = NULL;

	rtl_lock(&process->lock);
	TAILQ_REMOVE(&process->tasks, thread, link);
	if (thread->state == TASK_IDLE)
		remove_idle_locked(process, thread);
	else if (--process->active == 0)
		quit_idle_tasks(process, &stolen);
	/* Who remembers an ended process, for what it used, holds no descriptors for it. */
	if (TAILQ_EMPTY(&process->tasks))
		socket = steal_pointer(&process->socket);
	rtl_unlock(&process->lock);
	grant_socket_dereference(socket);
	thread->process = NULL;
	parked_end_all(&stolen);
	process_dereference(process);
}
