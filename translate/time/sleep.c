/*
 * nanosleep(2) and clock_nanosleep(2), by NtDelayExecution.
 *
 * A relative sleep that a signal interrupts goes on to the same end (restart block), and tells what was left when a
 * handler ended it. NT's interval counts 100 ns, so it is rounded up: a sleep never ends early.
 */
#include <lx_syscalls.h>
#include <signal/signals.h>
#include <time/times.h>

enum { RESTART_DUE, RESTART_CLOCK, RESTART_REMAINING };

static LARGE_INTEGER relative_interval(uint64_t ns)
{
	return (LARGE_INTEGER){.QuadPart = -(LONGLONG)((ns + 99) / 100)};
}

static LARGE_INTEGER realtime_point(uint64_t ns)
{
	return (LARGE_INTEGER){.QuadPart = NT_UNIX_EPOCH + (LONGLONG)((ns + 99) / 100)};
}

/* Sleep until the clock shows `due`: 0, or -LX_ERESTARTSYS when a signal came first. */
static int64_t sleep_until(struct lx_thread *thread, const struct lx_clock *clock, uint64_t due)
{
	for (;;) {
		bool absolute;
		uint64_t now, point;
		LARGE_INTEGER interval;
		NTSTATUS status;

		if (lx_clock_read(clock, &now))
			return -LX_EINVAL;
		if (now >= due)
			return 0;
		point = lx_clock_deadline(clock, due, &absolute);
		if (absolute) {
			interval = realtime_point(point);
		} else {
			uint64_t monotonic = hal_time(HAL_CLOCK_MONOTONIC);

			interval = relative_interval(point > monotonic ? point - monotonic : 1);
		}
		status = ZwDelayExecution(true, &interval);
		if (status == STATUS_USER_APC || status == STATUS_ALERTED) {
			if (lx_signal_pending(thread))
				return -LX_ERESTARTSYS;
			rtl_lock(&thread->process->signal_lock);
			lx_signal_recalculate(thread);
			rtl_unlock(&thread->process->signal_lock);
		}
	}
}

/* What is left of an interrupted relative sleep; 0 left is reported as done. */
static int64_t report_remaining(struct lx_call *call, const struct lx_clock *clock, uint64_t due, uint64_t to)
{
	struct lx_timespec left;
	uint64_t now;

	if (lx_clock_read(clock, &now) || now >= due)
		return 0;
	left = lx_timespec_of(due - now);
	if (to && lx_out_timespec(call, lx_uptr(to), &left))
		return -LX_EFAULT;
	return -LX_ERESTART_RESTARTBLOCK;
}

static int64_t restart_sleep(struct lx_call *call)
{
	uint64_t *saved = call->thread->restart_data;
	struct lx_clock clock;
	int64_t result = lx_clock_resolve(call->thread, (int32_t)saved[RESTART_CLOCK], &clock);

	if (result == 0)
		result = sleep_until(call->thread, &clock, saved[RESTART_DUE]);
	if (result == -LX_ERESTARTSYS)
		result = report_remaining(call, &clock, saved[RESTART_DUE], saved[RESTART_REMAINING]);
	return result;
}

static int64_t sleep_for(struct lx_call *call, int32_t id, const struct lx_clock *clock, uint64_t ns, struct lx_uptr rem)
{
	struct lx_thread *thread = call->thread;
	uint64_t now;
	int64_t result = lx_clock_read(clock, &now);

	if (result)
		return result;
	thread->restart_data[RESTART_DUE] = lx_time_after(now, ns);
	thread->restart_data[RESTART_CLOCK] = (uint32_t)id;
	thread->restart_data[RESTART_REMAINING] = rem.address;
	thread->restart = restart_sleep;
	return restart_sleep(call);
}

int64_t lx_sys_nanosleep(struct lx_call *call, struct lx_uptr rqtp, struct lx_uptr rmtp)
{
	struct lx_clock clock;
	uint64_t ns;
	int64_t result = lx_copy_in_timespec(call, rqtp, &ns);

	if (result == 0)
		result = lx_clock_resolve(call->thread, LX_CLOCK_MONOTONIC, &clock);
	return result ? result : sleep_for(call, LX_CLOCK_MONOTONIC, &clock, ns, rmtp);
}

static int64_t sleepable(struct lx_thread *thread, int32_t id, struct lx_clock *clock)
{
	int64_t result = lx_clock_check_waiting(thread, id) ?: lx_clock_resolve(thread, id, clock);

	if (result)
		return result;
	return clock->is_cpu && clock->is_thread && clock->target == thread->tid ? -LX_EINVAL : 0;
}

int64_t lx_sys_clock_nanosleep(struct lx_call *call, int32_t id, uint32_t flags, struct lx_uptr rqtp,
			       struct lx_uptr rmtp)
{
	struct lx_clock clock;
	uint64_t ns;
	/* A thread's own CPU time never passes in its sleep. */
	int64_t result = id == LX_CLOCK_THREAD_CPUTIME_ID ? -LX_EOPNOTSUPP : lx_clock_check_kind(id);

	if (result == 0)
		result = lx_copy_in_timespec(call, rqtp, &ns);
	if (result == 0)
		result = sleepable(call->thread, id, &clock);
	if (result)
		return result;
	/* A relative sleep is not moved when the realtime clock is set. */
	if (flags & LX_TIMER_ABSTIME) {
		result = sleep_until(call->thread, &clock, ns);
		return result == -LX_ERESTARTSYS ? -LX_ERESTARTNOHAND : result;
	}
	if (lx_clock_is_realtime(&clock)) {
		id = LX_CLOCK_MONOTONIC;
		lx_clock_resolve(call->thread, id, &clock);
	}
	return sleep_for(call, id, &clock, ns, rmtp);
}

int64_t lx_sys_restart_syscall(struct lx_call *call)
{
	/* Nothing was interrupted that goes on this way: as Linux' initial restart block says. */
	if (!call->thread->restart)
		return -LX_EINTR;
	return call->thread->restart(call);
}
