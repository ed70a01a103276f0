/*
 * kcmp(2): do two tasks share something? The order of what differs is that of addresses, stable while both live. Only
 * references are compared after lx_tree_lock has been given up, never what they lead to.
 */
#include <core/process.h>
#include <core/thread.h>
#include <credentials/credentials.h>
#include <descriptor/files.h>
#include <lx_syscalls.h>

static int64_t order(const void *left, const void *right)
{
	return left == right ? 0 : left < right ? 1 : 2;
}

/* --- open file descriptions */

/* The file object behind a descriptor of a table, referenced; NULL: it is not open. */
static void *file_of(struct lx_files *files, uint64_t wanted)
{
	struct io_file *file = NULL;
	int32_t fd = (int32_t)wanted;

	if (wanted > INT32_MAX || !lx_files_next(files, &fd, &file, NULL))
		return NULL;
	if ((uint64_t)fd == wanted)
		return file;
	ob_dereference(file);
	return NULL;
}

static int64_t compare_files(struct lx_files *left, uint64_t left_fd, struct lx_files *right, uint64_t right_fd)
{
	cleanup_object void *a = file_of(left, left_fd);
	cleanup_object void *b = a ? file_of(right, right_fd) : NULL;

	return a && b ? order(a, b) : -LX_EBADF;
}

/* --- everything else */

/* What a task that runs no more had is gone; pid 1, which never runs, has something that nobody shares. */
static const void *part_of(const struct lx_task *task, int32_t type)
{
	const struct lx_thread *thread = task->thread;

	if (type == LX_KCMP_SIGHAND)
		return task->process->sighand;
	if (!thread)
		return task->process == lx_init_process ? lx_init_process : NULL;
	if (type == LX_KCMP_VM)
		return thread->ps->process->space;
	return type == LX_KCMP_FILES ? (const void *)thread->files : (const void *)thread->fs;
}

static int64_t compare(const struct lx_task *a, const struct lx_task *b, int32_t type)
{
	switch (type) {
	case LX_KCMP_VM:
	case LX_KCMP_FILES:
	case LX_KCMP_FS:
	case LX_KCMP_SIGHAND:
		return order(part_of(a, type), part_of(b, type));
	case LX_KCMP_IO:
	case LX_KCMP_SYSVSEM:
		return 0; /* neither has any */
	default:
		return -LX_EINVAL;
	}
}

/* 0 is nobody's number here. */
static bool find(struct lx_call *call, int32_t pid, struct lx_task *task)
{
	return pid && lx_find_task(call->thread, pid, task);
}

int64_t lx_sys_kcmp(struct lx_call *call, int32_t pid1, int32_t pid2, int32_t type, uint64_t idx1, uint64_t idx2)
{
	struct lx_files *left = NULL, *right = NULL;
	struct lx_task a, b;
	int64_t result = 0;

	lx_lock_tree();
	if (!find(call, pid1, &a) || !find(call, pid2, &b))
		result = -LX_ESRCH;
	else if (!lx_may_access(call->thread, &a) || !lx_may_access(call->thread, &b))
		result = -LX_EPERM;
	else if (type != LX_KCMP_FILE)
		result = compare(&a, &b, type);
	else if (!a.thread || !b.thread || !a.thread->files || !b.thread->files)
		result = -LX_EBADF;
	if (!result && type == LX_KCMP_FILE) {
		left = lx_files_reference(a.thread->files);
		right = lx_files_reference(b.thread->files);
	}
	lx_unlock_tree();
	if (left) {
		result = compare_files(left, idx1, right, idx2);
		lx_files_dereference(left);
		lx_files_dereference(right);
	}
	return result;
}
