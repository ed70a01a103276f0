/*
 * How much of a process' memory is in RAM: the host's own count of the address space that any of its tasks is in. The stub's
 * few pages are in it.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_SIZE 4096 /* the memory lines are in the first half of it */

/* The number of a line "Name:   123 kB", in bytes; 0: it is not there. */
static uint64_t line_bytes(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

/* -ESRCH: no such task, or one that has ended and has no memory. */
static int read_status(pid_t tid, struct pico_resident *resident)
{
	char path[32], text[STATUS_SIZE];
	ssize_t size;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	size = read(file, text, sizeof(text) - 1);
	close(file);
	text[size < 0 ? 0 : size] = 0;
	*resident = (struct pico_resident){
		.peak = line_bytes(text, "\nVmHWM:"),
		.anonymous = line_bytes(text, "\nRssAnon:"),
		.file = line_bytes(text, "\nRssFile:"),
		.shared = line_bytes(text, "\nRssShmem:"),
	};
	return resident->peak ? 0 : -ESRCH;
}

int pico_process_resident(struct pico_process *process, struct pico_resident *resident)
{
	struct pico_thread *thread;
	int result = -ESRCH;

	rtl_lock(&process->lock);
	TAILQ_FOREACH(thread, &process->tasks, link) {
		/* So that the id stays this task's. */
		rtl_lock(&thread->task_lock);
		if (thread->tid > 0)
			result = read_status(thread->tid, resident);
		rtl_unlock(&thread->task_lock);
		if (result != -ESRCH)
			break;
	}
	rtl_unlock(&process->lock);
	return result;
}
