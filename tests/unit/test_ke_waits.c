/*
 * Waits for several objects that others signal at the same moment: each signal ends one wait, each wait ends once, and
 * what a wait did not end by stays untouched. Best run with the thread sanitizer.
 */
#include "workers.h"

enum { THREADS = 4, ROUNDS = 2000, OBJECTS = 3 };

struct pool {
	struct ksemaphore tickets[OBJECTS];
	_Atomic int taken[OBJECTS];
	_Atomic bool stop;
};

static void take_any(struct worker *worker)
{
	struct pool *pool = worker->context;
	struct dispatcher_header *objects[OBJECTS];

	for (int i = 0; i < OBJECTS; i++)
		objects[i] = &pool->tickets[i].header;
	while (!atomic_load(&pool->stop)) {
		NTSTATUS status = ke_wait_for_objects(OBJECTS, objects, WaitAny, true, NULL);

		if (status >= STATUS_WAIT_0 && status < STATUS_WAIT_0 + OBJECTS)
			atomic_fetch_add(&pool->taken[status - STATUS_WAIT_0], 1);
		else
			ke_deliver_user_apcs();
	}
}

static void give(struct worker *worker)
{
	struct pool *pool = worker->context;

	for (int i = 0; i < ROUNDS; i++)
		ke_release_semaphore(&pool->tickets[i % OBJECTS], 1, NULL);
}

static void wait_until_empty(struct pool *pool)
{
	for (int i = 0; i < OBJECTS; i++)
		while (ke_read_state(&pool->tickets[i].header))
			sched_yield();
}

/* Some waits end by an alert at the moment when a semaphore would end them: no ticket may be lost to those. */
static void each_ticket_ends_one_wait(void **state)
{
	struct worker takers[THREADS], givers[2];
	struct pool pool = {0};

	for (int i = 0; i < OBJECTS; i++)
		ke_initialize_semaphore(&pool.tickets[i], 0, INT32_MAX);
	for (int i = 0; i < THREADS; i++)
		worker_start(&takers[i], take_any, &pool);
	for (int i = 0; i < 2; i++)
		worker_start(&givers[i], give, &pool);
	for (int i = 0; i < ROUNDS; i++)
		ke_signal_apc(&takers[i % THREADS].ke);
	for (int i = 0; i < 2; i++)
		worker_join(&givers[i]);
	wait_until_empty(&pool);
	atomic_store(&pool.stop, true);
	for (int i = 0; i < THREADS; i++)
		ke_signal_apc(&takers[i].ke);
	for (int i = 0; i < THREADS; i++)
		worker_join(&takers[i]);
	for (int i = 0, given = 0; i < OBJECTS; i++) {
		given += atomic_load(&pool.taken[i]);
		assert_true(i < OBJECTS - 1 || given == 2 * ROUNDS);
	}
}

struct forks {
	struct kevent fork[THREADS];
	int holder[THREADS]; /* guarded by the fork: how often it was held */
};

/* Philosophers: each waits for both of his forks at once, in an order of his own. */
static void dine(struct worker *worker)
{
	struct forks *forks = worker->context;
	size_t left = (size_t)worker->result, right = (left + 1) % THREADS;
	struct dispatcher_header *objects[] = {&forks->fork[left].header, &forks->fork[right].header};

	for (int i = 0; i < ROUNDS; i++) {
		ke_wait_for_objects(2, objects, WaitAll, false, NULL);
		forks->holder[left]++;
		forks->holder[right]++;
		ke_set_event(&forks->fork[i % 2 ? left : right]);
		ke_set_event(&forks->fork[i % 2 ? right : left]);
	}
}

static void all_is_taken_at_once_or_not_at_all(void **state)
{
	struct worker workers[THREADS];
	struct forks forks = {0};

	for (int i = 0; i < THREADS; i++)
		ke_initialize_event(&forks.fork[i], SynchronizationEvent, true);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.run = dine, .context = &forks, .result = i};
		ke_initialize_thread(&workers[i].ke);
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		worker_join(&workers[i]);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(forks.holder[i], 2 * ROUNDS);
		assert_int_equal(ke_read_state(&forks.fork[i].header), 1);
	}
}

struct exchange {
	struct kevent ping, pong;
	int turns; /* whose turn it is, one after another */
};

static void answer(struct worker *worker)
{
	struct exchange *exchange = worker->context;

	ke_wait_for_object(&exchange->ping.header, false, NULL);
	for (int i = 1; i < ROUNDS; i++) {
		exchange->turns++;
		ke_signal_and_wait(&exchange->pong.header, &exchange->ping.header, false, NULL);
	}
	ke_set_event(&exchange->pong);
}

static void signal_and_wait_takes_turns(void **state)
{
	struct exchange exchange = {0};
	struct worker worker;

	ke_initialize_event(&exchange.ping, SynchronizationEvent, false);
	ke_initialize_event(&exchange.pong, SynchronizationEvent, false);
	worker_start(&worker, answer, &exchange);
	for (int i = 0; i < ROUNDS; i++) {
		exchange.turns++;
		assert_int_equal(ke_signal_and_wait(&exchange.ping.header, &exchange.pong.header, false, NULL), STATUS_WAIT_0);
	}
	worker_join(&worker);
	assert_int_equal(exchange.turns, 2 * ROUNDS - 1);
}

static void own_and_end(struct worker *worker)
{
	struct kmutant *mutants = worker->context;

	for (int i = 0; i < 8; i++)
		if (ke_wait_for_object(&mutants[i].header, false, NULL) == STATUS_ABANDONED_WAIT_0)
			worker->result++;
}

/* Each of the threads ends with what it owns; the next one in the line is told. */
static void each_end_abandons_what_is_owned(void **state)
{
	for (int round = 0; round < ROUNDS / 20; round++) {
		struct worker workers[THREADS];
		struct kmutant mutants[8];
		int64_t abandoned = 0;

		for (int i = 0; i < 8; i++)
			ke_initialize_mutant(&mutants[i], false);
		for (int i = 0; i < THREADS; i++)
			worker_start(&workers[i], own_and_end, mutants);
		for (int i = 0; i < THREADS; i++)
			abandoned += worker_join(&workers[i]);
		assert_int_equal(abandoned, 8 * (THREADS - 1));
	}
}

static void signal_freed(struct worker *worker)
{
	struct kevent *_Atomic *slot = worker->context;

	for (int i = 0; i < ROUNDS; i++) {
		struct kevent *event;

		while (!(event = atomic_exchange(slot, NULL)))
			sched_yield();
		ke_set_event(event);
	}
}

/* The waiter frees the event as soon as its wait has ended. */
static void nothing_is_touched_after_its_wait_ended(void **state)
{
	struct kevent *_Atomic slot = NULL;
	struct worker worker;

	worker_start(&worker, signal_freed, (void *)&slot);
	for (int i = 0; i < ROUNDS; i++) {
		struct kevent *event = calloc(1, sizeof(*event));

		ke_initialize_event(event, i % 2 ? SynchronizationEvent : NotificationEvent, false);
		atomic_store(&slot, event);
		assert_int_equal(ke_wait_for_object(&event->header, false, NULL), STATUS_WAIT_0);
		free(event);
	}
	worker_join(&worker);
}

static void release_late(struct worker *worker)
{
	uint64_t due = hal_time(HAL_CLOCK_MONOTONIC) + 50000;

	while (hal_time(HAL_CLOCK_MONOTONIC) < due)
		;
	ke_release_semaphore(worker->context, 1, NULL);
}

/* A wait that its time of day ends at the moment when it is satisfied ends by the one or the other. */
static void expiry_and_signal_exclude_each_other(void **state)
{
	struct ksemaphore semaphore;
	int taken = 0;

	ke_initialize_semaphore(&semaphore, 0, INT32_MAX);
	for (int i = 1; i <= ROUNDS / 10; i++) {
		LONGLONG now = (LONGLONG)(hal_time(HAL_CLOCK_REALTIME) / 100);
		LARGE_INTEGER soon = {.QuadPart = NT_UNIX_EPOCH + now + 1500};
		struct worker worker;

		worker_start(&worker, release_late, &semaphore);
		taken += ke_wait_for_object(&semaphore.header, false, &soon) == STATUS_WAIT_0;
		worker_join(&worker);
		assert_int_equal(ke_read_state(&semaphore.header), i - taken);
	}
}

struct passage {
	struct ke_gate gate;
	int inside; /* guarded by the gate */
};

static void pass(struct worker *worker)
{
	struct passage *passage = worker->context;

	for (int i = 0; i < ROUNDS; i++) {
		ke_enter_gate(&passage->gate, false);
		passage->inside++;
		if (i % 16 == 0)
			sched_yield();
		ke_leave_gate(&passage->gate);
	}
}

static void gates_let_one_in_and_lose_nobody(void **state)
{
	struct worker workers[THREADS];
	struct passage passage = {0};

	for (int i = 0; i < THREADS; i++)
		worker_start(&workers[i], pass, &passage);
	for (int i = 0; i < THREADS; i++)
		worker_join(&workers[i]);
	assert_int_equal(passage.inside, THREADS * ROUNDS);
}

static void try_to_pass(struct worker *worker)
{
	worker->result = ke_enter_gate(worker->context, true);
}

static void who_waits_at_a_gate_can_be_killed(void **state)
{
	struct ke_gate gate = {0};
	struct worker worker;

	assert_true(ke_enter_gate(&gate, true));
	worker_start(&worker, try_to_pass, &gate);
	worker_wait_asleep(&worker);
	atomic_store(&worker.ke.terminating, true);
	ke_signal_apc(&worker.ke);
	assert_int_equal(worker_join(&worker), false);
	ke_leave_gate(&gate);
	assert_true(ke_enter_gate(&gate, true));
}

struct stay {
	struct ke_turn turn;
	_Atomic bool hangs, comes_back;
};

/* As in a copy of guest memory that hangs. Has it the turn still? */
static void hang_with_turn(struct worker *worker)
{
	struct stay *stay = worker->context;

	ke_begin_turn(&stay->turn);
	ke_go_away();
	atomic_store(&stay->hangs, true);
	while (!atomic_load(&stay->comes_back))
		sched_yield();
	ke_come_back();
	worker->result = ke_has_turn(&stay->turn);
	ke_end_turn(&stay->turn);
}

static void turns_are_taken_from_who_is_given_up(void **state)
{
	struct stay stay = {0};
	struct worker worker;

	worker_start(&worker, hang_with_turn, &stay);
	while (!atomic_load(&stay.hangs))
		sched_yield();
	assert_false(ke_try_turn(&stay.turn));
	assert_true(ke_give_up(&worker.ke));
	ke_release_turns(&worker.ke);
	assert_true(ke_try_turn(&stay.turn));
	ke_bury(&worker.ke);
	atomic_store(&stay.comes_back, true);
	assert_int_equal(worker_join(&worker), false);
	/* Who lost it can't end it for who has it. */
	assert_true(ke_has_turn(&stay.turn));
	assert_false(ke_try_turn(&stay.turn));
	ke_end_turn(&stay.turn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_ticket_ends_one_wait),
	    cmocka_unit_test(all_is_taken_at_once_or_not_at_all),
	    cmocka_unit_test(signal_and_wait_takes_turns),
	    cmocka_unit_test(each_end_abandons_what_is_owned),
	    cmocka_unit_test(nothing_is_touched_after_its_wait_ended),
	    cmocka_unit_test(expiry_and_signal_exclude_each_other),
	    cmocka_unit_test(gates_let_one_in_and_lose_nobody),
	    cmocka_unit_test(who_waits_at_a_gate_can_be_killed),
	    cmocka_unit_test(turns_are_taken_from_who_is_given_up),
	};

	return cmocka_run_group_tests(tests, attach_main, NULL);
}
