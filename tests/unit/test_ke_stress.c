/*
 * Many threads at once: no wake may be lost, no object used after its end. Each
 * test ends by itself only if every wait does. Best run with the thread sanitizer.
 */
#include "workers.h"

#include <executive/ex/ex.h>
#include <nt/ntservices.h>

enum { THREADS = 4, ROUNDS = 3000 };

static int start(void **state)
{
	int error = attach_main(state);

	ob_initialize();
	ex_initialize();
	return error;
}

struct rally {
	struct ksemaphore there, back;
};

static void return_balls(struct worker *worker)
{
	struct rally *rally = worker->context;

	for (int i = 0; i < ROUNDS; i++) {
		if (ke_wait_for_object(&rally->there.header, false, NULL) == STATUS_WAIT_0)
			worker->result++;
		ke_release_semaphore(&rally->back, 1, NULL);
	}
}

static void semaphores_hand_over_every_time(void **state)
{
	struct worker workers[THREADS];
	struct rally rally;

	ke_initialize_semaphore(&rally.there, 0, INT32_MAX);
	ke_initialize_semaphore(&rally.back, 0, INT32_MAX);
	for (int i = 0; i < THREADS; i++)
		worker_start(&workers[i], return_balls, &rally);
	for (int i = 0; i < THREADS * ROUNDS; i++) {
		ke_release_semaphore(&rally.there, 1, NULL);
		ke_wait_for_object(&rally.back.header, false, NULL);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(worker_join(&workers[i]), ROUNDS);
	assert_int_equal(ke_read_state(&rally.there.header), 0);
	assert_int_equal(ke_read_state(&rally.back.header), 0);
}

struct shared {
	struct kmutant a, b;
	int counter; /* guarded by both mutants */
};

static void take_both(struct worker *worker)
{
	struct shared *shared = worker->context;
	struct dispatcher_header *objects[] = {&shared->a.header, &shared->b.header};

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 2) {
			ke_wait_for_objects(2, objects, WaitAll, false, NULL);
		} else {
			ke_wait_for_object(&shared->a.header, false, NULL);
			ke_wait_for_object(&shared->b.header, false, NULL);
		}
		shared->counter++;
		ke_release_mutant(&shared->b, NULL);
		ke_release_mutant(&shared->a, NULL);
	}
}

static void mutants_exclude_each_other(void **state)
{
	struct worker workers[THREADS];
	struct shared shared = {0};

	ke_initialize_mutant(&shared.a, false);
	ke_initialize_mutant(&shared.b, false);
	for (int i = 0; i < THREADS; i++)
		worker_start(&workers[i], take_both, &shared);
	for (int i = 0; i < THREADS; i++)
		worker_join(&workers[i]);
	assert_int_equal(shared.counter, THREADS * ROUNDS);
}

struct target {
	_Atomic int seen;
	_Atomic bool stop;
	struct kevent never;
};

static void be_interrupted(struct worker *worker)
{
	struct target *target = worker->context;

	while (!atomic_load(&target->stop)) {
		ke_wait_for_object(&target->never.header, true, NULL);
		ke_deliver_user_apcs();
	}
}

struct stress_apc {
	struct ke_apc apc;
	struct target *target;
	_Atomic bool done;
};

static void note_apc(struct ke_apc *apc)
{
	struct stress_apc *stress = container_of(apc, struct stress_apc, apc);

	atomic_fetch_add(&stress->target->seen, 1);
	atomic_store(&stress->done, true);
}

static void every_apc_runs_once(void **state)
{
	struct target target = {0};
	struct stress_apc apc = {.apc = {.routine = note_apc, .rundown = note_apc}, .target = &target};
	struct worker worker;

	ke_initialize_event(&target.never, NotificationEvent, false);
	worker_start(&worker, be_interrupted, &target);
	for (int i = 0; i < ROUNDS; i++) {
		atomic_store(&apc.done, false);
		ke_queue_apc(&worker.ke, &apc.apc, i % 2);
		while (!atomic_load(&apc.done))
			sched_yield();
	}
	atomic_store(&target.stop, true);
	ke_signal_apc(&worker.ke);
	worker_join(&worker);
	assert_int_equal(atomic_load(&target.seen), ROUNDS);
}

struct ring {
	pthread_mutex_t lock;
	int filled;
	struct ke_wake_list changed;
};

static void move_items(struct ring *ring, int step, int blocked_at)
{
	struct ke_wake_entry entry, *entries[] = {&entry};

	for (int i = 0; i < ROUNDS; i++) {
		ke_list_enqueue(&ring->changed, &entry);
		for (;;) {
			pthread_mutex_lock(&ring->lock);
			bool can = ring->filled != blocked_at;

			ring->filled += can ? step : 0;
			pthread_mutex_unlock(&ring->lock);
			if (can)
				break;
			ke_list_sleep(entries, 1, true, UINT64_MAX);
		}
		ke_list_dequeue(&entry);
		ke_wake_all(&ring->changed);
	}
}

static void consume(struct worker *worker)
{
	move_items(worker->context, -1, 0);
}

static void produce(struct worker *worker)
{
	move_items(worker->context, 1, 2);
}

static void wake_lists_lose_nothing(void **state)
{
	struct worker consumers[2], producers[2];
	struct ring ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

	ke_wake_list_init(&ring.changed);
	for (int i = 0; i < 2; i++) {
		worker_start(&consumers[i], consume, &ring);
		worker_start(&producers[i], produce, &ring);
	}
	for (int i = 0; i < 2; i++) {
		worker_join(&consumers[i]);
		worker_join(&producers[i]);
	}
	assert_int_equal(ring.filled, 0);
}

static struct ob_handle_table *shared_table;
static HANDLE shared_handles[8];

static void use_handles(struct worker *worker)
{
	ob_set_current_table(shared_table);
	for (int i = 0; i < ROUNDS; i++) {
		_Atomic(HANDLE) *slot = (_Atomic(HANDLE) *)&shared_handles[i % 8];
		HANDLE handle = NULL, old;
		NTSTATUS status = NtSetEvent(atomic_load(slot), NULL);

		/* Another thread may have closed it; it never is something else. */
		if (status != STATUS_SUCCESS && status != STATUS_INVALID_HANDLE)
			worker->result++;
		if (i % 3)
			continue;
		NtCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, NotificationEvent, false);
		old = atomic_exchange(slot, handle);
		if (NtClose(old) != STATUS_SUCCESS)
			worker->result++;
	}
	ob_set_current_table(NULL);
}

static void clone_table(struct worker *worker)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		struct ob_handle_table *copy = ob_handle_table_clone(shared_table);

		if (!copy)
			worker->result++;
		else
			ob_handle_table_dereference(copy);
	}
}

static void handles_are_opened_used_cloned_and_closed_at_once(void **state)
{
	struct worker workers[THREADS], cloner;
	ULONG objects = atomic_load(&ex_event_type.object_count), handles = atomic_load(&ex_event_type.handle_count);

	shared_table = ob_handle_table_create();
	ob_set_current_table(shared_table);
	for (int i = 0; i < 8; i++)
		NtCreateEvent(&shared_handles[i], EVENT_ALL_ACCESS, NULL, NotificationEvent, false);
	ob_set_current_table(NULL);
	for (int i = 0; i < THREADS; i++)
		worker_start(&workers[i], use_handles, NULL);
	worker_start(&cloner, clone_table, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(worker_join(&workers[i]), 0);
	assert_int_equal(worker_join(&cloner), 0);
	ob_handle_table_dereference(shared_table);
	assert_int_equal(atomic_load(&ex_event_type.object_count), objects);
	assert_int_equal(atomic_load(&ex_event_type.handle_count), handles);
}

static void open_and_close_by_name(struct worker *worker)
{
	STRING name = rtl_string("\\BaseNamedObjects\\contested");
	OBJECT_ATTRIBUTES attributes = {sizeof(attributes), NULL, &name, OBJ_OPENIF, NULL, NULL};

	for (int i = 0; i < ROUNDS; i++) {
		HANDLE handle = NULL;
		NTSTATUS status = NtCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, false);

		if (!NT_SUCCESS(status) || NtClose(handle) != STATUS_SUCCESS)
			worker->result++;
	}
}

static void names_come_and_go_at_once(void **state)
{
	struct worker workers[THREADS];
	ULONG objects = atomic_load(&ex_event_type.object_count);

	for (int i = 0; i < THREADS; i++)
		worker_start(&workers[i], open_and_close_by_name, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(worker_join(&workers[i]), 0);
	assert_int_equal(atomic_load(&ex_event_type.object_count), objects);
}

static void set_and_cancel_timers(struct worker *worker)
{
	LARGE_INTEGER soon = {.QuadPart = -200};
	HANDLE timer;

	for (int i = 0; i < ROUNDS / 10; i++) {
		NtCreateTimer(&timer, TIMER_ALL_ACCESS, NULL, SynchronizationTimer);
		for (int j = 0; j < 4; j++)
			NtSetTimer(timer, &soon, NULL, NULL, false, j == 2, NULL);
		if (i % 2 && NtWaitForSingleObject(timer, true, NULL) != STATUS_WAIT_0)
			worker->result++;
		if (i % 3)
			NtCancelTimer(timer, NULL);
		NtClose(timer);
	}
}

static void timers_are_set_expire_and_go_at_once(void **state)
{
	struct worker workers[THREADS];
	ULONG objects = atomic_load(&ex_timer_type.object_count);

	for (int i = 0; i < THREADS; i++)
		worker_start(&workers[i], set_and_cancel_timers, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(worker_join(&workers[i]), 0);
	assert_int_equal(atomic_load(&ex_timer_type.object_count), objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(semaphores_hand_over_every_time),
	    cmocka_unit_test(mutants_exclude_each_other),
	    cmocka_unit_test(every_apc_runs_once),
	    cmocka_unit_test(wake_lists_lose_nothing),
	    cmocka_unit_test(handles_are_opened_used_cloned_and_closed_at_once),
	    cmocka_unit_test(names_come_and_go_at_once),
	    cmocka_unit_test(timers_are_set_expire_and_go_at_once),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
