/*
 * Taking on an identity fails: because there is no memory, or because the host does not let it. Then the subject has not
 * changed, and nothing is done for a guest as anybody else.
 */
#include "failing.h"
#include "lx_fixture.h"
#include "workers.h"

#include <credentials/credentials.h>
#include <linux/capability.h>
#include <lx_syscalls.h>
#include <sys/syscall.h>

static struct se_token *token_of_another(void)
{
	struct se_token *token = se_create_host_token();

	assert_non_null(token);
	token->fsuid = 4321;
	free(token->groups);
	token->group_count = 2;
	token->groups = calloc(2, sizeof(*token->groups));
	token->groups[0] = 7;
	token->groups[1] = 8;
	return token;
}

/* The calling host thread has no privilege any more, for good. */
static void lose_privilege(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	syscall(SYS_capset, &header, data);
}

static void run_in_thread(void (*run)(struct worker *), void *context)
{
	struct worker worker;

	worker_start(&worker, run, context);
	worker_join(&worker);
}

static void impersonate_without_memory(struct worker *worker)
{
	static uint32_t groups[2] = {7, 8};
	struct se_token *host = se_create_host_token(), *other = token_of_another();

	/* As many groups as the token has: they are compared. */
	if (syscall(SYS_setgroups, 2, groups) == 0) {
		fail_allocation(1);
		assert_status(se_impersonate(other), STATUS_INSUFFICIENT_RESOURCES);
		assert_true(allocation_failed());
		assert_success(se_impersonate(other));
		/* A failure leaves nobody's identity: the one before is no longer taken for granted. */
		free(host->groups);
		host->groups = calloc(2, sizeof(*host->groups));
		host->group_count = 2;
		fail_allocation(1);
		assert_status(se_impersonate(host), STATUS_INSUFFICIENT_RESOURCES);
		fail_allocation(1);
		assert_status(se_impersonate(other), STATUS_INSUFFICIENT_RESOURCES);
		assert_true(allocation_failed());
	}
	ob_dereference(host);
	ob_dereference(other);
}

static void no_memory_is_no_identity(void **state)
{
	run_in_thread(impersonate_without_memory, NULL);
}

static void impersonate_without_privilege(struct worker *worker)
{
	struct se_token *other = token_of_another();
	uint32_t fsuid, fsgid;

	lose_privilege();
	assert_status(se_impersonate(other), STATUS_PRIVILEGE_NOT_HELD);
	assert_status(se_impersonate(other), STATUS_PRIVILEGE_NOT_HELD);
	hal_query_file_identity(&fsuid, &fsgid);
	assert_int_not_equal(fsuid, 4321);
	ob_dereference(other);
}

static void refusal_is_no_identity(void **state)
{
	run_in_thread(impersonate_without_privilege, NULL);
}

/* As a guest's privileged process, on a half that can't follow. */
static void set_ids_without_privilege(struct worker *worker)
{
	struct lx_fixture *fixture = worker->context;
	const struct se_token *before = fixture->thread.token;

	ps_set_current_thread(fixture->thread.ps);
	lose_privilege();
	assert_int_equal(lx_sys_setuid(&fixture->call, 4321), -LX_EINVAL);
	assert_int_equal(lx_sys_setresgid(&fixture->call, 4321, 4321, 4321), -LX_EINVAL);
	assert_int_equal(lx_sys_setfsuid(&fixture->call, 4321), before->fsuid);
	assert_int_equal(lx_sys_getuid(&fixture->call), before->ruid);
	assert_int_equal(lx_sys_geteuid(&fixture->call), before->euid);
	assert_int_equal(lx_sys_getegid(&fixture->call), before->egid);
	assert_int_equal(fixture->thread.token->fsuid, before->fsuid);
	ps_set_current_thread(NULL);
}

static void ids_that_the_host_refuses_are_not_had(void **state)
{
	struct lx_fixture *fixture = *state;
	struct se_token *token = se_duplicate_token(fixture->thread.token);

	token->cap_effective = token->cap_permitted = UINT64_MAX;
	if (!se_host_permitted()) {
		ob_dereference(token);
		skip();
	}
	/* The fixture's thread borrows its token. */
	ob_reference(fixture->thread.token);
	assert_int_equal(lx_set_token(&fixture->thread, token), 0);
	run_in_thread(set_ids_without_privilege, fixture);
	ob_dereference(fixture->thread.token);
}

static unsigned dispatched;

static void count_dispatch(struct ps_thread *thread, struct pico_system_call *call)
{
	dispatched++;
}

static const struct ps_pico_provider counting = {.dispatch_system_call = count_dispatch};

static void dispatch_as_another(struct worker *worker)
{
	struct ps_thread *thread = ((struct lx_fixture *)worker->context)->thread.ps;
	struct pico_system_call call = {0};

	lose_privilege();
	ps_pico_routines.dispatch_system_call(thread->pico, thread, &call);
	worker->result = call.action;
}

static void call_of_a_subject_that_the_host_refuses_ends_its_process(void **state)
{
	struct lx_fixture *fixture = *state;
	struct worker worker;

	fixture->thread.ps->token = token_of_another();
	ps_register_provider(&counting);
	dispatched = 0;
	worker_start(&worker, dispatch_as_another, fixture);
	assert_int_equal(worker_join(&worker), PICO_EXIT);
	assert_int_equal(dispatched, 0);
	assert_true(fixture->thread.ps->ke.terminating);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_is_no_identity),
		cmocka_unit_test(refusal_is_no_identity),
		lx_fixture_test(ids_that_the_host_refuses_are_not_had),
		lx_fixture_test(call_of_a_subject_that_the_host_refuses_ends_its_process),
	};

	return cmocka_run_group_tests(tests, lx_fixture_start, NULL);
}
