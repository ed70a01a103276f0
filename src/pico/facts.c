/*
 * What the host tells of a guest's memory and tasks beyond their registers, and guest memory regardless of page protection.
 *
 * All of it comes from the host's /proc/<tid> of one of the process' tasks. The file is opened while the task's id can't become
 * another's, and read without any lock: an open file of /proc stays that task's, and says ESRCH once it is gone.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <hal/hal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAPING_TRIES 500
#define REAPING_US 200
#define TEXT_MAX (256u << 20)
#define PAGE_ENTRY sizeof(uint64_t)

static const char *const text_names[] = {
	[PICO_TEXT_SMAPS] = "smaps",	   [PICO_TEXT_SMAPS_ROLLUP] = "smaps_rollup", [PICO_TEXT_NUMA_MAPS] = "numa_maps",
	[PICO_TEXT_SCHED] = "sched",	   [PICO_TEXT_SCHEDSTAT] = "schedstat",	      
	[PICO_TEXT_KSM_STAT] = "ksm_stat", [PICO_TEXT_KSM_MERGING_PAGES] = "ksm_merging_pages",
	[PICO_TEXT_ARCH_STATUS] = "arch_status", [PICO_TEXT_SYSCALL] = "syscall", [PICO_TEXT_STACK] = "stack",
};

/* thread->task_lock held. -ESRCH: the task is gone. */
static int open_of_task(const struct pico_thread *thread, const char *name, int flags)
{
	struct hal_self self;
	char path[64];
	int file;

	if (thread->tid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/%s", thread->tid, name);
	hal_enter_self(&self);
	file = open(path, flags | O_CLOEXEC);
	file = file < 0 ? -errno : file;
	hal_leave_self(&self);
	errno = file < 0 ? -file : 0;
	/* The files of one that is ending are root's already. */
	if (file < 0 && (errno == EACCES || errno == ENOENT))
		return -ESRCH;
	return file < 0 ? -errno : file;
}

static int open_of_thread(struct pico_thread *thread, const char *name, int flags)
{
	int file;

	rtl_lock(&thread->task_lock);
	file = open_of_task(thread, name, flags);
	rtl_unlock(&thread->task_lock);
	return file;
}

/* By whichever of its tasks is still there. */
static int open_of_process(struct pico_process *process, const char *name, int flags)
{
	struct pico_thread *thread;
	int file = -ESRCH;

	rtl_lock(&process->lock);
	TAILQ_FOREACH(thread, &process->tasks, link) {
		file = open_of_thread(thread, name, flags);
		if (file != -ESRCH)
			break;
	}
	rtl_unlock(&process->lock);
	return file;
}

static int64_t read_all(int file, char **text)
{
	size_t size = 0, room = 8192;
	char *data = malloc(room), *grown;
	ssize_t got = 0;

	while (data && (got = read(file, data + size, room - size - 1)) > 0) {
		size += (size_t)got;
		if (room - size > 4096)
			continue;
		grown = room > TEXT_MAX ? NULL : realloc(data, room * 2);
		if (!grown) {
			free(data);
			return -ENOMEM;
		}
		data = grown;
		room *= 2;
	}
	if (!data)
		return -ENOMEM;
	if (got < 0) {
		free(data);
		return -errno;
	}
	data[size] = 0;
	*text = data;
	return (int64_t)size;
}

static int64_t read_and_close(int file, char **text)
{
	int64_t result = file < 0 ? file : read_all(file, text);

	if (file >= 0)
		close(file);
	return result;
}

int64_t pico_process_text(struct pico_process *process, enum pico_text which, char **text)
{
	return read_and_close(open_of_process(process, text_names[which], O_RDONLY), text);
}

int64_t pico_thread_text(struct pico_thread *thread, enum pico_text which, char **text)
{
	return read_and_close(open_of_thread(thread, text_names[which], O_RDONLY), text);
}

int64_t pico_page_map(struct pico_process *process, uint64_t address, uint64_t *entries, size_t count)
{
	int file = open_of_process(process, "pagemap", O_RDONLY);
	ssize_t got;

	if (file < 0)
		return file;
	got = pread(file, entries, count * PAGE_ENTRY, (off_t)(address / 4096 * PAGE_ENTRY));
	got = got < 0 ? -errno : got / (ssize_t)PAGE_ENTRY;
	close(file);
	return got;
}

int pico_clear_references(struct pico_process *process, int which)
{
	int file = open_of_process(process, "clear_refs", O_WRONLY);
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", which), error = 0;

	if (file < 0)
		return file;
	if (write(file, text, (size_t)length) < 0)
		error = -errno;
	close(file);
	return error;
}

/* Its own pages are not a guest's to look into or to change, and protection would not keep it from that here. */
static bool touches_stub(uint64_t address, size_t size)
{
	return address < PICO_SCRATCH_END && address + size > PICO_STUB_BASE;
}

int64_t pico_force_memory(struct pico_process *process, uint64_t address, void *data, size_t size, bool writing)
{
	ssize_t done;
	int file;

	if (address + size < address || address + size > pico_platform_ops.highest_address || touches_stub(address, size))
		return -EIO;
	file = open_of_process(process, "mem", writing ? O_RDWR : O_RDONLY);
	if (file < 0)
		return file;
	done = writing ? pwrite(file, data, size, (off_t)address) : pread(file, data, size, (off_t)address);
	if (done < 0)
		done = -errno;
	close(file);
	return done;
}

/* --- usage */

void pico_add_usage(struct pico_usage *sum, const struct pico_usage *more)
{
	sum->minor_faults += more->minor_faults;
	sum->major_faults += more->major_faults;
	sum->involuntary += more->involuntary;
	if (more->peak_resident > sum->peak_resident)
		sum->peak_resident = more->peak_resident;
}

/* thread->task_lock held. The beginning of a file of the task's. */
static void read_head(const struct pico_thread *thread, const char *name, char *text, size_t size)
{
	int file = open_of_task(thread, name, O_RDONLY);
	ssize_t got = file < 0 ? 0 : read(file, text, size - 1);

	if (file >= 0)
		close(file);
	text[got < 0 ? 0 : got] = 0;
}

static uint64_t line_value(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

static void read_usage(struct pico_thread *thread, struct pico_usage *usage)
{
	unsigned long long minor = 0, major = 0;
	char text[4096];
	const char *rest;

	*usage = (struct pico_usage){0};
	read_head(thread, "stat", text, sizeof(text));
	rest = strrchr(text, ')');
	/* Behind the name: state, parent, group, session, terminal, foreground, flags. */
	if (rest && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &minor, &major) == 2) {
		usage->minor_faults = minor;
		usage->major_faults = major;
	}
	read_head(thread, "status", text, sizeof(text));
	usage->involuntary = line_value(text, "\nnonvoluntary_ctxt_switches:");
	usage->peak_resident = line_value(text, "\nVmHWM:") * 1024;
}

void pico_thread_usage(struct pico_thread *thread, struct pico_usage *usage)
{
	rtl_lock(&thread->task_lock);
	read_usage(thread, usage);
	rtl_unlock(&thread->task_lock);
}

/* process->lock held. What a parked task has used stands still. */
static const struct pico_usage *usage_of(struct pico_thread *thread)
{
	if (thread->state != TASK_PARKED || !thread->usage_known)
		pico_thread_usage(thread, &thread->usage);
	thread->usage_known = true;
	return &thread->usage;
}

/* process->lock held. False: a task has given up its memory and is not counted as reaped yet. */
static bool sum_usage(struct pico_process *process, struct pico_usage *usage)
{
	bool complete = !process->reaping;
	struct pico_thread *thread;

	*usage = process->ended;
	TAILQ_FOREACH(thread, &process->tasks, link) {
		const struct pico_usage *one = usage_of(thread);

		pico_add_usage(usage, one);
		complete = complete && (one->peak_resident || thread->tid <= 0);
	}
	return complete;
}

void pico_process_usage(struct pico_process *process, bool waits, struct pico_usage *usage)
{
	int tries = waits ? REAPING_TRIES : 0;

	rtl_lock(&process->lock);
	/* A killed task's end takes a moment; one that hangs in the host is not waited for. */
	while (!sum_usage(process, usage) && tries-- > 0) {
		rtl_unlock(&process->lock);
		usleep(REAPING_US);
		rtl_lock(&process->lock);
	}
	rtl_unlock(&process->lock);
}
