/* lx_syscalls.h (the handlers' prototypes) and lx_tables.c (all rows as data). */
#include "model.h"

#include <lx/errno.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A selector says nothing more to the handler of a sub-row, unless other flags share its bits. */
bool is_passed(const struct syscall *row, unsigned i)
{
	uint64_t mask = row->arguments[i].selector_mask;

	return !row->parent || (int)i != row->parent->selector_argument || (mask != UINT32_MAX && mask != UINT64_MAX);
}

static void print_handler_prototype(FILE *out, const struct syscall *row)
{
	fprintf(out, "int64_t lx_sys_%s(struct lx_call *call", handler_name(row));
	for (unsigned i = 0; i < row->argument_count; i++)
		if (is_passed(row, i))
			fprintf(out, ", %s %s", argument_c_type(&row->arguments[i]), row->arguments[i].name);
	fputs(");\n", out);
}

static void emit_header(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx_syscalls.h");

	fputs("/*\n * Generated from translate/tables/syscalls.tbl: the handler of each call, with the row's arguments as "
	      "types. A\n"
	      " * handler returns the call's result or -LX_Exxx.\n */\n"
	      "#ifndef LX_SYSCALLS_H\n#define LX_SYSCALLS_H\n\n#include <lx/types.h>\n\n#include <stdint.h>\n\n"
	      "struct lx_call;\n\n",
	      out);
	for (size_t i = 0; i < model->syscall_count; i++)
		if (!model->syscalls[i]->is_direct)
			print_handler_prototype(out, model->syscalls[i]);
	fputs("\n#endif\n", out);
	output_close(out);
}

static void print_length(FILE *out, const struct argument *argument, const struct scope *scope)
{
	const char *length = argument->length;
	const char *kind = "ARGUMENT";

	if (!length) {
		const char *word = argument->type->word;
		bool terminated = !strcmp(word, "path") || !strcmp(word, "str") || !strcmp(word, "strings");

		fprintf(out, "LX_LENGTH_%s, 0", terminated ? "TERMINATED" : "ONE");
		return;
	}
	if (!strcmp(length, "return")) {
		fputs("LX_LENGTH_RETURN, 0", out);
		return;
	}
	if (isdigit((unsigned char)*length)) {
		fprintf(out, "LX_LENGTH_CONSTANT, %lu", strtoul(length, NULL, 0));
		return;
	}
	if (*length == '*') {
		kind = "POINTEE";
		length++;
	}
	for (size_t i = 0; i < scope->count; i++) {
		const struct argument *other = (const void *)((const char *)scope->first + i * scope->stride);

		if (!strcmp(other->name, length))
			fprintf(out, "LX_LENGTH_%s, %zu", kind, i);
	}
}

void print_argument_descriptor(FILE *out, const struct model *model, const struct argument *argument,
			       const struct scope *scope)
{
	static const char *const directions[] = {"VALUE", "IN", "OUT", "INOUT"};
	bool is_structure = !strcmp(argument->type->word, "struct");
	enum direction direction = argument->direction;

	/* A path or a string is read unless the row says that the call writes it. */
	if (direction == BY_VALUE && argument->type->is_address && strcmp(argument->type->word, "ptr") != 0 &&
	    !scope->is_memory)
		direction = IN;
	fprintf(out, "{\"%s\", LX_KIND_%s, LX_%s, ", argument->name, argument->type->kind, directions[direction]);
	print_length(out, argument, scope);
	if (argument->qualifier && !is_structure)
		fprintf(out, ", &vocabulary_%s", argument->qualifier);
	else
		fputs(", NULL", out);
	if (!is_structure)
		fputs(", NULL, NULL}", out);
	else if (find_structure(model, argument->qualifier))
		fprintf(out, ", \"%s\", &structure_%s}", argument->qualifier, argument->qualifier);
	else
		fprintf(out, ", \"%s\", NULL}", argument->qualifier);
}

static struct scope row_scope(const struct syscall *row)
{
	return (struct scope){row->arguments, sizeof(row->arguments[0]), row->argument_count, false};
}

static void print_row_arrays(FILE *out, const struct model *model, const struct syscall *row)
{
	struct scope scope = row_scope(row);

	if (row->argument_count) {
		fprintf(out, "static const struct lx_argument_descriptor arguments_%u[] = {\n", row->index);
		for (unsigned i = 0; i < row->argument_count; i++) {
			fputc('\t', out);
			print_argument_descriptor(out, model, &row->arguments[i], &scope);
			fputs(",\n", out);
		}
		fputs("};\n", out);
	}
	if (row->override_count) {
		fprintf(out, "static const struct lx_errno_override overrides_%u[] = {\n", row->index);
		for (unsigned i = 0; i < row->override_count; i++) {
			const struct status *status = find_status(model, row->overrides[i].status);

			fprintf(out, "\t{(int32_t)0x%08llXu, %d}, /* %s %s */\n",
				(unsigned long long)(status ? status->value : 0),
				errno_by_name(row->overrides[i].error), row->overrides[i].status,
				row->overrides[i].error);
		}
		fputs("};\n", out);
	}
	if (row->service_count) {
		fprintf(out, "static const char *const services_%u[] = {", row->index);
		for (unsigned i = 0; i < row->service_count; i++)
			fprintf(out, "\"%s\", ", row->services[i]);
		fputs("};\n", out);
	}
}

static unsigned print_sub_row_list(FILE *out, const struct model *model, const struct syscall *row)
{
	unsigned count = 0;

	for (size_t i = 0; i < model->syscall_count; i++) {
		if (model->syscalls[i]->parent != row)
			continue;
		if (!count++)
			fprintf(out, "static const struct lx_syscall_descriptor *const sub_rows_%u[] = {\n",
				row->index);
		fprintf(out, "\t&lx_syscalls[%u],\n", model->syscalls[i]->index);
	}
	if (count)
		fputs("};\n", out);
	return count;
}

static void print_classes(FILE *out, const struct syscall *row)
{
	fputs("\t\t.classes = 0", out);
	for (unsigned i = 0; i < row->class_count; i++) {
		const char *word = row->classes[i];

		fputs(" | LX_CLASS_", out);
		for (const char *c = word + (*word == '%'); *c; c++)
			fputc(toupper((unsigned char)*c), out);
		if (*word == '%')
			fputs("_LIKE", out);
	}
	fputs(",\n", out);
}

static void print_array(FILE *out, const char *member, const char *array, const struct syscall *row, unsigned count)
{
	if (count)
		fprintf(out, "\t\t.%s = %s_%u,\n\t\t.%.*s_count = %u,\n", member, array, row->index,
			(int)(strlen(member) - 1), member, count);
}

static void print_row(FILE *out, const struct model *model, const struct syscall *row, unsigned sub_rows)
{
	struct scope scope = row_scope(row);
	bool refused = !strcmp(row->status, "refused");
	int error = refused ? errno_by_name(row->refusal) : !strcmp(row->status, "missing") ? LX_ENOSYS : 0;

	fprintf(out, "\t[%u] = {\n\t\t.name = \"%s\",\n\t\t.number64 = %d,\n\t\t.number32 = %d,\n\t\t.index = %u,\n",
		row->index, row->name, row->number64, row->number32, row->index);
	fputs("\t\t.status = LX_SYSCALL_", out);
	for (const char *c = row->status; *c; c++)
		fputc(toupper((unsigned char)*c), out);
	fprintf(out, ",\n\t\t.refusal_errno = %d,\n", error);
	print_classes(out, row);
	print_array(out, "arguments", "arguments", row, row->argument_count);
	print_array(out, "overrides", "overrides", row, row->override_count);
	print_array(out, "services", "services", row, row->service_count);
	print_array(out, "sub_rows", "sub_rows", row, sub_rows);
	fprintf(out, "\t\t.selector_argument = %d,\n", row->selector_argument);
	if (row->selector_argument >= 0)
		fprintf(out, "\t\t.selector_mask = 0x%llxu,\n",
			(unsigned long long)row->arguments[row->selector_argument].selector_mask);
	if (row->parent)
		fprintf(out, "\t\t.selector_value = 0x%llxu,\n\t\t.parent = &lx_syscalls[%u],\n",
			(unsigned long long)row->selector_value, row->parent->index);
	fputs("\t\t.result = ", out);
	print_argument_descriptor(out, model, &row->result, &scope);
	fputs(",\n\t\t.note = ", out);
	print_literal(out, row->note);
	fputs(",\n\t},\n", out);
}

static void emit_tables(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx_tables.c");
	unsigned *sub_rows = arena_allocate((model->syscall_count + 1) * sizeof(*sub_rows));

	fputs("/* Generated from translate/tables/syscalls.tbl, flags.tbl and structs.tbl. */\n#include <core/table.h>\n\n", out);
	print_vocabularies(out, model);
	print_structures(out, model);
	for (size_t i = 0; i < model->syscall_count; i++) {
		print_row_arrays(out, model, model->syscalls[i]);
		sub_rows[i] = print_sub_row_list(out, model, model->syscalls[i]);
	}
	fputs("\nconst struct lx_syscall_descriptor lx_syscalls[] = {\n", out);
	for (size_t i = 0; i < model->syscall_count; i++)
		print_row(out, model, model->syscalls[i], sub_rows[i]);
	fprintf(out, "};\n\nconst size_t lx_syscall_count = %zu;\nconst size_t lx_syscall_row_count = %zu;\n",
		model->syscall_count, model->row_count);
	output_close(out);
}

void emit_syscalls(const struct model *model, const char *folder)
{
	emit_header(model, folder);
	emit_tables(model, folder);
}
