/* Jobs: membership, limits, accounts, ending together. */
#include "process_fixture.h"

static HANDLE make_job(ULONG flags, ULONG active_limit)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation = {.LimitFlags = flags, .ActiveProcessLimit = active_limit}};
	HANDLE job;

	assert_success(NtCreateJobObject(&job, JOB_OBJECT_ALL_ACCESS, NULL));
	assert_success(NtSetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof(limits)));
	return job;
}

static HANDLE handle_of(struct ps_process *process)
{
	HANDLE handle;

	assert_success(ob_open_by_pointer(process, 0, PROCESS_ALL_ACCESS, &handle));
	return handle;
}

static void leave(struct ps_process *process, HANDLE handle)
{
	if (handle)
		NtClose(handle);
	ps_exit_process(process, STATUS_SUCCESS);
	ob_dereference(process);
}

static void children_are_born_into_the_job(void **state)
{
	HANDLE job = make_job(0, 0);
	struct ps_process *parent = fixture_make_process(200, NULL, NULL), *child;
	HANDLE parent_handle = handle_of(parent), child_handle;
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION account;
	struct {
		ULONG assigned, listed;
		ULONG_PTR ids[4];
	} list;

	assert_status(NtIsProcessInJob(parent_handle, job), STATUS_PROCESS_NOT_IN_JOB);
	assert_success(NtAssignProcessToJobObject(job, parent_handle));
	assert_success(NtAssignProcessToJobObject(job, parent_handle));
	child = fixture_make_process(201, parent, NULL);
	child_handle = handle_of(child);
	assert_status(NtIsProcessInJob(child_handle, job), STATUS_PROCESS_IN_JOB);
	assert_success(NtQueryInformationJobObject(job, JobObjectBasicProcessIdList, &list, sizeof(list), NULL));
	assert_int_equal(list.assigned, 2);
	assert_int_equal(list.listed, 2);
	assert_int_equal(list.ids[1], 201);
	assert_status(NtQueryInformationJobObject(job, JobObjectBasicProcessIdList, &list, 16, NULL), STATUS_BUFFER_OVERFLOW);
	leave(child, child_handle);
	assert_success(NtQueryInformationJobObject(job, JobObjectBasicAccountingInformation, &account, sizeof(account), NULL));
	assert_int_equal(account.TotalProcesses, 2);
	assert_int_equal(account.ActiveProcesses, 1);
	leave(parent, parent_handle);
	NtClose(job);
}

static void full_job_ends_who_is_put_in_and_bears_nobody(void **state)
{
	HANDLE job = make_job(JOB_OBJECT_LIMIT_ACTIVE_PROCESS, 1);
	struct ps_process *first = fixture_make_process(200, NULL, NULL), *second = fixture_make_process(201, NULL, NULL), *child;
	HANDLE first_handle = handle_of(first), second_handle = handle_of(second);
	struct ps_process_attributes attributes = {.parent = first, .unique_id = 202};

	assert_success(NtAssignProcessToJobObject(job, first_handle));
	assert_status(NtAssignProcessToJobObject(job, second_handle), STATUS_QUOTA_EXCEEDED);
	assert_true(second->terminating);
	assert_status(ps_create_process(&attributes, &child), STATUS_QUOTA_EXCEEDED);
	assert_null(ps_lookup_process(202));
	leave(first, first_handle);
	leave(second, second_handle);
	NtClose(job);
}

static void second_job_is_refused(void **state)
{
	HANDLE one = make_job(0, 0), two = make_job(0, 0);
	struct ps_process *process = fixture_make_process(200, NULL, NULL);
	HANDLE handle = handle_of(process);

	assert_success(NtAssignProcessToJobObject(one, handle));
	assert_status(NtAssignProcessToJobObject(two, handle), STATUS_ACCESS_DENIED);
	leave(process, handle);
	NtClose(one);
	NtClose(two);
}

static void closing_the_last_handle_ends_all(void **state)
{
	HANDLE job = make_job(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, 0);
	struct ps_process *process = fixture_make_process(200, NULL, NULL);
	HANDLE handle = handle_of(process);

	assert_success(NtAssignProcessToJobObject(job, handle));
	assert_false(process->terminating);
	NtClose(job);
	assert_true(process->terminating);
	leave(process, handle);
}

static void terminating_a_job_tells_every_member(void **state)
{
	HANDLE job = make_job(0, 0);
	struct ps_process *process = fixture_make_process(200, NULL, NULL);
	HANDLE handle = handle_of(process);
	JOBOBJECT_BASIC_ACCOUNTING_INFORMATION account;

	assert_success(NtAssignProcessToJobObject(job, handle));
	assert_success(NtTerminateJobObject(job, 77));
	assert_true(process->terminating);
	assert_status(process->exit_status, 77);
	leave(process, handle);
	assert_success(NtQueryInformationJobObject(job, JobObjectBasicAccountingInformation, &account, sizeof(account), NULL));
	assert_int_equal(account.TotalTerminatedProcesses, 1);
	NtClose(job);
}

static void limit_that_would_not_be_kept_is_refused(void **state)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags = 0x100};
	HANDLE job = make_job(0, 0);

	assert_status(NtSetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof(limits)), STATUS_INVALID_PARAMETER);
	assert_status(NtSetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, 4), STATUS_INFO_LENGTH_MISMATCH);
	NtClose(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(children_are_born_into_the_job),
		fixture_test(full_job_ends_who_is_put_in_and_bears_nobody),
		fixture_test(second_job_is_refused),
		fixture_test(closing_the_last_handle_ends_all),
		fixture_test(terminating_a_job_tells_every_member),
		fixture_test(limit_that_would_not_be_kept_is_refused),
	};

	return cmocka_run_group_tests(tests, fixture_start_executive, NULL);
}
