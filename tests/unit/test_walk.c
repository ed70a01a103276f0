/*
 * The path walker against the host's: the same random paths through one tree of directories and links, opened by both,
 * must give the same file or the same errno.
 */
#include "lx_fixture.h"

#include <errno.h>
#include <linux/openat2.h>
#include <path/path.h>
#include <sys/syscall.h>

#define PATHS 20000

static const char *const directories[] = {"a", "a/b", "a/b/c", "d", "d/e"};
static const char *const files[] = {"f", "a/f", "a/b/f", "d/e/f", "a/b/c/g"};
static const char *const links[][2] = {
	{"a/up", ".."},		  {"a/b/top", "../.."},	  {"d/a", "../a"},	    {"d/file", "../a/f"},    {"dangling", "nothing"},
	{"loop", "loop"},	  {"d/ping", "e/pong"},	  {"d/e/pong", "../ping"},  {"a/b/slash", "../b/"},  {"a/dot", "."},
	{"d/e/far", "../../a/b"}, {"fileslash", "f/"},	  {"a/b/c/chain", "../../up"}, {"twice", "a//b///c"}, {"outside", "../.."},
	{"missing", "a/none/f"},  {"through", "f/x"},
};

/* What paths are made of. */
static const char *const components[] = {"a", "b", "c", "d", "e", "f", "g", "up", "top", "file", "dangling", "loop", "ping", "pong", "slash",
					 "dot", "far", "fileslash", "chain", "twice", "outside", "missing", "through", "absolute", "none",
					 ".", "..", "..", "..", "..", "a", "a", "a", "b", "b", "d", "d", "c", "e", "up", "top"};

static const struct {
	uint32_t flags;
	uint64_t resolve;
} ways[] = {
	{O_RDONLY, 0},
	{O_RDONLY, 0},
	{O_PATH | O_NOFOLLOW, 0},
	{O_RDONLY | O_NOFOLLOW, 0},
	{O_RDONLY | O_DIRECTORY, 0},
	{O_PATH | O_DIRECTORY | O_NOFOLLOW, 0},
	{O_RDONLY, RESOLVE_NO_SYMLINKS},
	{O_RDONLY, RESOLVE_BENEATH},
	{O_PATH | O_NOFOLLOW, RESOLVE_BENEATH},
	{O_RDONLY, RESOLVE_IN_ROOT},
	{O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void build_tree(struct lx_fixture *fixture)
{
	char target[128];

	for (size_t i = 0; i < COUNT(directories); i++)
		assert_int_equal(mkdir(lx_fixture_path(fixture, directories[i]), 0755), 0);
	for (size_t i = 0; i < COUNT(files); i++)
		lx_fixture_file(fixture, files[i]);
	for (size_t i = 0; i < COUNT(links); i++)
		assert_int_equal(symlink(links[i][1], lx_fixture_path(fixture, links[i][0])), 0);
	snprintf(target, sizeof(target), "%s/a/b", fixture->scratch);
	assert_int_equal(symlink(target, lx_fixture_path(fixture, "absolute")), 0);
	assert_int_equal(symlink("/a", lx_fixture_path(fixture, "a/absolute")), 0);
}

static void random_path(struct lx_fixture *fixture, unsigned *seed, char *path, size_t size)
{
	int count = 1 + rand_r(seed) % (rand_r(seed) % 2 ? 3 : 7);
	size_t used = 0;

	*path = 0;
	if (rand_r(seed) % 8 == 0)
		used += (size_t)snprintf(path, size, "%s/", fixture->scratch);
	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(path + used, size - used, "%s%s", components[(unsigned)rand_r(seed) % COUNT(components)],
					 i + 1 < count	       ? rand_r(seed) % 10 ? "/" : "//" :
					 rand_r(seed) % 6 ? "" :
							    "/");
}

/* The file's inode number, or -errno. */
static int64_t ask_host(int directory, const char *path, uint32_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	struct stat status;
	int file;

	/* A rename anywhere on the machine while ".." is taken makes the host unsure. */
	do
		file = (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
	while (file < 0 && errno == EAGAIN);
	if (file < 0)
		return -errno;
	assert_int_equal(fstat(file, &status), 0);
	close(file);
	return (int64_t)status.st_ino;
}

static int64_t ask_walker(struct lx_fixture *fixture, const char *path, uint32_t flags, uint64_t resolve)
{
	struct lx_path_open open = {.dirfd = LX_AT_FDCWD, .path = path, .flags = flags, .resolve = resolve};
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	HANDLE handle;
	int64_t result = lx_path_open(&fixture->call, &open, &handle);

	if (result < 0)
		return result;
	assert_success(ZwQueryInformationFile(handle, &io, &information, sizeof(information), FileLxStatxInformation));
	ZwClose(handle);
	return (int64_t)information.Inode;
}

static void random_paths_lead_where_the_host_leads(void **state)
{
	struct lx_fixture *fixture = *state;
	size_t kernel_handles = lx_fixture_handles(ob_kernel_table());
	unsigned seed = 20, found = 0, refused[64] = {0}, kinds = 0;
	int directory;

	build_tree(fixture);
	directory = open(fixture->scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < PATHS; i++) {
		unsigned way = (unsigned)rand_r(&seed) % COUNT(ways);
		char path[512];
		int64_t host, walker;

		random_path(fixture, &seed, path, sizeof(path));
		host = ask_host(directory, path, ways[way].flags, ways[way].resolve);
		walker = ask_walker(fixture, path, ways[way].flags, ways[way].resolve);
		if (host != walker)
			fail_msg("\"%s\", flags 0%o, resolve 0x%lx: %ld on the host, %ld by the walker", path, ways[way].flags,
				 (unsigned long)ways[way].resolve, host, walker);
		found += host > 0;
		if (host < 0 && !refused[-host % 64]++)
			kinds++;
	}
	close(directory);
	/* The paths are worth the walk: many lead somewhere, and all refusals occur. */
	assert_in_range(found, PATHS / 10, PATHS);
	assert_true(refused[ENOENT] && refused[ENOTDIR] && refused[ELOOP] && refused[EXDEV]);
	assert_int_equal(lx_fixture_handles(ob_kernel_table()), kernel_handles);
	assert_int_equal(lx_fixture_handles(lx_files_handles(fixture->thread.files)), 0);
}

/* Links in a row: the fortieth is followed, the next is one too many. */
static void links_are_followed_as_often_as_the_host_does(void **state)
{
	struct lx_fixture *fixture = *state;
	int directory = open(fixture->scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);

	lx_fixture_file(fixture, "n0");
	for (int i = 1; i < 45; i++) {
		char target[16], name[16];
		int64_t host;

		snprintf(target, sizeof(target), "n%d", i - 1);
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(symlink(target, lx_fixture_path(fixture, name)), 0);
		host = ask_host(directory, name, O_RDONLY, 0);
		assert_int_equal(ask_walker(fixture, name, O_RDONLY, 0), host);
		assert_int_equal(host == -ELOOP, i > LX_MAXIMUM_LINKS);
	}
	close(directory);
}

static void component_lengths_have_the_hosts_limit(void **state)
{
	struct lx_fixture *fixture = *state;
	int directory = open(fixture->scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	static const size_t sizes[] = {254, 255, 256, 1000, 4000, 4095};
	char path[4200];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		memset(path, 'x', sizes[i]);
		path[sizes[i]] = 0;
		assert_int_equal(ask_walker(fixture, path, O_RDONLY, 0), ask_host(directory, path, O_RDONLY, 0));
		strcpy(path + sizes[i] - 3, "/..");
		assert_int_equal(ask_walker(fixture, path, O_RDONLY, 0), ask_host(directory, path, O_RDONLY, 0));
	}
	close(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lx_fixture_test(random_paths_lead_where_the_host_leads),
		lx_fixture_test(links_are_followed_as_often_as_the_host_does),
		lx_fixture_test(component_lengths_have_the_hosts_limit),
	};

	return cmocka_run_group_tests(tests, lx_fixture_start, NULL);
}
