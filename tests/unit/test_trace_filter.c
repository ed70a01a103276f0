/* -e: what each expression selects, and what is said of a wrong one. */
#include <core/table.h>
#include <lx/flags.h>
#include <trace/filter.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct trace_filter filter;
static char error[256];

static bool parse(const char *expression)
{
	trace_filter_initialize(&filter);
	error[0] = '\0';
	return trace_filter_parse(&filter, expression, error, sizeof(error));
}

static bool has(const char *name)
{
	return trace_filter_has_call(&filter, lx_syscall_by_name(name));
}

static void everything_is_shown_at_first(void **state)
{
	trace_filter_initialize(&filter);
	assert_true(has("read"));
	assert_true(trace_filter_has_call(&filter, NULL));
	assert_int_equal(filter.statuses, TRACE_ANY_STATUS);
}

static void names_with_and_without_a_key(void **state)
{
	assert_true(parse("trace=read,openat"));
	assert_true(has("read") && has("openat"));
	assert_false(has("write"));
	assert_false(trace_filter_has_call(&filter, NULL));
	assert_true(parse("close"));
	assert_true(has("close"));
	assert_false(has("read"));
	assert_true(parse("t=0"));
	assert_true(has("read"));
	assert_false(has("write"));
	assert_true(parse("write@64"));
	assert_true(has("write"));
}

static void a_subcommand_is_shown_with_its_call(void **state)
{
	assert_true(parse("fcntl"));
	assert_true(has("fcntl:F_DUPFD"));
	assert_false(has("ioctl:TCGETS"));
}

static void classes_with_and_without_a_percent_sign(void **state)
{
	assert_true(parse("%file"));
	assert_true(has("openat") && has("execve"));
	assert_false(has("read"));
	assert_true(parse("trace=desc"));
	assert_true(has("read"));
	assert_true(parse("%%stat"));
	assert_true(has("fstat") && has("newfstatat"));
	assert_true(parse("stat"));
	assert_true(has("stat"));
	assert_false(has("fstat"));
}

static void regular_expressions(void **state)
{
	assert_true(parse("/^open(at)?$"));
	assert_true(has("open") && has("openat"));
	assert_false(has("openat2"));
	assert_true(parse("/^pread64$/,close"));
	assert_true(has("pread64") && has("close"));
}

static void an_exclamation_mark_takes_the_rest(void **state)
{
	assert_true(parse("trace=!read,write"));
	assert_false(has("read") || has("write"));
	assert_true(has("openat"));
	assert_true(trace_filter_has_call(&filter, NULL));
	assert_true(parse("trace=none"));
	assert_false(has("read"));
	assert_true(parse("trace=!none"));
	assert_true(has("read"));
	assert_true(parse("trace=all"));
	assert_true(trace_filter_has_call(&filter, NULL));
}

static void a_question_mark_forgives(void **state)
{
	assert_true(parse("?nosuchcall,read"));
	assert_true(has("read"));
	assert_false(parse("nosuchcall"));
	assert_string_equal(error, "invalid system call 'nosuchcall'");
}

static void signals_by_name_and_number(void **state)
{
	assert_true(parse("signal=SIGINT,chld,15,rt_4"));
	assert_int_equal(filter.signals, 1ull << 1 | 1ull << 16 | 1ull << 14 | 1ull << 35);
	assert_true(parse("signal=!SIGCHLD"));
	assert_int_equal(filter.signals, ~(1ull << 16));
	assert_true(parse("signal=none"));
	assert_int_equal(filter.signals, 0);
	assert_false(parse("signal=SIGFOO"));
	assert_false(parse("signal=65"));
}

static void statuses_and_messages(void **state)
{
	assert_true(parse("status=failed,unfinished"));
	assert_int_equal(filter.statuses, TRACE_FAILED | TRACE_UNFINISHED);
	assert_true(parse("status=!failed"));
	assert_false(filter.statuses & TRACE_FAILED);
	assert_true(parse("quiet=attach"));
	assert_int_equal(filter.quiet, TRACE_QUIET_ATTACH);
	assert_false(parse("status=broken"));
	assert_string_equal(error, "invalid status 'broken'");
}

static void wrong_expressions_are_named(void **state)
{
	static const struct {
		const char *expression, *error;
	} wrong[] = {
		{"%fil", "invalid class of system calls '%fil'"},
		{"trace=read,,write", "invalid system call ''"},
		{"trace=", "invalid system call ''"},
		{"/[/", "invalid regular expression '/[/'"},
		{"/nothing_is_called_so/", "invalid system call '/nothing_is_called_so/'"},
		{"colour=blue", "'colour' is none of trace, signal, status, quiet"},
		{"inject=read:error=EIO", "'inject=' of strace is not supported"},
		{"99999", "invalid system call '99999'"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(parse(wrong[i].expression));
		assert_string_equal(error, wrong[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_shown_at_first),
		cmocka_unit_test(names_with_and_without_a_key),
		cmocka_unit_test(a_subcommand_is_shown_with_its_call),
		cmocka_unit_test(classes_with_and_without_a_percent_sign),
		cmocka_unit_test(regular_expressions),
		cmocka_unit_test(an_exclamation_mark_takes_the_rest),
		cmocka_unit_test(a_question_mark_forgives),
		cmocka_unit_test(signals_by_name_and_number),
		cmocka_unit_test(statuses_and_messages),
		cmocka_unit_test(wrong_expressions_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
