/* getrusage(2), times(2): CPU time and memory of threads, processes and the children that were waited for. */
#include <core/thread.h>
#include <core/timespec.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <resources/rusage.h>

#define TICKS_A_SECOND 100u

void lx_usage_add(struct lx_rusage_sum *sum, const struct lx_rusage_sum *more)
{
	sum->user_ns += more->user_ns;
	sum->system_ns += more->system_ns;
	sum->max_rss_kib = MAX_OF(sum->max_rss_kib, more->max_rss_kib);
	sum->minor_faults += more->minor_faults;
	sum->major_faults += more->major_faults;
	sum->voluntary += more->voluntary;
	sum->involuntary += more->involuntary;
}

void lx_process_usage(struct lx_process *process, struct lx_rusage_sum *usage)
{
	struct pico_cpu_time time = {0};

	*usage = process->own_retired;
	if (!process->ps)
		return;
	time = ps_process_cpu_time(process->ps);
	usage->user_ns += time.user_ns;
	usage->system_ns += time.system_ns;
}

void lx_usage_add_host(struct lx_rusage_sum *usage, const struct pico_usage *host)
{
	usage->max_rss_kib = MAX_OF(usage->max_rss_kib, host->peak_resident / 1024);
	usage->minor_faults += host->minor_faults;
	usage->major_faults += host->major_faults;
	usage->voluntary += host->voluntary;
	usage->involuntary += host->involuntary;
}

/* The caller's own, whose space stays. */
static void add_own(struct lx_thread *thread, bool whole, struct lx_rusage_sum *usage)
{
	struct pico_usage host = mm_usage(thread->ps->process->space), alone;

	host.voluntary += ps_sleeps(thread->ps->process);
	if (!whole) {
		alone = ps_thread_usage(thread->ps);
		alone.peak_resident = host.peak_resident;
		host = alone;
	}
	lx_usage_add_host(usage, &host);
}

void lx_usage_of_zombie(struct lx_process *zombie, bool waits, struct lx_rusage_sum *usage)
{
	struct pico_usage host = {0};

	*usage = zombie->exit_usage;
	if (zombie->exit_body && ps_platform()->process_usage)
		ps_platform()->process_usage(zombie->exit_body, waits, &host);
	lx_usage_add_host(usage, &host);
	if (zombie->ps)
		usage->voluntary += ps_sleeps(zombie->ps);
}

/* lx_tree_lock held. */
static struct lx_process *take_unsummed(struct lx_process *parent)
{
	struct lx_process *child = TAILQ_FIRST(&parent->unsummed);

	if (!child)
		return NULL;
	TAILQ_REMOVE(&parent->unsummed, child, unsummed_link);
	parent->unsummed_count--;
	return child;
}

/* lx_tree_lock held: add what is known of the one that was waited for first. False: there is none. */
static bool sum_first(struct lx_process *parent)
{
	struct lx_process *child = take_unsummed(parent);
	struct lx_rusage_sum usage;

	if (!child)
		return false;
	lx_usage_of_zombie(child, false, &usage);
	lx_usage_add(&parent->children_usage, &usage);
	lx_process_dereference(child);
	return true;
}

/* Takes over the reference. */
static void add_unsummed(struct lx_process *parent, struct lx_process *child)
{
	TAILQ_INSERT_TAIL(&parent->unsummed, child, unsummed_link);
	if (++parent->unsummed_count > LX_UNSUMMED_MAX)
		sum_first(parent);
}

void lx_usage_keep_child(struct lx_process *parent, struct lx_process *child)
{
	struct lx_process *grandchild;

	/* What it has had of its own goes along, so that no list is ever deeper than one. */
	lx_usage_add(&parent->children_usage, &child->children_usage);
	if (parent->ps && child->ps)
		ps_inherit_io(parent->ps, child->ps);
	while ((grandchild = take_unsummed(child)))
		add_unsummed(parent, grandchild);
	add_unsummed(parent, lx_process_reference(child));
}

size_t lx_usage_reference_children(struct lx_process *parent, struct lx_process *children[LX_UNSUMMED_MAX])
{
	struct lx_process *child;
	size_t count = 0;

	TAILQ_FOREACH (child, &parent->unsummed, unsummed_link)
		children[count++] = lx_process_reference(child);
	return count;
}

void lx_usage_forget_children(struct lx_process *parent)
{
	struct lx_process *child;

	while ((child = take_unsummed(parent)))
		lx_process_dereference(child);
}

int64_t lx_rusage_copy_out(struct lx_call *call, struct lx_uptr to, const struct lx_rusage_sum *usage)
{
	struct lx_rusage out = {
		.ru_utime = lx_timeval_of(usage->user_ns),
		.ru_stime = lx_timeval_of(usage->system_ns),
		.ru_maxrss = usage->max_rss_kib,
		.ru_minflt = usage->minor_faults,
		.ru_majflt = usage->major_faults,
		.ru_nvcsw = usage->voluntary,
		.ru_nivcsw = usage->involuntary,
	};

	return lx_out_rusage(call, to, &out);
}

/* Children that were waited for just now are given the moment that their end on the host takes. */
void lx_usage_of_children(struct lx_process *process, struct lx_rusage_sum *usage)
{
	struct lx_process *children[LX_UNSUMMED_MAX];
	struct lx_rusage_sum one;
	size_t count;

	lx_lock_tree();
	count = lx_usage_reference_children(process, children);
	lx_unlock_tree();
	for (size_t i = 0; i < count; i++) {
		lx_usage_of_zombie(children[i], true, &one);
		lx_process_dereference(children[i]);
	}
	lx_lock_tree();
	while (sum_first(process))
		continue;
	*usage = process->children_usage;
	lx_unlock_tree();
}

int64_t lx_sys_getrusage(struct lx_call *call, int32_t who, struct lx_uptr usage)
{
	struct lx_thread *thread = call->thread;
	struct lx_rusage_sum sum = {0};
	struct pico_cpu_time time;

	switch (who) {
	case LX_RUSAGE_SELF:
		lx_process_usage(thread->process, &sum);
		add_own(thread, true, &sum);
		break;
	case LX_RUSAGE_CHILDREN:
		lx_usage_of_children(thread->process, &sum);
		break;
	case LX_RUSAGE_THREAD:
		time = ps_thread_cpu_time(thread->ps);
		sum.user_ns = time.user_ns;
		sum.system_ns = time.system_ns;
		add_own(thread, false, &sum);
		break;
	default:
		return -LX_EINVAL;
	}
	return lx_rusage_copy_out(call, usage, &sum);
}

static int64_t ticks(uint64_t nanoseconds)
{
	return (int64_t)(nanoseconds / (LX_NS_PER_SECOND / TICKS_A_SECOND));
}

int64_t lx_sys_times(struct lx_call *call, struct lx_uptr buf)
{
	struct lx_rusage_sum own, children;
	struct lx_tms out;

	lx_process_usage(call->thread->process, &own);
	lx_usage_of_children(call->thread->process, &children);
	out.tms_utime = ticks(own.user_ns);
	out.tms_stime = ticks(own.system_ns);
	out.tms_cutime = ticks(children.user_ns);
	out.tms_cstime = ticks(children.system_ns);
	if (!lx_is_null(buf) && lx_out_tms(call, buf, &out))
		return -LX_EFAULT;
	return hal_ticks();
}
