/* A guest process on the null platform, whose only thread the test's own thread plays: it may call every service. */
#ifndef UNIT_PROCESS_FIXTURE_H
#define UNIT_PROCESS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <executive/mm/space.h>
#include <executive/ps/ps_internal.h>

#include "null_platform.h"

struct process_fixture {
	struct mm_address_space *space;
	struct ps_process *process;
	struct ps_thread *thread;
	struct pico_thread *pico;
	struct ps_thread *before; /* who the test thread was */
	struct ob_handle_table *table_before;
};

#define assert_success(status) assert_int_equal((NTSTATUS)(status), STATUS_SUCCESS)
#define assert_status(status, expected) assert_int_equal((NTSTATUS)(status), (NTSTATUS)(expected))

static inline int fixture_start_executive(void **state)
{
	return NT_SUCCESS(executive_initialize(&null_platform)) ? 0 : -1;
}

static inline struct ps_process *fixture_make_process(ULONG_PTR id, struct ps_process *parent, struct mm_address_space *space)
{
	struct ps_process_attributes attributes = {.unique_id = id, .parent = parent, .space = space, .image_name = "guest"};
	struct ps_process *process = NULL;

	attributes.handles = ob_handle_table_create();
	attributes.token = se_create_host_token();
	assert_non_null(attributes.handles);
	assert_success(ps_create_process(&attributes, &process));
	ob_handle_table_dereference(attributes.handles);
	ob_dereference(attributes.token);
	return process;
}

static inline int fixture_enter_process(void **state)
{
	struct process_fixture *fixture = calloc(1, sizeof(*fixture));
	struct pico_process *pico;

	assert_int_equal(null_platform.process_create(&pico, &fixture->pico), 0);
	assert_success(mm_create_space(&null_platform, pico, &fixture->space));
	fixture->process = fixture_make_process(100, NULL, fixture->space);
	assert_success(ps_create_thread(fixture->process, 100, fixture, fixture->pico, &fixture->thread));
	fixture->before = ps_current_thread();
	fixture->table_before = ob_current_table();
	ps_set_current_thread(fixture->thread);
	ob_set_current_table(fixture->process->handles);
	*state = fixture;
	return 0;
}

static inline int fixture_leave_process(void **state)
{
	struct process_fixture *fixture = *state;

	null_platform_fail_call(0, 0);
	ps_set_current_thread(fixture->before);
	ob_set_current_table(fixture->table_before);
	ps_abandon_thread(fixture->thread);
	ob_dereference(fixture->thread);
	ps_exit_process(fixture->process, STATUS_SUCCESS);
	ob_dereference(fixture->process);
	mm_dereference_space(fixture->space);
	null_platform.thread_abandon(fixture->pico);
	assert_int_equal(null_platform_process_count(), 0);
	free(fixture);
	return 0;
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_enter_process, fixture_leave_process)

/* Shorthands for private memory. */
static inline uint64_t fixture_map(struct mm_address_space *space, uint64_t address, uint64_t size, uint32_t protection, bool fixed)
{
	struct mm_map_request request = {.address = address, .size = size, .protection = protection, .fixed = fixed};
	uint64_t result = 0;

	assert_success(mm_map(space, &request, &result));
	return result;
}

static inline void fixture_count(const struct mm_vad *vad, void *context)
{
	++*(unsigned *)context;
}

static inline unsigned fixture_vad_count(struct mm_address_space *space)
{
	unsigned count = 0;

	mm_walk(space, fixture_count, &count);
	return count;
}

#endif
