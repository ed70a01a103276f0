/* Waits on dispatcher objects, alerts, APCs and wake lists. */
#include "workers.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static const LARGE_INTEGER poll_once;

static NTSTATUS poll(struct dispatcher_header *header)
{
	return ke_wait_for_object(header, false, &poll_once);
}

static void wait_for_header(struct worker *worker)
{
	worker->result = ke_wait_for_object(worker->context, false, NULL);
}

static void wait_alertably(struct worker *worker)
{
	worker->result = ke_wait_for_object(worker->context, true, NULL);
}

static void notification_event_stays_set_until_reset(void **state)
{
	struct kevent event;

	ke_initialize_event(&event, NotificationEvent, false);
	assert_int_equal(poll(&event.header), STATUS_TIMEOUT);
	assert_int_equal(ke_set_event(&event), 0);
	assert_int_equal(ke_set_event(&event), 1);
	assert_int_equal(poll(&event.header), STATUS_WAIT_0);
	assert_int_equal(poll(&event.header), STATUS_WAIT_0);
	assert_int_equal(ke_reset_event(&event), 1);
	assert_int_equal(poll(&event.header), STATUS_TIMEOUT);
}

static void synchronization_event_satisfies_one_wait(void **state)
{
	struct kevent event;

	ke_initialize_event(&event, SynchronizationEvent, true);
	assert_int_equal(poll(&event.header), STATUS_WAIT_0);
	assert_int_equal(poll(&event.header), STATUS_TIMEOUT);
}

static void synchronization_event_wakes_one_of_two(void **state)
{
	struct worker workers[2];
	struct kevent event;

	ke_initialize_event(&event, SynchronizationEvent, false);
	for (int i = 0; i < 2; i++) {
		worker_start(&workers[i], wait_for_header, &event.header);
		worker_wait_asleep(&workers[i]);
	}
	ke_set_event(&event);
	assert_int_equal(worker_join(&workers[0]), STATUS_WAIT_0);
	assert_true(hal_is_parked(&workers[1].ke.parker));
	assert_int_equal(ke_read_state(&event.header), 0);
	ke_set_event(&event);
	assert_int_equal(worker_join(&workers[1]), STATUS_WAIT_0);
}

static void pulse_wakes_those_that_wait_and_stays_reset(void **state)
{
	struct worker workers[2];
	struct kevent event;

	ke_initialize_event(&event, NotificationEvent, false);
	for (int i = 0; i < 2; i++) {
		worker_start(&workers[i], wait_for_header, &event.header);
		worker_wait_asleep(&workers[i]);
	}
	ke_pulse_event(&event);
	assert_int_equal(worker_join(&workers[0]), STATUS_WAIT_0);
	assert_int_equal(worker_join(&workers[1]), STATUS_WAIT_0);
	assert_int_equal(poll(&event.header), STATUS_TIMEOUT);
}

static void semaphore_counts_and_keeps_its_limit(void **state)
{
	struct ksemaphore semaphore;
	LONG previous;

	ke_initialize_semaphore(&semaphore, 1, 3);
	assert_int_equal(poll(&semaphore.header), STATUS_WAIT_0);
	assert_int_equal(poll(&semaphore.header), STATUS_TIMEOUT);
	assert_int_equal(ke_release_semaphore(&semaphore, 2, &previous), STATUS_SUCCESS);
	assert_int_equal(previous, 0);
	assert_int_equal(ke_release_semaphore(&semaphore, 2, NULL), STATUS_SEMAPHORE_LIMIT_EXCEEDED);
	assert_int_equal(ke_read_state(&semaphore.header), 2);
	assert_int_equal(ke_release_semaphore(&semaphore, INT32_MAX, NULL), STATUS_SEMAPHORE_LIMIT_EXCEEDED);
}

static void mutant_is_recursive_and_belongs_to_its_owner(void **state)
{
	struct kmutant mutant;
	struct worker worker;
	LONG previous;

	ke_initialize_mutant(&mutant, true);
	assert_int_equal(poll(&mutant.header), STATUS_WAIT_0);
	worker_start(&worker, wait_for_header, &mutant.header);
	worker_wait_asleep(&worker);
	assert_int_equal(ke_release_mutant(&mutant, &previous), STATUS_SUCCESS);
	assert_int_equal(previous, -1);
	assert_true(hal_is_parked(&worker.ke.parker));
	assert_int_equal(ke_release_mutant(&mutant, NULL), STATUS_SUCCESS);
	/* The worker owns it now, and abandons it by ending. */
	assert_int_equal(worker_join(&worker), STATUS_WAIT_0);
	assert_int_equal(ke_release_mutant(&mutant, NULL), STATUS_MUTANT_NOT_OWNED);
	assert_true(ke_query_mutant(&mutant).abandoned);
	assert_int_equal(poll(&mutant.header), STATUS_ABANDONED_WAIT_0);
	assert_false(ke_query_mutant(&mutant).abandoned);
	assert_true(ke_query_mutant(&mutant).owned_by_caller);
	assert_int_equal(ke_release_mutant(&mutant, NULL), STATUS_SUCCESS);
	assert_int_equal(ke_query_mutant(&mutant).count, 1);
}

static void wait_any_says_which_and_takes_only_that(void **state)
{
	struct kevent a, b;
	struct ksemaphore c;
	struct dispatcher_header *objects[] = {&a.header, &b.header, &c.header};

	ke_initialize_event(&a, SynchronizationEvent, false);
	ke_initialize_event(&b, SynchronizationEvent, true);
	ke_initialize_semaphore(&c, 1, 1);
	assert_int_equal(ke_wait_for_objects(3, objects, WaitAny, false, &poll_once), STATUS_WAIT_0 + 1);
	assert_int_equal(ke_read_state(&c.header), 1);
	assert_int_equal(ke_wait_for_objects(3, objects, WaitAny, false, &poll_once), STATUS_WAIT_0 + 2);
	assert_int_equal(ke_wait_for_objects(3, objects, WaitAny, false, &poll_once), STATUS_TIMEOUT);
}

static void wait_all_takes_nothing_until_all_are_there(void **state)
{
	struct ksemaphore a, b;
	struct dispatcher_header *objects[] = {&a.header, &b.header};

	ke_initialize_semaphore(&a, 1, 1);
	ke_initialize_semaphore(&b, 0, 1);
	assert_int_equal(ke_wait_for_objects(2, objects, WaitAll, false, &poll_once), STATUS_TIMEOUT);
	assert_int_equal(ke_read_state(&a.header), 1);
	ke_release_semaphore(&b, 1, NULL);
	assert_int_equal(ke_wait_for_objects(2, objects, WaitAll, false, &poll_once), STATUS_WAIT_0);
	assert_int_equal(ke_read_state(&a.header), 0);
	assert_int_equal(ke_read_state(&b.header), 0);
}

struct pair {
	struct ksemaphore a, b;
};

static void wait_for_pair(struct worker *worker)
{
	struct pair *pair = worker->context;
	struct dispatcher_header *objects[] = {&pair->a.header, &pair->b.header};

	worker->result = ke_wait_for_objects(2, objects, WaitAll, false, NULL);
}

static void sleeping_wait_all_ends_with_the_last_object(void **state)
{
	struct worker worker;
	struct pair pair;

	ke_initialize_semaphore(&pair.a, 0, 1);
	ke_initialize_semaphore(&pair.b, 0, 1);
	worker_start(&worker, wait_for_pair, &pair);
	worker_wait_asleep(&worker);
	ke_release_semaphore(&pair.b, 1, NULL);
	assert_true(hal_is_parked(&worker.ke.parker));
	assert_int_equal(ke_read_state(&pair.b.header), 1);
	ke_release_semaphore(&pair.a, 1, NULL);
	assert_int_equal(worker_join(&worker), STATUS_WAIT_0);
	assert_int_equal(ke_read_state(&pair.a.header), 0);
	assert_int_equal(ke_read_state(&pair.b.header), 0);
}

static void signal_and_wait_does_both(void **state)
{
	struct kevent event, other;
	struct ksemaphore semaphore;

	ke_initialize_event(&event, NotificationEvent, false);
	ke_initialize_event(&other, NotificationEvent, false);
	ke_initialize_semaphore(&semaphore, 1, 1);
	assert_int_equal(ke_signal_and_wait(&event.header, &other.header, false, &poll_once), STATUS_TIMEOUT);
	assert_int_equal(ke_read_state(&event.header), 1);
	assert_int_equal(ke_signal_and_wait(&semaphore.header, &event.header, false, NULL),
			 STATUS_SEMAPHORE_LIMIT_EXCEEDED);
}

static void relative_timeout_ends_a_wait(void **state)
{
	uint64_t start = hal_time(HAL_CLOCK_MONOTONIC);
	LARGE_INTEGER timeout = relative_ms(3);
	struct kevent event;

	ke_initialize_event(&event, NotificationEvent, false);
	assert_int_equal(ke_wait_for_object(&event.header, true, &timeout), STATUS_TIMEOUT);
	assert_true(hal_time(HAL_CLOCK_MONOTONIC) - start >= 3000000);
	assert_int_equal(ke_delay(true, &timeout), STATUS_SUCCESS);
}

static void absolute_timeout_ends_a_wait(void **state)
{
	uint64_t start = hal_time(HAL_CLOCK_REALTIME);
	LARGE_INTEGER timeout = {.QuadPart = (LONGLONG)((start + 3000000) / 100) + NT_UNIX_EPOCH + 1};
	struct kevent event;

	ke_initialize_event(&event, NotificationEvent, false);
	assert_int_equal(ke_wait_for_object(&event.header, true, &timeout), STATUS_TIMEOUT);
	assert_true(hal_time(HAL_CLOCK_REALTIME) >= start + 3000000);
	/* In the past. */
	timeout.QuadPart = 1;
	assert_int_equal(ke_wait_for_object(&event.header, true, &timeout), STATUS_TIMEOUT);
}

static void extreme_timeouts_are_saturated(void **state)
{
	assert_true(ke_deadline(NULL) == UINT64_MAX);
	assert_true(ke_deadline(&(LARGE_INTEGER){.QuadPart = INT64_MIN}) == UINT64_MAX);
	assert_true(ke_deadline(&(LARGE_INTEGER){.QuadPart = INT64_MAX}) == UINT64_MAX);
	assert_true(ke_deadline(&(LARGE_INTEGER){.QuadPart = 0}) == 0);
	assert_true(ke_deadline(&(LARGE_INTEGER){.QuadPart = 1}) == 0);
}

static void alert_ends_an_alertable_wait_once(void **state)
{
	struct kevent event;
	struct worker worker;

	ke_initialize_event(&event, NotificationEvent, false);
	worker_start(&worker, wait_alertably, &event.header);
	worker_wait_asleep(&worker);
	ke_alert_thread(&worker.ke);
	assert_int_equal(worker_join(&worker), STATUS_ALERTED);

	struct ke_thread *self = ke_current_thread();

	ke_alert_thread(self);
	assert_true(ke_alert_pending(self));
	/* A wait that is not alertable leaves it, an object that is there goes first. */
	assert_int_equal(poll(&event.header), STATUS_TIMEOUT);
	ke_set_event(&event);
	assert_int_equal(ke_wait_for_object(&event.header, true, &poll_once), STATUS_WAIT_0);
	ke_reset_event(&event);
	assert_int_equal(ke_wait_for_object(&event.header, true, &poll_once), STATUS_ALERTED);
	assert_int_equal(ke_wait_for_object(&event.header, true, &poll_once), STATUS_TIMEOUT);
}

static void alert_does_not_end_other_waits(void **state)
{
	struct kevent event;
	struct worker worker;

	ke_initialize_event(&event, NotificationEvent, false);
	worker_start(&worker, wait_for_header, &event.header);
	worker_wait_asleep(&worker);
	ke_alert_thread(&worker.ke);
	ke_signal_apc(&worker.ke);
	worker_wait_asleep(&worker);
	ke_set_event(&event);
	assert_int_equal(worker_join(&worker), STATUS_WAIT_0);
}

struct counting_apc {
	struct ke_apc apc;
	_Atomic int runs, rundowns;
};

static void count_run(struct ke_apc *apc)
{
	atomic_fetch_add(&container_of(apc, struct counting_apc, apc)->runs, 1);
}

static void count_rundown(struct ke_apc *apc)
{
	atomic_fetch_add(&container_of(apc, struct counting_apc, apc)->rundowns, 1);
}

static struct counting_apc counting_apc(void)
{
	return (struct counting_apc){.apc = {.routine = count_run, .rundown = count_rundown}};
}

static void wait_then_deliver(struct worker *worker)
{
	worker->result = ke_wait_for_object(worker->context, true, NULL);
	ke_deliver_user_apcs();
}

static void user_apc_ends_an_alertable_wait_and_runs_at_delivery(void **state)
{
	struct counting_apc apc = counting_apc();
	struct kevent event;
	struct worker worker;

	ke_initialize_event(&event, NotificationEvent, false);
	worker_start(&worker, wait_then_deliver, &event.header);
	worker_wait_asleep(&worker);
	ke_queue_apc(&worker.ke, &apc.apc, true);
	assert_int_equal(worker_join(&worker), STATUS_USER_APC);
	assert_int_equal(atomic_load(&apc.runs), 1);
	assert_int_equal(atomic_load(&apc.rundowns), 0);
}

static void kernel_apc_runs_in_any_wait_and_does_not_end_it(void **state)
{
	struct counting_apc apc = counting_apc();
	struct kevent event;
	struct worker worker;

	ke_initialize_event(&event, NotificationEvent, false);
	worker_start(&worker, wait_for_header, &event.header);
	worker_wait_asleep(&worker);
	ke_queue_apc(&worker.ke, &apc.apc, false);
	while (!atomic_load(&apc.runs))
		sched_yield();
	ke_set_event(&event);
	assert_int_equal(worker_join(&worker), STATUS_WAIT_0);
}

static void queued_apc_can_be_taken_back(void **state)
{
	struct counting_apc apc = counting_apc();
	struct ke_thread *self = ke_current_thread();

	ke_queue_apc(self, &apc.apc, true);
	assert_true(ke_remove_apc(self, &apc.apc));
	assert_false(ke_remove_apc(self, &apc.apc));
	ke_deliver_user_apcs();
	assert_int_equal(atomic_load(&apc.runs), 0);
	assert_false(ke_alert_pending(self));
}

static void do_nothing(struct worker *worker)
{
}

static void apcs_of_an_ended_thread_are_run_down(void **state)
{
	struct counting_apc apc = counting_apc();
	struct worker worker;

	worker_start(&worker, do_nothing, NULL);
	worker_join(&worker);
	assert_int_equal(poll(&worker.ke.header), STATUS_WAIT_0);
	ke_queue_apc(&worker.ke, &apc.apc, true);
	assert_int_equal(atomic_load(&apc.runs), 0);
	assert_int_equal(atomic_load(&apc.rundowns), 1);
}

static void terminating_thread_waits_no_more_alertably(void **state)
{
	struct kevent event;
	struct worker worker;

	ke_initialize_event(&event, NotificationEvent, false);
	worker_start(&worker, wait_alertably, &event.header);
	worker_wait_asleep(&worker);
	atomic_store(&worker.ke.terminating, true);
	ke_signal_apc(&worker.ke);
	assert_int_equal(worker_join(&worker), STATUS_USER_APC);
}

static void wait_by_id(struct worker *worker)
{
	worker->result = ke_wait_for_alert_by_id(NULL);
}

static void alert_by_id_is_sticky_and_its_own(void **state)
{
	struct ke_thread *self = ke_current_thread();
	LARGE_INTEGER timeout = relative_ms(1);
	struct worker worker;

	ke_alert_thread_by_id(self);
	assert_false(ke_alert_pending(self));
	assert_int_equal(ke_wait_for_alert_by_id(NULL), STATUS_ALERTED);
	assert_int_equal(ke_wait_for_alert_by_id(&timeout), STATUS_TIMEOUT);
	worker_start(&worker, wait_by_id, NULL);
	worker_wait_asleep(&worker);
	ke_alert_thread_by_id(&worker.ke);
	assert_int_equal(worker_join(&worker), STATUS_ALERTED);
}

struct condition {
	struct ke_wake_list list;
	_Atomic bool ready;
};

static void sleep_for_condition(struct worker *worker)
{
	struct condition *condition = worker->context;
	struct ke_wake_entry entry, *entries[] = {&entry};
	NTSTATUS status = STATUS_SUCCESS;

	ke_list_enqueue(&condition->list, &entry);
	while (!atomic_load(&condition->ready) && status == STATUS_SUCCESS)
		status = ke_list_sleep(entries, 1, true, UINT64_MAX);
	ke_list_dequeue(&entry);
	worker->result = status;
}

static void wake_list_wakes_all_and_forgets_old_wakes(void **state)
{
	struct condition condition = {0};
	struct worker workers[3];

	ke_wake_list_init(&condition.list);
	for (int i = 0; i < 3; i++) {
		worker_start(&workers[i], sleep_for_condition, &condition);
		worker_wait_asleep(&workers[i]);
	}
	/* Without the condition they go back to sleep. */
	ke_wake_all(&condition.list);
	for (int i = 0; i < 3; i++)
		worker_wait_asleep(&workers[i]);
	atomic_store(&condition.ready, true);
	ke_wake_all(&condition.list);
	for (int i = 0; i < 3; i++)
		assert_int_equal(worker_join(&workers[i]), STATUS_SUCCESS);
}

static void sleep_once(struct worker *worker)
{
	struct ke_wake_entry entry, *entries[] = {&entry};

	ke_list_enqueue(worker->context, &entry);
	worker->result = ke_list_sleep(entries, 1, true, UINT64_MAX);
	ke_list_dequeue(&entry);
}

static void wake_one_wakes_the_first_that_sleeps(void **state)
{
	struct ke_wake_list list;
	struct worker workers[2];

	ke_wake_list_init(&list);
	assert_false(ke_wake_one(&list));
	for (int i = 0; i < 2; i++) {
		worker_start(&workers[i], sleep_once, &list);
		worker_wait_asleep(&workers[i]);
	}
	assert_true(ke_wake_one(&list));
	assert_int_equal(worker_join(&workers[0]), STATUS_SUCCESS);
	assert_true(hal_is_parked(&workers[1].ke.parker));
	assert_true(ke_wake_one(&list));
	assert_int_equal(worker_join(&workers[1]), STATUS_SUCCESS);
	assert_false(ke_wake_one(&list));
}

static void wakes_under_locks_are_sent_behind_the_last(void **state)
{
	struct rtl_lock outer = RTL_LOCK_INITIALIZER, inner = RTL_LOCK_INITIALIZER;
	struct ke_wake_list list;
	struct worker worker;

	ke_wake_list_init(&list);
	worker_start(&worker, sleep_once, &list);
	worker_wait_asleep(&worker);
	rtl_lock(&outer);
	rtl_lock(&inner);
	assert_true(ke_wake_one(&list));
	assert_non_null(rtl_holding.put_off);
	rtl_unlock(&inner);
	assert_non_null(rtl_holding.put_off);
	rtl_unlock(&outer);
	assert_null(rtl_holding.put_off);
	assert_int_equal(worker_join(&worker), STATUS_SUCCESS);
}

static void list_sleep_ends_by_signal_and_by_time(void **state)
{
	struct condition condition = {0};
	struct ke_wake_entry entry, *entries[] = {&entry};
	struct worker worker;

	ke_wake_list_init(&condition.list);
	worker_start(&worker, sleep_for_condition, &condition);
	worker_wait_asleep(&worker);
	ke_signal_apc(&worker.ke);
	assert_int_equal(worker_join(&worker), STATUS_USER_APC);
	ke_list_enqueue(&condition.list, &entry);
	assert_int_equal(ke_list_sleep(entries, 1, true, hal_time(HAL_CLOCK_MONOTONIC) + 1000000), STATUS_TIMEOUT);
	ke_list_dequeue(&entry);
}

struct host_call {
	struct ke_wake_list list;
	int descriptor;
	NTSTATUS status;
};

static void call_host(struct worker *worker)
{
	struct host_call *call = worker->context;
	struct ke_wake_entry entry, *entries[] = {&entry};
	char byte;
	uint64_t arguments[6] = {(uint64_t)call->descriptor, (uint64_t)&byte, 1};

	ke_list_enqueue(&call->list, &entry);
	worker->result = ke_host_call(&call->status, entries, 1, SYS_read, arguments);
	ke_list_dequeue(&entry);
}

static void host_call_ends_by_its_result_a_wake_or_a_signal(void **state)
{
	struct host_call call = {0};
	struct worker worker;
	int pipe_ends[2];

	assert_int_equal(pipe(pipe_ends), 0);
	ke_wake_list_init(&call.list);
	call.descriptor = pipe_ends[0];

	worker_start(&worker, call_host, &call);
	worker_wait_asleep(&worker);
	ke_wake_all(&call.list);
	assert_int_equal(worker_join(&worker), -EINTR);
	assert_int_equal(call.status, STATUS_SUCCESS);

	worker_start(&worker, call_host, &call);
	worker_wait_asleep(&worker);
	ke_signal_apc(&worker.ke);
	assert_int_equal(worker_join(&worker), -EINTR);
	assert_int_equal(call.status, STATUS_USER_APC);

	worker_start(&worker, call_host, &call);
	worker_wait_asleep(&worker);
	/* A wake for no reason is not seen. */
	hal_unpark(&worker.ke.parker);
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	assert_int_equal(worker_join(&worker), 1);
	assert_int_equal(call.status, STATUS_SUCCESS);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void objects_of_zeroes_can_be_waited_for(void **state)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	struct dispatcher_header header = {0};

	assert_non_null(worker);
	assert_int_equal(poll(&header), STATUS_TIMEOUT);
	worker_start(worker, wait_for_header, &header);
	worker_wait_asleep(worker);
	ke_signal_header(&header);
	assert_int_equal(worker_join(worker), STATUS_WAIT_0);
	free(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(notification_event_stays_set_until_reset),
	    cmocka_unit_test(synchronization_event_satisfies_one_wait),
	    cmocka_unit_test(synchronization_event_wakes_one_of_two),
	    cmocka_unit_test(pulse_wakes_those_that_wait_and_stays_reset),
	    cmocka_unit_test(semaphore_counts_and_keeps_its_limit),
	    cmocka_unit_test(mutant_is_recursive_and_belongs_to_its_owner),
	    cmocka_unit_test(wait_any_says_which_and_takes_only_that),
	    cmocka_unit_test(wait_all_takes_nothing_until_all_are_there),
	    cmocka_unit_test(sleeping_wait_all_ends_with_the_last_object),
	    cmocka_unit_test(signal_and_wait_does_both),
	    cmocka_unit_test(relative_timeout_ends_a_wait),
	    cmocka_unit_test(absolute_timeout_ends_a_wait),
	    cmocka_unit_test(extreme_timeouts_are_saturated),
	    cmocka_unit_test(alert_ends_an_alertable_wait_once),
	    cmocka_unit_test(alert_does_not_end_other_waits),
	    cmocka_unit_test(user_apc_ends_an_alertable_wait_and_runs_at_delivery),
	    cmocka_unit_test(kernel_apc_runs_in_any_wait_and_does_not_end_it),
	    cmocka_unit_test(queued_apc_can_be_taken_back),
	    cmocka_unit_test(apcs_of_an_ended_thread_are_run_down),
	    cmocka_unit_test(terminating_thread_waits_no_more_alertably),
	    cmocka_unit_test(alert_by_id_is_sticky_and_its_own),
	    cmocka_unit_test(wake_list_wakes_all_and_forgets_old_wakes),
	    cmocka_unit_test(wake_one_wakes_the_first_that_sleeps),
	    cmocka_unit_test(wakes_under_locks_are_sent_behind_the_last),
	    cmocka_unit_test(list_sleep_ends_by_signal_and_by_time),
	    cmocka_unit_test(host_call_ends_by_its_result_a_wake_or_a_signal),
	    cmocka_unit_test(objects_of_zeroes_can_be_waited_for),
	};

	return cmocka_run_group_tests(tests, attach_main, NULL);
}
