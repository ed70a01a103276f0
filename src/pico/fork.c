/* A parked copy of a task: how fresh processes are made of the template, and the guests' own forks. */
#include "internal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

/* CLONE_PARENT: the supervisor is every task's parent. */
#define FORK_FLAGS (CLONE_PARENT | SIGCHLD)

/* No other task can do anything on its process's socket while this one is in the stub. */
static bool is_alone(const struct pico_thread *thread)
{
	struct pico_process *process = thread->process;
	bool alone;

	rtl_lock(&process->lock);
	alone = TAILQ_FIRST(&process->tasks) == thread && !TAILQ_NEXT(thread, link);
	rtl_unlock(&process->lock);
	return alone;
}

int fork_task(struct pico_thread *current, pid_t *tid, struct grant_socket **socket)
{
	struct pico_process *parent = current->process;
	struct grant_socket *fresh = grant_socket_create();
	int error;

	if (!fresh)
		return -EMFILE;
	*socket = grant_lock(parent); /* no grant may be half-way when descriptors are copied */
	fresh->loose = !is_alone(current);
	error = grant_send(*socket, &fresh->guest_end, 1) ?: stub_fork(current, FORK_FLAGS, tid);
	if (error) {
		fresh->loose = (*socket)->loose = true;
		grant_drain(*socket);
		grant_socket_dereference(fresh);
		grant_unlock(*socket);
		return error;
	}
	/* The process's reference to the old one becomes the child's. */
	rtl_lock(&parent->lock);
	parent->socket = fresh;
	rtl_unlock(&parent->lock);
	grant_unlock(*socket);
	return 0;
}
