/*
 * The small files of /proc/<pid>: one value each, some of which can be written. What the host alone knows of a task comes from
 * the host; what the guest may set is LX's, so that the guest reads what it wrote, and the host's own bookkeeping is left alone.
 */
#include <core/thread.h>
#include <hal/host.h>
#include <proc/procfs.h>

#define OOM_ADJ_MAX 1000
#define OOM_OLD_MAX 15
#define OOM_OLD_DISABLE (-17)
#define COREDUMP_FILTER_BITS 0x1ffu

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
	struct lx_thread *self = lx_current();
	NTSTATUS status = lx_proc_error(LX_ESRCH);
	struct lx_task task;
	bool own = false;

	lx_lock_tree();
	if (lx_proc_find(subject, &task)) {
		char *comm = task.thread ? task.thread->comm : task.process->leader_comm;

		status = self && task.process != self->process ? lx_proc_error(LX_EINVAL) : STATUS_SUCCESS;
		own = status == STATUS_SUCCESS && task.thread && task.thread == self;
		if (status == STATUS_SUCCESS) {
			memset(comm, 0, sizeof task.thread->comm);
			memcpy(comm, data, MIN_OF(strnlen(data, size), sizeof task.thread->comm - 1));
		}
	}
	lx_unlock_tree();
	if (own && self->ps->pico && ps_platform()->set_name)
		ps_platform()->set_name(self->ps->pico, self->comm);
	return status;
}

/* --- what the OOM killer would make of it: the guest's own bookkeeping, what the host would kill first is lxrun's own matter */

static NTSTATUS show_oom_score_adj(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS)
		procfs_printf(text, "%d\n", view.process->oom_score_adj);
	return status;
}

static NTSTATUS show_oom_adj(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);
	int32_t value;

	if (status != STATUS_SUCCESS)
		return status;
	value = view.process->oom_score_adj;
	procfs_printf(text, "%d\n", value == OOM_ADJ_MAX ? OOM_OLD_MAX : value * -OOM_OLD_DISABLE / OOM_ADJ_MAX);
	return STATUS_SUCCESS;
}

/* A number as the kernel takes it from a file: in any base that it can be written in, with nothing behind it but a line's end. */
static bool parse_value(const char *data, long *value)
{
	char *end;

	*value = strtol(data, &end, 0);
	while (*end == '\n' || *end == ' ' || *end == '\t')
		end++;
	return end != data && !*end;
}

static NTSTATUS set_oom_score_adj(const struct procfs_subject *subject, int32_t value, bool old_scale)
{
	const struct lx_thread *self = lx_current();
	bool able = !self || lx_capable(self, LX_CAP_SYS_RESOURCE);
	NTSTATUS status = lx_proc_error(LX_ESRCH);
	struct lx_task task;

	lx_lock_tree();
	if (lx_proc_find(subject, &task)) {
		struct lx_process *process = task.process;
		int32_t least = old_scale ? process->oom_score_adj : process->oom_score_adj_min;

		status = value < least && !able ? lx_proc_error(LX_EACCES) : STATUS_SUCCESS;
		if (status == STATUS_SUCCESS) {
			process->oom_score_adj = value;
			if (!old_scale && able)
				process->oom_score_adj_min = value;
		}
	}
	lx_unlock_tree();
	return status;
}

static NTSTATUS store_oom_score_adj(const struct procfs_subject *subject, const char *data, size_t size)
{
	long value;

	if (!parse_value(data, &value) || value < -OOM_ADJ_MAX || value > OOM_ADJ_MAX)
		return lx_proc_error(LX_EINVAL);
	return set_oom_score_adj(subject, (int32_t)value, false);
}

static NTSTATUS store_oom_adj(const struct procfs_subject *subject, const char *data, size_t size)
{
	long value;

	if (!parse_value(data, &value) || value < OOM_OLD_DISABLE || value > OOM_OLD_MAX)
		return lx_proc_error(LX_EINVAL);
	return set_oom_score_adj(subject, value == OOM_OLD_MAX ? OOM_ADJ_MAX : (int32_t)value * OOM_ADJ_MAX / -OOM_OLD_DISABLE,
				 true);
}

/* oom_badness(): the share of memory in use, in thousandths, moved by the adjustment and scaled to 0...2000. */
static NTSTATUS show_oom_score(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	struct pico_resident resident = {0};
	struct hal_memory memory;
	NTSTATUS status = lx_proc_look(subject, &view);
	int64_t total, points;

	if (status != STATUS_SUCCESS)
		return status;
	if (view.space)
		resident = mm_resident(view.space);
	hal_query_memory(&memory);
	total = (int64_t)((memory.total + memory.swap_total) * memory.unit / LX_PAGE_SIZE);
	points = (int64_t)((resident.anonymous + resident.file + resident.shared) / LX_PAGE_SIZE);
	points += view.process->oom_score_adj * (total / 1000);
	points = (1000 + points * 1000 / MAX_OF(total, (int64_t)1)) * 2 / 3;
	procfs_printf(text, "%lld\n", (long long)(view.space && view.process->oom_score_adj > -OOM_ADJ_MAX ? points : 0));
	return STATUS_SUCCESS;
}

/* --- settings */

static NTSTATUS show_coredump_filter(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS && view.space)
		procfs_printf(text, "%08x\n", view.process->coredump_filter);
	return status;
}

static NTSTATUS store_coredump_filter(const struct procfs_subject *subject, const char *data, size_t size)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);
	long value;

	if (status != STATUS_SUCCESS)
		return status;
	if (!parse_value(data, &value) || value < 0 || value > UINT32_MAX)
		return lx_proc_error(LX_EINVAL);
	__atomic_store_n(&view.process->coredump_filter, (uint32_t)value & COREDUMP_FILTER_BITS, __ATOMIC_RELAXED);
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

/* Another's slack is for those to see and set who may renice everybody. */
static NTSTATUS find_slack(const struct procfs_subject *subject, struct lx_task *task)
{
	const struct lx_thread *self = lx_current();

	if (!lx_proc_find(subject, task))
		return lx_proc_error(LX_ESRCH);
	if (self && task->thread != self && !lx_capable(self, LX_CAP_SYS_NICE))
		return lx_proc_error(LX_EPERM);
	return STATUS_SUCCESS;
}

static NTSTATUS show_timer_slack(const struct procfs_subject *subject, struct procfs_text *text)
{
	struct lx_task task;
	uint64_t slack = 0;
	NTSTATUS status;

	lx_lock_tree();
	status = find_slack(subject, &task);
	if (status == STATUS_SUCCESS && task.thread)
		slack = task.thread->timer_slack_ns;
	lx_unlock_tree();
	if (status == STATUS_SUCCESS)
		procfs_printf(text, "%llu\n", (unsigned long long)slack);
	return status;
}

static NTSTATUS store_timer_slack(const struct procfs_subject *subject, const char *data, size_t size)
{
	struct lx_task task;
	NTSTATUS status;
	long value;

	if (!parse_value(data, &value) || value < 0)
		return lx_proc_error(LX_EINVAL);
	lx_lock_tree();
	status = find_slack(subject, &task);
	if (status == STATUS_SUCCESS && task.thread)
		task.thread->timer_slack_ns = value ? (uint64_t)value : task.thread->default_timer_slack_ns;
	lx_unlock_tree();
	return status;
}

/* --- what the host says of the task */

static NTSTATUS show_host_text(const struct procfs_subject *subject, struct procfs_text *text, enum pico_text which)
{
	cleanup_proc_view struct lx_proc_view view;
	cleanup_free char *host = NULL;
	NTSTATUS status = lx_proc_look(subject, &view);
	int64_t size;

	if (status != STATUS_SUCCESS || !view.ps_thread)
		return status;
	size = ps_thread_text(view.ps_thread, which, &host);
	if (size > 0)
		procfs_append(text, host, (size_t)size);
	return STATUS_SUCCESS;
}

static NTSTATUS show_ksm_stat(const struct procfs_subject *subject, struct procfs_text *text)
{
	return show_host_text(subject, text, PICO_TEXT_KSM_STAT);
}

static NTSTATUS show_ksm_merging_pages(const struct procfs_subject *subject, struct procfs_text *text)
{
	return show_host_text(subject, text, PICO_TEXT_KSM_MERGING_PAGES);
}

static NTSTATUS show_arch_status(const struct procfs_subject *subject, struct procfs_text *text)
{
	return show_host_text(subject, text, PICO_TEXT_ARCH_STATUS);
}

/* The host sees the call that its half carries out for the task: number, arguments, stack and instruction pointers. */
static NTSTATUS show_syscall(const struct procfs_subject *subject, struct procfs_text *text)
{
	NTSTATUS status = show_host_text(subject, text, PICO_TEXT_SYSCALL);

	/* One that has ended. */
	if (status == STATUS_SUCCESS && !text->size)
		procfs_printf(text, "0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n");
	return status;
}

/* The host's own frames: of a task that rests at a call they are those of the stop. */
static NTSTATUS show_stack(const struct procfs_subject *subject, struct procfs_text *text)
{
	const struct lx_thread *self = lx_current();

	if (self && !lx_capable(self, LX_CAP_SYS_ADMIN))
		return lx_proc_error(LX_EACCES);
	return show_host_text(subject, text, PICO_TEXT_STACK);
}

/* The name, the ids and the number of threads in the first line are the guest's. */
static NTSTATUS show_sched(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	cleanup_free char *host = NULL;
	NTSTATUS status = lx_proc_look(subject, &view);
	const char *rest;

	if (status != STATUS_SUCCESS)
		return status;
	procfs_printf(text, "%.15s (%d, #threads: %u)\n", view.comm, view.tid, view.state == 'Z' && view.threads == 1 ? 0 : view.threads);
	if (!view.ps_thread || ps_thread_text(view.ps_thread, PICO_TEXT_SCHED, &host) <= 0)
		return STATUS_SUCCESS;
	rest = strchr(host, '\n');
	if (rest)
		procfs_append(text, rest + 1, strlen(rest + 1));
	return STATUS_SUCCESS;
}

/* Time on a processor as the guest's other clocks have it; time in the queue and turns are the host's. */
static NTSTATUS show_schedstat(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	cleanup_free char *host = NULL;
	unsigned long long run = 0, wait = 0, turns = 0;
	struct pico_cpu_time time = {0};
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS)
		return status;
	if (view.ps_thread) {
		time = ps_thread_cpu_time(view.ps_thread);
		if (ps_thread_text(view.ps_thread, PICO_TEXT_SCHEDSTAT, &host) > 0)
			sscanf(host, "%llu %llu %llu", &run, &wait, &turns);
	}
	run = time.user_ns + time.system_ns;
	procfs_printf(text, "%llu %llu %llu\n", run, wait, turns);
	return STATUS_SUCCESS;
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

/* The children that a thread has made, in the order of their making. */
static NTSTATUS show_children(const struct procfs_subject *subject, struct procfs_text *text)
{
	const struct lx_process *child;
	struct lx_task task;

	lx_lock_tree();
	if (lx_proc_find(subject, &task))
		TAILQ_FOREACH (child, &task.process->children, sibling)
			if (child->parent_tid == subject->tid)
				procfs_printf(text, "%d ", child->pid);
	lx_unlock_tree();
	return STATUS_SUCCESS;
}

/* No security module's label can be set through a call that is not made by the task itself. */
static NTSTATUS refuse_label(const struct procfs_subject *subject, const char *data, size_t size)
{
	return lx_proc_error(lx_proc_is_own(subject) ? LX_EINVAL : LX_EACCES);
}

#define LABEL(text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/self/attr/" text, .store = refuse_label, .seek = PROCFS_SEEK_BOUNDED}
static const struct procfs_node label_nodes[] = {
	LABEL("current"), LABEL("exec"), LABEL("fscreate"), LABEL("keycreate"), LABEL("prev"), LABEL("sockcreate"), {0}};

/* --- the nodes */

#define IF_HOST(text) .exists_with = "/proc/self/" text
#define SHOWN(text, mode, generator, ...) {.name = text, .kind = PROCFS_FILE, .permissions = mode, .show = generator, ##__VA_ARGS__}
#define HOST_FILE(text, ...) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/self/" text, ##__VA_ARGS__}
#define BYTES(text, mode, how, ...) {.name = text, .kind = PROCFS_FILE, .permissions = mode, .bytes = &how, ##__VA_ARGS__}
#define FOLDER(text, mode, ...) {.name = text, .kind = PROCFS_DIRECTORY, .permissions = mode, __VA_ARGS__}
#define MAGIC_NODE(text, which)                                                                                        \
	{.name = text,                                                                                                 \
	 .kind = PROCFS_MAGIC,                                                                                         \
	 .permissions = 0777,                                                                                          \
	 .target = lx_proc_##which##_target,                                                                           \
	 .follow = lx_proc_##which##_follow}
#define NAMESPACE(text, ...)                                                                                           \
	{.name = text, .kind = PROCFS_MAGIC, .permissions = 0777, .host_path = "/proc/self/ns/" text, ##__VA_ARGS__}

/* A task that runs no more has left all namespaces but those that its ids are of. */
static NTSTATUS check_runs(const struct procfs_subject *subject)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	return status == STATUS_SUCCESS && view.state == 'Z' ? lx_proc_error(LX_ENOENT) : status;
}

#define LEFT_NAMESPACE(text) NAMESPACE(text, .check = check_runs)
static const struct procfs_node namespace_nodes[] = {
	LEFT_NAMESPACE("cgroup"), LEFT_NAMESPACE("ipc"), LEFT_NAMESPACE("mnt"), LEFT_NAMESPACE("net"), NAMESPACE("pid"),
	LEFT_NAMESPACE("pid_for_children"), LEFT_NAMESPACE("time"), LEFT_NAMESPACE("time_for_children"), NAMESPACE("user"),
	LEFT_NAMESPACE("uts"), {0},
};

#define NET_FILE(text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/self/net/" text}
static const struct procfs_node net_nodes[] = {
	NET_FILE("anycast6"), NET_FILE("arp"), NET_FILE("dev"), NET_FILE("dev_mcast"), NET_FILE("fib_trie"),
	NET_FILE("fib_triestat"), NET_FILE("icmp"), NET_FILE("icmp6"), NET_FILE("if_inet6"), NET_FILE("igmp"),
	NET_FILE("igmp6"), NET_FILE("ip6_flowlabel"), NET_FILE("ipv6_route"), NET_FILE("mcfilter"), NET_FILE("mcfilter6"),
	NET_FILE("netlink"), NET_FILE("netstat"), NET_FILE("packet"), NET_FILE("protocols"), NET_FILE("psched"),
	NET_FILE("ptype"), NET_FILE("raw"), NET_FILE("raw6"), NET_FILE("route"), NET_FILE("rt6_stats"), NET_FILE("rt_cache"),
	NET_FILE("snmp"), NET_FILE("snmp6"), NET_FILE("sockstat"), NET_FILE("sockstat6"), NET_FILE("softnet_stat"),
	NET_FILE("tcp"), NET_FILE("tcp6"), NET_FILE("udp"), NET_FILE("udp6"), NET_FILE("udplite"), NET_FILE("udplite6"),
	NET_FILE("unix"), NET_FILE("wireless"), NET_FILE("xfrm_stat"), {0},
};

#define LOOKED_AT .guard = PROCFS_LOOK_AT_OPEN
#define TASK_NODES                                                                                                     \
	SHOWN("arch_status", 0444, show_arch_status, IF_HOST("arch_status")),                                          \
		FOLDER("attr", 0555, .children = label_nodes, IF_HOST("attr")),                                        \
		SHOWN("auxv", 0400, lx_proc_show_auxv, LOOKED_AT, .seek = PROCFS_SEEK_BOUNDED, .check = lx_proc_has_memory), \
		HOST_FILE("cgroup"), BYTES("clear_refs", 0200, lx_proc_clear_refs, .seek = PROCFS_SEEK_NOWHERE),       \
		SHOWN("cmdline", 0444, lx_proc_show_cmdline, .seek = PROCFS_SEEK_BOUNDED),                             \
		SHOWN("comm", 0644, show_comm, .store = store_comm), HOST_FILE("cpuset"), MAGIC_NODE("cwd", cwd),      \
		SHOWN("environ", 0400, lx_proc_show_environ, LOOKED_AT, .seek = PROCFS_SEEK_BOUNDED, .check = lx_proc_has_memory), \
		MAGIC_NODE("exe", exe),                                                                                \
		FOLDER("fd", 0500, .numbers = &lx_proc_descriptors, .guard = PROCFS_OWN_TASKS),                        \
		FOLDER("fdinfo", 0555, .numbers = &lx_proc_descriptor_information, LOOKED_AT), HOST_FILE("gid_map"),   \
		SHOWN("io", 0400, lx_proc_show_io, .guard = PROCFS_LOOK_AT_READ, IF_HOST("io")),                       \
		SHOWN("ksm_merging_pages", 0400, show_ksm_merging_pages, .guard = PROCFS_LOOK_AT_READ, IF_HOST("ksm_merging_pages")), \
		SHOWN("ksm_stat", 0400, show_ksm_stat, .guard = PROCFS_LOOK_AT_READ, IF_HOST("ksm_stat")),             \
		SHOWN("limits", 0444, lx_proc_show_limits), HOST_FILE("loginuid", .seek = PROCFS_SEEK_BOUNDED),        \
		SHOWN("maps", 0444, lx_proc_show_maps, LOOKED_AT, .control = lx_proc_query_maps),                      \
		BYTES("mem", 0600, lx_proc_mem, LOOKED_AT, .seek = PROCFS_SEEK_ANYWHERE), HOST_FILE("mountinfo"),      \
		HOST_FILE("mounts"), FOLDER("net", 0555, .children = net_nodes),                                       \
		FOLDER("ns", 0511, .children = namespace_nodes),                                                       \
		SHOWN("numa_maps", 0444, lx_proc_show_numa_maps, LOOKED_AT, IF_HOST("numa_maps")),                     \
		SHOWN("oom_adj", 0644, show_oom_adj, .store = store_oom_adj, .seek = PROCFS_SEEK_BOUNDED),             \
		SHOWN("oom_score", 0444, show_oom_score),                                                              \
		SHOWN("oom_score_adj", 0644, show_oom_score_adj, .store = store_oom_score_adj, .seek = PROCFS_SEEK_PLAIN), \
		BYTES("pagemap", 0400, lx_proc_pagemap, LOOKED_AT, .seek = PROCFS_SEEK_ANYWHERE),                      \
		SHOWN("personality", 0400, show_personality, .guard = PROCFS_TRACE_AT_READ), HOST_FILE("projid_map"),  \
		MAGIC_NODE("root", root), SHOWN("sched", 0644, show_sched, IF_HOST("sched")),                          \
		SHOWN("schedstat", 0444, show_schedstat, IF_HOST("schedstat")),                                        \
		HOST_FILE("sessionid", .seek = PROCFS_SEEK_BOUNDED), HOST_FILE("setgroups"),                           \
		SHOWN("smaps", 0444, lx_proc_show_smaps, LOOKED_AT, IF_HOST("smaps")),                                 \
		SHOWN("smaps_rollup", 0444, lx_proc_show_smaps_rollup, LOOKED_AT, .check = lx_proc_has_memory, IF_HOST("smaps_rollup")), \
		SHOWN("stack", 0400, show_stack, .guard = PROCFS_TRACE_AT_READ, IF_HOST("stack")),                     \
		SHOWN("stat", 0444, lx_proc_show_stat), SHOWN("statm", 0444, lx_proc_show_statm),                      \
		SHOWN("status", 0444, lx_proc_show_status),                                                            \
		SHOWN("syscall", 0400, show_syscall, .guard = PROCFS_TRACE_AT_READ, IF_HOST("syscall")), HOST_FILE("uid_map"), \
		SHOWN("wchan", 0444, show_wchan)

static const struct procfs_node task_nodes[] = {
	TASK_NODES, SHOWN("children", 0444, show_children, .exists_with = "/proc/thread-self/children"), {0}};
const struct procfs_node lx_proc_task_node = {
	.name = "tid", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = task_nodes};

static const struct procfs_node process_nodes[] = {
	TASK_NODES,
	HOST_FILE("autogroup"),
	SHOWN("coredump_filter", 0644, show_coredump_filter, .store = store_coredump_filter, .seek = PROCFS_SEEK_BOUNDED),
	FOLDER("map_files", 0500, .numbers = &lx_proc_map_files, .guard = PROCFS_OWN_TASKS, IF_HOST("map_files")),
	HOST_FILE("mountstats"),
	FOLDER("task", 0555, .numbers = &lx_proc_tasks),
	HOST_FILE("timens_offsets"),
	SHOWN("timers", 0444, lx_proc_show_timers, LOOKED_AT, IF_HOST("timers")),
	SHOWN("timerslack_ns", 0666, show_timer_slack, .store = store_timer_slack),
	{0},
};
const struct procfs_node lx_proc_process_node = {
	.name = "pid", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = process_nodes};
