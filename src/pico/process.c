/* Processes and their tasks: who is in them, who is idle, when they go. */
#include "internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct pico_process *process_allocate(struct grant_socket *inherited)
{
	struct pico_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	atomic_init(&process->references, 1);
	pthread_mutex_init(&process->lock, NULL);
	pthread_cond_init(&process->slot_freed, NULL);
	TAILQ_INIT(&process->tasks);
	process->inherited = grant_socket_reference(inherited);
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
	grant_socket_dereference(process->own);
	grant_socket_dereference(process->inherited);
	pthread_cond_destroy(&process->slot_freed);
	pthread_mutex_destroy(&process->lock);
	free(process);
}

struct pico_thread *thread_allocate(struct pico_process *process, pid_t tid)
{
	struct pico_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	pthread_mutex_init(&thread->task_lock, NULL);
	pthread_mutex_init(&thread->idle_lock, NULL);
	pthread_cond_init(&thread->idle_wake, NULL);
	thread->tid = tid;
	thread->state = TASK_ACTIVE;
	atomic_init(&thread->cpu, -1);
	if (process)
		process_add_task(process, thread);
	return thread;
}

void thread_free(struct pico_thread *thread)
{
	pthread_mutex_destroy(&thread->task_lock);
	pthread_mutex_destroy(&thread->idle_lock);
	pthread_cond_destroy(&thread->idle_wake);
	free(thread);
}

void process_add_task(struct pico_process *process, struct pico_thread *thread)
{
	process_reference(process);
	thread->process = process;
	pthread_mutex_lock(&process->lock);
	TAILQ_INSERT_TAIL(&process->tasks, thread, link);
	process->active++;
	pthread_mutex_unlock(&process->lock);
}

static void quit_idle_tasks(struct pico_process *process)
{
	struct pico_thread *thread;

	TAILQ_FOREACH(thread, &process->tasks, link) {
		if (thread->state != TASK_IDLE)
			continue;
		pthread_mutex_lock(&thread->idle_lock);
		thread->idle_command = IDLE_QUIT;
		pthread_cond_signal(&thread->idle_wake);
		pthread_mutex_unlock(&thread->idle_lock);
	}
}

void process_remove_task(struct pico_process *process, struct pico_thread *thread)
{
	pthread_mutex_lock(&process->lock);
	TAILQ_REMOVE(&process->tasks, thread, link);
	if (thread->state == TASK_IDLE)
		process->idle--;
	else if (--process->active == 0)
		quit_idle_tasks(process);
	pthread_mutex_unlock(&process->lock);
	thread->process = NULL;
	process_dereference(process);
}
