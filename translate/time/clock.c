/*
 * Clocks: clock_gettime(2), clock_getres(2), gettimeofday(2), time(2) and what may not be set.
 *
 * Programs read the realtime and monotonic clocks in the vDSO, without a call; what arrives here are the others and
 * callers that go past the C library. CPU-time clocks count what the host tasks behind guest threads used.
 */
#include <core/process.h>
#include <core/thread.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <time/times.h>

#define CPU_CLOCK_KIND_MASK 3
#define CPU_CLOCK_THREAD 4
#define CPU_CLOCK_FD 3        /* low three bits: a dynamic clock of a descriptor */
#define CPU_SAMPLING_NS 4000000ull
#define NO_CLOCK UINT8_MAX
#define HARDWARE_CLOCK 10     /* once of a machine's own */
#define CPU_CLOCK_FD_MASK 7

/* The host's clock behind each of the guest's. The alarm clocks exist where the machine has a clock that can wake it. */
static const uint8_t host_clocks[] = {
	[LX_CLOCK_REALTIME] = HAL_CLOCK_REALTIME,
	[LX_CLOCK_MONOTONIC] = HAL_CLOCK_MONOTONIC,
	[LX_CLOCK_PROCESS_CPUTIME_ID] = NO_CLOCK,
	[LX_CLOCK_THREAD_CPUTIME_ID] = NO_CLOCK,
	[LX_CLOCK_MONOTONIC_RAW] = HAL_CLOCK_MONOTONIC_RAW,
	[LX_CLOCK_REALTIME_COARSE] = HAL_CLOCK_REALTIME_COARSE,
	[LX_CLOCK_MONOTONIC_COARSE] = HAL_CLOCK_MONOTONIC_COARSE,
	[LX_CLOCK_BOOTTIME] = HAL_CLOCK_BOOTTIME,
	[LX_CLOCK_REALTIME_ALARM] = HAL_CLOCK_REALTIME_ALARM,
	[LX_CLOCK_BOOTTIME_ALARM] = HAL_CLOCK_BOOTTIME_ALARM,
	[HARDWARE_CLOCK] = NO_CLOCK,
	[LX_CLOCK_TAI] = HAL_CLOCK_TAI,
};

/* A CPU clock's task: 0 is the caller, a thread must be one of its own process, a process any. */
static int64_t resolve_cpu_target(struct lx_thread *caller, int32_t number, bool is_thread, int32_t *target)
{
	struct lx_thread *thread;
	struct lx_process *process;
	bool found;

	if (number == 0) {
		*target = is_thread ? caller->tid : caller->process->pid;
		return 0;
	}
	lx_lock_tree();
	if (is_thread) {
		thread = lx_find_thread(number);
		found = thread && thread->process == caller->process;
	} else {
		process = lx_find_process(number);
		found = process;
		/* The caller may name its process by its own thread. */
		if (!process && number == caller->tid) {
			number = caller->process->pid;
			found = true;
		}
	}
	lx_unlock_tree();
	*target = number;
	return found ? 0 : -LX_EINVAL;
}

static int64_t resolve_dynamic(struct lx_thread *caller, int32_t id, struct lx_clock *clock)
{
	int32_t kind = id & CPU_CLOCK_KIND_MASK;

	if (kind == CPU_CLOCK_FD)
		return -LX_EINVAL; /* no descriptor here is a clock */
	clock->id = LX_CLOCK_PROCESS_CPUTIME_ID;
	clock->is_cpu = true;
	clock->is_thread = id & CPU_CLOCK_THREAD;
	clock->kind = (unsigned)kind;
	return resolve_cpu_target(caller, ~(id >> 3), clock->is_thread, &clock->target);
}

int64_t lx_clock_resolve(struct lx_thread *caller, int32_t id, struct lx_clock *clock)
{
	*clock = (struct lx_clock){.id = id, .kind = LX_CPU_SCHEDULED};
	if (id < 0)
		return resolve_dynamic(caller, id, clock);
	if ((size_t)id >= ARRAY_COUNT(host_clocks))
		return -LX_EINVAL;
	if (id == LX_CLOCK_PROCESS_CPUTIME_ID || id == LX_CLOCK_THREAD_CPUTIME_ID) {
		clock->is_cpu = true;
		clock->is_thread = id == LX_CLOCK_THREAD_CPUTIME_ID;
		clock->target = clock->is_thread ? caller->tid : caller->process->pid;
		return 0;
	}
	if (host_clocks[id] == NO_CLOCK)
		return -LX_EINVAL;
	if (lx_clock_wakes_machine(id))
		return hal_time_resolution(host_clocks[id]) ? 0 : -LX_EINVAL;
	return 0;
}

bool lx_clock_wakes_machine(int32_t id)
{
	return id == LX_CLOCK_REALTIME_ALARM || id == LX_CLOCK_BOOTTIME_ALARM;
}

/* Is there such a clock, whatever it can do? A negative number is that of a process', a thread's or a descriptor's. */
static bool clock_exists(int32_t id)
{
	return id < 0 || ((size_t)id < ARRAY_COUNT(host_clocks) && id != HARDWARE_CLOCK);
}

static bool is_descriptor_clock(int32_t id)
{
	return id < 0 && (id & CPU_CLOCK_FD_MASK) == CPU_CLOCK_FD;
}

int64_t lx_clock_check_kind(int32_t id)
{
	if (!clock_exists(id))
		return -LX_EINVAL;
	if (is_descriptor_clock(id) || id == LX_CLOCK_MONOTONIC_RAW || id == LX_CLOCK_REALTIME_COARSE || id == LX_CLOCK_MONOTONIC_COARSE)
		return -LX_EOPNOTSUPP;
	return 0;
}

int64_t lx_clock_check_waiting(struct lx_thread *thread, int32_t id)
{
	int64_t result = lx_clock_check_kind(id);

	if (result)
		return result;
	/* They would have to wake the machine: as where no clock can, once the caller is entitled. */
	if (lx_clock_wakes_machine(id) && hal_time_resolution(host_clocks[id]) && !lx_capable(thread, LX_CAP_WAKE_ALARM))
		return -LX_EPERM;
	return lx_clock_wakes_machine(id) ? -LX_EOPNOTSUPP : 0;
}

static int64_t read_cpu_clock(const struct lx_clock *clock, uint64_t *ns)
{
	struct pico_cpu_time used = {0};
	int64_t result = 0;

	lx_lock_tree();
	if (clock->is_thread) {
		struct lx_thread *thread = lx_find_thread(clock->target);

		if (thread && thread->ps)
			used = ps_thread_cpu_time(thread->ps);
		else
			result = -LX_EINVAL;
	} else {
		struct lx_process *process = lx_find_process(clock->target);

		if (!process)
			result = -LX_EINVAL;
		else if (process->ps) /* pid 1 runs nothing */
			used = ps_process_cpu_time(process->ps);
	}
	lx_unlock_tree();
	*ns = used.user_ns + (clock->kind == LX_CPU_VIRTUAL ? 0 : used.system_ns);
	return result;
}

int64_t lx_clock_read(const struct lx_clock *clock, uint64_t *ns)
{
	if (clock->is_cpu)
		return read_cpu_clock(clock, ns);
	*ns = hal_time(host_clocks[clock->id]);
	return 0;
}

uint64_t lx_clock_resolution(const struct lx_clock *clock)
{
	if (!clock->is_cpu)
		return hal_time_resolution(host_clocks[clock->id]);
	/* The two that count ticks in Linux say so. */
	return clock->kind == LX_CPU_SCHEDULED ? 1 : hal_time_resolution(HAL_CLOCK_MONOTONIC_COARSE);
}

bool lx_clock_is_realtime(const struct lx_clock *clock)
{
	return clock->id == LX_CLOCK_REALTIME || clock->id == LX_CLOCK_REALTIME_ALARM || clock->id == LX_CLOCK_TAI;
}

uint64_t lx_clock_deadline(const struct lx_clock *clock, uint64_t due, bool *absolute)
{
	uint64_t now, left;

	*absolute = clock->id == LX_CLOCK_REALTIME || clock->id == LX_CLOCK_REALTIME_ALARM;
	if (*absolute || clock->id == LX_CLOCK_MONOTONIC)
		return due;
	if (lx_clock_read(clock, &now))
		return LX_CLOCK_FOREVER; /* a CPU clock that stands still */
	left = due > now ? due - now : 0;
	/* Several threads can use it up faster than time passes; never sample more often than a tick. */
	if (clock->is_cpu && left)
		left = MAX_OF(clock->is_thread ? left : left / 4, CPU_SAMPLING_NS);
	return lx_deadline_after(left);
}

int64_t lx_sys_clock_gettime(struct lx_call *call, int32_t id, struct lx_uptr tp)
{
	struct lx_clock clock;
	struct lx_timespec now;
	uint64_t ns;
	int64_t result = lx_clock_resolve(call->thread, id, &clock);

	if (result == 0)
		result = lx_clock_read(&clock, &ns);
	if (result)
		return result;
	now = lx_timespec_of(ns);
	return lx_out_timespec(call, tp, &now);
}

int64_t lx_sys_clock_getres(struct lx_call *call, int32_t id, struct lx_uptr res)
{
	struct lx_clock clock;
	struct lx_timespec step;
	int64_t result = lx_clock_resolve(call->thread, id, &clock);

	if (result || lx_is_null(res))
		return result;
	step = lx_timespec_of(lx_clock_resolution(&clock));
	return lx_out_timespec(call, res, &step);
}

/* What a clock can be set to: so much later than now that its end is never reached. */
static bool may_be_set_to(const struct lx_timespec *time)
{
	const int64_t longest_uptime = 30ll * 365 * 24 * 3600;

	return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < (int64_t)LX_NS_PER_SECOND &&
	       time->tv_sec < INT64_MAX / (int64_t)LX_NS_PER_SECOND - longest_uptime;
}

/* The realtime clock can be set at all, by who may and by nobody here; others of a number of their own have no such call. */
int64_t lx_sys_clock_settime(struct lx_call *call, int32_t id, struct lx_uptr tp)
{
	struct lx_timespec time;
	struct lx_clock clock;

	if (id >= 0 && id != LX_CLOCK_REALTIME)
		return -LX_EINVAL;
	if (lx_in_timespec(call, &time, tp))
		return -LX_EFAULT;
	if (id < 0)
		return lx_clock_resolve(call->thread, id, &clock) ?: -LX_EPERM;
	return may_be_set_to(&time) ? -LX_EPERM : -LX_EINVAL;
}

int64_t lx_sys_gettimeofday(struct lx_call *call, struct lx_uptr tv, struct lx_uptr tz)
{
	struct lx_timezone zone = {0};
	uint64_t ns = hal_time(HAL_CLOCK_REALTIME);
	struct lx_timeval now = lx_timeval_of(ns);

	if (!lx_is_null(tv) && lx_out_timeval(call, tv, &now))
		return -LX_EFAULT;
	return lx_is_null(tz) ? 0 : lx_out_timezone(call, tz, &zone);
}

int64_t lx_sys_settimeofday(struct lx_call *call, struct lx_uptr tv, struct lx_uptr tz)
{
	struct lx_timeval time = {0};
	struct lx_timespec wanted;
	struct lx_timezone zone;

	if (!lx_is_null(tv)) {
		if (lx_in_timeval(call, &time, tv))
			return -LX_EFAULT;
		if (time.tv_usec < 0 || time.tv_usec >= 1000000)
			return -LX_EINVAL;
	}
	if (!lx_is_null(tz) && lx_in_timezone(call, &zone, tz))
		return -LX_EFAULT;
	wanted = (struct lx_timespec){time.tv_sec, time.tv_usec * 1000};
	return may_be_set_to(&wanted) ? -LX_EPERM : -LX_EINVAL;
}

int64_t lx_sys_time(struct lx_call *call, struct lx_uptr tloc)
{
	int64_t now = (int64_t)(hal_time(HAL_CLOCK_REALTIME_COARSE) / LX_NS_PER_SECOND);

	if (!lx_is_null(tloc) && lx_copy_out(call, tloc, &now, sizeof(now)))
		return -LX_EFAULT;
	return now;
}

/* struct timex: its first member says what to change. */
static int64_t read_timex(struct lx_call *call, uint32_t modes)
{
	/* ADJ_OFFSET_SS_READ reads too. */
	if (modes != 0 && modes != 0xa001)
		return -LX_EPERM;
	/*
	 * The state of the host's clock: the host writes it to the guest. Should another thread of the guest write a mode
	 * meanwhile, the host refuses, since guest tasks hold no capability.
	 */
	return lx_run_on_host(call);
}

static int64_t copy_in_modes(struct lx_call *call, struct lx_uptr txc, uint32_t *modes)
{
	struct lx_timex timex;

	if (lx_in_timex(call, &timex, txc))
		return -LX_EFAULT;
	*modes = timex.modes;
	return 0;
}

int64_t lx_sys_adjtimex(struct lx_call *call, struct lx_uptr txc)
{
	uint32_t modes;

	return copy_in_modes(call, txc, &modes) ?: read_timex(call, modes);
}

int64_t lx_sys_clock_adjtime(struct lx_call *call, int32_t id, struct lx_uptr txc)
{
	uint32_t modes;
	int64_t result = copy_in_modes(call, txc, &modes);

	if (result)
		return result;
	if (id == LX_CLOCK_REALTIME)
		return read_timex(call, modes);
	/* No descriptor here is a clock, and others can't be adjusted. */
	if (!clock_exists(id) || is_descriptor_clock(id))
		return -LX_EINVAL;
	return -LX_EOPNOTSUPP;
}
