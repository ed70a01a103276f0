/* Numbers, the tree of processes, groups and sessions: without any guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <core/session.h>
#include <core/tree.h>
#include <terminal/terminal.h>

/* The world before each test: an init that leads session 1. */
static int set_up(void **state)
{
	struct lx_id *id;

	lx_init_process = lx_process_new();
	id = lx_id_allocate();
	*state = id;
	lx_tree_link_process(lx_init_process, id, NULL, 0);
	return lx_session_create(id, lx_init_process) < 0;
}

static int tear_down(void **state)
{
	struct lx_process *child, *next;

	TAILQ_FOREACH_SAFE (child, &lx_init_process->children, sibling, next) {
		lx_tree_remove(child);
		lx_process_dereference(child);
	}
	lx_group_leave(lx_init_process);
	lx_init_process->pid = 0;
	((struct lx_id *)*state)->process = NULL;
	lx_id_release(*state);
	lx_process_dereference(lx_init_process);
	lx_process_dereference(lx_init_process);
	return 0;
}

static struct lx_process *make_process(struct lx_process *parent)
{
	struct lx_process *process = lx_process_new();

	lx_tree_link_process(process, lx_id_allocate(), parent, 0);
	lx_group_join(process, parent->group);
	return process;
}

static void remove_process(struct lx_process *process)
{
	lx_tree_remove(process);
	lx_process_dereference(process);
}

static void numbers_go_up_and_are_not_met_again_at_once(void **state)
{
	struct lx_process *first = make_process(lx_init_process), *second;
	int32_t number = first->pid;

	remove_process(first);
	second = make_process(lx_init_process);
	assert_true(second->pid > number);
	assert_null(lx_find_process(number));
	assert_ptr_equal(lx_find_process(second->pid), second);
}

static void number_of_a_group_is_not_given_to_a_process(void **state)
{
	struct lx_process *leader = make_process(lx_init_process), *member = make_process(lx_init_process);
	int32_t number = leader->pid;

	assert_int_equal(lx_group_create(lx_id_find(number), leader), number);
	lx_group_join(member, leader->group);
	remove_process(leader);
	assert_non_null(lx_id_find(number));
	for (int32_t i = 0; i < lx_pid_max; i++) {
		struct lx_id *id = lx_id_allocate();

		assert_non_null(id);
		assert_int_not_equal(id->number, number);
		id->reserved = false;
		lx_id_release(id);
	}
	remove_process(member);
	assert_null(lx_id_find(number));
}

static void numbers_wrap_below_the_maximum(void **state)
{
	int32_t previous = 0, wraps = 0;

	for (int32_t i = 0; i < lx_pid_max + 10; i++) {
		struct lx_id *id = lx_id_allocate();

		assert_in_range(id->number, 1, lx_pid_max - 1);
		if (id->number < previous) {
			assert_true(id->number >= 300);
			wraps++;
		}
		previous = id->number;
		id->reserved = false;
		lx_id_release(id);
	}
	assert_true(wraps >= 1);
}

static void all_numbers_taken_is_an_error(void **state)
{
	static struct lx_id *all[32768];
	int32_t count = 0;

	while ((all[count] = lx_id_allocate()))
		count++;
	assert_true(count > 32000 && count < lx_pid_max);
	while (count--) {
		all[count]->reserved = false;
		lx_id_release(all[count]);
	}
	assert_non_null(all[0] = lx_id_allocate());
	all[0]->reserved = false;
	lx_id_release(all[0]);
}

static void session_goes_with_its_last_group(void **state)
{
	struct lx_process *leader = make_process(lx_init_process);
	int32_t number = leader->pid;

	assert_int_equal(lx_session_create(lx_id_find(number), leader), number);
	assert_int_equal(lx_process_session_id(leader), number);
	assert_int_equal(lx_process_group_id(leader), number);
	lx_session_set_terminal(leader->group->session, 7, number);
	assert_int_equal(lx_process_terminal(leader), 7);
	assert_int_equal(lx_process_foreground(leader), number);
	remove_process(leader);
	assert_null(lx_id_find(number));
}

static void group_is_orphaned_without_a_parent_in_another_group_of_its_session(void **state)
{
	struct lx_process *shell = make_process(lx_init_process), *job;

	lx_session_create(lx_id_find(shell->pid), shell);
	job = make_process(shell);
	lx_group_create(lx_id_find(job->pid), job);
	assert_false(lx_group_is_orphaned(job));
	assert_true(lx_group_is_orphaned(shell));
	assert_true(lx_group_would_be_orphaned(job->group, job));
	lx_tree_reparent(job, lx_init_process, lx_init_process->pid);
	assert_true(lx_group_is_orphaned(job));
}

static void first_program_is_never_orphaned(void **state)
{
	struct lx_process *first = make_process(lx_init_process);

	lx_session_create(lx_id_find(first->pid), first);
	assert_true(lx_group_is_orphaned(first));
	first->is_first = true;
	assert_false(lx_group_is_orphaned(first));
}

static void count_visits(struct lx_process *process, void *context)
{
	++*(int *)context;
}

static void walk_of_a_group_meets_each_member(void **state)
{
	struct lx_process *first = make_process(lx_init_process);
	int visits = 0;

	make_process(lx_init_process);
	lx_group_create(lx_id_find(first->pid), first);
	make_process(first);
	assert_true(lx_walk_group(first->pid, count_visits, &visits));
	assert_int_equal(visits, 2);
	assert_false(lx_walk_group(lx_pid_max + 1, count_visits, &visits));
	while (!TAILQ_EMPTY(&first->children))
		lx_tree_reparent(TAILQ_FIRST(&first->children), lx_init_process, lx_init_process->pid);
}

static void reparented_child_is_counted_once(void **state)
{
	struct lx_process *parent = make_process(lx_init_process), *child = make_process(parent);
	uint32_t count = lx_tree_process_count();

	lx_tree_reparent(child, lx_init_process, lx_init_process->pid);
	assert_true(TAILQ_EMPTY(&parent->children));
	assert_ptr_equal(child->parent, lx_init_process);
	assert_int_equal(lx_tree_process_count(), count);
}

static void reference_keeps_a_removed_process(void **state)
{
	struct lx_process *process = make_process(lx_init_process);

	lx_process_reference(process);
	remove_process(process);
	assert_int_equal(process->state, LX_DEAD);
	assert_null(process->group);
	assert_null(process->parent);
	lx_process_dereference(process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_go_up_and_are_not_met_again_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(number_of_a_group_is_not_given_to_a_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(numbers_wrap_below_the_maximum, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_numbers_taken_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(session_goes_with_its_last_group, set_up, tear_down),
		cmocka_unit_test_setup_teardown(group_is_orphaned_without_a_parent_in_another_group_of_its_session, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(first_program_is_never_orphaned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(walk_of_a_group_meets_each_member, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reparented_child_is_counted_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reference_keeps_a_removed_process, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
