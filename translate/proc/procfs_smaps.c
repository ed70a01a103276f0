/*
 * smaps, smaps_rollup, numa_maps: how the pages of each mapping lie in memory. The host counts them; LX says which mapping they
 * are of. The host's areas are never larger than the guest's, but one of the guest's may be several of the host's: what those
 * say is added up.
 */
#include <proc/procfs.h>

#define COUNTER_MAX 48
#define NAME_MAX_LENGTH 24
#define FLAGS_LENGTH 128

struct counter {
	char name[NAME_MAX_LENGTH];
	uint64_t value;
	bool kib;
};

struct counters {
	struct counter list[COUNTER_MAX];
	size_t count;
	char flags[FLAGS_LENGTH];
};

static bool is_header(const char *line, uint64_t *start)
{
	unsigned long long from, to;

	if (sscanf(line, "%llx-%llx ", &from, &to) != 2)
		return false;
	*start = from;
	return true;
}

/* Sizes of pages and the like describe an area and add nothing up. */
static bool is_property(const char *name)
{
	return !strcmp(name, "KernelPageSize") || !strcmp(name, "MMUPageSize") || !strcmp(name, "THPeligible") ||
	       !strcmp(name, "ProtectionKey");
}

static struct counter *find_counter(struct counters *counters, const char *name, size_t length)
{
	struct counter *counter = counters->list;

	for (; counter < counters->list + counters->count; counter++)
		if (!strncmp(counter->name, name, length) && !counter->name[length])
			return counter;
	if (counters->count == COUNTER_MAX || length >= NAME_MAX_LENGTH)
		return NULL;
	counters->count++;
	memcpy(counter->name, name, length);
	return counter;
}

static void take_line(struct counters *counters, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	bool known = false;
	struct counter *counter;
	size_t before = counters->count;
	uint64_t value;

	if (!colon)
		return;
	if (!strncmp(line, "VmFlags:", 8)) {
		if (!counters->flags[0])
			snprintf(counters->flags, sizeof counters->flags, "%.*s", (int)length, line);
		return;
	}
	counter = find_counter(counters, line, (size_t)(colon - line));
	if (!counter)
		return;
	known = counters->count == before;
	value = strtoull(colon + 1, NULL, 10);
	counter->kib = line[length - 1] == 'B';
	if (!known || !is_property(counter->name))
		counter->value += value;
}

/* The host's records of areas that begin in [start, end): `*host` moves behind them. */
static void take_records(const char **host, uint64_t start, uint64_t end, struct counters *counters)
{
	bool inside = false;
	uint64_t at;

	while (**host) {
		const char *line_end = strchrnul(*host, '\n');

		if (is_header(*host, &at)) {
			if (at >= end)
				return;
			inside = at >= start;
		} else if (inside) {
			take_line(counters, *host, (size_t)(line_end - *host));
		}
		*host = *line_end ? line_end + 1 : line_end;
	}
}

static void show_counter(const struct counter *counter, struct procfs_text *text)
{
	char label[NAME_MAX_LENGTH + 1];

	snprintf(label, sizeof label, "%s:", counter->name);
	if (counter->kib)
		procfs_printf(text, "%-16s%8llu kB\n", label, (unsigned long long)counter->value);
	else
		procfs_printf(text, "%-16s%8llu\n", label, (unsigned long long)counter->value);
}

/* The host knows neither the guest's growing stack nor its names; the rest of the flags is as it is there. */
static void show_flags(const struct lx_proc_area *area, const char *flags, struct procfs_text *text)
{
	if (!flags[0])
		return;
	procfs_append(text, flags, strlen(flags));
	if (area->vad.flags & MM_GROWSDOWN && !strstr(flags, " gd"))
		procfs_append(text, "gd ", 3);
	procfs_append(text, "\n", 1);
}

static void show_counters(const struct lx_proc_area *area, const struct counters *counters, struct procfs_text *text)
{
	for (size_t i = 0; i < counters->count; i++) {
		struct counter counter = counters->list[i];

		if (!strcmp(counter.name, "Size"))
			counter.value = (area->vad.end - area->start) / 1024;
		show_counter(&counter, text);
	}
	show_flags(area, counters->flags, text);
}

/* A host text of the subject's memory with its areas; false: it has none, or there is no memory for that. */
struct report {
	struct lx_proc_areas areas;
	char *host;
};

static void release_report(struct report *report)
{
	lx_proc_release_areas(&report->areas);
	free(report->host);
}
#define cleanup_report __attribute__((cleanup(release_report)))

static NTSTATUS take_report(const struct procfs_subject *subject, enum pico_text which, struct report *report)
{
	cleanup_proc_view struct lx_proc_view view;
	NTSTATUS status = lx_proc_look(subject, &view);

	*report = (struct report){0};
	if (status != STATUS_SUCCESS || !view.space)
		return status;
	lx_proc_take_areas(view.space, &report->areas);
	mm_host_text(view.space, which, &report->host);
	return report->areas.failed ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}

NTSTATUS lx_proc_show_smaps(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_report struct report report;
	NTSTATUS status = take_report(subject, PICO_TEXT_SMAPS, &report);
	const char *host = report.host ? report.host : "";

	for (size_t i = 0; status == STATUS_SUCCESS && i < report.areas.count; i++) {
		const struct lx_proc_area *area = &report.areas.list[i];
		struct counters counters = {0};

		take_records(&host, area->vad.start, area->vad.end, &counters);
		lx_proc_show_area(area, text);
		show_counters(area, &counters, text);
	}
	/* The page of the old calls is every task's, and above them all. */
	if (report.host && (host = strstr(report.host, "\nffffffffff600000-")))
		procfs_append(text, host + 1, strlen(host + 1));
	return status;
}

/* The sum of all areas, in the host's order; what smaps doesn't tell apart is the host's sum. */
NTSTATUS lx_proc_show_smaps_rollup(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_report struct report report;
	NTSTATUS status = take_report(subject, PICO_TEXT_SMAPS, &report);
	cleanup_free char *rollup = NULL;
	struct counters sum = {0}, order = {0};
	const char *host = report.host ? report.host : "", *whole;
	cleanup_proc_view struct lx_proc_view view;

	if (lx_proc_look(subject, &view) != STATUS_SUCCESS || !view.space || status != STATUS_SUCCESS || !report.areas.count)
		return status;
	for (size_t i = 0; i < report.areas.count; i++)
		take_records(&host, report.areas.list[i].vad.start, report.areas.list[i].vad.end, &sum);
	mm_host_text(view.space, PICO_TEXT_SMAPS_ROLLUP, &rollup);
	whole = rollup ? rollup : "";
	take_records(&whole, 0, UINT64_MAX, &order);
	procfs_printf(text, "%08llx-%08llx ---p 00000000 00:00 0 %*s[rollup]\n", (unsigned long long)report.areas.list[0].vad.start,
		      (unsigned long long)report.areas.list[report.areas.count - 1].vad.end, 25, "");
	for (size_t i = 0; i < order.count; i++) {
		size_t before = sum.count;
		const struct counter *known = find_counter(&sum, order.list[i].name, strlen(order.list[i].name));

		show_counter(known && sum.count == before ? known : &order.list[i], text);
	}
	return STATUS_SUCCESS;
}

/* --- numa_maps: a line an area, "start policy key=value ..." */

/* Numbers of the same name add up; the first line's words are the area's. */
static void take_words(struct counters *counters, char *policy, size_t size, char *line)
{
	char *rest = NULL, *word = strtok_r(line, " ", &rest);

	word = word ? strtok_r(NULL, " ", &rest) : NULL;
	if (word && !policy[0])
		snprintf(policy, size, "%s", word);
	while (word && (word = strtok_r(NULL, " ", &rest))) {
		char *equals = strchr(word, '=');
		struct counter *counter;
		size_t before = counters->count;

		/* What the area shows is LX's to say. */
		if (!equals || !strncmp(word, "file=", 5))
			continue;
		counter = find_counter(counters, word, (size_t)(equals - word));
		if (counter && (counters->count > before || strcmp(counter->name, "kernelpagesize_kB")))
			counter->value += strtoull(equals + 1, NULL, 10);
	}
}

static void take_lines(char **host, uint64_t start, uint64_t end, struct counters *counters, char *policy, size_t size)
{
	while (**host) {
		char *line = *host, *line_end = strchrnul(line, '\n');
		uint64_t at = strtoull(line, NULL, 16);

		if (at >= end)
			return;
		*host = *line_end ? line_end + 1 : line_end;
		*line_end = 0;
		if (at >= start)
			take_words(counters, policy, size, line);
	}
}

static void show_numa_area(const struct lx_proc_area *area, const char *policy, const struct counters *counters, struct procfs_text *text)
{
	char path[LX_PATH_MAX + 16];

	procfs_printf(text, "%08llx %s", (unsigned long long)area->start, policy[0] ? policy : "default");
	lx_proc_area_path(area, path, sizeof path);
	if (path[0] == '/')
		procfs_printf(text, " file=%s", path);
	else if (area->vad.flags & MM_HEAP)
		procfs_append(text, " heap", 5);
	else if (area->vad.flags & MM_STACK)
		procfs_append(text, " stack", 6);
	for (size_t i = 0; i < counters->count; i++)
		procfs_printf(text, " %s=%llu", counters->list[i].name, (unsigned long long)counters->list[i].value);
	procfs_append(text, "\n", 1);
}

NTSTATUS lx_proc_show_numa_maps(const struct procfs_subject *subject, struct procfs_text *text)
{
	cleanup_report struct report report;
	NTSTATUS status = take_report(subject, PICO_TEXT_NUMA_MAPS, &report);
	char *host = report.host ? report.host : (char[]){0};

	for (size_t i = 0; status == STATUS_SUCCESS && i < report.areas.count; i++) {
		const struct lx_proc_area *area = &report.areas.list[i];
		struct counters counters = {0};
		char policy[64] = {0};

		take_lines(&host, area->vad.start, area->vad.end, &counters, policy, sizeof policy);
		show_numa_area(area, policy, &counters, text);
	}
	return status;
}
