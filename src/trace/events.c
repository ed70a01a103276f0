/*
 * The observer of calls, signals, and of the beginning and end of threads: it decodes on the guest thread's own half and
 * hands lines to output.c.
 *
 * Locks: that of the list of threads is taken for itself alone, or under a signal_lock (a signal that is ignored).
 */
#include <core/observer.h>
#include <trace/events.h>

#include <hal/hal.h>
#include <inttypes.h>
#include <lx/flags.h>
#include <path/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trace/decode/nt.h>
#include <trace/output.h>
#include <trace/decode/paths.h>
#include <trace/summary.h>
#include <trace/thread.h>

static struct {
	const struct trace_options *options;
	const struct trace_filter *filter;
	struct trace_format format;
	struct rtl_lock lock; /* guards the list, and the ignored signals of its members */
	TAILQ_HEAD(, trace_thread) threads;
	_Atomic bool begun; /* the first program's line has been written */
} events = {.lock = RTL_LOCK_INITIALIZER, .threads = TAILQ_HEAD_INITIALIZER(events.threads)};

static _Thread_local struct trace_thread *self;

static size_t read_guest(void *context, void *data, uint64_t address, size_t size)
{
	struct trace_thread *thread = context;

	return mm_copy_from(thread->thread->ps->process->space, data, address, size);
}

static bool describe_descriptor(void *context, int32_t fd, struct trace_text *text)
{
	return trace_describe_descriptor(context, fd, text);
}

static bool buffers_lines(void)
{
	return events.filter->statuses != TRACE_ANY_STATUS;
}

/* --- signals and ends */

static void show_signal(struct trace_thread *thread, const struct lx_siginfo *info)
{
	struct trace_text line = {0};
	struct trace_decoder decoder = thread->decoder;

	if (info->si_signo < 1 || info->si_signo > LX_NSIG || !(events.filter->signals >> (info->si_signo - 1) & 1) ||
	    (events.options->summary && !events.options->summary_and_trace))
		return;
	decoder.text = &line;
	trace_append(&line, "--- ");
	trace_signal(&line, info->si_signo);
	trace_append(&line, " ");
	trace_decode_siginfo(&decoder, info);
	trace_append(&line, " ---");
	trace_output_line(thread, trace_text(&line));
	trace_free(&line);
}

/* Signals that came for the thread and were ignored are told where it would have taken them. */
static void show_ignored(struct trace_thread *thread)
{
	struct lx_siginfo infos[TRACE_IGNORED_SIGNALS];
	unsigned count;

	if (!__atomic_load_n(&thread->ignored_count, __ATOMIC_ACQUIRE))
		return;
	rtl_lock(&events.lock);
	count = thread->ignored_count;
	memcpy(infos, thread->ignored, count * sizeof(infos[0]));
	thread->ignored_count = 0;
	rtl_unlock(&events.lock);
	for (unsigned i = 0; i < count; i++)
		show_signal(thread, &infos[i]);
}

static void on_signal(struct lx_thread *thread, const struct lx_siginfo *info)
{
	(void)thread;
	if (!self)
		return;
	show_ignored(self);
	show_signal(self, info);
}

static void on_signal_ignored(struct lx_thread *thread, const struct lx_siginfo *info)
{
	struct trace_thread *found;

	rtl_lock(&events.lock);
	TAILQ_FOREACH(found, &events.threads, link)
		if (found->thread == thread && found->ignored_count < TRACE_IGNORED_SIGNALS) {
			found->ignored[found->ignored_count] = *info;
			__atomic_store_n(&found->ignored_count, found->ignored_count + 1, __ATOMIC_RELEASE);
		}
	rtl_unlock(&events.lock);
}

static void on_stopped(struct lx_thread *thread, int32_t signal)
{
	struct trace_text line = {0};

	(void)thread;
	if (!self || (events.options->summary && !events.options->summary_and_trace))
		return;
	trace_append(&line, "--- stopped by ");
	trace_signal(&line, signal);
	trace_append(&line, " ---");
	trace_output_line(self, trace_text(&line));
	trace_free(&line);
}

/* --- calls */

static void prepare(struct trace_thread *thread, struct lx_call *call)
{
	struct trace_decoder *decoder = &thread->decoder;
	const char *interrupted = thread->interrupted;

	memcpy(thread->arguments, call->arguments, sizeof(thread->arguments));
	trace_free(&decoder->note);
	*decoder = (struct trace_decoder){
		.text = &thread->line,
		.format = &events.format,
		.read = read_guest,
		.describe = describe_descriptor,
		.context = thread,
		.row = call->descriptor,
		.number = call->number,
		.arguments = thread->arguments,
		.stack_pointer = call->trap->stack_pointer,
		.interrupted = interrupted,
	};
	thread->call = call;
	thread->in_call = true;
}

static bool is_wanted(struct trace_thread *thread)
{
	return trace_filter_has_call(events.filter, thread->decoder.row) &&
	       (!events.options->path_count || trace_touches_path(thread, events.options));
}

static bool prints_calls(void)
{
	return !events.options->summary || events.options->summary_and_trace;
}

static void on_enter(struct lx_call *call)
{
	struct trace_thread *thread = self;

	if (!thread)
		return;
	show_ignored(thread);
	thread->muted = true;
	prepare(thread, call);
	thread->shown = is_wanted(thread);
	if (thread->shown && prints_calls()) {
		trace_reset(&thread->line);
		trace_reset(&thread->tail);
		trace_decode_enter(&thread->decoder);
		if (!buffers_lines())
			trace_output_begin(thread);
	}
	thread->muted = false;
	trace_nt_collect(thread->shown && events.options->nt ? thread : NULL);
	thread->entered_ns = hal_time(HAL_CLOCK_MONOTONIC);
}

static bool outcome_is_wanted(bool returned, bool failed)
{
	unsigned outcome = !returned ? TRACE_UNFINISHED : failed ? TRACE_FAILED : TRACE_SUCCESSFUL;

	return events.filter->statuses & outcome;
}

static void finish_line(struct trace_thread *thread, const struct trace_text *result)
{
	struct trace_text prefix = {0};

	trace_reset(&thread->services_text);
	if (events.options->nt) {
		trace_output_pid(thread, &prefix);
		trace_nt_take(thread, trace_text(&prefix), &thread->services_text);
		trace_free(&prefix);
	}
	if (buffers_lines())
		trace_output_begin_quietly(thread);
	trace_output_end(thread, result);
}

static void on_leave(struct lx_call *call, int64_t result)
{
	struct trace_thread *thread = self;
	struct trace_text text = {0};
	bool failed = result < 0 && result >= -4095;

	if (!thread || !thread->in_call)
		return;
	thread->left_ns = hal_time(HAL_CLOCK_MONOTONIC);
	thread->muted = true;
	thread->call = call;
	if (thread->shown)
		trace_summary_add(thread->decoder.row, thread->left_ns - thread->entered_ns, failed);
	if (thread->shown && prints_calls() && (!buffers_lines() || outcome_is_wanted(true, failed))) {
		thread->decoder.text = &thread->tail;
		thread->decoder.result = result;
		trace_decode_leave(&thread->decoder);
		thread->decoder.text = &text;
		trace_decode_result(&thread->decoder);
		finish_line(thread, &text);
	}
	if (result == -LX_ERESTART_RESTARTBLOCK && thread->decoder.row)
		thread->interrupted = thread->decoder.row->name;
	thread->call = NULL;
	thread->in_call = thread->muted = false;
	trace_nt_collect(NULL);
	trace_free(&text);
	show_ignored(thread);
}

/* The thread ends within a call: exit, or another thread's exit_group. */
static void abandon_call(struct trace_thread *thread)
{
	struct trace_text result = {0};

	thread->in_call = false;
	thread->left_ns = hal_time(HAL_CLOCK_MONOTONIC);
	if (thread->shown)
		trace_summary_add(thread->decoder.row, thread->left_ns - thread->entered_ns, false);
	if (thread->shown && prints_calls() && (!buffers_lines() || outcome_is_wanted(false, false))) {
		trace_append(&result, "?");
		finish_line(thread, &result);
	}
	trace_free(&result);
}

/* --- threads */

/* The first program's start, of which no guest made a call: as strace shows it. */
static void show_first_program(struct trace_thread *thread)
{
	const struct lx_process *process = thread->thread->process;
	uint64_t top[2] = {0};
	uint64_t arguments[LX_MAX_ARGUMENTS] = {0};
	struct lx_call call = {.thread = thread->thread, .descriptor = lx_syscall_by_name("execve")};
	struct pico_system_call trap = {0};

	/* The stack begins with argc, argv and envp; the program's name as it was found is in the auxiliary vector. */
	if (read_guest(thread, top, process->stack_start, sizeof(top[0])) != sizeof(top[0]))
		return;
	for (size_t at = 0; at + 16 <= process->auxv_size; at += 16) {
		uint64_t entry[2];

		memcpy(entry, process->auxv + at, sizeof(entry));
		if (entry[0] == LX_AT_EXECFN)
			arguments[0] = entry[1];
	}
	arguments[1] = process->stack_start + 8;
	arguments[2] = arguments[1] + 8 * (top[0] + 1);
	memcpy(call.arguments, arguments, sizeof(arguments));
	call.trap = &trap;
	on_enter(&call);
	on_leave(&call, 0);
}

static void on_thread_begin(struct lx_thread *lx)
{
	struct trace_thread *thread = calloc(1, sizeof(*thread));
	char message[64];

	self = thread;
	if (!thread)
		return;
	thread->thread = lx;
	thread->decoder.format = &events.format;
	rtl_lock(&events.lock);
	TAILQ_INSERT_TAIL(&events.threads, thread, link);
	rtl_unlock(&events.lock);
	trace_output_count(1);
	if (!atomic_exchange(&events.begun, true)) {
		show_first_program(thread);
	} else if (!(events.filter->quiet & TRACE_QUIET_ATTACH)) {
		snprintf(message, sizeof(message), "lxtrace: Process %d attached", lx->tid);
		trace_output_message(message);
	}
}

/* A thread that called exit ends with its own status, whatever becomes of its process meanwhile. */
static int32_t end_status(const struct trace_thread *thread)
{
	const struct lx_process *process = thread->thread->process;
	const struct lx_syscall_descriptor *row = thread->decoder.row;

	if (thread->in_call && row && !strcmp(row->name, "exit"))
		return thread->thread->exit_status;
	return process->group_exiting ? process->group_exit_status : thread->thread->exit_status;
}

static void show_end(struct trace_thread *thread, int32_t status)
{
	struct trace_text line = {0};
	int signal = status & 0x7f;

	/* As in strace, a signal's end is a matter of the set of signals, and only an exit one of quiet. */
	if (!prints_calls() || (signal ? !(events.filter->signals >> (signal - 1) & 1) : (events.filter->quiet & TRACE_QUIET_EXIT)))
		return;
	if (signal) {
		trace_append(&line, "+++ killed by ");
		trace_signal(&line, signal);
		trace_append(&line, status & 0x80 ? " (core dumped) +++" : " +++");
	} else {
		trace_printf(&line, "+++ exited with %d +++", status >> 8 & 0xff);
	}
	trace_output_line(thread, trace_text(&line));
	trace_free(&line);
}

static void on_thread_end(struct lx_thread *lx)
{
	struct trace_thread *thread = self;
	int32_t status;

	if (!thread || thread->thread != lx)
		return;
	status = end_status(thread);
	if (thread->in_call)
		abandon_call(thread);
	show_end(thread, status);
	trace_nt_collect(NULL);
	self = NULL;
	rtl_lock(&events.lock);
	TAILQ_REMOVE(&events.threads, thread, link);
	rtl_unlock(&events.lock);
	trace_output_forget(thread);
	trace_output_count(-1);
	trace_nt_free(thread);
	trace_free(&thread->line);
	trace_free(&thread->tail);
	trace_free(&thread->services_text);
	trace_free(&thread->decoder.note);
	free(thread);
}

void trace_events_start(const struct trace_options *options, const struct trace_filter *filter)
{
	static const struct lx_call_observer observer = {
		.enter = on_enter,
		.leave = on_leave,
		.thread_begin = on_thread_begin,
		.thread_end = on_thread_end,
		.signal = on_signal,
		.signal_ignored = on_signal_ignored,
		.stopped = on_stopped,
	};
	static const enum trace_quoting quotings[] = {TRACE_QUOTE_OCTAL, TRACE_QUOTE_HEX_IF_BINARY, TRACE_QUOTE_HEX};

	events.options = options;
	events.filter = filter;
	events.format = (struct trace_format){
		.string_limit = options->string_limit,
		.quoting = quotings[options->hexadecimal < 2 ? options->hexadecimal : 2],
		.unabbreviated = options->unabbreviated,
		.descriptors = options->descriptors,
	};
	lx_call_observer = &observer;
}
