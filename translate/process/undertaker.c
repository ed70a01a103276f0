/*
 * Death is no request: on Linux SIGKILL, exit_group and exec end threads whatever these do in the kernel.
 *
 * A thread that is told to end is kicked and unparked, and does so within microseconds: unless its task is in a long call on
 * the host (mlock, MAP_POPULATE, a page of a file whose server hangs), or its half is (open, read, a copy from such a page).
 * So whoever was told is looked at, and what hasn't begun to end after some looks loses its task by SIGKILL, which ends the
 * host's calls too. The task's robust futexes and clear_child_tid are lost with it. What hangs on, does so in its half: a
 * thread of the supervisor, which can't be killed alone. It is given up (ke_give_up) and buried here: parents, tracers and
 * the instance go on as if it had ended, and the half does the rest if it ever comes back.
 *
 * Locks: the list is lx_tree_lock's; burying takes what ending takes, and no lock is held over closing descriptors.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <hal/host.h>
#include <process/exit.h>
#include <process/undertaker.h>

#define LOOK_NS (100 * 1000000ll)
#define LOOKS_UNTIL_KILL 2
#define LOOKS_UNTIL_BURIAL 4

static TAILQ_HEAD(, lx_thread) watched = TAILQ_HEAD_INITIALIZER(watched);
static struct kevent someone; /* the list is no longer empty */

void lx_undertaker_watch(struct lx_thread *thread)
{
	if (thread->watched)
		return;
	if (TAILQ_EMPTY(&watched))
		ke_set_event(&someone);
	thread->watched = true;
	thread->looks = 0;
	TAILQ_INSERT_TAIL(&watched, thread, watched_link);
}

void lx_undertaker_forget(struct lx_thread *thread)
{
	if (!thread->watched)
		return;
	TAILQ_REMOVE(&watched, thread, watched_link);
	thread->watched = false;
}

/* Where the other ends are waited for. May hang with the file that the thread hangs in: nobody waits for this. */
static void close_files(void *context)
{
	struct lx_thread *thread = context;

	if (!NT_SUCCESS(ps_attach_system_thread())) {
		ke_bury(&thread->ps->ke);
		return;
	}
	lx_files_close_all(thread->files);
	ke_bury(&thread->ps->ke);
	ps_detach_system_thread();
}

static void bury(struct lx_thread *thread)
{
	ke_release_turns(&thread->ps->ke);
	lx_thread_bury(thread, thread->exit_status);
	if (hal_thread_create(close_files, thread))
		ke_bury(&thread->ps->ke);
}

/* Under lx_tree_lock. True: the thread is to be buried. */
static bool look_at(struct lx_thread *thread)
{
	if (!thread->started || ++thread->looks < LOOKS_UNTIL_KILL)
		return false;
	ps_platform()->kill(thread->ps->pico);
	if (thread->looks < LOOKS_UNTIL_BURIAL)
		return false;
	thread->looks = LOOKS_UNTIL_KILL;
	return ke_give_up(&thread->ps->ke);
}

static struct lx_thread *next_to_bury(void)
{
	struct lx_thread *thread;

	lx_lock_tree();
	TAILQ_FOREACH (thread, &watched, watched_link)
		if (look_at(thread))
			break;
	lx_unlock_tree();
	return thread;
}

static bool is_anybody_watched(void)
{
	bool anybody;

	lx_lock_tree();
	anybody = !TAILQ_EMPTY(&watched);
	lx_unlock_tree();
	return anybody;
}

static void watch_main(void *unused)
{
	const LARGE_INTEGER pause = {.QuadPart = -LOOK_NS / 100};
	struct kevent never;
	struct lx_thread *thread;

	if (!NT_SUCCESS(ps_attach_system_thread()))
		return;
	ke_initialize_event(&never, NotificationEvent, false);
	for (;;) {
		ke_wait_for_object(&someone.header, false, NULL);
		while (is_anybody_watched()) {
			ke_wait_for_object(&never.header, false, &pause);
			while ((thread = next_to_bury()))
				bury(thread);
		}
	}
}

bool lx_undertaker_start(void)
{
	ke_initialize_event(&someone, SynchronizationEvent, false);
	return hal_thread_create(watch_main, NULL) == 0;
}
