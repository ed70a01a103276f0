/* The table generator's complaints: each names the file, the line and what is wrong. TBLGEN is the program's path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct table {
	const char *name;
	const char *text;
} sound_tables[] = {
    {"flags.tbl", "flags open\n\tO_WRONLY=1 O_CREAT=0100\nenum command\n\tC_GET=7 C_SET=8\n"},
    {"ioctls.tbl", ""},
    {"ntflags.tbl", ""},
    {"structs.tbl", "struct pair\n\tint a\n\tlong b\n"},
    {"status.tbl", "STATUS_SUCCESS 0 - \"success\"\nSTATUS_BAD 0xC0000001 EIO carrier \"bad\"\n"},
    {"services.tbl", "0x006 NtRead(HANDLE File, out PVOID Data)\n0x007 NtYield()\n"},
    {"syscalls.tbl", "read 0 3 (fd fd, out buf[return] data) = size : desc : full : NtRead\n"
		     "control 1 - (fd fd, select:command command) = int : - : missing\n"},
};

enum { TABLE_COUNT = sizeof(sound_tables) / sizeof(sound_tables[0]) };

struct fixture {
	char folder[32];
	char output[4096];
};

static void write_file(const struct fixture *fixture, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);

	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	strcpy(fixture->folder, "/tmp/tblgen.XXXXXX");
	if (!mkdtemp(fixture->folder))
		return -1;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		write_file(fixture, sound_tables[i].name, sound_tables[i].text);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", fixture->folder);

	int result = system(command);

	free(fixture);
	return result;
}

/* Runs the generator; its exit status, and what it wrote to stderr in fixture->output. */
static int generate(struct fixture *fixture)
{
	char command[512];

	snprintf(command, sizeof(command), "%s --tables %s --out %s/out 2>&1", TBLGEN, fixture->folder,
		 fixture->folder);

	FILE *pipe = popen(command, "re");

	assert_non_null(pipe);

	size_t size = fread(fixture->output, 1, sizeof(fixture->output) - 1, pipe);

	fixture->output[size] = '\0';
	return pclose(pipe) >> 8;
}

/* Whether a table with this text is refused with "name:line: ...message...". */
static void assert_refused(struct fixture *fixture, const char *name, const char *text, unsigned line,
			   const char *message)
{
	char place[64];

	write_file(fixture, name, text);
	assert_int_equal(generate(fixture), 1);
	snprintf(place, sizeof(place), "/%s:%u: ", name, line);
	if (!strstr(fixture->output, place) || !strstr(fixture->output, message))
		fail_msg("expected \"%s\" and \"%s\" in: %s", place, message, fixture->output);
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		write_file(fixture, sound_tables[i].name, sound_tables[i].text);
}

static void sound_tables_are_accepted(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(generate(fixture), 0);
	assert_string_equal(fixture->output, "");
}

static void unchanged_output_keeps_its_time(void **state)
{
	struct fixture *fixture = *state;
	char command[256];

	assert_int_equal(generate(fixture), 0);
	snprintf(command, sizeof(command), "touch -d @1000 %s/out/lx_tables.c", fixture->folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(generate(fixture), 0);
	snprintf(command, sizeof(command), "test $(stat -c %%Y %s/out/lx_tables.c) = 1000", fixture->folder);
	assert_int_equal(system(command), 0);
}

static void malformed_calls_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *name = "syscalls.tbl";

	assert_refused(f, name, "# comment\nread zero - () = int : - : full\n", 2, "expected a call number");
	assert_refused(f, name, "read 0 - (quux fd) = int : - : full\n", 1, "\"quux\" is not a type");
	assert_refused(f, name, "read 0 - (fd) = int : - : full\n", 1, "expected the argument's name");
	assert_refused(f, name, "read 0 - (out buf[size] data) = int : - : full\n", 1, "which is no argument");
	assert_refused(f, name, "read 0 - (fd fd, int fd) = int : - : full\n", 1, "another parameter named fd");
	assert_refused(f, name, "read 0 - (fd call) = int : - : full\n", 1, "another parameter named call");
	assert_refused(f, name, "read 0 - () = int : nonsense : full\n", 1, "\"nonsense\" is not a class");
	assert_refused(f, name, "read 0 - () = int : - : done\n", 1, "the status \"done\"");
	assert_refused(f, name, "read 0 - () = int : - : refused : - : why\n", 1, "needs an errno");
	assert_refused(f, name, "read 0 - () = int : - : partial : NtYield\n", 1, "a note must tell");
	assert_refused(f, name, "read 0 - () = int : - : full : NtMissing\n", 1, "which services.tbl does not have");
	assert_refused(f, name, "read 0 - () = int : - : direct : NtRead\n", 1, "may have arguments");
	assert_refused(f, name, "read 0 - () = int : - : full : - : : STATUS_BAD=EWHAT\n", 1,
		       "expected STATUS_NAME=ERRNO");
	assert_refused(f, name, "read 0 - () = int : - : full : - : : STATUS_NO=EIO\n", 1, "status.tbl does not have");
	assert_refused(f, name, "read 0 - (flags:none f) = int : - : full\n", 1, "no vocabulary is named none");
	assert_refused(f, name, "a 0 - () = int : - : full\n\nb 0 - () = int : - : full\n", 3, "has the number of a");
	assert_refused(f, name, "a 0 - () = int : - : full\na 1 - () = int : - : full\n", 2,
		       "already defined in line 1");
	assert_refused(f, name, "a 0 - () \\\n\t= what : - : full\nb 1 - () = int : - : full\n", 1,
		       "\"what\" is not a type");
}

static void malformed_sub_rows_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *name = "syscalls.tbl";

	assert_refused(f, name, "read 0 - () = int : - : full\nread:C_GET () = int : - : full\n", 2,
		       "not a multiplexed call");
	assert_refused(f, name, "c 0 - (select:command x) = int : - : full\nc:C_NO (select) = int : - : full\n", 2,
		       "no value here");
	assert_refused(f, name,
		       "c 0 - (select:command x) = int : - : full\nc:C_GET (select) = int : - : full\n"
		       "c:C_ALIAS 7 (select) = int : - : full\n",
		       3, "has the number of c:C_GET");
}

static void malformed_services_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *name = "services.tbl";

	assert_refused(f, name, "NtRead()\n", 1, "expected a service number");
	assert_refused(f, name, "1 NtRead(HANDLE)\n", 1, "is not a parameter");
	assert_refused(f, name, "1 NtRead(HANDLE File\n", 1, "expected \",\" or \")\"");
	assert_refused(f, name, "1 NtRead() STATUS_BAD\n", 1, "unexpected \"STATUS_BAD\"");
	assert_refused(f, name, "1 NtRead() : STATUS_NO\n", 1, "status.tbl does not have");
	assert_refused(f, name, "1 NtRead()\n2 NtRead()\n", 2, "already defined in line 1");
}

static void malformed_statuses_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *name = "status.tbl";

	assert_refused(f, name, "STATUS_A\n", 1, "expected a status name and its 32-bit value");
	assert_refused(f, name, "STATUS_A 1 EWHAT \"a\"\n", 1, "expected an errno");
	assert_refused(f, name, "STATUS_A 1 EIO\n", 1, "expected a quoted text");
	assert_refused(f, name, "STATUS_A 1 EIO carrier \"a\"\nSTATUS_B 2 EIO carrier \"b\"\n", 2,
		       "EIO already has the carrier STATUS_A");
}

static void malformed_vocabularies_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *name = "flags.tbl";

	assert_refused(f, name, "\tA=1\n", 1, "before any vocabulary");
	assert_refused(f, name, "bits open\n", 1, "expected \"flags NAME\"");
	assert_refused(f, name, "flags open\n\tA=1\n\tB\n", 3, "B has no value");
	assert_refused(f, name, "flags open\n\tA=1\nflags other\n\tA=2\n", 4, "A has another value above");
	assert_refused(f, name, "flags open\n\tA=1x\n", 2, "neither a number nor a name");
}

static void malformed_structures_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *name = "structs.tbl";

	assert_refused(f, name, "pair\n", 1, "expected \"struct NAME\"");
	assert_refused(f, name, "struct pair = struct pair\n\tint a\n", 1, "expected \"= NAME <HEADER>\"");
	assert_refused(f, name, "struct pair = struct pair <a.h\n\tint a\n", 1, "expected \"= NAME <HEADER>\"");
	assert_refused(f, name, "struct pair = struct pair <a.h> more\n\tint a\n", 1, "expected \"= NAME <HEADER>\"");
	assert_refused(f, name, "struct pair fixd\n\tint a\n", 1, "expected \"= NAME <HEADER>\"");
	assert_refused(f, name, "union\n\tint a\n", 1, "expected \"struct NAME\"");
	assert_refused(f, name, "struct a\n\tint[n] b\n", 2, "needs a number of elements");
	assert_refused(f, name, "struct a\n\tstruct b inner\n", 2, "must be written before its use");
	assert_refused(f, name, "struct a\n\tin buf[n] data\n", 1, "which is no member");
}

static void a_missing_table_is_named(void **state)
{
	struct fixture *fixture = *state;
	char path[64];

	snprintf(path, sizeof(path), "%s/status.tbl", fixture->folder);
	unlink(path);
	assert_int_equal(generate(fixture), 1);
	assert_non_null(strstr(fixture->output, "status.tbl:0: cannot be read: No such file or directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(sound_tables_are_accepted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unchanged_output_keeps_its_time, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(malformed_calls_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(malformed_sub_rows_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(malformed_services_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(malformed_statuses_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(malformed_vocabularies_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(malformed_structures_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_missing_table_is_named, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
