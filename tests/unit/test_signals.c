/* Pending queues and what decides about signals, without a guest; the fault decoder; periodic timers' arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal/exception.h>
#include <signal/signals.h>
#include <time/times.h>

struct fixture {
	struct lx_process process;
	struct lx_sighand sighand;
	struct lx_thread thread;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	TAILQ_INIT(&fixture->process.threads);
	TAILQ_INIT(&fixture->process.pending.queue);
	TAILQ_INIT(&fixture->thread.pending.queue);
	fixture->process.sighand = &fixture->sighand;
	fixture->process.limits[LX_RLIMIT_SIGPENDING].rlim_cur = 100;
	fixture->thread.process = &fixture->process;
	fixture->thread.tid = fixture->process.pid = 2;
	TAILQ_INSERT_TAIL(&fixture->process.threads, &fixture->thread, link);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	lx_pending_flush(&fixture->process.pending, UINT64_MAX);
	lx_pending_flush(&fixture->thread.pending, UINT64_MAX);
	free(fixture);
	return 0;
}

static int64_t add(struct fixture *fixture, struct lx_pending *pending, int32_t signo, int32_t code, uint64_t value)
{
	struct lx_siginfo info = {.si_signo = signo, .si_code = code};

	info._sifields._rt._sigval = value;
	return lx_pending_add(pending, &info, &fixture->process);
}

static struct lx_siginfo take(struct fixture *fixture, uint64_t blocked)
{
	struct lx_siginfo info = {0};

	if (!lx_signal_dequeue(&fixture->thread, blocked, &info))
		info.si_signo = -1;
	return info;
}

static void standard_signal_is_pending_once_with_its_first_information(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, &fixture->process.pending, LX_SIGUSR1, LX_SI_QUEUE, 1);
	add(fixture, &fixture->process.pending, LX_SIGUSR1, LX_SI_QUEUE, 2);
	assert_int_equal(take(fixture, 0)._sifields._rt._sigval, 1);
	assert_int_equal(take(fixture, 0).si_signo, -1);
}

static void realtime_signals_queue_in_order(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t i = 0; i < 3; i++)
		add(fixture, &fixture->process.pending, 40, LX_SI_QUEUE, i);
	add(fixture, &fixture->process.pending, 35, LX_SI_QUEUE, 9);
	assert_int_equal(take(fixture, 0)._sifields._rt._sigval, 9);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(take(fixture, 0)._sifields._rt._sigval, i);
	assert_int_equal(fixture->process.pending.set.bits, 0);
}

static void realtime_signal_beyond_the_limit_fails_but_kill_is_kept_without_information(void **state)
{
	struct fixture *fixture = *state;
	struct lx_siginfo info;

	fixture->process.limits[LX_RLIMIT_SIGPENDING].rlim_cur = 0;
	assert_int_equal(add(fixture, &fixture->process.pending, 40, LX_SI_QUEUE, 1), -LX_EAGAIN);
	assert_int_equal(fixture->process.pending.set.bits, 0);
	assert_int_equal(add(fixture, &fixture->process.pending, 40, LX_SI_USER, 1), 0);
	info = take(fixture, 0);
	assert_int_equal(info.si_signo, 40);
	assert_int_equal(info._sifields._rt._sigval, 0);
	/* A standard signal that the kernel sends never loses its information. */
	assert_int_equal(add(fixture, &fixture->process.pending, LX_SIGCHLD, LX_CLD_EXITED, 7), 0);
	assert_int_equal(take(fixture, 0)._sifields._rt._sigval, 7);
}

static void fault_goes_before_lower_numbers_and_the_thread_before_its_process(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, &fixture->process.pending, LX_SIGHUP, LX_SI_USER, 0);
	add(fixture, &fixture->thread.pending, LX_SIGINT, LX_SI_TKILL, 0);
	add(fixture, &fixture->thread.pending, LX_SIGSEGV, LX_SEGV_MAPERR, 0);
	assert_int_equal(take(fixture, 0).si_signo, LX_SIGSEGV);
	assert_int_equal(take(fixture, 0).si_signo, LX_SIGINT);
	assert_int_equal(take(fixture, 0).si_signo, LX_SIGHUP);
}

static void blocked_signal_stays(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, &fixture->thread.pending, LX_SIGUSR1, LX_SI_USER, 0);
	assert_int_equal(take(fixture, lx_signal_bit(LX_SIGUSR1)).si_signo, -1);
	assert_int_equal(take(fixture, 0).si_signo, LX_SIGUSR1);
}

static void ignored_signal_is_dropped_unless_blocked(void **state)
{
	struct fixture *fixture = *state;

	fixture->sighand.actions[LX_SIGUSR1].sa_handler = LX_HANDLER_IGNORE;
	assert_true(lx_signal_is_ignored(&fixture->process, &fixture->thread, LX_SIGUSR1));
	assert_true(lx_signal_is_ignored(&fixture->process, &fixture->thread, LX_SIGCHLD));
	assert_false(lx_signal_is_ignored(&fixture->process, &fixture->thread, LX_SIGTERM));
	fixture->thread.blocked.bits = lx_signal_bit(LX_SIGUSR1);
	assert_false(lx_signal_is_ignored(&fixture->process, &fixture->thread, LX_SIGUSR1));
}

static void withdrawn_entry_leaves_others_of_its_number_pending(void **state)
{
	struct fixture *fixture = *state;
	struct lx_queued_signal entry = {.info = {.si_signo = 40}};

	add(fixture, &fixture->process.pending, 40, LX_SI_QUEUE, 3);
	TAILQ_INSERT_HEAD(&fixture->process.pending.queue, &entry, link);
	lx_pending_withdraw(&fixture->process, &entry);
	assert_int_equal(take(fixture, 0)._sifields._rt._sigval, 3);
	TAILQ_INSERT_HEAD(&fixture->process.pending.queue, &entry, link);
	fixture->process.pending.set.bits = lx_signal_bit(40);
	lx_pending_withdraw(&fixture->process, &entry);
	assert_int_equal(fixture->process.pending.set.bits, 0);
}

static void alternate_stack_excludes_its_lowest_address(void **state)
{
	struct fixture *fixture = *state;

	fixture->thread.altstack.sp = 0x1000;
	fixture->thread.altstack.size = 0x1000;
	assert_false(lx_on_altstack(&fixture->thread, 0x1000));
	assert_true(lx_on_altstack(&fixture->thread, 0x1001));
	assert_true(lx_on_altstack(&fixture->thread, 0x2000));
	assert_false(lx_on_altstack(&fixture->thread, 0x2001));
	fixture->thread.altstack.flags = LX_SS_AUTODISARM;
	assert_false(lx_on_altstack(&fixture->thread, 0x1800));
}

static void default_actions_are_those_of_signal_7(void **state)
{
	assert_int_equal(lx_default_action(LX_SIGTERM), LX_ACTION_TERMINATE);
	assert_int_equal(lx_default_action(LX_SIGQUIT), LX_ACTION_CORE);
	assert_int_equal(lx_default_action(LX_SIGTTIN), LX_ACTION_STOP);
	assert_int_equal(lx_default_action(LX_SIGWINCH), LX_ACTION_IGNORE);
	assert_int_equal(lx_default_action(64), LX_ACTION_TERMINATE);
}

static void periodic_time_goes_past_now(void **state)
{
	uint64_t due = 100;

	assert_int_equal(lx_timer_forward(&due, 10, 99), 0);
	assert_int_equal(lx_timer_forward(&due, 10, 100), 1);
	assert_int_equal(due, 110);
	assert_int_equal(lx_timer_forward(&due, 10, 145), 4);
	assert_int_equal(due, 150);
	assert_int_equal(lx_timer_forward(&due, 0, 1000), 0);
}

static void timespec_saturates(void **state)
{
	struct lx_timespec time = {INT64_MAX, 0}, bad = {0, 1000000000}, negative = {-1, 0};

	assert_int_equal(lx_timespec_ns(&time), LX_CLOCK_FOREVER);
	assert_false(lx_timespec_is_valid(&bad));
	assert_false(lx_timespec_is_valid(&negative));
}

static void stores_are_told_from_loads(void **state)
{
	static const struct {
		uint8_t bytes[6];
		size_t size;
		bool writes;
	} cases[] = {
		{{0xc7, 0x00, 1, 0, 0, 0}, 6, true},  /* movl $1, (%rax) */
		{{0x8b, 0x00}, 2, false},             /* mov (%rax), %eax */
		{{0x48, 0x89, 0x08}, 3, true},        /* mov %rcx, (%rax) */
		{{0x48, 0x83, 0x38, 0}, 4, false},    /* cmpq $0, (%rax) */
		{{0xf0, 0x0f, 0xb1, 0x0a}, 4, true},  /* lock cmpxchg %ecx, (%rdx) */
		{{0xc5, 0xfc, 0x11, 0x00}, 4, true},  /* vmovups %ymm0, (%rax) */
		{{0xc5, 0xfc, 0x10, 0x00}, 4, false}, /* vmovups (%rax), %ymm0 */
		{{0xf3, 0xaa}, 2, true},              /* rep stosb */
		{{0xe8, 0, 0, 0, 0}, 5, true},        /* call: pushes */
		{{0x89, 0xc8}, 2, false},             /* mov %ecx, %eax: no memory at all */
		{{0x48}, 1, false},                   /* cut off */
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(lx_instruction_writes(cases[i].bytes, cases[i].size), cases[i].writes);
	assert_false(lx_instruction_writes(cases[0].bytes, 0));
}

int main(void)
{
#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(standard_signal_is_pending_once_with_its_first_information),
		WITH_FIXTURE(realtime_signals_queue_in_order),
		WITH_FIXTURE(realtime_signal_beyond_the_limit_fails_but_kill_is_kept_without_information),
		WITH_FIXTURE(fault_goes_before_lower_numbers_and_the_thread_before_its_process),
		WITH_FIXTURE(blocked_signal_stays),
		WITH_FIXTURE(ignored_signal_is_dropped_unless_blocked),
		WITH_FIXTURE(withdrawn_entry_leaves_others_of_its_number_pending),
		WITH_FIXTURE(alternate_stack_excludes_its_lowest_address),
		cmocka_unit_test(default_actions_are_those_of_signal_7),
		cmocka_unit_test(periodic_time_goes_past_now),
		cmocka_unit_test(timespec_saturates),
		cmocka_unit_test(stores_are_told_from_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
