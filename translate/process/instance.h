/*
 * The process engine: how processes and threads are made (clone.c), change programs (execve.c), end (exit.c,
 * undertaker.c) and are waited for (wait.c); the life of one call (dispatch.c); and the instance: its start, its end,
 * its name.
 *
 * A Linux process outlives its tasks twice. A zombie has none, but a number, a parent and an exit status; and execve
 * gives a process another task and another space, since the host's execve would lose what lxrun has set up. So nothing
 * that belongs to a process may be found by its host task; what a host task used is kept when it goes
 * (resources/rusage.c).
 *
 * Ends come in order, as Linux promises them: robust list and clear_child_tid while the memory is still there,
 * descriptors, then the parent hears of it. A thread that hangs in the host is told to end like all others, and the
 * undertaker gives it up after a moment: its process ends without it.
 *
 * An instance is all that a run of lxrun holds: pid 1 is lxrun itself, the first program is pid 2, and lxrun stays
 * until the last process has ended.
 */
#ifndef TRANSLATE_PROCESS_INSTANCE_H
#define TRANSLATE_PROCESS_INSTANCE_H

#include <core/lx.h>

/* Start the instance: provider registered, pid 1 made; then its first program as pid 2. argv/envp are the host's. Runs until the instance ends; the first program's wait status. */
struct lx_start {
	const char *program;
	char *const *argv;
	char *const *envp;
	const char *working_directory;
	bool kill_on_exit;
	void (*at_exit)(void *context); /* when the first program ends, before its handles are closed: --objects */
	void *context;
};
/* 0 with *wait_status, or -LX_Exxx with the reason in `error`: the program could not be started. */
int64_t lx_instance_run(const struct lx_start *start, int32_t *wait_status, char *error, size_t error_size);

/* instance.c: something that ends the instance may have happened. Under lx_tree_lock. */
void lx_instance_changed(void);
/* A half takes a thread on, and is done with it. */
void lx_instance_thread_started(void);
void lx_instance_thread_ended(void);
/* The first program's last thread is about to give up its descriptors. */
void lx_instance_exit_hook(struct lx_process *process);

#endif
