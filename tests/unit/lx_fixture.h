/*
 * A Linux thread without a guest: the LX subsystem's structures around a process of the null platform, with hostfs as
 * its root and a scratch directory to work in. Handlers and internal functions can be called on it.
 */
#ifndef UNIT_LX_FIXTURE_H
#define UNIT_LX_FIXTURE_H

#include "process_fixture.h"

#include <descriptor/files.h>
#include <drivers/condrv/condrv.h>
#include <drivers/devfs/devfs.h>
#include <drivers/hostfs/hostfs.h>
#include <fcntl.h>
#include <ftw.h>
#include <core/thread.h>
#include <path/resolve.h>
#include <core/process.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct lx_fixture {
	void *base; /* struct process_fixture */
	struct lx_process process;
	struct lx_thread thread;
	struct lx_call call;
	struct lx_syscall_descriptor row; /* without overrides */
	char scratch[64];
};

static inline int lx_fixture_start(void **state)
{
	if (fixture_start_executive(state) != 0)
		return -1;
	if (!NT_SUCCESS(hostfs_initialize()) || !NT_SUCCESS(condrv_initialize()) || !NT_SUCCESS(devfs_initialize()))
		return -1;
	return NT_SUCCESS(lx_mounts_initialize()) ? 0 : -1;
}

static inline int lx_fixture_enter(void **state)
{
	struct lx_fixture *fixture = calloc(1, sizeof(*fixture));
	struct process_fixture *base;

	fixture_enter_process(&fixture->base);
	base = fixture->base;
	strcpy(fixture->scratch, "/tmp/test_lx.XXXXXX");
	assert_non_null(mkdtemp(fixture->scratch));
	fixture->process.ps = base->process;
	fixture->process.pid = 2;
	for (size_t i = 0; i < LX_RLIM_NLIMITS; i++)
		fixture->process.limits[i] = (struct lx_rlimit){UINT64_MAX, UINT64_MAX};
	fixture->process.limits[LX_RLIMIT_NOFILE] = (struct lx_rlimit){1024, 4096};
	fixture->thread.ps = base->thread;
	fixture->thread.process = &fixture->process;
	fixture->thread.token = base->process->token;
	fixture->thread.files = lx_files_create();
	base->thread->pico_context = &fixture->thread;
	ob_set_current_table(lx_files_handles(fixture->thread.files));
	fixture->thread.fs = lx_fs_create(fixture->scratch);
	assert_non_null(fixture->thread.fs);
	fixture->call = (struct lx_call){.thread = &fixture->thread, .descriptor = &fixture->row};
	fixture->thread.call = &fixture->call;
	*state = fixture;
	return 0;
}

static inline int lx_fixture_remove(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	return remove(path);
}

static inline int lx_fixture_leave(void **state)
{
	struct lx_fixture *fixture = *state;

	ob_unpin_all(); /* the end of the call that a test makes */
	lx_fs_dereference(fixture->thread.fs);
	lx_files_dereference(fixture->thread.files);
	nftw(fixture->scratch, lx_fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	fixture_leave_process(&fixture->base);
	free(fixture);
	return 0;
}

#define lx_fixture_test(name) cmocka_unit_test_setup_teardown(name, lx_fixture_enter, lx_fixture_leave)

/* "scratch/name", in one of two buffers in turn. */
static inline const char *lx_fixture_path(struct lx_fixture *fixture, const char *name)
{
	static char paths[2][256];
	static int turn;

	turn = !turn;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", fixture->scratch, name);
	return paths[turn];
}

static inline void lx_fixture_file(struct lx_fixture *fixture, const char *name)
{
	int fd = creat(lx_fixture_path(fixture, name), 0644);

	assert_true(fd >= 0);
	close(fd);
}

static inline void lx_fixture_count_handle(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes, void *context)
{
	++*(size_t *)context;
}

static inline size_t lx_fixture_handles(struct ob_handle_table *table)
{
	size_t count = 0;

	ob_handle_table_walk(table, lx_fixture_count_handle, &count);
	return count;
}

#endif
