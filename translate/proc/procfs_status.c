/*
 * The state of a task in text: status, stat, limits (proc_pid_status(5),
 * proc_pid_stat(5), proc_pid_limits(5)). The fields and their order are those of
 * Linux 6.18, since programs look for them by name and by number.
 */
#include <path/resolve.h>
#include <proc/procfs.h>
#include <resources/rusage.h>
#include <time/times.h>

#define TICK_NS 10000000u
#define KIB 1024u
#define HOST_STATUS "/proc/self/status"
#define CPU_BITS 1024
#define TASK_FLAGS 0x400000u /* PF_RANDOMIZE: what an ordinary user task shows */

static const char *state_name(char state)
{
	switch (state) {
	case 'R':
		return "R (running)";
	case 'S':
		return "S (sleeping)";
	case 'D':
		return "D (disk sleep)";
	case 'T':
		return "T (stopped)";
	default:
		return "Z (zombie)";
	}
}

static void show_identity(const struct lx_proc_view *view, struct procfs_text *text)
{
	const struct se_token *token = view->token;
	struct se_token nobody = {0};

	if (!token)
		token = &nobody;
	procfs_printf(text, "Uid:\t%u\t%u\t%u\t%u\n", token->ruid, token->euid, token->suid, token->fsuid);
	procfs_printf(text, "Gid:\t%u\t%u\t%u\t%u\n", token->rgid, token->egid, token->sgid, token->fsgid);
}

static void show_groups(const struct lx_proc_view *view, struct procfs_text *text)
{
	procfs_printf(text, "FDSize:\t%u\nGroups:\t", view->files ? lx_files_capacity(view->files) : 0);
	for (uint32_t i = 0; view->token && i < view->token->group_count; i++)
		procfs_printf(text, "%u ", view->token->groups[i]);
	/* A group list of none leaves its separator, too. */
	procfs_printf(text, "%s\n", view->token && view->token->group_count ? "" : " ");
	procfs_printf(text, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t0\n", view->pid, view->tid,
		      view->group, view->session);
}

static void show_memory(const struct lx_proc_view *view, struct procfs_text *text)
{
	static const char *const names[] = {"VmPeak:",  "VmSize:",	"VmLck:", "VmPin:", "VmHWM:", "VmRSS:",
					    "RssAnon:", "RssFile:", "RssShmem:", "VmData:", "VmStk:", "VmExe:",
					    "VmLib:",   "VmPTE:",	"VmSwap:", "HugetlbPages:"};
	struct mm_statistics memory;
	struct pico_resident resident;

	if (!view->space)
		return;
	mm_statistics(view->space, &memory);
	resident = mm_resident(view->space);
	/* In the order of the names; 0 for what nobody keeps count of. */
	const uint64_t values[ARRAY_COUNT(names)] = {
		memory.peak_virtual_size / KIB, memory.virtual_size / KIB, memory.locked / KIB, 0,
		resident.peak / KIB, (resident.anonymous + resident.file + resident.shared) / KIB, resident.anonymous / KIB,
		resident.file / KIB, resident.shared / KIB,
		memory.data / KIB, memory.stack / KIB, memory.text / KIB,
	};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		procfs_printf(text, "%s\t%8llu kB\n", names[i], (unsigned long long)values[i]);
	procfs_printf(text, "CoreDumping:\t0\nTHP_enabled:\t%d\nuntag_mask:\t0xffffffffffffffff\n",
		      !view->process->thp_disabled);
}

static void show_signals(const struct lx_proc_view *view, const struct lx_proc_signals *signals, struct procfs_text *text)
{
	const struct lx_rlimit *limit = &view->process->limits[LX_RLIMIT_SIGPENDING];

	procfs_printf(text, "Threads:\t%u\nSigQ:\t%u/%llu\n", MAX_OF(view->threads, 1u), signals->queued,
		      (unsigned long long)limit->rlim_cur);
	procfs_printf(text, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		      (unsigned long long)signals->pending.bits, (unsigned long long)signals->shared_pending.bits,
		      (unsigned long long)signals->blocked.bits, (unsigned long long)signals->ignored.bits,
		      (unsigned long long)signals->caught.bits);
}

static void show_capabilities(const struct lx_proc_view *view, struct procfs_text *text)
{
	struct se_token nobody = {0};
	const struct se_token *token = view->token ? view->token : &nobody;

	procfs_printf(text, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\n",
		      (unsigned long long)token->cap_inheritable, (unsigned long long)token->cap_permitted,
		      (unsigned long long)token->cap_effective, (unsigned long long)token->cap_bounding,
		      (unsigned long long)token->cap_ambient);
	procfs_printf(text, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", token->no_new_privileges);
	procfs_append_host_lines(text, HOST_STATUS, "Speculation");
}

static bool has_cpu(const struct lx_proc_view *view, unsigned cpu)
{
	return cpu < CPU_BITS && view->affinity[cpu / 8] >> (cpu % 8) & 1;
}

/* The mask in words of 32 bits, highest first, then as ranges. */
static void show_cpus(const struct lx_proc_view *view, struct procfs_text *text)
{
	struct pico_usage usage = {0};
	unsigned words = CPU_BITS / 32;
	const char *separator = "";

	while (words > 1 && !memcmp(view->affinity + (words - 1) * 4, "\0\0\0\0", 4))
		words--;
	procfs_printf(text, "Cpus_allowed:\t");
	for (unsigned word = words; word-- > 0;) {
		uint32_t bits;

		memcpy(&bits, view->affinity + word * 4, sizeof bits);
		procfs_printf(text, words == 1 ? "%x" : "%08x", bits);
		if (word)
			procfs_append(text, ",", 1);
	}
	procfs_printf(text, "\nCpus_allowed_list:\t");
	for (unsigned cpu = 0; cpu < CPU_BITS; cpu++) {
		unsigned first = cpu;

		if (!has_cpu(view, cpu))
			continue;
		while (has_cpu(view, cpu + 1))
			cpu++;
		procfs_printf(text, first == cpu ? "%s%u" : "%s%u-%u", separator, first, cpu);
		separator = ",";
	}
	procfs_append(text, "\n", 1);
	procfs_append_host_lines(text, HOST_STATUS, "Mems_allowed");
	if (view->ps_thread)
		usage = ps_thread_usage(view->ps_thread);
	procfs_printf(text, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		      (unsigned long long)usage.voluntary, (unsigned long long)usage.involuntary);
}

NTSTATUS lx_proc_show_status(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	struct lx_proc_signals signals;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS)
		return status;
	procfs_printf(text, "Name:\t%.15s\n", view.comm);
	if (view.fs)
		procfs_printf(text, "Umask:\t%04o\n", lx_fs_umask(view.fs));
	procfs_printf(text, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		      state_name(lx_proc_state(&view)), view.pid, view.tid, view.parent);
	show_identity(&view, text);
	show_groups(&view, text);
	show_memory(&view, text);
	lx_proc_look_at_signals(subject, &signals);
	show_signals(&view, &signals, text);
	show_capabilities(&view, text);
	show_cpus(&view, text);
	return STATUS_SUCCESS;
}

/* --- stat */

/* The controlling terminal's device number as the kernel encodes it. */
static int32_t terminal_number(const struct lx_proc_view *view)
{
	return (int32_t)(uint32_t)view->terminal;
}

/* CPU time and faults of the task alone, or of its whole process. */
static struct lx_rusage_sum usage_of(const struct procfs_subject *subject, const struct lx_proc_view *view)
{
	struct lx_rusage_sum usage = {0};
	struct pico_usage host = {0};
	struct pico_cpu_time time;

	if (!subject->tid && view->process->state >= LX_ZOMBIE) {
		lx_usage_of_zombie(view->process, false, &usage);
		return usage;
	}
	if (!subject->tid && view->space)
		host = mm_usage(view->space);
	else if (view->ps_thread)
		host = ps_thread_usage(view->ps_thread);
	lx_usage_add_host(&usage, &host);
	if (!subject->tid) {
		struct lx_rusage_sum own;

		lx_process_usage(view->process, &own);
		lx_usage_add(&usage, &own);
	} else if (view->ps_thread) {
		time = ps_thread_cpu_time(view->ps_thread);
		usage.user_ns = time.user_ns;
		usage.system_ns = time.system_ns;
	}
	return usage;
}

static void show_stat_head(const struct lx_proc_view *view, struct procfs_text *text)
{
	procfs_printf(text, "%d (%.15s) %c %d %d %d %d %d %u", view->tid, view->comm, lx_proc_state(view), view->parent,
		      view->group, view->session, terminal_number(view), view->foreground, TASK_FLAGS);
}

static void show_stat_times(const struct procfs_subject *subject, const struct lx_proc_view *view,
			    struct procfs_text *text)
{
	struct lx_rusage_sum own = usage_of(subject, view), children;
	int32_t priority = view->policy == LX_SCHED_FIFO || view->policy == LX_SCHED_RR ? -1 - view->priority :
											   20 + view->nice;

	lx_usage_of_children(view->process, &children);
	procfs_printf(text, " %llu %llu %llu %llu", (unsigned long long)own.minor_faults, (unsigned long long)children.minor_faults,
		      (unsigned long long)own.major_faults, (unsigned long long)children.major_faults);
	procfs_printf(text, " %llu %llu %llu %llu", (unsigned long long)(own.user_ns / TICK_NS),
		      (unsigned long long)(own.system_ns / TICK_NS), (unsigned long long)(children.user_ns / TICK_NS),
		      (unsigned long long)(children.system_ns / TICK_NS));
	procfs_printf(text, " %d %d %u 0 %llu", priority, view->nice, MAX_OF(view->threads, 1u),
		      (unsigned long long)(view->process->start_time_ns / TICK_NS));
}

/* Addresses are for those alone who may look at the memory; others see of it that there is some. */
static void show_layout_head(const struct lx_proc_view *view, const struct lx_proc_layout *layout, bool shown, struct procfs_text *text)
{
	uint64_t stack = view->space && shown ? view->process->stack_start : 0;

	procfs_printf(text, " %llu %llu %llu 0 0", (unsigned long long)(shown ? layout->code_start : view->space != NULL),
		      (unsigned long long)(shown ? layout->code_end : view->space != NULL), (unsigned long long)stack);
}

static void show_layout_tail(const struct lx_proc_view *view, const struct lx_proc_layout *layout, bool shown, struct procfs_text *text)
{
	const struct lx_process *process = view->process;
	const uint64_t values[] = {layout->data_start,	layout->data_end,   layout->break_start, process->arg_start,
				   process->arg_end, process->env_start, process->env_end};

	for (size_t i = 0; i < ARRAY_COUNT(values); i++)
		procfs_printf(text, " %llu", (unsigned long long)(view->space && shown ? values[i] : 0));
	procfs_printf(text, " %d\n", process->state >= LX_ZOMBIE && shown ? process->wait_status : 0);
}

static void show_stat_memory(const struct procfs_subject *subject, const struct lx_proc_view *view, struct procfs_text *text)
{
	struct lx_proc_layout layout = lx_proc_layout(view);
	bool shown = lx_proc_may_look(subject);
	struct mm_statistics memory = {0};
	struct pico_resident resident = {0};
	struct lx_proc_signals signals;

	lx_proc_look_at_signals(subject, &signals);
	if (view->space) {
		mm_statistics(view->space, &memory);
		resident = mm_resident(view->space);
	}
	procfs_printf(text, " %llu %llu %llu", (unsigned long long)memory.virtual_size,
		      (unsigned long long)((resident.anonymous + resident.file + resident.shared) / LX_PAGE_SIZE),
		      (unsigned long long)view->process->limits[LX_RLIMIT_RSS].rlim_cur);
	show_layout_head(view, &layout, shown, text);
	procfs_printf(text, " %llu %llu %llu %llu 0 0 0 %d 0 %d %d 0 0 0",
		      (unsigned long long)(signals.pending.bits & 0x7fffffff),
		      (unsigned long long)(signals.blocked.bits & 0x7fffffff),
		      (unsigned long long)(signals.ignored.bits & 0x7fffffff),
		      (unsigned long long)(signals.caught.bits & 0x7fffffff),
		      view->tid == view->pid ? view->process->exit_signal : -1, view->priority, view->policy);
	show_layout_tail(view, &layout, shown, text);
}

NTSTATUS lx_proc_show_stat(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS)
		return status;
	show_stat_head(&view, text);
	show_stat_times(subject, &view, text);
	show_stat_memory(subject, &view, text);
	return STATUS_SUCCESS;
}

/* --- limits */

static void show_limit(struct procfs_text *text, const char *name, const struct lx_rlimit *limit, const char *unit)
{
	const uint64_t values[] = {limit->rlim_cur, limit->rlim_max};

	procfs_printf(text, "%-25s ", name);
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		if (values[i] == UINT64_MAX)
			procfs_printf(text, "%-20s ", "unlimited");
		else
			procfs_printf(text, "%-20llu ", (unsigned long long)values[i]);
	}
	if (unit)
		procfs_printf(text, "%-10s\n", unit);
	else
		procfs_append(text, "\n", 1);
}

NTSTATUS lx_proc_show_limits(const struct procfs_subject *subject, struct procfs_text *text)
{
	static const struct {
		uint32_t resource;
		const char *name, *unit;
	} limits[] = {
		{LX_RLIMIT_CPU, "Max cpu time", "seconds"},
		{LX_RLIMIT_FSIZE, "Max file size", "bytes"},
		{LX_RLIMIT_DATA, "Max data size", "bytes"},
		{LX_RLIMIT_STACK, "Max stack size", "bytes"},
		{LX_RLIMIT_CORE, "Max core file size", "bytes"},
		{LX_RLIMIT_RSS, "Max resident set", "bytes"},
		{LX_RLIMIT_NPROC, "Max processes", "processes"},
		{LX_RLIMIT_NOFILE, "Max open files", "files"},
		{LX_RLIMIT_MEMLOCK, "Max locked memory", "bytes"},
		{LX_RLIMIT_AS, "Max address space", "bytes"},
		{LX_RLIMIT_LOCKS, "Max file locks", "locks"},
		{LX_RLIMIT_SIGPENDING, "Max pending signals", "signals"},
		{LX_RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"},
		{LX_RLIMIT_NICE, "Max nice priority", NULL},
		{LX_RLIMIT_RTPRIO, "Max realtime priority", NULL},
		{LX_RLIMIT_RTTIME, "Max realtime timeout", "us"},
	};
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status != STATUS_SUCCESS)
		return status;
	procfs_printf(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t i = 0; i < ARRAY_COUNT(limits); i++)
		show_limit(text, limits[i].name, &view.process->limits[limits[i].resource], limits[i].unit);
	return STATUS_SUCCESS;
}

/* --- timers */

struct timer_list {
	struct procfs_text *text;
	int32_t pid;
};

static void show_timer(const struct lx_timer_view *timer, void *context)
{
	static const char *const ways[] = {"signal", "none", "thread"};
	const struct timer_list *list = context;

	procfs_printf(list->text, "ID: %d\nsignal: %d/%016llx\n", timer->id, timer->signo, (unsigned long long)timer->value);
	procfs_printf(list->text, "notify: %s/%s.%d\nClockID: %d\n",
		      timer->notify >= 0 && timer->notify < 3 ? ways[timer->notify] : "signal", timer->tid ? "tid" : "pid",
		      timer->tid ? timer->tid : list->pid, timer->clock);
}

NTSTATUS lx_proc_show_timers(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	if (status == STATUS_SUCCESS)
		lx_posix_timers_walk(view.process, show_timer, &(struct timer_list){text, view.pid});
	return status;
}

/* --- io */

NTSTATUS lx_proc_show_io(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);
	struct ps_io_counters io = {0};

	if (status != STATUS_SUCCESS)
		return status;
	if (subject->tid && view.ps_thread)
		io = view.ps_thread->io;
	else if (!subject->tid && view.process->ps)
		io = ps_process_io(view.process->ps);
	procfs_printf(text, "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\n", (unsigned long long)io.read_bytes,
		      (unsigned long long)io.written_bytes, (unsigned long long)io.reads, (unsigned long long)io.writes);
	procfs_printf(text, "read_bytes: %llu\nwrite_bytes: %llu\ncancelled_write_bytes: 0\n",
		      (unsigned long long)io.storage_read, (unsigned long long)io.storage_written);
	return STATUS_SUCCESS;
}
