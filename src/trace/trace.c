/* The tracer's start and end: options become a filter and a form, observers are set, the summary is printed. */
#include <trace/trace.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <trace/events.h>
#include <trace/decode/nt.h>
#include <trace/output.h>
#include <trace/summary.h>

static struct {
	struct trace_options options;
	struct trace_filter filter;
} trace;

/* -q: no word of new processes; -qq: none of ends; -qqq: none at all. A file gets no word of new ones either. */
static void apply_quiet(const struct trace_options *options, struct trace_filter *filter)
{
	if (options->quiet || options->output)
		filter->quiet |= TRACE_QUIET_ATTACH;
	if (options->quiet > 1)
		filter->quiet |= TRACE_QUIET_EXIT;
}

static int build_filter(const struct trace_options *options, struct trace_filter *filter)
{
	char error[512];

	trace_filter_initialize(filter);
	if (options->successful_only && options->failed_only) {
		warnx("-z and -Z exclude each other: give one of them");
		return 125;
	}
	if (options->successful_only)
		filter->statuses = TRACE_SUCCESSFUL;
	if (options->failed_only)
		filter->statuses = TRACE_FAILED;
	for (size_t i = 0; i < options->expression_count; i++)
		if (!trace_filter_parse(filter, options->expressions[i], error, sizeof(error))) {
			warnx("cannot trace -e %s: %s", options->expressions[i], error);
			return 125;
		}
	apply_quiet(options, filter);
	return 0;
}

int trace_start(const struct trace_options *options)
{
	int error;

	if (!options->enabled)
		return 0;
	trace.options = *options;
	error = build_filter(options, &trace.filter);
	if (!error)
		error = trace_output_open(&trace.options);
	if (error)
		return error;
	trace_events_start(&trace.options, &trace.filter);
	if (options->nt)
		trace_nt_start();
	return 0;
}

void trace_finish(void)
{
	struct trace_text text = {0};

	if (!trace.options.enabled)
		return;
	if (trace.options.summary) {
		trace_summary_format(&text);
		trace_output_raw(trace_text(&text));
		trace_free(&text);
	}
	trace_output_close();
}
