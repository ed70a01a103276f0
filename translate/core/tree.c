/*
 * The tree of processes and the numbers that they bear.
 *
 * One red-black tree holds every number in use, as Linux' struct pid does: a number is free again only when no process (a
 * zombie counts), thread, group or session bears it. Numbers go up and wrap at lx_pid_max, so that a number just given up
 * is not met again soon. Everything here runs under lx_tree_lock.
 * A signal sent under it (to a parent, to orphans) may be fatal, and to end a process takes the lock: that waits until it is let go.
 */
#include <core/session.h>
#include <core/observer.h>
#include <core/thread.h>
#include <core/tree.h>

struct lx_process *lx_init_process;
const struct lx_call_observer *lx_call_observer;

static struct rtl_lock tree_lock = RTL_LOCK_INITIALIZER;
static _Thread_local bool tree_is_held, ends_doomed; /* by this thread; it is at those below */
/* Referenced; guarded by the lock. */
static TAILQ_HEAD(lx_doomed, lx_process) doomed = TAILQ_HEAD_INITIALIZER(doomed);

/* Linux' default on a machine without many CPUs, and where numbering goes on after the wrap. */
const int32_t lx_pid_max = 32768;
#define FIRST_PID_AFTER_WRAP 300

static int compare_ids(const struct lx_id *a, const struct lx_id *b)
{
	return a->number < b->number ? -1 : a->number > b->number;
}

static RB_HEAD(lx_id_tree, lx_id) ids = RB_INITIALIZER(&ids);
RB_GENERATE_INTERNAL(lx_id_tree, lx_id, link, compare_ids, static __attribute__((unused)))

void lx_lock_tree(void)
{
	rtl_lock(&tree_lock);
	tree_is_held = true;
}

static struct lx_process *take_doomed(int32_t *signo)
{
	struct lx_process *process = TAILQ_FIRST(&doomed);

	if (!process)
		return NULL;
	TAILQ_REMOVE(&doomed, process, doomed_link);
	*signo = process->doomed_by;
	process->doomed_by = 0;
	return process;
}

static void unlock(void)
{
	tree_is_held = false;
	rtl_unlock(&tree_lock);
}

void lx_unlock_tree(void)
{
	struct lx_process *process;
	int32_t signo;

	/* To end one takes the lock again, and lets it go here. */
	while (!ends_doomed && (process = take_doomed(&signo))) {
		unlock();
		ends_doomed = true;
		lx_exit_group(process, signo);
		ends_doomed = false;
		lx_process_dereference(process);
		lx_lock_tree();
	}
	unlock();
}

void lx_end_by_signal(struct lx_process *process, int32_t signo)
{
	if (!tree_is_held) {
		lx_exit_group(process, signo);
	} else if (!process->doomed_by) {
		process->doomed_by = signo;
		lx_process_reference(process);
		TAILQ_INSERT_TAIL(&doomed, process, doomed_link);
	}
}

/* Threads by their real user id; zombies count. */
struct lx_user {
	RB_ENTRY(lx_user) link;
	uint32_t uid, threads;
};

static int compare_users(const struct lx_user *a, const struct lx_user *b)
{
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

static RB_HEAD(lx_user_tree, lx_user) users = RB_INITIALIZER(&users);
RB_GENERATE_INTERNAL(lx_user_tree, lx_user, link, compare_users, static __attribute__((unused)))

static int32_t last_number;
static uint32_t process_count;
static _Atomic uint32_t thread_count; /* read without the lock too */

struct lx_id *lx_id_find(int32_t number)
{
	struct lx_id key = {.number = number};

	return RB_FIND(lx_id_tree, &ids, &key);
}

bool lx_thread_must_exit(const struct lx_thread *thread)
{
	return atomic_load_explicit(&thread->dying, memory_order_acquire) ||
	       atomic_load_explicit(&thread->process->group_exiting, memory_order_acquire);
}

static int32_t next_number(int32_t number)
{
	return number + 1 < lx_pid_max ? number + 1 : FIRST_PID_AFTER_WRAP;
}

int32_t lx_id_last(void)
{
	int32_t number;

	lx_lock_tree();
	number = last_number;
	lx_unlock_tree();
	return number;
}

struct lx_id *lx_id_allocate(void)
{
	struct lx_id *id = calloc(1, sizeof(*id));
	int32_t number = next_number(last_number);

	if (!id)
		return NULL;
	for (int32_t tries = 0; tries < lx_pid_max; tries++, number = next_number(number)) {
		id->number = number;
		if (RB_INSERT(lx_id_tree, &ids, id))
			continue;
		id->reserved = true;
		last_number = number;
		return id;
	}
	free(id);
	return NULL;
}

void lx_id_release(struct lx_id *id)
{
	if (id->reserved || id->process || id->thread || id->group || id->session)
		return;
	RB_REMOVE(lx_id_tree, &ids, id);
	free(id);
}

struct lx_process *lx_find_process(int32_t pid)
{
	struct lx_id *id = lx_id_find(pid);

	return id ? id->process : NULL;
}

struct lx_thread *lx_find_thread(int32_t tid)
{
	struct lx_id *id = lx_id_find(tid);

	return id ? id->thread : NULL;
}

struct lx_task lx_leader_task(struct lx_process *process)
{
	struct lx_task task = {.process = process, .thread = lx_find_thread(process->pid), .token = process->leader_token};

	if (task.thread)
		task.token = task.thread->token;
	return task;
}

bool lx_task_of_number(int32_t number, struct lx_task *task)
{
	const struct lx_id *id = lx_id_find(number);

	if (!id || (!id->thread && !id->process))
		return false;
	*task = id->process ? lx_leader_task(id->process) :
			      (struct lx_task){.process = id->thread->process, .thread = id->thread, .token = id->thread->token};
	return task->token;
}

bool lx_find_task(struct lx_thread *self, int32_t tid, struct lx_task *task)
{
	*task = (struct lx_task){.process = self->process, .thread = self, .token = self->token};
	return !tid || lx_task_of_number(tid, task);
}

struct lx_thread *lx_next_thread(const struct lx_process *process, int32_t tid)
{
	struct lx_id key = {.number = tid};
	struct lx_id *id = RB_NFIND(lx_id_tree, &ids, &key);

	while (id && !(id->thread && id->thread->process == process))
		id = lx_id_tree_RB_NEXT(id);
	return id ? id->thread : NULL;
}

struct lx_process *lx_next_process(int32_t pid)
{
	struct lx_id key = {.number = pid};
	struct lx_id *id = RB_NFIND(lx_id_tree, &ids, &key);

	/* Numbers without a process are those of threads and of groups that outlived their leaders. */
	while (id && !id->process)
		id = lx_id_tree_RB_NEXT(id);
	return id ? id->process : NULL;
}

void lx_walk_processes(void (*visit)(struct lx_process *process, void *context), void *context)
{
	struct lx_id *id, *next;

	RB_FOREACH_SAFE (id, lx_id_tree, &ids, next)
		if (id->process)
			visit(id->process, context);
}

/* A new parent, or none. */
static void set_parent(struct lx_process *child, struct lx_process *parent, int32_t parent_tid)
{
	struct lx_thread *maker = parent ? lx_find_thread(parent_tid) : NULL;

	if (child->parent)
		TAILQ_REMOVE(&child->parent->children, child, sibling);
	if (child->maker)
		TAILQ_REMOVE(&child->maker->made, child, made_link);
	child->maker = maker && maker->process == parent ? maker : NULL;
	child->parent = parent;
	if (!parent)
		return;
	child->parent_id = parent->pid;
	child->parent_tid = parent_tid;
	TAILQ_INSERT_TAIL(&parent->children, child, sibling);
	if (child->maker)
		TAILQ_INSERT_TAIL(&maker->made, child, made_link);
}

void lx_tree_give_made(struct lx_thread *thread, struct lx_thread *heir)
{
	struct lx_process *child;

	TAILQ_FOREACH (child, &thread->made, made_link) {
		child->parent_tid = heir->tid;
		child->maker = heir;
	}
	TAILQ_CONCAT(&heir->made, &thread->made, made_link);
}

void lx_tree_announce(struct lx_process *parent, struct lx_process *child)
{
	LIST_INSERT_HEAD(&parent->unborn, child, unborn_link);
	child->is_unborn = true;
}

void lx_tree_end_announcement(struct lx_process *child)
{
	if (child->is_unborn)
		LIST_REMOVE(child, unborn_link);
	child->is_unborn = false;
}

static uint64_t signal_bit(int32_t signo)
{
	return signo > 0 ? 1ull << (signo - 1) : 0;
}

/* As in the queue itself: of a stop and SIGCONT the later one counts. */
void lx_tree_tell_unborn(struct lx_process *parent, int32_t signo)
{
	const uint64_t stops = signal_bit(LX_SIGSTOP) | signal_bit(LX_SIGTSTP) | signal_bit(LX_SIGTTIN) | signal_bit(LX_SIGTTOU);
	struct lx_process *child;

	LIST_FOREACH (child, &parent->unborn, unborn_link) {
		if (signo == LX_SIGCONT)
			child->sent_before_birth &= ~stops;
		else if (signal_bit(signo) & stops)
			child->sent_before_birth &= ~signal_bit(LX_SIGCONT);
		child->sent_before_birth |= signal_bit(signo);
	}
}

void lx_tree_link_process(struct lx_process *process, struct lx_id *id, struct lx_process *parent, int32_t parent_tid)
{
	process->pid = id->number;
	id->process = process;
	id->reserved = false;
	lx_process_reference(process);
	if (parent) {
		set_parent(process, parent, parent_tid);
		process_count++;
	}
}

static struct lx_user *find_user(uint32_t uid)
{
	struct lx_user key = {.uid = uid};

	return RB_FIND(lx_user_tree, &users, &key);
}

/* Without memory for it the user has one thread less than he should. */
static void count_for_user(struct lx_thread *thread)
{
	struct lx_user *user = find_user(thread->token->ruid);

	if (!user && (user = calloc(1, sizeof(*user)))) {
		user->uid = thread->token->ruid;
		RB_INSERT(lx_user_tree, &users, user);
	}
	if (user)
		user->threads++;
	thread->user = user;
}

static void forget_for_user(struct lx_user **counted)
{
	struct lx_user *user = steal_pointer(counted);

	if (!user || --user->threads)
		return;
	RB_REMOVE(lx_user_tree, &users, user);
	free(user);
}

void lx_tree_set_token(struct lx_thread *thread, struct se_token *token)
{
	thread->token = token;
	if (thread->tid == thread->process->pid)
		thread->process->uid = token->ruid;
	if (thread->user && thread->user->uid != token->ruid) {
		forget_for_user(&thread->user);
		count_for_user(thread);
	}
}

void lx_tree_link_thread(struct lx_thread *thread, struct lx_id *id)
{
	struct lx_process *process = thread->process;

	thread->tid = id->number;
	id->thread = thread;
	id->reserved = false;
	rtl_lock(&process->signal_lock);
	TAILQ_INSERT_TAIL(&process->threads, thread, link);
	rtl_unlock(&process->signal_lock);
	process->live_threads++;
	thread_count++;
	count_for_user(thread);
}

void lx_tree_unlink_thread(struct lx_thread *thread)
{
	struct lx_process *process = thread->process;
	struct lx_id *id = lx_id_find(thread->tid);

	rtl_lock(&process->signal_lock);
	TAILQ_REMOVE(&process->threads, thread, link);
	rtl_unlock(&process->signal_lock);
	process->live_threads--;
	thread_count--;
	/* A leader is there, as a zombie, until the process is reaped. */
	if (thread->tid == process->pid)
		process->leader_user = steal_pointer(&thread->user);
	forget_for_user(&thread->user);
	id->thread = NULL;
	lx_id_release(id);
}

void lx_tree_become_leader(struct lx_thread *thread)
{
	struct lx_id *old = lx_id_find(thread->tid);
	struct lx_process *child;

	if (thread->tid == thread->process->pid)
		return;
	old->thread = NULL;
	lx_id_release(old);
	forget_for_user(&thread->process->leader_user);
	thread->tid = thread->process->pid;
	lx_id_find(thread->tid)->thread = thread;
	TAILQ_FOREACH (child, &thread->made, made_link)
		child->parent_tid = thread->tid;
}

void lx_tree_remove(struct lx_process *process)
{
	struct lx_id *id = lx_id_find(process->pid);

	lx_group_leave(process);
	set_parent(process, NULL, 0);
	rtl_lock(&process->signal_lock);
	process->state = LX_DEAD;
	rtl_unlock(&process->signal_lock);
	process_count--;
	forget_for_user(&process->leader_user);
	id->process = NULL;
	lx_id_release(id);
	lx_process_dereference(process);
}

void lx_tree_reparent(struct lx_process *child, struct lx_process *parent, int32_t parent_tid)
{
	set_parent(child, parent, parent_tid);
}

uint32_t lx_tree_process_count(void)
{
	return process_count;
}

uint32_t lx_tree_thread_count(void)
{
	return thread_count;
}

uint32_t lx_tree_threads_of_user(uint32_t uid)
{
	const struct lx_user *user = find_user(uid);

	return user ? user->threads : 0;
}
