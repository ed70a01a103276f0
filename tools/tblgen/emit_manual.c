/* lxrun-syscalls.7: the state of every call, as a man page. */
#include "model.h"

#include <ctype.h>
#include <string.h>

enum { LINE_LIMIT = 76 };

/* Text as mdoc, in lines, at whose start a dot or an apostrophe would be a request, and with backslashes escaped. */
static void print_mdoc(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (column && column + 1 + length > LINE_LIMIT) {
			fputc('\n', out);
			column = 0;
		} else if (column) {
			fputc(' ', out);
			column++;
		}
		if (!column && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		for (size_t i = 0; i < length; i++)
			fputs(text[i] == '\\' ? "\\e" : (char[]){text[i], '\0'}, out);
		column += length;
		text += length + strspn(text + length, " ");
	}
}

static void print_item(FILE *out, const struct syscall *row)
{
	fprintf(out, ".It Ic %s", row->name);
	if (row->number64 >= 0 && !row->parent)
		fprintf(out, " No ( %d )", row->number64);
	if (!strcmp(row->status, "refused"))
		fprintf(out, " Em refused Er %s", row->refusal);
	else
		fprintf(out, " Em %s", row->status);
	fputc('\n', out);
	if (row->service_count) {
		fputs("Rests on\n", out);
		for (unsigned i = 0; i < row->service_count; i++)
			fprintf(out, ".Sy %s%s\n", row->services[i], i + 1 < row->service_count ? " ," : " .");
	}
	if (*row->note) {
		print_mdoc(out, row->note);
		fputc('\n', out);
	}
}

static void print_section(FILE *out, const struct model *model, const char *title, size_t from, size_t to)
{
	fprintf(out, ".Sh %s\n.Bl -tag -width Ds -compact\n", title);
	for (size_t i = from; i < to; i++)
		print_item(out, model->syscalls[i]);
	fputs(".El\n", out);
}

void emit_manual(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lxrun-syscalls.7");
	size_t native = 0;

	while (native < model->row_count && model->syscalls[native]->number64 >= 0)
		native++;
	fputs(".\\\" Generated from translate/tables/syscalls.tbl.\n"
	      ".Dd $Mdocdate$\n.Dt LXRUN-SYSCALLS 7\n.Os\n.Sh NAME\n.Nm lxrun-syscalls\n"
	      ".Nd what lxrun does with each Linux system call\n.Sh DESCRIPTION\n"
	      "Every system call that Linux knows on x86-64, in the order of numbers,\n"
	      "and the NT services that\n.Xr lxrun 1\ncarries it out with.\n"
	      "The states are:\n.Bl -tag -width partial\n"
	      ".It Em full\nThe call does what Linux does.\n"
	      ".It Em partial\nIt does except for what the text says.\n"
	      ".It Em missing\nIt is not written yet: the guest gets\n.Er ENOSYS ,\nand the log says so once.\n"
	      ".It Em refused\nIt will not be offered, for the reason given; the guest gets the error shown.\n.El\n",
	      out);
	print_section(out, model, "SYSTEM CALLS", 0, native);
	print_section(out, model, "SUBCOMMANDS", model->row_count, model->syscall_count);
	print_section(out, model, "SYSTEM CALLS OF I386 ONLY", native, model->row_count);
	fputs(".Sh SEE ALSO\n.Xr lxrun 1 ,\n.Xr strace 1 ,\n.Xr syscalls 2\n", out);
	output_close(out);
}
