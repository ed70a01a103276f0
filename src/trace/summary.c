/* The table that -c prints, in strace's columns. Times are wall-clock times of the calls. */
#include <trace/summary.h>

#include <core/table.h>
#include <inttypes.h>
#include <rtl/lock.h>
#include <stdlib.h>
#include <string.h>
#include <trace/filter.h>

struct count {
	uint64_t calls, errors, nanoseconds;
	const char *name;
};

static struct {
	struct rtl_lock lock;
	struct count counts[TRACE_CALL_LIMIT]; /* by place of the row; the last one is of unknown calls */
} summary = {.lock = RTL_LOCK_INITIALIZER};

void trace_summary_add(const struct lx_syscall_descriptor *row, uint64_t nanoseconds, bool failed)
{
	size_t place = TRACE_CALL_LIMIT - 1;
	struct count *count;

	if (row && row->parent)
		row = row->parent;
	if (row && row->index < place)
		place = row->index;
	count = &summary.counts[place];
	rtl_lock(&summary.lock);
	count->name = row ? row->name : "unknown";
	count->calls++;
	count->errors += failed;
	count->nanoseconds += nanoseconds;
	rtl_unlock(&summary.lock);
}

static int compare(const void *left, const void *right)
{
	const struct count *a = left, *b = right;

	if (a->nanoseconds != b->nanoseconds)
		return a->nanoseconds < b->nanoseconds ? 1 : -1;
	return a->calls < b->calls ? 1 : a->calls > b->calls ? -1 : 0;
}

static void append_row(struct trace_text *text, const struct count *count, uint64_t total)
{
	double share = total ? 100.0 * (double)count->nanoseconds / (double)total : 0.0;

	trace_printf(text, "%6.2f %11.6f %11" PRIu64 " %9" PRIu64 " ", share, (double)count->nanoseconds / 1e9,
		     count->calls ? count->nanoseconds / 1000 / count->calls : 0, count->calls);
	if (count->errors)
		trace_printf(text, "%9" PRIu64 " ", count->errors);
	else
		trace_printf(text, "%9s ", "");
	trace_printf(text, "%s\n", count->name);
}

void trace_summary_format(struct trace_text *text)
{
	struct count total = {.name = "total"};
	static const char rule[] = "------ ----------- ----------- --------- --------- ----------------\n";

	rtl_lock(&summary.lock);
	for (size_t i = 0; i < TRACE_CALL_LIMIT; i++) {
		total.calls += summary.counts[i].calls;
		total.errors += summary.counts[i].errors;
		total.nanoseconds += summary.counts[i].nanoseconds;
	}
	qsort(summary.counts, TRACE_CALL_LIMIT, sizeof(summary.counts[0]), compare);
	trace_append(text, "% time     seconds  usecs/call     calls    errors syscall\n");
	trace_append(text, rule);
	for (size_t i = 0; i < TRACE_CALL_LIMIT && summary.counts[i].calls; i++)
		append_row(text, &summary.counts[i], total.nanoseconds);
	trace_append(text, rule);
	append_row(text, &total, total.nanoseconds);
	rtl_unlock(&summary.lock);
}
