/*
 * POSIX timers: timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2), timer_delete(2).
 *
 * A timer has one queue entry of its own, so that its signal never fails for lack of memory or limits. While it is
 * queued the timer does not fire again: the expirations that pass by are counted when the signal is taken (or thrown
 * away), which arms a periodic timer again. Guarded by the process' signal_lock. References: the list's, the armed alarm's, the
 * queue entry's.
 */
#include <core/process.h>
#include <executive/se/account.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <signal/signals.h>
#include <time/times.h>

struct lx_posix_timer {
	_Atomic uint32_t references;
	RB_ENTRY(lx_posix_timer) link;
	struct lx_posix_timers *owner; /* referenced */
	bool deleted;
	int32_t id, notify, signo, tid;
	uint32_t user; /* in whose count it is */
	uint64_t value;
	struct lx_alarm alarm;
	bool armed, queued;
	uint64_t due, interval;
	int32_t overrun;               /* of the last signal taken */
	struct lx_queued_signal entry;
};

/* Of a negative clock: whose it is. */

static int compare(const struct lx_posix_timer *a, const struct lx_posix_timer *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_GENERATE_INTERNAL(lx_posix_timer_tree, lx_posix_timer, link, compare, __attribute__((unused)) static)

static void dereference(struct lx_posix_timer *timer)
{
	if (atomic_fetch_sub(&timer->references, 1) != 1)
		return;
	lx_timers_dereference(timer->owner);
	free(timer);
}

static void retain(struct lx_alarm *alarm)
{
	atomic_fetch_add(&container_of(alarm, struct lx_posix_timer, alarm)->references, 1);
}

static void release(struct lx_alarm *alarm)
{
	dereference(container_of(alarm, struct lx_posix_timer, alarm));
}

static void arm_next(struct lx_posix_timer *timer, uint64_t now)
{
	timer->armed = lx_timer_forward(&timer->due, timer->interval, now) > 0;
	if (timer->armed)
		lx_alarm_set(&timer->alarm, timer->due);
}

/* The thread that SIGEV_THREAD_ID names, if it is still there. */
static bool find_target(struct lx_posix_timer *timer, struct lx_thread **target)
{
	struct lx_thread *thread;

	*target = NULL;
	if (!(timer->notify & LX_SIGEV_THREAD_ID))
		return true;
	TAILQ_FOREACH(thread, &timer->owner->process->threads, link)
		if (thread->tid == timer->tid)
			*target = thread;
	return *target;
}

static void fire(struct lx_posix_timer *timer, uint64_t now, bool *fatal)
{
	struct lx_send send = {.process = timer->owner->process, .info = &timer->entry.info, .prepared = &timer->entry};

	if (timer->queued)
		return; /* a call for an older setting */
	if (timer->notify == LX_SIGEV_NONE || !find_target(timer, &send.thread)) {
		arm_next(timer, now);
		return;
	}
	timer->entry = (struct lx_queued_signal){.timer = timer};
	timer->entry.info = (struct lx_siginfo){.si_signo = timer->signo, .si_code = LX_SI_TIMER};
	timer->entry.info._sifields._timer._tid = timer->id;
	timer->entry.info._sifields._timer._sigval = timer->value;
	if (lx_signal_send_locked(&send, fatal)) {
		arm_next(timer, now);
		return;
	}
	timer->armed = timer->interval != 0;
	timer->queued = true;
	atomic_fetch_add(&timer->references, 1);
}

static void expired(struct lx_alarm *alarm)
{
	struct lx_posix_timer *timer = container_of(alarm, struct lx_posix_timer, alarm);
	struct lx_process *process = timer->owner->process;
	bool fatal = false;
	uint64_t now;

	if (lx_clock_read(&alarm->clock, &now))
		return;
	rtl_lock(&process->signal_lock);
	if (!timer->deleted && timer->armed && timer->due <= now)
		fire(timer, now, &fatal);
	rtl_unlock(&process->signal_lock);
	if (fatal)
		lx_exit_group(process, timer->signo);
}

/* How often the timer expired by now, beyond the one that queued the signal. A CPU clock can't be read here: it counts from the next. */
static int32_t count_overrun(struct lx_posix_timer *timer)
{
	uint64_t now, times;

	if (timer->alarm.clock.is_cpu) {
		timer->due += timer->interval;
		times = 1;
	} else {
		now = lx_clock_read(&timer->alarm.clock, &now) ? timer->due : now;
		times = lx_timer_forward(&timer->due, timer->interval, now);
	}
	return times > INT32_MAX ? INT32_MAX : times ? (int32_t)times - 1 : 0;
}

void lx_timer_collected(struct lx_queued_signal *entry, struct lx_siginfo *info)
{
	struct lx_posix_timer *timer = entry->timer;

	timer->queued = false;
	if (timer->armed && timer->interval) {
		timer->overrun = count_overrun(timer);
		lx_alarm_set(&timer->alarm, timer->due);
	} else {
		timer->overrun = 0;
	}
	if (info)
		info->_sifields._timer._overrun = timer->overrun;
	dereference(timer);
}

/* A signal of a setting that is no more is not delivered. */
static void withdraw(struct lx_posix_timer *timer)
{
	if (!timer->queued)
		return;
	lx_pending_withdraw(timer->owner->process, &timer->entry);
	timer->queued = false;
	/* Never the last reference: the list, or whoever takes the timer out of it, holds one. */
	atomic_fetch_sub(&timer->references, 1);
}

static void delete_timer(struct lx_posix_timer *timer)
{
	RB_REMOVE(lx_posix_timer_tree, &timer->owner->tree, timer);
	withdraw(timer);
	timer->armed = false;
	lx_alarm_cancel(&timer->alarm);
	timer->deleted = true;
	se_discharge(timer->user, SE_SIGNALS, 1);
	dereference(timer);
}

void lx_posix_timers_delete_all(struct lx_posix_timers *timers)
{
	while (!RB_EMPTY(&timers->tree))
		delete_timer(RB_MIN(lx_posix_timer_tree, &timers->tree));
}

static struct lx_posix_timer *find_timer(struct lx_process *process, int32_t id)
{
	struct lx_posix_timer wanted = {.id = id};

	return process->timers ? RB_FIND(lx_posix_timer_tree, &process->timers->tree, &wanted) : NULL;
}

static bool is_own_thread(struct lx_process *process, int32_t tid)
{
	struct lx_thread *thread;
	bool found;

	lx_lock_tree();
	thread = lx_find_thread(tid);
	found = thread && thread->process == process;
	lx_unlock_tree();
	return found;
}

static bool is_good_event(struct lx_process *process, const struct lx_sigevent *event)
{
	if (event->sigev_notify == LX_SIGEV_NONE)
		return true;
	if (event->sigev_notify & LX_SIGEV_THREAD_ID) {
		if (event->sigev_notify != LX_SIGEV_THREAD_ID || !is_own_thread(process, event->_sigev_un._tid))
			return false;
	} else if (event->sigev_notify != LX_SIGEV_SIGNAL && event->sigev_notify != LX_SIGEV_THREAD) {
		return false;
	}
	return lx_signal_is_valid(event->sigev_signo);
}

static struct lx_posix_timer *timer_new(struct lx_posix_timers *owner, const struct lx_clock *clock)
{
	struct lx_posix_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	atomic_init(&timer->references, 1);
	lx_timers_reference(owner);
	timer->owner = owner;
	timer->alarm.expired = expired;
	timer->alarm.retain = retain;
	timer->alarm.release = release;
	lx_alarm_init(&timer->alarm, clock);
	return timer;
}

/*
 * The clock of a timer. What is wrong with a clock of the right kind (a CPU clock of nobody's, an alarm where none may be)
 * is found when the timer has its number: `late`.
 */
static int64_t find_clock(struct lx_thread *thread, int32_t id, struct lx_clock *clock, int64_t *late)
{
	int64_t result = lx_clock_check_kind(id);

	if (!result)
		*late = lx_clock_check_waiting(thread, id) ?: lx_clock_resolve(thread, id, clock);
	return result;
}

/* Under the process' signal_lock: the timer gets its number, and its place in the user's count; only a `good` one is put into the list. */
static bool number_timer(struct lx_posix_timer *timer, bool good)
{
	struct lx_posix_timers *owner = timer->owner;
	struct lx_process *process = owner->process;

	timer->user = process->uid;
	if (!se_charge(timer->user, SE_SIGNALS, 1, lx_limit(process, LX_RLIMIT_SIGPENDING)))
		return false;
	do {
		timer->id = owner->next_id;
		owner->next_id = (owner->next_id + 1) & INT32_MAX;
	} while (find_timer(process, timer->id));
	if (good)
		RB_INSERT(lx_posix_timer_tree, &owner->tree, timer);
	else
		se_discharge(timer->user, SE_SIGNALS, 1);
	return true;
}

static struct lx_posix_timer *make_timer(struct lx_process *process, const struct lx_clock *clock,
					 const struct lx_sigevent *event)
{
	struct lx_posix_timers *owner = lx_timers_of(process);
	struct lx_posix_timer *timer = owner ? timer_new(owner, clock) : NULL;

	if (!timer)
		return NULL;
	timer->notify = event->sigev_notify;
	timer->signo = event->sigev_signo;
	timer->tid = event->_sigev_un._tid;
	timer->value = event->sigev_value;
	return timer;
}

int64_t lx_sys_timer_create(struct lx_call *call, int32_t clockid, struct lx_uptr sevp, struct lx_uptr timerid)
{
	struct lx_process *process = call->thread->process;
	struct lx_sigevent event = {.sigev_signo = LX_SIGALRM, .sigev_notify = LX_SIGEV_SIGNAL};
	struct lx_posix_timer *timer;
	struct lx_clock clock = {0};
	bool good_event, good, numbered;
	int64_t result, late = 0;
	int32_t id;

	if (!lx_is_null(sevp) && lx_in_sigevent(call, &event, sevp))
		return -LX_EFAULT;
	result = find_clock(call->thread, clockid, &clock, &late);
	if (result)
		return result;
	good_event = is_good_event(process, &event);
	good = good_event && !late;
	timer = make_timer(process, &clock, &event);
	if (!timer)
		return -LX_EAGAIN;
	rtl_lock(&process->signal_lock);
	numbered = number_timer(timer, good);
	id = timer->id;
	if (lx_is_null(sevp))
		timer->value = (uint32_t)id;
	rtl_unlock(&process->signal_lock);
	if (!numbered || !good)
		dereference(timer);
	if (!numbered)
		return -LX_EAGAIN;
	if (!good_event)
		return -LX_EINVAL;
	result = lx_copy_out(call, timerid, &id, sizeof(id));
	if (result && good)
		lx_sys_timer_delete(call, id);
	return result ? result : late;
}

static struct lx_itimerspec current_value(struct lx_posix_timer *timer, uint64_t now)
{
	struct lx_itimerspec value = {.it_interval = lx_timespec_of(timer->interval)};
	uint64_t due = timer->due;

	if (!timer->armed)
		return value;
	lx_timer_forward(&due, timer->interval, now);
	if (due > now)
		value.it_value = lx_timespec_of(due - now);
	else if (timer->notify != LX_SIGEV_NONE)
		value.it_value.tv_nsec = 1; /* due, about to fire */
	return value;
}

/* The clock of a timer, to be read without the lock; false: no such timer. */
static bool timer_clock(struct lx_process *process, int32_t id, struct lx_clock *clock)
{
	struct lx_posix_timer *timer;

	rtl_lock(&process->signal_lock);
	timer = find_timer(process, id);
	if (timer)
		*clock = timer->alarm.clock;
	rtl_unlock(&process->signal_lock);
	return timer;
}

static void set_timer(struct lx_posix_timer *timer, uint32_t flags, const struct lx_itimerspec *new, uint64_t now)
{
	uint64_t value = lx_timespec_ns(&new->it_value);

	withdraw(timer);
	timer->overrun = 0;
	timer->armed = value != 0;
	timer->interval = timer->armed ? lx_timespec_ns(&new->it_interval) : 0;
	if (!timer->armed) {
		lx_alarm_cancel(&timer->alarm);
		return;
	}
	if (flags & LX_TIMER_ABSTIME)
		timer->due = value;
	else
		timer->due = lx_time_after(now, value);
	lx_alarm_set(&timer->alarm, timer->due);
}

static int64_t exchange(struct lx_process *process, int32_t id, uint32_t flags, const struct lx_itimerspec *new,
			struct lx_itimerspec *old)
{
	struct lx_posix_timer *timer;
	struct lx_clock clock;
	uint64_t now;

	if (!timer_clock(process, id, &clock))
		return -LX_EINVAL;
	if (lx_clock_read(&clock, &now)) {
		if (new)
			return -LX_ESRCH; /* a CPU clock whose task is gone */
		now = 0;
	}
	rtl_lock(&process->signal_lock);
	timer = find_timer(process, id);
	if (timer) {
		*old = current_value(timer, now);
		if (new)
			set_timer(timer, flags, new, now);
	}
	rtl_unlock(&process->signal_lock);
	return timer ? 0 : -LX_EINVAL;
}

int64_t lx_sys_timer_settime(struct lx_call *call, int32_t timerid, uint32_t flags, struct lx_uptr new_value,
			     struct lx_uptr old_value)
{
	struct lx_itimerspec new, old;
	int64_t result;

	if (lx_is_null(new_value))
		return -LX_EINVAL;
	if (lx_in_itimerspec(call, &new, new_value))
		return -LX_EFAULT;
	if (!lx_timespec_is_valid(&new.it_value) || !lx_timespec_is_valid(&new.it_interval))
		return -LX_EINVAL;
	result = exchange(call->thread->process, timerid, flags, &new, &old);
	if (result == 0 && !lx_is_null(old_value))
		result = lx_out_itimerspec(call, old_value, &old);
	return result;
}

int64_t lx_sys_timer_gettime(struct lx_call *call, int32_t timerid, struct lx_uptr curr_value)
{
	struct lx_itimerspec current;
	int64_t result = exchange(call->thread->process, timerid, 0, NULL, &current);

	return result ? result : lx_out_itimerspec(call, curr_value, &current);
}

int64_t lx_sys_timer_getoverrun(struct lx_call *call, int32_t timerid)
{
	struct lx_process *process = call->thread->process;
	struct lx_posix_timer *timer;
	int64_t result;

	rtl_lock(&process->signal_lock);
	timer = find_timer(process, timerid);
	result = timer ? timer->overrun : -LX_EINVAL;
	rtl_unlock(&process->signal_lock);
	return result;
}

int64_t lx_sys_timer_delete(struct lx_call *call, int32_t timerid)
{
	struct lx_process *process = call->thread->process;
	struct lx_posix_timer *timer;

	rtl_lock(&process->signal_lock);
	timer = find_timer(process, timerid);
	if (timer)
		delete_timer(timer);
	rtl_unlock(&process->signal_lock);
	return timer ? 0 : -LX_EINVAL;
}

void lx_posix_timers_walk(struct lx_process *process, void (*visit)(const struct lx_timer_view *timer, void *context), void *context)
{
	struct lx_posix_timer *timer;

	rtl_lock(&process->signal_lock);
	if (process->timers)
		RB_FOREACH (timer, lx_posix_timer_tree, &process->timers->tree) {
			struct lx_timer_view view = {.id = timer->id, .clock = timer->alarm.clock.id, .signo = timer->signo,
						     .notify = timer->notify & ~LX_SIGEV_THREAD_ID, .value = timer->value};

			if (timer->notify & LX_SIGEV_THREAD_ID)
				view.tid = timer->tid;
			visit(&view, context);
		}
	rtl_unlock(&process->signal_lock);
}
