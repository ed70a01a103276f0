/* lxrun --list-syscalls; see list.h. */
#include <cli/list.h>

#include <core/table.h>
#include <lx/errno.h>

#include <string.h>

static const char *const status_words[] = {
    [LX_SYSCALL_FULL] = "full",
    [LX_SYSCALL_PARTIAL] = "partial",
    [LX_SYSCALL_REFUSED] = "refused",
    [LX_SYSCALL_MISSING] = "missing",
};

enum { STATUS_COUNT = sizeof(status_words) / sizeof(status_words[0]) };

struct widths {
	int name;
	int services;
};

static int services_width(const struct lx_syscall_descriptor *row)
{
	size_t width = 0;

	for (unsigned i = 0; i < row->service_count; i++)
		width += strlen(row->services[i]) + (i ? 2 : 0);
	return (int)width;
}

static struct widths measure(void)
{
	struct widths widths = {0};

	for (size_t i = 0; i < lx_syscall_count; i++) {
		int name = (int)strlen(lx_syscalls[i].name);
		int services = services_width(&lx_syscalls[i]);

		if (name > widths.name)
			widths.name = name;
		if (services > widths.services)
			widths.services = services;
	}
	return widths;
}

static void print_row(FILE *out, const struct lx_syscall_descriptor *row, struct widths widths)
{
	int number = row->number64 >= 0 ? row->number64 : row->number32;
	int padding = widths.services - services_width(row);
	const char *reason = row->note;
	char error[32] = "";

	if (row->parent)
		fputs("     ", out);
	else
		fprintf(out, "%4d ", number);
	fprintf(out, "%-*s  %-*s", widths.name, row->name, row->service_count || *reason ? 9 : 0,
		status_words[row->status]);
	if (row->status == LX_SYSCALL_REFUSED)
		snprintf(error, sizeof(error), "%s: ", lx_errno_name(row->refusal_errno));
	for (unsigned i = 0; i < row->service_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", row->services[i]);
	if (*reason || *error)
		fprintf(out, "%*s  %s%s", padding, "", error, reason);
	fputc('\n', out);
}

static void print_counts(FILE *out, const char *what, size_t from, size_t to)
{
	size_t counts[STATUS_COUNT] = {0};

	for (size_t i = from; i < to; i++)
		counts[lx_syscalls[i].status]++;
	fprintf(out, "%s: %zu", what, to - from);
	for (unsigned i = 0; i < STATUS_COUNT; i++)
		fprintf(out, ", %s %zu", status_words[i], counts[i]);
	fputc('\n', out);
}

int cli_list_syscalls(FILE *out)
{
	struct widths widths = measure();
	size_t native = 0;

	fprintf(out, "%4s %-*s  %-7s  %-*s  %s\n", "NR", widths.name, "CALL", "STATUS", widths.services, "NT SERVICES",
		"REASON");
	for (size_t i = 0; i < lx_syscall_row_count; i++) {
		const struct lx_syscall_descriptor *row = &lx_syscalls[i];

		if (row->number64 >= 0)
			native++;
		else if (i == native)
			fputs("\nOf i386 alone:\n", out);
		print_row(out, row, widths);
		for (unsigned j = 0; j < row->sub_row_count; j++)
			print_row(out, row->sub_rows[j], widths);
	}
	fputc('\n', out);
	print_counts(out, "x86-64 calls", 0, native);
	print_counts(out, "subcommands", lx_syscall_row_count, lx_syscall_count);
	print_counts(out, "i386 calls", native, lx_syscall_row_count);
	return fflush(out) || ferror(out);
}
