/*
 * Timers. One thread, started with the first timer, expires them all. It sleeps
 * until the first of two trees is due: monotonic times, and times of day, whose
 * sleep also ends when that clock is stepped.
 *
 * A periodic timer that is served late expires once for all the periods that
 * have passed and counts them: the next due time stays on its grid.
 */
#include "ke_internal.h"

static int compare(const struct ktimer *a, const struct ktimer *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

RB_HEAD(timer_tree, ktimer);
RB_GENERATE_INTERNAL(timer_tree, ktimer, link, compare, __attribute__((unused)) static)

/*
 * Guards what follows and all timers but for their headers, whose locks are taken under it. One for the instance: a
 * timer is set and expires seldom, against what its owner does meanwhile.
 */
static struct rtl_lock timer_lock = RTL_LOCK_INITIALIZER;
static struct timer_tree trees[2]; /* by ktimer.absolute */
static struct ktimer *running;	   /* its routine is being called */
static pthread_cond_t routine_done = PTHREAD_COND_INITIALIZER;

static struct rtl_lock start_lock = RTL_LOCK_INITIALIZER; /* guards starting; a leaf */
static _Atomic bool started;
static struct hal_alarm alarm_clock;
static struct ke_thread timer_thread;

static uint64_t now_of(bool absolute)
{
	return hal_time(absolute ? HAL_CLOCK_REALTIME : HAL_CLOCK_MONOTONIC);
}

static void insert_timer(struct ktimer *timer, struct ke_wakes *wakes)
{
	struct timer_tree *tree = &trees[timer->absolute];

	timer->inserted = true;
	RB_INSERT(timer_tree, tree, timer);
	if (RB_MIN(timer_tree, tree) == timer && ke_current_thread() != &timer_thread)
		ke_note_unpark(wakes, &alarm_clock.parker);
}

static void remove_timer(struct ktimer *timer)
{
	if (timer->inserted)
		RB_REMOVE(timer_tree, &trees[timer->absolute], timer);
	timer->inserted = false;
}

/* Put a periodic timer behind `now`; returns how many expiries that makes. */
static uint64_t advance(struct ktimer *timer, uint64_t now)
{
	if (!timer->period_ns)
		return 1;

	uint64_t periods = (now - timer->due_ns) / timer->period_ns + 1;

	timer->due_ns += periods * timer->period_ns;
	return periods;
}

static void signal_timer(struct ktimer *timer, struct ke_wakes *wakes)
{
	rtl_lock(&timer->header.lock);
	timer->header.signal_state = 1;
	ke_test_waiters_locked(&timer->header, wakes);
	rtl_unlock(&timer->header.lock);
}

static void unlock_and_wake(struct ke_wakes *wakes)
{
	rtl_unlock(&timer_lock);
	ke_send_wakes(wakes);
}

static void run_routine(struct ktimer *timer, struct ke_wakes *wakes)
{
	void (*routine)(struct ktimer *, void *) = timer->routine;
	void *context = timer->context;

	running = timer;
	unlock_and_wake(wakes);
	routine(timer, context);
	rtl_lock(&timer_lock);
	running = NULL;
	pthread_cond_broadcast(&routine_done);
}

static void expire(struct ktimer *timer, uint64_t now, struct ke_wakes *wakes)
{
	remove_timer(timer);
	if (timer->wait) {
		/* It may have ended a moment ago, its thread not having come here yet. */
		if (ke_claim_wait(timer->wait))
			ke_finish_wait(timer->wait, STATUS_TIMEOUT, wakes);
		return;
	}
	bool has_routine = timer->routine;

	timer->expirations += advance(timer, now);
	if (timer->period_ns)
		insert_timer(timer, wakes);
	/* Who waited for a timer without a routine may let go of it at once. */
	signal_timer(timer, wakes);
	if (has_routine)
		run_routine(timer, wakes);
}

static void expire_tree(bool absolute, struct ke_wakes *wakes)
{
	uint64_t now = now_of(absolute);
	struct ktimer *timer;

	while ((timer = RB_MIN(timer_tree, &trees[absolute])) && timer->due_ns <= now)
		expire(timer, now, wakes);
}

static uint64_t first_due(bool absolute)
{
	struct ktimer *timer = RB_MIN(timer_tree, &trees[absolute]);

	return timer ? timer->due_ns : UINT64_MAX;
}

static void serve_timers(void *unused)
{
	ke_thread_attach(&timer_thread);
	hal_alarm_init(&alarm_clock);
	for (;;) {
		struct ke_wakes wakes = {0};

		rtl_lock(&timer_lock);
		expire_tree(true, &wakes);
		expire_tree(false, &wakes);

		/* Now, since routines have set timers. */
		uint64_t realtime = first_due(true), monotonic = first_due(false);

		unlock_and_wake(&wakes);
		hal_alarm_wait(&alarm_clock, monotonic, realtime);
	}
}

NTSTATUS ke_start_timers(void)
{
	NTSTATUS status = STATUS_SUCCESS;

	if (atomic_load(&started))
		return STATUS_SUCCESS;
	rtl_lock(&start_lock);
	if (!atomic_load(&started)) {
		if (hal_thread_create(serve_timers, NULL) == 0)
			atomic_store(&started, true);
		else
			status = STATUS_INSUFFICIENT_RESOURCES;
	}
	rtl_unlock(&start_lock);
	return status;
}

void ke_initialize_timer(struct ktimer *timer, TIMER_TYPE type)
{
	*timer = (struct ktimer){0};
	ke_initialize_header(&timer->header,
			     type == NotificationTimer ? KE_TIMER_NOTIFICATION : KE_TIMER_SYNCHRONIZATION);
}

/* A timer without a routine that is due already is signalled by the caller: a poll right after sees it. */
static void start_locked(struct ktimer *timer, struct ke_wakes *wakes)
{
	if (!timer->routine) {
		uint64_t now = now_of(timer->absolute);

		if (timer->due_ns <= now) {
			timer->expirations = advance(timer, now);
			signal_timer(timer, wakes);
			if (!timer->period_ns)
				return;
		}
	}
	insert_timer(timer, wakes);
}

void ke_insert_wait_timer(struct ktimer *timer)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&timer_lock);
	insert_timer(timer, &wakes);
	unlock_and_wake(&wakes);
}

static void reset_state(struct ktimer *timer)
{
	rtl_lock(&timer->header.lock);
	timer->header.signal_state = 0;
	rtl_unlock(&timer->header.lock);
}

bool ke_set_timer_ns(struct ktimer *timer, uint64_t due_ns, bool absolute, uint64_t period_ns)
{
	struct ke_wakes wakes = {0};

	ke_start_timers();
	rtl_lock(&timer_lock);
	bool was_set = timer->inserted;

	remove_timer(timer);
	reset_state(timer);
	timer->due_ns = due_ns;
	timer->absolute = absolute;
	timer->period_ns = period_ns;
	timer->expirations = 0;
	start_locked(timer, &wakes);
	unlock_and_wake(&wakes);
	return was_set;
}

bool ke_set_timer(struct ktimer *timer, LARGE_INTEGER due, uint64_t period_ns)
{
	if (due.QuadPart > 0)
		return ke_set_timer_ns(timer, ke_realtime_of(due), true, period_ns);
	return ke_set_timer_ns(timer, ke_deadline(&due), false, period_ns);
}

bool ke_cancel_timer(struct ktimer *timer)
{
	rtl_lock(&timer_lock);
	bool was_set = timer->inserted;

	remove_timer(timer);
	rtl_unlock(&timer_lock);
	return was_set;
}

void ke_flush_timer(struct ktimer *timer)
{
	if (ke_current_thread() == &timer_thread)
		return;
	rtl_lock(&timer_lock);
	while (running == timer)
		rtl_condition_wait(&routine_done, &timer_lock);
	rtl_unlock(&timer_lock);
}

uint64_t ke_query_timer(struct ktimer *timer, uint64_t *period_ns, bool *signalled)
{
	uint64_t left = 0;

	rtl_lock(&timer_lock);
	if (timer->inserted) {
		uint64_t now = now_of(timer->absolute);

		left = timer->due_ns > now ? timer->due_ns - now : 1;
	}
	if (period_ns)
		*period_ns = timer->inserted ? timer->period_ns : 0;
	if (signalled)
		*signalled = ke_read_state(&timer->header) > 0;
	rtl_unlock(&timer_lock);
	return left;
}
