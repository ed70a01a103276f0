/* lx_dispatch.c: the function behind each row. */
#include "model.h"

#include <string.h>

/* Where the kernel takes a umode_t: 16 bits, though handlers see 32. */
static bool is_umode(const struct argument *argument)
{
	const char *word = argument->type->word;

	return !strcmp(word, "mode") || !strcmp(word, "perm") || !strcmp(word, "openmode");
}

static void print_thunk(FILE *out, const struct syscall *row)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < row->argument_count; i++)
		passed += is_passed(row, i);
	fprintf(out, "static int64_t thunk_%s(struct lx_call *call)\n{\n", handler_name(row));
	if (passed && !row->is_direct)
		fputs("\tconst uint64_t *a = call->arguments;\n\n", out);
	if (row->is_direct) {
		fprintf(out, "\treturn lx_result(call, Zw%s());\n}\n\n", row->services[0] + 2);
		return;
	}
	fprintf(out, "\treturn lx_sys_%s(call", handler_name(row));
	for (unsigned i = 0; i < row->argument_count; i++) {
		const struct argument *argument = &row->arguments[i];

		if (!is_passed(row, i))
			continue;
		if (is_guest_pointer(argument))
			fprintf(out, ", (struct lx_uptr){a[%u]}", i);
		else
			fprintf(out, ", (%s)a[%u]", is_umode(argument) ? "uint16_t" : argument_c_type(argument), i);
	}
	fputs(");\n}\n\n", out);
}

static bool has_handler(const struct syscall *row)
{
	return !strcmp(row->status, "full") || !strcmp(row->status, "partial");
}

void emit_dispatch(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx_dispatch.c");

	fputs("/*\n * Generated from translate/tables/syscalls.tbl: the function behind each row. Arguments are cut to the "
	      "row's types\n"
	      " * here, as the Linux kernel does at the same place.\n */\n"
	      "#include <core/lx.h>\n#include <core/ntstatus.h>\n#include <core/table.h>\n\n"
	      "#include <lx_syscalls.h>\n#include <nt/ntservices.h>\n\n",
	      out);
	for (size_t i = 0; i < model->syscall_count; i++)
		if (has_handler(model->syscalls[i]))
			print_thunk(out, model->syscalls[i]);
	fputs("const lx_syscall_handler lx_handlers[] = {\n", out);
	for (size_t i = 0; i < model->syscall_count; i++) {
		const struct syscall *row = model->syscalls[i];

		if (has_handler(row))
			fprintf(out, "\t[%u] = thunk_%s,\n", row->index, handler_name(row));
		else
			fprintf(out, "\t[%u] = lx_refuse, /* %s */\n", row->index, row->name);
	}
	fputs("};\n", out);
	output_close(out);
}
