/* Writing lines; see output.h. */
#include <trace/output.h>

#include <err.h>
#include <errno.h>
#include <hal/hal.h>
#include <inttypes.h>
#include <rtl/lock.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <trace/thread.h>
#include <trace/trace.h>
#include <unistd.h>

#define NANOSECONDS UINT64_C(1000000000)
#define MICROSECOND UINT64_C(1000)

static struct {
	struct rtl_lock lock; /* guards the rest, and lines under way */
	FILE *file;
	bool own_file, interactive, preset_pids;
	struct trace_thread *open; /* whose line is begun and was not put down as unfinished */
	_Atomic int threads;
	uint64_t last_ns; /* -r */
	const struct trace_options *options;
	struct trace_text scratch;
} output = {.lock = RTL_LOCK_INITIALIZER};

int trace_output_open(const struct trace_options *options)
{
	output.options = options;
	output.file = stderr;
	if (options->output && strchr("|!", options->output[0])) {
		warnx("-o %s: a trace can be written to a file only, not to a program", options->output);
		return 125;
	}
	if (options->output) {
		output.file = fopen(options->output, "we");
		if (!output.file) {
			warn("cannot write the trace %s", options->output);
			return 125;
		}
	}
	output.own_file = output.preset_pids = options->output;
	output.interactive = !options->output && isatty(STDERR_FILENO);
	if (output.own_file)
		setvbuf(output.file, NULL, _IOFBF, 1 << 16);
	return 0;
}

void trace_output_close(void)
{
	if (output.own_file && output.file)
		fclose(output.file);
	output.file = NULL;
	trace_free(&output.scratch);
}

void trace_output_count(int change)
{
	atomic_fetch_add(&output.threads, change);
}

/* Bytes go out together: the stream is not shared, and flushed at once. */
static void write_out(const char *bytes, size_t size)
{
	fwrite(bytes, 1, size, output.file);
	fflush(output.file);
}

static void append_wall_clock(struct trace_text *line, unsigned form)
{
	uint64_t now = hal_time(HAL_CLOCK_REALTIME);
	time_t seconds = (time_t)(now / NANOSECONDS);
	uint64_t fraction = now % NANOSECONDS / MICROSECOND;
	struct tm broken;

	if (form == 3)
		trace_printf(line, "%" PRIu64 ".%06" PRIu64 " ", now / NANOSECONDS, fraction);
	else if (localtime_r(&seconds, &broken)) {
		trace_printf(line, "%02d:%02d:%02d", broken.tm_hour, broken.tm_min, broken.tm_sec);
		if (form == 2)
			trace_printf(line, ".%06" PRIu64, fraction);
		trace_append(line, " ");
	}
}

static void append_relative(struct trace_text *line)
{
	uint64_t now = hal_time(HAL_CLOCK_MONOTONIC);
	uint64_t since = output.last_ns ? now - output.last_ns : 0;
	bool beside = output.options->timestamps;

	output.last_ns = now;
	trace_printf(line, "%s%6" PRIu64 ".%06" PRIu64 "%s", beside ? "(+" : "", since / NANOSECONDS,
		     since % NANOSECONDS / MICROSECOND, beside ? ") " : " ");
}

void trace_output_pid(struct trace_thread *thread, struct trace_text *line)
{
	char name[sizeof(thread->thread->comm) + 2] = "";

	if (output.options->command_names)
		snprintf(name, sizeof(name), "<%.15s>", thread->thread->comm);
	if (output.preset_pids)
		trace_printf(line, "%-5d%s ", thread->thread->tid, name);
	else if (atomic_load(&output.threads) > 1)
		trace_printf(line, "[pid %5d%s] ", thread->thread->tid, name);
}

void trace_output_prefix(struct trace_thread *thread, struct trace_text *line)
{
	trace_output_pid(thread, line);
	if (output.options->timestamps)
		append_wall_clock(line, output.options->timestamps);
	if (output.options->relative)
		append_relative(line);
}

/* Under the lock: another thread's beginning makes room. */
static void put_down(const struct trace_thread *caller)
{
	struct trace_thread *open = output.open;

	if (!open || open == caller)
		return;
	trace_append(&open->line, " <unfinished ...>\n");
	write_out(trace_text(&open->line) + open->written, open->line.length - open->written);
	open->unfinished = true;
	output.open = NULL;
}

/* Under the lock: the prefix goes before what has been decoded. */
static void begin_line(struct trace_thread *thread)
{
	struct trace_text prefix = {0};

	trace_output_prefix(thread, &prefix);
	trace_append(&prefix, trace_text(&thread->line));
	trace_free(&thread->line);
	thread->line = prefix;
	thread->unfinished = false;
	thread->written = 0;
}

void trace_output_begin(struct trace_thread *thread)
{
	rtl_lock(&output.lock);
	put_down(thread);
	begin_line(thread);
	output.open = thread;
	if (output.interactive) {
		write_out(trace_text(&thread->line), thread->line.length);
		thread->written = thread->line.length;
	}
	rtl_unlock(&output.lock);
}

void trace_output_begin_quietly(struct trace_thread *thread)
{
	rtl_lock(&output.lock);
	begin_line(thread);
	rtl_unlock(&output.lock);
}

void trace_output_forget(const struct trace_thread *thread)
{
	rtl_lock(&output.lock);
	if (output.open == thread)
		output.open = NULL;
	rtl_unlock(&output.lock);
}

static void append_duration(struct trace_thread *thread, struct trace_text *line)
{
	uint64_t spent = thread->left_ns - thread->entered_ns;

	if (output.options->durations)
		trace_printf(line, " <%" PRIu64 ".%06" PRIu64 ">", spent / NANOSECONDS, spent % NANOSECONDS / MICROSECOND);
}

static const char *call_name(const struct trace_thread *thread)
{
	const struct lx_syscall_descriptor *row = thread->decoder.row;

	if (!row)
		return "syscall";
	return row->parent ? row->parent->name : row->name;
}

void trace_output_end(struct trace_thread *thread, const struct trace_text *result)
{
	struct trace_text *line = &thread->line;
	size_t acolumn = output.options->column;

	rtl_lock(&output.lock);
	put_down(thread);
	if (thread->unfinished) {
		trace_reset(line);
		trace_output_prefix(thread, line);
		trace_printf(line, "<... %s resumed>", call_name(thread));
		thread->written = 0;
	}
	trace_append(line, trace_text(&thread->tail));
	trace_append(line, ") ");
	trace_pad(line, acolumn);
	trace_append(line, "= ");
	trace_append(line, trace_text(result));
	append_duration(thread, line);
	trace_append(line, "\n");
	trace_append(line, trace_text(&thread->services_text));
	write_out(trace_text(line) + thread->written, line->length - thread->written);
	output.open = NULL;
	thread->unfinished = false;
	rtl_unlock(&output.lock);
}

void trace_output_line(struct trace_thread *thread, const char *text)
{
	rtl_lock(&output.lock);
	put_down(NULL);
	trace_reset(&output.scratch);
	trace_output_prefix(thread, &output.scratch);
	trace_append(&output.scratch, text);
	trace_append(&output.scratch, "\n");
	write_out(trace_text(&output.scratch), output.scratch.length);
	rtl_unlock(&output.lock);
}

void trace_output_message(const char *message)
{
	rtl_lock(&output.lock);
	if (output.file == stderr)
		put_down(NULL);
	fprintf(stderr, "%s\n", message);
	rtl_unlock(&output.lock);
}

void trace_output_raw(const char *text)
{
	rtl_lock(&output.lock);
	put_down(NULL);
	write_out(text, strlen(text));
	rtl_unlock(&output.lock);
}
