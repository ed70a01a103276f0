/* Timers: expiry, periods, cancellation, routines. */
#include "workers.h"

static const LARGE_INTEGER poll_once;
#define MILLISECOND 1000000ull

static NTSTATUS poll(struct ktimer *timer)
{
	return ke_wait_for_object(&timer->header, false, &poll_once);
}

static NTSTATUS await(struct ktimer *timer)
{
	return ke_wait_for_object(&timer->header, false, NULL);
}

static uint64_t in_ms(uint64_t milliseconds)
{
	return hal_time(HAL_CLOCK_MONOTONIC) + milliseconds * MILLISECOND;
}

static void timer_expires_at_its_time_and_not_before(void **state)
{
	struct ktimer timer;
	uint64_t due;

	ke_initialize_timer(&timer, NotificationTimer);
	assert_false(ke_set_timer_ns(&timer, in_ms(100000), false, 0));
	assert_int_equal(poll(&timer), STATUS_TIMEOUT);
	due = in_ms(4);
	assert_true(ke_set_timer_ns(&timer, due, false, 0));
	assert_int_equal(await(&timer), STATUS_WAIT_0);
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) >= due);
	/* A notification timer stays signalled. */
	assert_int_equal(poll(&timer), STATUS_WAIT_0);
	assert_int_equal(ke_query_timer(&timer, NULL, NULL), 0);
	assert_int_equal(timer.expirations, 1);
}

static void setting_again_replaces_and_resets(void **state)
{
	struct ktimer timer;

	ke_initialize_timer(&timer, NotificationTimer);
	ke_set_timer_ns(&timer, 0, false, 0);
	assert_int_equal(poll(&timer), STATUS_WAIT_0);
	assert_false(ke_set_timer_ns(&timer, in_ms(100000), false, 0));
	assert_int_equal(poll(&timer), STATUS_TIMEOUT);
	assert_true(ke_set_timer_ns(&timer, in_ms(1), false, 0));
	assert_int_equal(await(&timer), STATUS_WAIT_0);
}

static void cancelled_timer_does_not_expire(void **state)
{
	struct ktimer cancelled, later;

	ke_initialize_timer(&cancelled, NotificationTimer);
	ke_initialize_timer(&later, NotificationTimer);
	/* On a busy machine it may have expired before it is cancelled. */
	do {
		ke_set_timer_ns(&cancelled, in_ms(2), false, 0);
		ke_set_timer_ns(&later, in_ms(5), false, 0);
	} while (!ke_cancel_timer(&cancelled));
	assert_false(ke_cancel_timer(&cancelled));
	assert_int_equal(await(&later), STATUS_WAIT_0);
	assert_int_equal(poll(&cancelled), STATUS_TIMEOUT);
}

struct order {
	_Atomic unsigned expired;
	struct ktimer *timers[3];
};

static void note_order(struct ktimer *timer, void *context)
{
	struct order *order = context;

	order->timers[atomic_fetch_add(&order->expired, 1)] = timer;
}

static void timers_expire_in_the_order_of_their_times(void **state)
{
	struct order order = {0};
	struct ktimer timers[3];
	uint64_t start = in_ms(2);

	for (int i = 0; i < 3; i++) {
		ke_initialize_timer(&timers[i], NotificationTimer);
		timers[i].routine = note_order;
		timers[i].context = &order;
	}
	ke_set_timer_ns(&timers[0], start + 40 * MILLISECOND, false, 0);
	ke_set_timer_ns(&timers[2], start + 20 * MILLISECOND, false, 0);
	ke_set_timer_ns(&timers[1], start, false, 0);
	assert_int_equal(await(&timers[0]), STATUS_WAIT_0);
	ke_flush_timer(&timers[0]);
	assert_int_equal(atomic_load(&order.expired), 3);
	assert_ptr_equal(order.timers[0], &timers[1]);
	assert_ptr_equal(order.timers[1], &timers[2]);
	assert_ptr_equal(order.timers[2], &timers[0]);
}

static void periodic_timer_keeps_its_grid(void **state)
{
	struct ktimer timer;
	uint64_t first = in_ms(2);

	ke_initialize_timer(&timer, SynchronizationTimer);
	ke_set_timer_ns(&timer, first, false, 2 * MILLISECOND);
	for (int i = 0; i < 4; i++)
		assert_int_equal(await(&timer), STATUS_WAIT_0);
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) >= first + 6 * MILLISECOND);
	assert_true(ke_cancel_timer(&timer));
	assert_true(timer.expirations >= 4);
	assert_int_equal((timer.due_ns - first) % (2 * MILLISECOND), 0);
}

static void late_start_counts_the_periods_that_passed(void **state)
{
	struct ktimer timer;

	ke_initialize_timer(&timer, NotificationTimer);
	ke_set_timer_ns(&timer, hal_time(HAL_CLOCK_MONOTONIC) - 10 * 1000 * MILLISECOND - 1, false, 1000 * MILLISECOND);
	assert_int_equal(poll(&timer), STATUS_WAIT_0);
	assert_int_equal(timer.expirations, 11);
	assert_true(ke_cancel_timer(&timer));
}

static void absolute_timer_follows_the_time_of_day(void **state)
{
	struct ktimer timer;
	LARGE_INTEGER due = {.QuadPart =
				 (LONGLONG)((hal_time(HAL_CLOCK_REALTIME) + 3 * MILLISECOND) / 100) + NT_UNIX_EPOCH};

	ke_initialize_timer(&timer, NotificationTimer);
	ke_set_timer(&timer, due, 0);
	assert_true(timer.absolute);
	assert_int_equal(await(&timer), STATUS_WAIT_0);
	assert_true(hal_time(HAL_CLOCK_REALTIME) >= (uint64_t)(due.QuadPart - NT_UNIX_EPOCH) * 100);
	due.QuadPart = NT_UNIX_EPOCH - 1;
	ke_set_timer(&timer, due, 0);
	assert_int_equal(poll(&timer), STATUS_WAIT_0);
}

struct routine {
	struct kevent called, go_on;
	_Atomic int calls;
	_Atomic bool finished;
};

static void block_in_routine(struct ktimer *timer, void *context)
{
	struct routine *routine = context;

	atomic_fetch_add(&routine->calls, 1);
	ke_set_event(&routine->called);
	ke_wait_for_object(&routine->go_on.header, false, NULL);
	atomic_store(&routine->finished, true);
}

static void let_go(struct worker *worker)
{
	ke_set_event(&((struct routine *)worker->context)->go_on);
}

static void flush_waits_for_the_routine(void **state)
{
	struct routine routine = {0};
	struct worker worker;
	struct ktimer timer;

	ke_initialize_event(&routine.called, NotificationEvent, false);
	ke_initialize_event(&routine.go_on, NotificationEvent, false);
	ke_initialize_timer(&timer, NotificationTimer);
	timer.routine = block_in_routine;
	timer.context = &routine;
	/* Due already: it is called all the same. */
	ke_set_timer_ns(&timer, 0, false, 0);
	assert_int_equal(ke_wait_for_object(&routine.called.header, false, NULL), STATUS_WAIT_0);
	assert_false(ke_cancel_timer(&timer));
	worker_start(&worker, let_go, &routine);
	ke_flush_timer(&timer);
	assert_true(atomic_load(&routine.finished));
	assert_int_equal(atomic_load(&routine.calls), 1);
	worker_join(&worker);
}

static void set_another(struct ktimer *timer, void *context)
{
	ke_set_timer_ns(context, in_ms(1), false, 0);
	ke_cancel_timer(timer);
	ke_flush_timer(timer);
}

static void routine_may_set_cancel_and_flush(void **state)
{
	struct ktimer first, second;

	ke_initialize_timer(&first, NotificationTimer);
	ke_initialize_timer(&second, NotificationTimer);
	first.routine = set_another;
	first.context = &second;
	ke_set_timer_ns(&first, in_ms(1), false, 1);
	assert_int_equal(await(&second), STATUS_WAIT_0);
	ke_flush_timer(&first);
	assert_false(ke_cancel_timer(&first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(timer_expires_at_its_time_and_not_before),
	    cmocka_unit_test(setting_again_replaces_and_resets),
	    cmocka_unit_test(cancelled_timer_does_not_expire),
	    cmocka_unit_test(timers_expire_in_the_order_of_their_times),
	    cmocka_unit_test(periodic_timer_keeps_its_grid),
	    cmocka_unit_test(late_start_counts_the_periods_that_passed),
	    cmocka_unit_test(absolute_timer_follows_the_time_of_day),
	    cmocka_unit_test(flush_waits_for_the_routine),
	    cmocka_unit_test(routine_may_set_cancel_and_flush),
	};

	return cmocka_run_group_tests(tests, attach_main, NULL);
}
