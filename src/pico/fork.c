/*
 * A parked copy of a task: how fresh processes are made of the template, and the guests' own forks.
 *
 * The copy is born with the number of its parent's grant socket and must not listen on it. A guest's copy closes that
 * before it parks, and has none until it first needs one (calls.c), which most never do. The template's copies all need
 * one at once; they, and all copies on hosts where it can't be done late, keep what they are born with.
 */
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

/* The copy keeps the pair that it is born with, and its parent gets a fresh one, in the same trip. */
static int hand_over(struct pico_thread *current, pid_t *tid, struct grant_socket **socket)
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

int fork_of_template(struct pico_thread *template, pid_t *tid, struct grant_socket **socket)
{
	int error = hand_over(template, tid, socket);

	if (!error)
		grant_socket_delivered(*socket);
	return error;
}

int fork_of_guest(struct pico_thread *current, pid_t *tid, struct grant_socket **socket)
{
	struct grant_socket *held;
	int error;

	if (!grant_opens_late())
		return hand_over(current, tid, socket);
	*socket = grant_socket_create_closed();
	if (!*socket)
		return -ENOMEM;
	held = grant_lock(current->process); /* no grant may be half-way when descriptors are copied */
	error = stub_fork_closed(current, FORK_FLAGS, tid);
	grant_unlock(held);
	if (error)
		grant_socket_dereference(*socket);
	return error;
}
