/* nt/ntstatus.h, nt_status.c (names and carriers) and lx_status.c (NTSTATUS to errno). */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static void emit_header(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "nt/ntstatus.h");

	fputs("/* Generated from translate/tables/status.tbl: the status codes of the NT services. */\n"
	      "#ifndef NT_NTSTATUS_H\n#define NT_NTSTATUS_H\n\n#include <nt/ntdef.h>\n\n",
	      out);
	for (size_t i = 0; i < model->status_count; i++)
		fprintf(out, "#define %s ((NTSTATUS)0x%08llX)\n", model->statuses[i].name,
			(unsigned long long)model->statuses[i].value);
	fputs("\n#endif\n", out);
	output_close(out);
}

static int compare_values(const void *a, const void *b)
{
	const struct status *const *left = a;
	const struct status *const *right = b;

	if ((*left)->value != (*right)->value)
		return (*left)->value < (*right)->value ? -1 : 1;
	return (*left)->at.line < (*right)->at.line ? -1 : 1;
}

/* In the order of values, and of several names for a value the first. */
static const struct status **sorted_statuses(const struct model *model, size_t *count)
{
	const struct status **sorted = arena_allocate((model->status_count + 1) * sizeof(struct status *));
	size_t kept = 0;

	for (size_t i = 0; i < model->status_count; i++)
		sorted[i] = &model->statuses[i];
	qsort(sorted, model->status_count, sizeof(sorted[0]), compare_values);
	for (size_t i = 0; i < model->status_count; i++)
		if (!kept || sorted[kept - 1]->value != sorted[i]->value)
			sorted[kept++] = sorted[i];
	*count = kept;
	return sorted;
}

/* A lower bound over a table of rows that begin with their status. */
static void print_search(FILE *out)
{
	fputs("static const struct status_row *find_row(NTSTATUS status)\n"
	      "{\n"
	      "\tuint32_t value = (uint32_t)status;\n"
	      "\tsize_t low = 0;\n"
	      "\tsize_t high = sizeof(rows) / sizeof(rows[0]);\n\n"
	      "\twhile (low < high) {\n"
	      "\t\tsize_t middle = low + (high - low) / 2;\n\n"
	      "\t\tif (rows[middle].value == value)\n"
	      "\t\t\treturn &rows[middle];\n"
	      "\t\tif (rows[middle].value < value)\n"
	      "\t\t\tlow = middle + 1;\n"
	      "\t\telse\n"
	      "\t\t\thigh = middle;\n"
	      "\t}\n"
	      "\treturn NULL;\n"
	      "}\n\n",
	      out);
}

static void emit_names(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "nt_status.c");
	size_t count;
	const struct status **sorted = sorted_statuses(model, &count);

	fputs("/* Generated from translate/tables/status.tbl. */\n"
	      "#include <nt/ntstatus_errno.h>\n\n#include <nt/ntstatus.h>\n\n#include <stddef.h>\n\n"
	      "static const struct status_row {\n\tuint32_t value;\n\tconst char *name;\n\tconst char *text;\n"
	      "} rows[] = {\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "\t{0x%08llX, \"%s\", ", (unsigned long long)sorted[i]->value, sorted[i]->name);
		print_literal(out, sorted[i]->text);
		fputs("},\n", out);
	}
	fputs("};\n\n", out);
	print_search(out);
	fputs("const char *nt_status_name(NTSTATUS status)\n{\n"
	      "\tconst struct status_row *row = find_row(status);\n\n\treturn row ? row->name : NULL;\n}\n\n"
	      "const char *nt_status_text(NTSTATUS status)\n{\n"
	      "\tconst struct status_row *row = find_row(status);\n\n\treturn row ? row->text : NULL;\n}\n\n"
	      "static const NTSTATUS carriers[] = {\n\t[0] = STATUS_SUCCESS,\n",
	      out);
	for (size_t i = 0; i < model->status_count; i++)
		if (model->statuses[i].is_carrier)
			fprintf(out, "\t[%d] = %s, /* %s */\n", errno_by_name(model->statuses[i].error),
				model->statuses[i].name, model->statuses[i].error);
	fputs("};\n\nNTSTATUS nt_status_from_errno(int error)\n{\n"
	      "\tif (error == 0)\n\t\treturn STATUS_SUCCESS;\n"
	      "\tif (error > 0 && (size_t)error < sizeof(carriers) / sizeof(carriers[0]) && carriers[error])\n"
	      "\t\treturn carriers[error];\n\treturn NT_STATUS_FROM_ERRNO(error);\n}\n",
	      out);
	output_close(out);
}

static void emit_errors(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx_status.c");
	size_t count;
	const struct status **sorted = sorted_statuses(model, &count);

	fputs("/* Generated from translate/tables/status.tbl: the default errno of each status. */\n"
	      "#include <core/ntstatus.h>\n\n#include <lx/errno.h>\n#include <nt/ntstatus_errno.h>\n\n"
	      "#include <stddef.h>\n#include <stdint.h>\n\n"
	      "static const struct status_row {\n\tuint32_t value;\n\tint32_t error;\n} rows[] = {\n",
	      out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "\t{0x%08llX, %s%s}, /* %s */\n", (unsigned long long)sorted[i]->value,
			sorted[i]->error ? "LX_" : "", sorted[i]->error ? sorted[i]->error : "0", sorted[i]->name);
	fputs("};\n\n", out);
	print_search(out);
	fputs("int64_t lx_errno_from_status(NTSTATUS status)\n{\n"
	      "\tconst struct status_row *row;\n\n"
	      "\tif (status == 0)\n\t\treturn 0;\n"
	      "\tif (NT_STATUS_IS_ERRNO(status))\n\t\treturn -(int64_t)NT_STATUS_ERRNO(status);\n"
	      "\trow = find_row(status);\n"
	      "\tif (row)\n\t\treturn -(int64_t)row->error;\n"
	      "\treturn status >= 0 ? 0 : -LX_EIO;\n}\n",
	      out);
	output_close(out);
}

void emit_statuses(const struct model *model, const char *folder)
{
	emit_header(model, folder);
	emit_names(model, folder);
	emit_errors(model, folder);
}
