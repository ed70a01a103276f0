/* New tasks: fresh processes from the template, copies by fork, threads; and exec's change of body. */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * CLONE_PARENT: the supervisor is every task's parent. Thread tasks are not
 * CLONE_THREAD, which spares the cases of leader exit and exec from a thread.
 */
#define THREAD_FLAGS (CLONE_PARENT | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | SIGCHLD)

/* The process of a parked task and of its socket, both of which are the caller's to give; or the task ends. */
static int adopt_first(pid_t tid, struct grant_socket *socket, struct pico_process **process, struct pico_thread **first)
{
	*process = process_allocate(socket);
	grant_socket_dereference(socket);
	*first = *process ? thread_allocate(*process, tid) : NULL;
	if (*first)
		return 0;
	pico_reap_later(tid);
	process_dereference(*process);
	return -ENOMEM;
}

/* A process that nobody has used: its only reference belongs to its task. */
int pico_process_create(struct pico_process **process, struct pico_thread **first)
{
	struct grant_socket *socket;
	pid_t tid = 0;
	int error = pico_template_take(&tid, &socket);

	error = error ? descriptor_error(error) : adopt_first(tid, socket, process, first);
	if (!error)
		placement_prepare(half_current(), *first);
	return error;
}

/* A task born of another has its CPU, and its mask is the guest's own. */
static void inherit_placement(struct pico_thread *thread, const struct pico_thread *from)
{
	atomic_store(&thread->cpu, atomic_load(&from->cpu));
	placement_inherit(thread, from);
}

int pico_process_fork(struct pico_thread *current, struct pico_process **process, struct pico_thread **first)
{
	struct grant_socket *socket;
	pid_t tid = 0;
	int error;

	do
		error = fork_of_guest(current, &tid, &socket);
	while (parked_make_room(error));
	error = error ? descriptor_error(error) : adopt_first(tid, socket, process, first);
	if (error)
		return error;
	(*first)->listens = grant_opens_late();
	inherit_placement(*first, current);
	return 0;
}

/* A task that has served another thread gets the extended state that a new one would have inherited. */
static int inherit_state(struct pico_thread *thread, struct pico_thread *from)
{
	int64_t size;

	thread->start_state = malloc(pico_platform_ops.extended_state_size);
	if (!thread->start_state)
		return -ENOMEM;
	size = pico_get_extended_state(from, thread->start_state, pico_platform_ops.extended_state_size);
	thread->start_state_size = size;
	return size < 0 ? (int)size : 0;
}

int pico_thread_create(struct pico_thread *current, struct pico_thread **thread)
{
	pid_t tid = 0;
	int error;

	*thread = process_take_idle(current->process);
	if (*thread) {
		inherit_placement(*thread, current);
		error = inherit_state(*thread, current);
		if (error)
			pico_thread_abandon(*thread);
		return error;
	}
	do
		error = stub_clone(current, THREAD_FLAGS, &tid);
	while (parked_make_room(error));
	if (error)
		return error;
	*thread = thread_allocate(current->process, tid);
	if (!*thread) {
		pico_reap_later(tid);
		return -ENOMEM;
	}
	inherit_placement(*thread, current);
	return 0;
}

void pico_thread_abandon(struct pico_thread *thread)
{
	struct pico_process *process = thread->process;

	if (thread->has_half) {
		free(thread->start_state);
		thread->start_state = NULL;
		process_give_back(process, thread);
		return;
	}
	process_remove_task(process, thread);
	if (thread->tid > 0)
		pico_reap_later(thread->tid);
	thread_free(thread);
}

/* `first` becomes the body of the caller's half; the structure of the caller stays, that of `first` goes. */
int pico_thread_rebind(struct pico_thread *current, struct pico_thread *first)
{
	struct pico_process *old = current->process, *fresh = first->process;
	pid_t old_tid = current->tid;
	int error = task_seize(first);

	if (error)
		return error;
	process_reference(old); /* stays valid for the caller until it drops its own reference */
	/* If its process lives on, which is what becomes of a vfork child's: the next one needs no clone. */
	if (parked_leave(current))
		old_tid = 0;
	process_remove_task(old, current);
	rtl_lock(&current->task_lock);
	current->tid = first->tid;
	rtl_unlock(&current->task_lock);
	task_wait_let_go(current);
	pico_reap_later(old_tid);
	current->seized = first->seized;
	process_add_task(fresh, current);
	current->stop = first->stop;
	current->registers = first->registers;
	current->registers_valid = current->registers_dirty = current->redirected = true;
	current->result_pending = false;
	memcpy(current->name, first->name, sizeof(current->name));
	if (first->name_pending)
		pico_apply_name(current);
	process_remove_task(fresh, first);
	task_wait_let_go(first);
	thread_free(first);
	process_dereference(old);
	return 0;
}
