/*
 * The timers that a process owns, as a whole: made on first use, gone at exit (all) and exec (POSIX timers).
 *
 * A timer's expiry runs on the executive's timer thread while the process may be ending. So the timers are an object of
 * their own: armed alarms hold references to it, it holds one to the process, whose signal_lock guards it, and when the
 * process ends it is marked.
 */
#include <core/process.h>
#include <time/times.h>

void lx_timers_reference(struct lx_posix_timers *timers)
{
	atomic_fetch_add(&timers->references, 1);
}

void lx_timers_dereference(struct lx_posix_timers *timers)
{
	if (atomic_fetch_sub(&timers->references, 1) != 1)
		return;
	lx_process_dereference(timers->process);
	free(timers);
}

uint64_t lx_timer_forward(uint64_t *due, uint64_t interval, uint64_t now)
{
	uint64_t times;

	if (now < *due || !interval)
		return 0;
	times = (now - *due) / interval + 1;
	*due += times * interval;
	return times;
}

static struct lx_posix_timers *timers_new(struct lx_process *process)
{
	struct lx_posix_timers *timers = calloc(1, sizeof(*timers));

	if (!timers)
		return NULL;
	atomic_init(&timers->references, 1);
	timers->process = lx_process_reference(process);
	RB_INIT(&timers->tree);
	lx_itimers_init(timers);
	lx_cpu_limit_init(timers);
	return timers;
}

struct lx_posix_timers *lx_timers_of(struct lx_process *process)
{
	rtl_lock(&process->signal_lock);
	if (!process->timers)
		process->timers = timers_new(process);
	rtl_unlock(&process->signal_lock);
	return process->timers;
}

void lx_timers_exec(struct lx_process *process)
{
	rtl_lock(&process->signal_lock);
	if (process->timers)
		lx_posix_timers_delete_all(process->timers);
	rtl_unlock(&process->signal_lock);
}

void lx_timers_exit(struct lx_process *process)
{
	struct lx_posix_timers *timers;

	rtl_lock(&process->signal_lock);
	timers = process->timers;
	process->timers = NULL;
	if (timers) {
		lx_itimers_cancel(timers);
		lx_alarm_cancel(&timers->cpu_limit);
		lx_posix_timers_delete_all(timers);
		timers->ended = true;
	}
	rtl_unlock(&process->signal_lock);
	if (timers)
		lx_timers_dereference(timers);
}
