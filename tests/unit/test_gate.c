/* hostfs' gate: the list that SECURITY.md promises, and what each verdict admits. What it does to guests: tests/hostile. */
#include "io_fixture.h"

#include <drivers/hostfs/gate.h>
#include <sys/sysmacros.h>

#define MOST_VIEWS 64

/* Is the row of this file system in the code, with this type and nothing more than is promised? */
static void find_view(const char *name, uint32_t type, const char *promise, bool *named)
{
	for (size_t i = 0; i < hostfs_kernel_view_count; i++) {
		if (strcmp(hostfs_kernel_views[i].name, name) != 0)
			continue;
		assert_int_equal(hostfs_kernel_views[i].type, type);
		if ((hostfs_kernel_views[i].rule == HOSTFS_RULE_NOTHING) != !strncmp(promise, "nothing", 7))
			fail_msg("%s: the document promises \"%s\"", name, promise);
		named[i] = true;
		return;
	}
	fail_msg("%s is in the document alone", name);
}

static void document_lists_what_is_refused(void **state)
{
	FILE *document = fopen(SECURITY_DOCUMENT, "re");
	bool named[MOST_VIEWS] = {false}, inside = false;
	char line[512], name[64], promise[128];
	unsigned type;

	assert_non_null(document);
	assert_true(hostfs_kernel_view_count <= MOST_VIEWS);
	while (fgets(line, sizeof(line), document)) {
		if (inside && line[0] != '|')
			break;
		if (inside && line[1] != '-') {
			assert_int_equal(sscanf(line, "| %63s | 0x%x | %127[^|]", name, &type, promise), 3);
			find_view(name, type, promise, named);
		}
		inside = inside || strncmp(line, "| file system |", 15) == 0;
	}
	fclose(document);
	for (size_t i = 0; i < hostfs_kernel_view_count; i++)
		if (!named[i])
			fail_msg("%s is not in the document", hostfs_kernel_views[i].name);
}

static enum hostfs_gate gate_of(const char *path)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	enum hostfs_gate gate;

	assert_true(fd >= 0);
	gate = hostfs_gate_of(fd);
	close(fd);
	return gate;
}

static void proc_is_shut_but_for_leaves(void **state)
{
	assert_int_equal(gate_of("/proc"), HOSTFS_GATE_SEALED);
	assert_int_equal(gate_of("/proc/self"), HOSTFS_GATE_SHUT);
	assert_int_equal(gate_of("/proc/self/mem"), HOSTFS_GATE_SHUT);
	assert_int_equal(gate_of("/proc/sys"), HOSTFS_GATE_SHUT);
	assert_int_equal(gate_of("/proc/version"), HOSTFS_GATE_LOOK);
	assert_int_equal(gate_of("/proc/stat"), HOSTFS_GATE_LOOK);
	/* A process' file of a leaf's name. */
	assert_int_equal(gate_of("/proc/self/stat"), HOSTFS_GATE_SHUT);
}

static void other_files_are_open(void **state)
{
	assert_int_equal(gate_of("/"), HOSTFS_GATE_OPEN);
	assert_int_equal(gate_of(scratch), HOSTFS_GATE_OPEN);
	assert_int_equal(gate_of("/sys"), HOSTFS_GATE_LOOK);
	/* Asked again, from memory. */
	assert_int_equal(gate_of(scratch), HOSTFS_GATE_OPEN);
}

static void verdicts_admit_no_more_than_they_say(void **state)
{
	static const uint64_t changing[] = {O_WRONLY, O_RDWR, O_ACCMODE, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_RDWR | O_TMPFILE};

	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++) {
		assert_true(hostfs_gate_admits(HOSTFS_GATE_OPEN, changing[i]));
		assert_false(hostfs_gate_admits(HOSTFS_GATE_LOOK, changing[i]));
		assert_false(hostfs_gate_admits(HOSTFS_GATE_SEALED, changing[i]));
	}
	assert_true(hostfs_gate_admits(HOSTFS_GATE_LOOK, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
	assert_true(hostfs_gate_admits(HOSTFS_GATE_LOOK, O_PATH));
	assert_false(hostfs_gate_admits(HOSTFS_GATE_SEALED, O_RDONLY | O_DIRECTORY));
	assert_true(hostfs_gate_admits(HOSTFS_GATE_SEALED, O_PATH | O_DIRECTORY));
	assert_false(hostfs_gate_admits(HOSTFS_GATE_SHUT, O_PATH));
}

static void memory_devices_are_told_from_others(void **state)
{
	static const struct {
		unsigned type, major, minor;
		bool memory;
	} devices[] = {{S_IFCHR, 1, 1, true}, {S_IFCHR, 1, 2, true},  {S_IFCHR, 1, 4, true},	{S_IFCHR, 1, 11, true},
		       {S_IFCHR, 1, 3, false}, {S_IFCHR, 1, 5, false}, {S_IFCHR, 1, 8, false},	{S_IFCHR, 1, 33, false},
		       {S_IFBLK, 1, 1, false}, {S_IFCHR, 5, 1, false}, {S_IFREG, 0, 0, false}};

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		const struct stat status = {.st_mode = devices[i].type | 0600, .st_rdev = makedev(devices[i].major, devices[i].minor)};

		assert_int_equal(hostfs_is_kernel_memory(&status), devices[i].memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document_lists_what_is_refused),
		cmocka_unit_test(proc_is_shut_but_for_leaves),
		cmocka_unit_test(other_files_are_open),
		cmocka_unit_test(verdicts_admit_no_more_than_they_say),
		cmocka_unit_test(memory_devices_are_told_from_others),
	};

	return cmocka_run_group_tests(tests, start_executive, stop_executive);
}
