/* The outputs of --list-syscalls and --explain. */
#include <cli/explain.h>
#include <cli/list.h>
#include <cli/suggest.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("expected \"%s\" in:\n%s", part, text);
}

static char *explained(const char *call)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(cli_explain(out, call), 0);
	fclose(out);
	return text;
}

static void a_call_is_explained_on_both_sides(void **state)
{
	char *text = explained("openat");

	assert_has(text, "SYSCALL, RAX = 257");
	assert_has(text, "INT 80h, EAX = 295");
	assert_has(text, "RSI  pathname     in path");
	assert_has(text, "R10     FileHandle           out PHANDLE");
	assert_has(text, "RSP+28h AllocationSize");
	assert_has(text, "SYSCALL, EAX = 0x055");
	assert_has(text, "STATUS_OBJECT_NAME_NOT_FOUND       0xC0000034  ENOENT");
	free(text);
}

static void an_errno_of_this_call_alone_is_marked(void **state)
{
	char *text = explained("read");

	assert_has(text, "STATUS_PIPE_BROKEN                 0xC000014B  no error (this call)");
	assert_has(text, "STATUS_END_OF_FILE                 0xC0000011  no error\n");
	free(text);
}

static void numbers_subcommands_and_services_are_explained(void **state)
{
	char *by_number = explained("257");
	char *subcommand = explained("fcntl:F_DUPFD");
	char *service = explained("NtClose");

	assert_int_equal(strncmp(by_number, "openat: ", 8), 0);
	assert_has(subcommand, "SYSCALL, RAX = 72");
	assert_has(service, "Calls that rest on it:\n");
	assert_has(service, "\n  close\n");
	free(by_number);
	free(subcommand);
	free(service);
}

static void an_unknown_call_is_an_error(void **state)
{
	assert_int_equal(cli_explain(stdout, "opne"), 2);
	assert_int_equal(cli_explain(stdout, "99999"), 2);
	assert_int_equal(cli_explain(stdout, ""), 2);
}

static void near_names_come_nearest_first(void **state)
{
	struct cli_suggestions near = {.wanted = "opne"};

	cli_suggest(&near, "openat");
	cli_suggest(&near, "write");
	cli_suggest(&near, "one");
	cli_suggest(&near, "open");
	assert_int_equal(near.count, 2);
	assert_string_equal(near.names[1], "open");
	assert_string_equal(near.names[0], "one");
}

static void the_list_has_every_call_in_aligned_columns(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(cli_list_syscalls(out), 0);
	fclose(out);
	assert_has(text, "\n   0 read  ");
	assert_has(text, "\n 469 file_setattr  ");
	assert_has(text, "\n     fcntl:F_DUPFD  ");
	assert_has(text, "ENOSYS: its work would run in the host kernel unseen");
	assert_has(text, "\nx86-64 calls: 383, ");

	/* The status column starts where its title does. */
	size_t column = (size_t)(strstr(text, "STATUS") - text);
	const char *row = strstr(text, "\n   0 read  ") + 1;

	assert_int_equal(row[column - 1], ' ');
	assert_int_not_equal(row[column], ' ');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_call_is_explained_on_both_sides),
	    cmocka_unit_test(an_errno_of_this_call_alone_is_marked),
	    cmocka_unit_test(numbers_subcommands_and_services_are_explained),
	    cmocka_unit_test(an_unknown_call_is_an_error),
	    cmocka_unit_test(near_names_come_nearest_first),
	    cmocka_unit_test(the_list_has_every_call_in_aligned_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
