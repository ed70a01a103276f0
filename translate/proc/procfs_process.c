/*
 * Which /proc/<pid> and /proc/<pid>/task/<tid> there are, and the driver's registration.
 */
#include <core/session.h>
#include <core/tree.h>
#include <executive/ex/debug.h>
#include <path/resolve.h>
#include <proc/procfs.h>

/* --- the directories */

static bool process_exists(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child)
{
	struct lx_process *process;
	struct lx_thread *thread;

	*child = (struct procfs_subject){.pid = (int32_t)number, .number = (int32_t)number};
	lx_lock_tree();
	process = lx_find_process((int32_t)number);
	/* A tid is no entry of the listing, but can be looked up: it shows its process. */
	thread = process ? NULL : lx_find_thread((int32_t)number);
	if (thread)
		child->pid = thread->process->pid;
	lx_unlock_tree();
	return process || thread;
}

static bool next_process(const struct procfs_subject *directory, uint64_t *number, struct procfs_subject *child)
{
	const struct lx_process *process;
	int32_t pid = 0;

	if (*number > INT32_MAX)
		return false;
	lx_lock_tree();
	process = lx_next_process((int32_t)*number);
	if (process)
		pid = process->pid;
	lx_unlock_tree();
	*number = (uint64_t)pid;
	*child = (struct procfs_subject){.pid = pid, .number = pid};
	return pid;
}

/* The next of a process' threads by number; its own number is listed as long as the process is there. Under lx_tree_lock. */
static int32_t find_task(const struct procfs_subject *directory, int32_t from)
{
	struct lx_process *process = lx_find_process(directory->pid);
	const struct lx_thread *thread = process ? lx_next_thread(process, from) : NULL;

	if (process && process->pid >= from && (!thread || thread->tid > process->pid))
		return process->pid;
	return thread ? thread->tid : 0;
}

static bool next_task(const struct procfs_subject *directory, uint64_t *number, struct procfs_subject *child)
{
	int32_t tid;

	if (*number > INT32_MAX)
		return false;
	lx_lock_tree();
	tid = find_task(directory, (int32_t)*number);
	lx_unlock_tree();
	*number = (uint64_t)tid;
	*child = (struct procfs_subject){.pid = directory->pid, .tid = tid, .number = tid};
	return tid;
}

static bool task_exists(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child)
{
	uint64_t found = number;

	return next_task(directory, &found, child) && found == number;
}

static uint32_t count_tasks(const struct procfs_subject *directory)
{
	cleanup_proc_view struct lx_proc_view view;

	return lx_proc_look(directory, &view) == STATUS_SUCCESS ? view.threads : 0;
}

static uint32_t count_processes(const struct procfs_subject *directory)
{
	uint32_t count;

	lx_lock_tree();
	count = lx_tree_process_count() + 1;
	lx_unlock_tree();
	return count;
}

const struct procfs_numbers lx_proc_tasks = {
	.lookup = task_exists, .next = next_task, .child = &lx_proc_task_node, .count = count_tasks};
const struct procfs_numbers lx_proc_processes = {
	.lookup = process_exists, .next = next_process, .child = &lx_proc_process_node, .count = count_processes};

/* --- registration */

#define REPORTED_MAXIMUM 256

/* True the first time; once the table is full, nothing is reported any more. */
static bool first_report(const char *path)
{
	static struct rtl_lock lock = RTL_LOCK_INITIALIZER;
	static uint64_t reported[REPORTED_MAXIMUM];
	static size_t count;
	uint64_t hash = 14695981039346656037u;
	bool first = false;
	size_t i;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 1099511628211u;
	rtl_lock(&lock);
	for (i = 0; i < count && reported[i] != hash; i++)
		;
	if (i == count && count < REPORTED_MAXIMUM) {
		reported[count++] = hash;
		first = true;
	}
	rtl_unlock(&lock);
	return first;
}

/* A file that the host may have and lxrun has not: said once in the log, whichever process it was looked for in. */
static void report_missing(const char *path)
{
	const char *slash = strchr(path, '/');
	size_t digits = strspn(path, "0123456789");
	const char *shown = digits && path[digits] == '/' ? slash : path;

	if (first_report(shown))
		ex_debug_print("/proc/%s%s does not exist here", shown == path ? "" : "<pid>", shown);
}

void lx_procfs_initialize(void)
{
	static const struct procfs_provider provider = {
		.root = &lx_proc_root_node,
		.owner = lx_proc_owner,
		.may_look = lx_proc_may_look,
		.is_own = lx_proc_is_own,
		.missing = report_missing,
	};

	procfs_register(&provider);
}
