/*
 * /proc/<pid> and /proc/<pid>/task/<tid>: which nodes there are, who owns them, and
 * the look at a task that all generators begin with.
 */
#include <executive/ex/debug.h>
#include <path/resolve.h>
#include <proc/procfs.h>
#include <process/session.h>
#include <signal/signals.h>
#include <terminal/devices.h>
#include <terminal/terminal.h>

/* --- looking */

static struct lx_thread *pick_thread(struct lx_process *process, int32_t tid)
{
	struct lx_thread *thread;

	TAILQ_FOREACH (thread, &process->threads, link)
		if (tid == 0 || thread->tid == tid)
			return thread;
	return NULL;
}

/* What LX knows by itself; 0: whether it runs or sleeps is the host's to say. */
static char state_of(const struct lx_process *process, const struct lx_thread *thread)
{
	if (process->state >= LX_ZOMBIE)
		return 'Z';
	if (process->state == LX_STOPPED)
		return 'T';
	if (!thread)
		return 'S';
	return thread == lx_current() ? 'R' : 0;
}

char lx_proc_state(const struct lx_proc_view *view)
{
	if (view->state)
		return view->state;
	return view->ps_thread ? ps_thread_state(view->ps_thread) : 'R';
}

static void look_at_signals(const struct lx_process *process, const struct lx_thread *thread, struct lx_proc_view *view)
{
	struct lx_queued_signal *queued;

	rtl_lock(&lx_signal_lock);
	view->shared_pending = process->pending.set;
	TAILQ_FOREACH (queued, &process->pending.queue, link)
		view->queued++;
	if (thread) {
		view->blocked = thread->blocked;
		view->pending = thread->pending.set;
		TAILQ_FOREACH (queued, &thread->pending.queue, link)
			view->queued++;
	}
	for (int32_t signo = 1; process->sighand && signo <= LX_NSIG; signo++) {
		uint64_t handler = process->sighand->actions[signo].handler;

		if (handler == LX_HANDLER_IGNORE)
			view->ignored.bits |= lx_signal_bit(signo);
		else if (handler != LX_HANDLER_DEFAULT)
			view->caught.bits |= lx_signal_bit(signo);
	}
	rtl_unlock(&lx_signal_lock);
}

static void look_at_thread(struct lx_thread *thread, struct lx_proc_view *view)
{
	memcpy(view->comm, thread->comm, sizeof view->comm);
	view->files = thread->files ? lx_files_reference(thread->files) : NULL;
	view->fs = thread->fs ? lx_fs_reference(thread->fs) : NULL;
	view->nice = thread->nice;
	view->policy = thread->sched_policy;
	view->priority = thread->sched_priority;
	view->timer_slack_ns = thread->timer_slack_ns;
	memcpy(view->affinity, thread->affinity, sizeof view->affinity);
	if (thread->token) {
		ob_reference(thread->token);
		view->token = thread->token;
	}
	if (thread->ps) {
		ob_reference(thread->ps);
		view->ps_thread = thread->ps;
	}
}

static void look_at_process(struct lx_process *process, struct lx_proc_view *view)
{
	struct ps_process *ps = process->ps;

	view->process = lx_process_reference(process);
	view->pid = process->pid;
	view->parent = process->parent ? process->parent->pid : 0;
	view->group = lx_process_group_id(process);
	view->session = lx_process_session_id(process);
	view->threads = process->live_threads;
	view->terminal = lx_process_terminal(process);
	view->foreground = lx_process_foreground(process);
	if (!ps || process->state >= LX_ZOMBIE)
		return;
	rtl_lock(&ps->lock);
	if (ps->space) {
		mm_reference_space(ps->space);
		view->space = ps->space;
	}
	rtl_unlock(&ps->lock);
}

/* What is left of a task's name once its threads are gone. */
static void name_without_thread(const struct lx_process *process, struct lx_proc_view *view)
{
	const char *name = process->ps ? process->ps->image_name : "init";
	const char *slash = strrchr(name, '/');

	snprintf(view->comm, sizeof view->comm, "%.15s", slash ? slash + 1 : name);
}

NTSTATUS lx_proc_look(const struct procfs_subject *subject, struct lx_proc_view *view)
{
	struct lx_process *process;
	struct lx_thread *thread = NULL;
	bool found;

	*view = (struct lx_proc_view){0};
	rtl_lock(&lx_tree_lock);
	process = lx_find_process(subject->pid);
	if (process)
		thread = pick_thread(process, subject->tid);
	found = process && (thread || !subject->tid);
	if (found) {
		look_at_process(process, view);
		view->tid = subject->tid ? subject->tid : process->pid;
		view->state = state_of(process, thread);
		if (thread)
			look_at_thread(thread, view);
		if (!thread || !view->comm[0])
			name_without_thread(process, view);
		look_at_signals(process, thread, view);
	}
	rtl_unlock(&lx_tree_lock);
	return found ? STATUS_SUCCESS : lx_proc_error(LX_ESRCH);
}

void lx_proc_release(struct lx_proc_view *view)
{
	if (view->files)
		lx_files_dereference(view->files);
	if (view->fs)
		lx_fs_dereference(view->fs);
	if (view->space)
		mm_dereference_space(view->space);
	if (view->token)
		ob_dereference(view->token);
	if (view->ps_thread)
		ob_dereference(view->ps_thread);
	if (view->process)
		lx_process_dereference(view->process);
	*view = (struct lx_proc_view){0};
}

/* --- small files */

static NTSTATUS show_comm(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS)
		procfs_printf(text, "%.15s\n", view.comm);
	return status;
}

/* Any thread of the same process may be renamed; the host's tools learn of it for the caller alone. */
static NTSTATUS store_comm(const struct procfs_subject *subject, const char *data, size_t size)
{
	struct lx_thread *self = lx_current(), *thread = NULL;
	struct lx_process *process;
	NTSTATUS status = lx_proc_error(LX_ESRCH);

	rtl_lock(&lx_tree_lock);
	process = lx_find_process(subject->pid);
	if (process)
		thread = pick_thread(process, subject->tid);
	if (thread && self && thread->process != self->process)
		status = lx_proc_error(LX_EINVAL);
	else if (thread) {
		memset(thread->comm, 0, sizeof thread->comm);
		memcpy(thread->comm, data, MIN_OF(strnlen(data, size), sizeof thread->comm - 1));
		status = STATUS_SUCCESS;
	}
	rtl_unlock(&lx_tree_lock);
	if (status == STATUS_SUCCESS && thread == self && self->ps->pico && ps_platform()->set_name)
		ps_platform()->set_name(self->ps->pico, self->comm);
	return status;
}

static NTSTATUS show_oom_score_adj(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS)
		procfs_printf(text, "%d\n", view.process->oom_score_adj);
	return status;
}

/* The value is the guest's own bookkeeping: what the host would kill first is lxrun's own matter. */
static NTSTATUS store_oom_score_adj(const struct procfs_subject *subject, const char *data, size_t size)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);
	const struct lx_thread *self = lx_current();
	bool able = !self || self->token->cap_effective >> LX_CAP_SYS_RESOURCE & 1;
	char *end;
	long value = strtol(data, &end, 10);

	if (status != STATUS_SUCCESS)
		return status;
	while (*end == '\n' || *end == ' ')
		end++;
	if (end == data || *end || value < -1000 || value > 1000)
		return lx_proc_error(LX_EINVAL);
	if (value < view.process->oom_score_adj && !able)
		return lx_proc_error(LX_EACCES);
	view.process->oom_score_adj = (int32_t)value;
	return STATUS_SUCCESS;
}

static NTSTATUS show_personality(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS)
		procfs_printf(text, "%08x\n", view.process->personality);
	return status;
}

static NTSTATUS show_timer_slack(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS)
		procfs_printf(text, "%llu\n", (unsigned long long)view.timer_slack_ns);
	return status;
}

/* Where a task sleeps is not shown, as to a reader without privilege. */
static NTSTATUS show_wchan(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS)
		procfs_append(text, "0", 1);
	return status;
}

/* --- the directories */

static bool process_exists(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child)
{
	struct lx_process *process;
	struct lx_thread *thread;

	*child = (struct procfs_subject){.pid = (int32_t)number, .number = (int32_t)number};
	rtl_lock(&lx_tree_lock);
	process = lx_find_process((int32_t)number);
	/* A tid is no entry of the listing, but can be looked up: it shows its process. */
	thread = process ? NULL : lx_find_thread((int32_t)number);
	if (thread)
		child->pid = thread->process->pid;
	rtl_unlock(&lx_tree_lock);
	return process || thread;
}

struct search {
	uint32_t from;
	bool found;
	uint32_t number;
};

static void consider_process(struct lx_process *process, void *context)
{
	struct search *search = context;
	uint32_t pid = (uint32_t)process->pid;

	if (pid >= search->from && (!search->found || pid < search->number)) {
		search->found = true;
		search->number = pid;
	}
}

static bool next_process(const struct procfs_subject *directory, uint32_t *number, struct procfs_subject *child)
{
	struct search search = {.from = *number};

	rtl_lock(&lx_tree_lock);
	lx_walk_processes(consider_process, &search);
	rtl_unlock(&lx_tree_lock);
	*number = search.number;
	*child = (struct procfs_subject){.pid = (int32_t)search.number, .number = (int32_t)search.number};
	return search.found;
}

/* The thread with the lowest tid >= from; lx_tree_lock held. A zombie's leader is still listed. */
static bool find_task(struct lx_process *process, uint32_t from, uint32_t *number)
{
	const struct lx_thread *thread;
	bool found = false;

	TAILQ_FOREACH (thread, &process->threads, link)
		if ((uint32_t)thread->tid >= from && (!found || (uint32_t)thread->tid < *number)) {
			*number = (uint32_t)thread->tid;
			found = true;
		}
	if (!found && TAILQ_EMPTY(&process->threads) && (uint32_t)process->pid >= from) {
		*number = (uint32_t)process->pid;
		found = true;
	}
	return found;
}

static bool next_task(const struct procfs_subject *directory, uint32_t *number, struct procfs_subject *child)
{
	struct lx_process *process;
	bool found;

	rtl_lock(&lx_tree_lock);
	process = lx_find_process(directory->pid);
	found = process && find_task(process, *number, number);
	/* A process without threads (init, a zombie) shows itself as its only task. */
	*child = (struct procfs_subject){.pid = directory->pid, .number = (int32_t)*number};
	if (found && !TAILQ_EMPTY(&process->threads))
		child->tid = (int32_t)*number;
	rtl_unlock(&lx_tree_lock);
	return found;
}

static bool task_exists(const struct procfs_subject *directory, uint32_t number, struct procfs_subject *child)
{
	uint32_t found = number;

	return next_task(directory, &found, child) && found == number;
}

#define LINK_PERMISSIONS 0777
#define FILE_NODE(text, mode, generator) {.name = text, .kind = PROCFS_FILE, .permissions = mode, .show = generator}
#define PRIVATE_FILE(text, mode, generator)                                                                            \
	{.name = text, .kind = PROCFS_FILE, .permissions = mode, .show = generator, .private = true}
#define HOST_FILE(text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/self/" text}
#define MAGIC_NODE(text, which)                                                                                        \
	{.name = text,                                                                                                 \
	 .kind = PROCFS_MAGIC,                                                                                         \
	 .permissions = LINK_PERMISSIONS,                                                                              \
	 .target = lx_proc_##which##_target,                                                                           \
	 .follow = lx_proc_##which##_follow}
#define HOST_LINK(text) {.name = text, .kind = PROCFS_LINK, .host_path = "/proc/self/ns/" text}

static const struct procfs_node namespace_nodes[] = {
	HOST_LINK("cgroup"), HOST_LINK("ipc"),	HOST_LINK("mnt"),		HOST_LINK("net"),
	HOST_LINK("pid"),    HOST_LINK("pid_for_children"), HOST_LINK("time"), HOST_LINK("time_for_children"),
	HOST_LINK("user"),   HOST_LINK("uts"),	{0},
};

#define NET_FILE(text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/self/net/" text}
static const struct procfs_node net_nodes[] = {
	NET_FILE("arp"),     NET_FILE("dev"),	  NET_FILE("fib_trie"), NET_FILE("if_inet6"), NET_FILE("igmp"),
	NET_FILE("ipv6_route"), NET_FILE("netlink"), NET_FILE("netstat"), NET_FILE("packet"),	NET_FILE("protocols"),
	NET_FILE("raw"),     NET_FILE("raw6"),	  NET_FILE("route"),	NET_FILE("snmp"),	NET_FILE("snmp6"),
	NET_FILE("sockstat"), NET_FILE("sockstat6"), NET_FILE("tcp"),	NET_FILE("tcp6"),	NET_FILE("udp"),
	NET_FILE("udp6"),    NET_FILE("unix"),	  NET_FILE("wireless"), {0},
};

#define TASK_NODES                                                                                                     \
	PRIVATE_FILE("auxv", 0400, lx_proc_show_auxv), HOST_FILE("cgroup"),                                            \
		FILE_NODE("cmdline", 0444, lx_proc_show_cmdline),                                                      \
		{.name = "comm", .kind = PROCFS_FILE, .permissions = 0644, .show = show_comm, .store = store_comm},    \
		HOST_FILE("cpuset"), MAGIC_NODE("cwd", cwd), PRIVATE_FILE("environ", 0400, lx_proc_show_environ),      \
		MAGIC_NODE("exe", exe),                                                                                \
		{.name = "fd",                                                                                         \
		 .kind = PROCFS_DIRECTORY,                                                                             \
		 .permissions = 0500,                                                                                  \
		 .numbers = &lx_proc_descriptors,                                                                      \
		 .private = true},                                                                                     \
		{.name = "fdinfo",                                                                                     \
		 .kind = PROCFS_DIRECTORY,                                                                             \
		 .permissions = 0555,                                                                                  \
		 .numbers = &lx_proc_descriptor_information,                                                           \
		 .private = true},                                                                                     \
		HOST_FILE("gid_map"), FILE_NODE("limits", 0444, lx_proc_show_limits), HOST_FILE("loginuid"),           \
		PRIVATE_FILE("maps", 0444, lx_proc_show_maps), HOST_FILE("mountinfo"), HOST_FILE("mounts"),            \
		{.name = "net", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = net_nodes},                 \
		{.name = "ns", .kind = PROCFS_DIRECTORY, .permissions = 0511, .children = namespace_nodes},            \
		{.name = "oom_score_adj",                                                                              \
		 .kind = PROCFS_FILE,                                                                                  \
		 .permissions = 0644,                                                                                  \
		 .show = show_oom_score_adj,                                                                           \
		 .store = store_oom_score_adj},                                                                        \
		PRIVATE_FILE("personality", 0400, show_personality), HOST_FILE("projid_map"), MAGIC_NODE("root", root), \
		HOST_FILE("sessionid"), HOST_FILE("setgroups"), FILE_NODE("stat", 0444, lx_proc_show_stat),            \
		FILE_NODE("statm", 0444, lx_proc_show_statm), FILE_NODE("status", 0444, lx_proc_show_status),          \
		HOST_FILE("uid_map"), FILE_NODE("wchan", 0444, show_wchan)

static const struct procfs_node task_nodes[] = {TASK_NODES, {0}};
static const struct procfs_node task_node = {
	.name = "tid", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = task_nodes};
static const struct procfs_numbers tasks = {task_exists, next_task, &task_node};

static const struct procfs_node process_nodes[] = {
	TASK_NODES,
	{.name = "task", .kind = PROCFS_DIRECTORY, .permissions = 0555, .numbers = &tasks},
	FILE_NODE("timerslack_ns", 0666, show_timer_slack),
	{0},
};
static const struct procfs_node process_node = {
	.name = "pid", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = process_nodes};
const struct procfs_numbers lx_proc_processes = {process_exists, next_process, &process_node};

/* --- registration */

static bool owner_of(const struct procfs_subject *subject, ULONG *uid, ULONG *gid)
{
	struct lx_process *process;
	struct lx_thread *thread;

	*uid = *gid = 0;
	if (!subject->pid)
		return true;
	rtl_lock(&lx_tree_lock);
	process = lx_find_process(subject->pid);
	thread = process ? pick_thread(process, subject->tid) : NULL;
	if (thread && thread->token && process->dumpable) {
		*uid = thread->token->euid;
		*gid = thread->token->egid;
	} else if (process && !thread) {
		*uid = process->uid;
	}
	rtl_unlock(&lx_tree_lock);
	return process && (thread || !subject->tid);
}

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
		.root = &lx_proc_root_node, .owner = owner_of, .missing = report_missing};

	procfs_register(&provider);
}
