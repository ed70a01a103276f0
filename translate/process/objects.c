/*
 * Processes and threads as objects: made outside the tree, and freed when nobody refers to them any more, with all that
 * the rooms have given them.
 */
#include <core/thread.h>
#include <core/tree.h>
#include <descriptor/files.h>
#include <exec/exec.h>
#include <path/resolve.h>
#include <resources/rusage.h>
#include <signal/signals.h>

struct lx_process *lx_process_new(void)
{
	struct lx_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	atomic_init(&process->references, 1);
	TAILQ_INIT(&process->children);
	TAILQ_INIT(&process->threads);
	TAILQ_INIT(&process->unsummed);
	TAILQ_INIT(&process->pending.queue);
	ke_wake_list_init(&process->child_waiters);
	ke_wake_list_init(&process->signalfd_waiters);
	ke_initialize_event(&process->vfork_done, NotificationEvent, false);
	ke_initialize_event(&process->threads_gone, NotificationEvent, false);
	process->dumpable = true;
	process->start_time_ns = hal_time(HAL_CLOCK_BOOTTIME);
	return process;
}

void lx_process_free(struct lx_process *process)
{
	if (process->ps)
		ob_dereference(process->ps);
	if (process->executable_file)
		lx_executable_release(process->executable_file);
	if (process->leader_token)
		ob_dereference(process->leader_token);
	/* Nobody is left who could send or take. */
	lx_pending_flush(&process->pending, UINT64_MAX);
	if (process->exit_body)
		ps_platform()->process_dereference(process->exit_body);
	lx_usage_forget_children(process);
	if (process->sighand && atomic_fetch_sub(&process->sighand->references, 1) == 1)
		free(process->sighand);
	free(process->executable);
	free(process);
}

struct lx_thread *lx_thread_new(struct lx_process *process)
{
	struct lx_thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	thread->process = lx_process_reference(process);
	TAILQ_INIT(&thread->pending.queue);
	TAILQ_INIT(&thread->made);
	ke_initialize_event(&thread->killed, NotificationEvent, false);
	return thread;
}

void lx_thread_free(struct lx_thread *thread)
{
	lx_pending_flush(&thread->pending, UINT64_MAX);
	if (thread->ps)
		ob_dereference(thread->ps);
	if (thread->files)
		lx_files_dereference(thread->files);
	if (thread->fs)
		lx_fs_dereference(thread->fs);
	if (thread->token)
		ob_dereference(thread->token);
	lx_process_dereference(thread->process);
	free(thread);
}
