/* Parking, alertable host calls, threads and the alarm. */
#include "workers.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static void park_without_token_ends_at_its_deadline(void **state)
{
	struct hal_parker parker;
	uint64_t start = hal_time(HAL_CLOCK_MONOTONIC);

	hal_parker_init(&parker);
	assert_false(hal_park(&parker, start + 2000000));
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) >= start + 2000000);
}

static void park_with_a_deadline_of_zero_polls(void **state)
{
	struct hal_parker parker;

	hal_parker_init(&parker);
	assert_false(hal_park(&parker, 0));
	hal_unpark(&parker);
	assert_true(hal_park(&parker, 0));
	assert_false(hal_park(&parker, 0));
}

static void unparks_are_sticky_and_do_not_add_up(void **state)
{
	struct hal_parker parker;

	hal_parker_init(&parker);
	hal_unpark(&parker);
	hal_unpark(&parker);
	assert_true(hal_park(&parker, UINT64_MAX));
	assert_false(hal_park(&parker, 1));
}

static void sleep_in_parker(struct worker *worker)
{
	worker->result = hal_park(&worker->ke.parker, UINT64_MAX);
}

static void unpark_wakes_a_sleeping_thread(void **state)
{
	struct worker worker;

	worker_start(&worker, sleep_in_parker, NULL);
	worker_wait_asleep(&worker);
	hal_unpark(&worker.ke.parker);
	assert_int_equal(worker_join(&worker), true);
}

static void alertable_call_returns_the_raw_result(void **state)
{
	struct hal_parker parker;
	char byte = 'x';
	int pipe_ends[2];

	hal_parker_init(&parker);
	assert_int_equal(pipe(pipe_ends), 0);
	assert_int_equal(hal_alertable_call(&parker, SYS_write, (long)pipe_ends[1], &byte, 1ul), 1);
	assert_int_equal(hal_alertable_call(&parker, SYS_read, (long)pipe_ends[0], &byte, 1ul), 1);
	assert_int_equal(hal_alertable_call(&parker, SYS_read, -1l, &byte, 1ul), -EBADF);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void alertable_call_is_not_entered_with_a_token(void **state)
{
	struct hal_parker parker;
	char byte = 'x';
	int pipe_ends[2];

	hal_parker_init(&parker);
	assert_int_equal(pipe(pipe_ends), 0);
	hal_unpark(&parker);
	assert_int_equal(hal_alertable_call(&parker, SYS_write, (long)pipe_ends[1], &byte, 1ul), -EINTR);
	/* Nothing was written, and the token is gone. */
	assert_int_equal(hal_alertable_call(&parker, SYS_write, (long)pipe_ends[1], "yz", 2ul), 2);
	assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void read_pipe(struct worker *worker)
{
	char byte;

	worker->result = hal_alertable_call(&worker->ke.parker, SYS_read, (long)*(int *)worker->context, &byte, 1ul);
}

static void unpark_interrupts_a_blocking_call(void **state)
{
	struct worker worker;
	int pipe_ends[2];

	assert_int_equal(pipe(pipe_ends), 0);
	worker_start(&worker, read_pipe, &pipe_ends[0]);
	worker_wait_asleep(&worker);
	hal_unpark(&worker.ke.parker);
	assert_int_equal(worker_join(&worker), -EINTR);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void a_signal_without_a_token_does_not_end_the_call(void **state)
{
	struct worker worker;
	int pipe_ends[2];

	assert_int_equal(pipe(pipe_ends), 0);
	worker_start(&worker, read_pipe, &pipe_ends[0]);
	worker_wait_asleep(&worker);
	for (int i = 0; i < 100; i++) {
		syscall(SYS_tgkill, getpid(), worker.ke.parker.tid, HAL_INTERRUPT_SIGNAL);
		sched_yield();
	}
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	assert_int_equal(worker_join(&worker), 1);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

enum { RACES = 20000 };

struct race {
	int descriptor;
	_Atomic int round;
	_Atomic int lost;
};

/* Each round ends by the unpark alone: a wake lost between the test and the system call would hang. */
static void call_repeatedly(struct worker *worker)
{
	struct race *race = worker->context;

	for (int i = 1; i <= RACES; i++) {
		char byte;

		atomic_store(&race->round, i);
		if (hal_alertable_call(&worker->ke.parker, SYS_read, (long)race->descriptor, &byte, 1ul) != -EINTR)
			atomic_fetch_add(&race->lost, 1);
	}
}

static void no_unpark_is_lost_around_the_call(void **state)
{
	struct worker worker;
	struct race race = {0};
	int pipe_ends[2];

	assert_int_equal(pipe(pipe_ends), 0);
	race.descriptor = pipe_ends[0];
	worker_start(&worker, call_repeatedly, &race);
	for (int i = 1; i <= RACES; i++) {
		while (atomic_load(&race.round) < i)
			sched_yield();
		for (int spin = 0; spin < i % 200; spin++)
			__asm__ volatile("pause");
		hal_unpark(&worker.ke.parker);
	}
	worker_join(&worker);
	assert_int_equal(atomic_load(&race.lost), 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

struct masks {
	_Atomic int done;
	sigset_t blocked;
};

static void look_at_mask(void *context)
{
	struct masks *masks = context;

	pthread_sigmask(SIG_SETMASK, NULL, &masks->blocked);
	atomic_store(&masks->done, 1);
}

static void threads_block_all_signals_but_two(void **state)
{
	struct masks masks = {0};

	assert_int_equal(hal_thread_create(look_at_mask, &masks), 0);
	while (!atomic_load(&masks.done))
		sched_yield();
	assert_false(sigismember(&masks.blocked, HAL_INTERRUPT_SIGNAL));
	assert_true(sigismember(&masks.blocked, SIGINT));
	assert_true(sigismember(&masks.blocked, SIGTERM));
	/* Ignored, and dropped by the host only where it is not blocked. */
	assert_false(sigismember(&masks.blocked, SIGCHLD));
}

static void alarm_ends_at_the_earlier_deadline(void **state)
{
	struct hal_alarm alarm = {0};
	uint64_t start = hal_time(HAL_CLOCK_MONOTONIC), today = hal_time(HAL_CLOCK_REALTIME);

	hal_alarm_init(&alarm);
	hal_alarm_wait(&alarm, start + 3000000, UINT64_MAX);
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) >= start + 3000000);
	hal_alarm_wait(&alarm, UINT64_MAX, today + 6000000);
	assert_true(hal_time(HAL_CLOCK_REALTIME) >= today + 6000000);
	/* A time of day that has passed does not sleep. */
	hal_alarm_wait(&alarm, UINT64_MAX, today);
	hal_unpark(&alarm.parker);
	hal_alarm_wait(&alarm, UINT64_MAX, UINT64_MAX);
	close(alarm.realtime_fd);
}

static void alarm_works_without_a_timerfd(void **state)
{
	struct hal_alarm alarm = {.realtime_fd = -1};
	uint64_t today = hal_time(HAL_CLOCK_REALTIME);

	hal_parker_init(&alarm.parker);
	hal_alarm_wait(&alarm, UINT64_MAX, today + 2000000);
	assert_true(hal_time(HAL_CLOCK_REALTIME) >= today + 2000000);
}

static void own_file_identity_can_always_be_set(void **state)
{
	struct hal_identity identity;

	hal_query_identity(&identity);
	assert_int_equal(identity.euid, geteuid());
	assert_int_equal(hal_become(&(struct hal_subject){identity.fsuid, identity.fsgid, NULL, 0, identity.cap_effective}), 0);
	assert_int_equal(hal_query_effective(), identity.cap_effective);
}

static void refused_file_identity_is_an_error(void **state)
{
	struct hal_identity identity, after;

	hal_query_identity(&identity);
	if (identity.cap_permitted >> 7 & 1)
		skip();
	assert_int_equal(hal_become(&(struct hal_subject){.fsuid = identity.fsuid + 1, .fsgid = identity.fsgid}), -EPERM);
	hal_query_identity(&after);
	assert_int_equal(after.fsuid, identity.fsuid);
}

/* Another user with one capability, and back: neither loses what the host user has, nor has the other more than that. */
static void effective_capabilities_are_those_of_the_subject(void **state)
{
	struct hal_identity identity, after;

	hal_query_identity(&identity);
	if (!(identity.cap_permitted >> 6 & identity.cap_permitted >> 7 & 1))
		skip();
	assert_int_equal(hal_become(&(struct hal_subject){1234, 2345, NULL, 0, 1u << 1 | 1ull << 63}), 0);
	hal_query_identity(&after);
	assert_int_equal(after.fsuid, 1234);
	assert_int_equal(after.fsgid, 2345);
	assert_int_equal(after.cap_effective, 1u << 1 & identity.cap_permitted);
	assert_int_equal(after.cap_permitted, identity.cap_permitted);
	assert_int_equal(hal_become(&(struct hal_subject){identity.fsuid, identity.fsgid, NULL, 0, identity.cap_effective}), 0);
	hal_query_identity(&after);
	assert_int_equal(after.fsuid, identity.fsuid);
	assert_int_equal(after.cap_effective, identity.cap_effective);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(park_without_token_ends_at_its_deadline),
	    cmocka_unit_test(park_with_a_deadline_of_zero_polls),
	    cmocka_unit_test(unparks_are_sticky_and_do_not_add_up),
	    cmocka_unit_test(unpark_wakes_a_sleeping_thread),
	    cmocka_unit_test(alertable_call_returns_the_raw_result),
	    cmocka_unit_test(alertable_call_is_not_entered_with_a_token),
	    cmocka_unit_test(unpark_interrupts_a_blocking_call),
	    cmocka_unit_test(a_signal_without_a_token_does_not_end_the_call),
	    cmocka_unit_test(no_unpark_is_lost_around_the_call),
	    cmocka_unit_test(threads_block_all_signals_but_two),
	    cmocka_unit_test(alarm_ends_at_the_earlier_deadline),
	    cmocka_unit_test(alarm_works_without_a_timerfd),
	    cmocka_unit_test(own_file_identity_can_always_be_set),
	    cmocka_unit_test(refused_file_identity_is_an_error),
	    cmocka_unit_test(effective_capabilities_are_those_of_the_subject),
		cmocka_unit_test(effective_capabilities_are_those_of_the_subject),
	};

	return cmocka_run_group_tests(tests, attach_main, NULL);
}
