/*
 * lx/structs.h: guest structures as C has them, struct lx_NAME in the x86-64 ABI and struct lx_NAME32 in the i386 one.
 * lx_structs.h: their copies from and to a guest. lx_structs_check.c: both layouts beside the host's own headers.
 */
#include "model.h"

#include <string.h>

/* A member's C type by its size, which in structures may be less than an argument's. */
static const char *scalar_type(const struct member *member, unsigned size)
{
	const char *argument = member->argument.type->c_type;
	bool is_signed = argument && *argument == 'i';

	switch (size) {
	case 1:
		return strcmp(member->argument.type->word, "char") ? "uint8_t" : "char";
	case 2:
		return is_signed ? "int16_t" : "uint16_t";
	case 4:
		return is_signed ? "int32_t" : "uint32_t";
	default:
		return is_signed ? "int64_t" : "uint64_t";
	}
}

static bool is_nested(const struct member *member)
{
	return !strcmp(member->argument.type->word, "struct") && member->argument.direction == BY_VALUE;
}

static bool is_address(const struct member *member)
{
	const char *word = member->argument.type->word;

	return member->argument.direction != BY_VALUE || !strcmp(word, "ptr") || !strcmp(word, "path") || !strcmp(word, "str");
}

static void print_type(FILE *out, const struct member *member, int abi)
{
	unsigned size = member->is_rest ? member->argument.type->size : member->size / (member->count ? member->count : 1);

	if (is_nested(member)) {
		fprintf(out, "%s lx_%s%s", member->is_union ? "union" : "struct", member->argument.qualifier,
			abi == ABI_32 ? "32" : "");
		return;
	}
	if (abi == ABI_32 && member->is_word)
		fputs(scalar_type(member, 4), out);
	else if (abi == ABI_64 && is_address(member))
		fputs("struct lx_uptr", out);
	else if (abi == ABI_64 && !strcmp(member->argument.type->word, "sigset"))
		fputs("struct lx_sigset", out);
	else if (abi == ABI_32 && size == 8)
		fprintf(out, "lx_%s32", scalar_type(member, 8));
	else
		fputs(scalar_type(member, size), out);
}

static void print_padding(FILE *out, unsigned number, unsigned bytes)
{
	if (bytes)
		fprintf(out, "\tuint8_t padding%u[%u];\n", number, bytes);
}

static void print_structure(FILE *out, const struct structure *structure, int abi)
{
	unsigned paddings = 0;
	const char *suffix = abi == ABI_32 && !structure->is_32 ? "32" : "";
	const char *kind = structure->is_union ? "union" : "struct";

	fprintf(out, "\n%s lx_%s%s {\n", kind, structure->name, suffix);
	for (size_t i = 0; i < structure->count; i++) {
		const struct member *member = &structure->members[i];

		paddings += member->padding != 0;
		print_padding(out, paddings, member->padding);
		fputc('\t', out);
		print_type(out, member, abi);
		fprintf(out, " %s", member->argument.name);
		if (member->count)
			fprintf(out, "[%u]", member->count);
		else if (member->is_rest)
			fputs("[]", out);
		fputs(";\n", out);
	}
	print_padding(out, paddings + 1, structure->padding);
	fprintf(out, "};\nLX_%s_SIZE(%s lx_%s%s, %u);\n", abi == ABI_64 ? "64" : "32", kind, structure->name, suffix,
		structure->layouts[abi].size);
}

/* Members' names that the C library has as macros: they are none while the structures are defined. */
static void print_hiding(FILE *out, const char *pragma)
{
	static const char *const names[] = {"sa_handler", "st_atime", "st_mtime", "st_ctime"};

	fputc('\n', out);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fprintf(out, "#pragma %s(\"%s\")\n", pragma, names[i]);
		if (!strcmp(pragma, "push_macro"))
			fprintf(out, "#undef %s\n", names[i]);
	}
}

static bool has_override(const struct model *model, const struct structure *structure)
{
	return find_structure(model, arena_format("%s32", structure->name));
}

static void emit_header(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx/structs.h");

	fputs("/* Generated from translate/tables/structs.tbl: guest structures in both ABIs. */\n"
	      "#ifndef LX_STRUCTS_H\n#define LX_STRUCTS_H\n\n#include <lx/types.h>\n\n"
	      "/* As i386 aligns them. */\ntypedef int64_t lx_int64_t32 __attribute__((aligned(4)));\n"
	      "typedef uint64_t lx_uint64_t32 __attribute__((aligned(4)));\n\n"
	      "#define LX_32_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)\n"
	      "#ifdef __i386__\n#define LX_64_SIZE(type, size) _Static_assert(1, #type) /* aligned otherwise */\n"
	      "#else\n#define LX_64_SIZE LX_32_SIZE\n#endif\n",
	      out);
	print_hiding(out, "push_macro");
	for (size_t i = 0; i < model->structure_count; i++) {
		const struct structure *structure = &model->structures[i];

		if (!structure->is_32)
			print_structure(out, structure, ABI_64);
		if (structure->is_32 || !has_override(model, structure))
			print_structure(out, structure, ABI_32);
	}
	print_hiding(out, "pop_macro");
	fputs("\n#endif\n", out);
	output_close(out);
}

static void emit_copies(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx_structs.h");

	fputs("/*\n * Generated from translate/tables/structs.tbl: typed copies of guest structures. 0 or -LX_EFAULT; nothing is\n"
	      " * copied twice.\n */\n#ifndef LX_STRUCT_COPIES_H\n#define LX_STRUCT_COPIES_H\n\n"
	      "#include <core/lx.h>\n#include <lx/structs.h>\n",
	      out);
	for (size_t i = 0; i < model->structure_count; i++) {
		const char *name = model->structures[i].name;

		if (model->structures[i].is_32 || model->structures[i].is_union)
			continue;
		fprintf(out,
			"\nstatic inline int64_t lx_in_%s(struct lx_call *call, struct lx_%s *value, struct lx_uptr from)\n"
			"{\n\treturn lx_copy_in(call, value, from, sizeof(*value));\n}\n"
			"\nstatic inline int64_t lx_out_%s(struct lx_call *call, struct lx_uptr to, const struct lx_%s *value)\n"
			"{\n\treturn lx_copy_out(call, to, value, sizeof(*value));\n}\n",
			name, name, name, name);
	}
	fputs("\n#endif\n", out);
	output_close(out);
}

static void print_checks(FILE *out, const struct model *model, const struct structure *structure)
{
	const char *name = structure->name;
	const char *lx = arena_format(structure->is_32 ? "struct lx_%s" : "LX(%s)", name);
	bool other = !structure->is_32 && has_override(model, structure);

	fprintf(out, "\n#if %s\n#include <%s>\n", other ? "!defined(__i386__)" : structure->is_32 ? "defined(__i386__)" : "1",
		structure->host_header);
	fprintf(out, "_Static_assert(sizeof(%s) == sizeof(%s), \"struct %s\");\n", structure->host, lx, name);
	for (size_t i = 0; i < structure->count; i++)
		if (!structure->members[i].is_newer)
			fprintf(out, "MEMBER(%s, %s, %s)\n", structure->host, lx, structure->members[i].argument.name);
	fputs("#endif\n", out);
}

/* To be compiled for either ABI, against the kernel's headers alone. */
static void emit_check(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx_structs_check.c");

	fputs("/* Generated from translate/tables/structs.tbl: both layouts beside those of the host's headers. */\n"
	      "#include <stddef.h>\n#include <stdint.h>\n#include <lx/structs.h>\n\n"
	      "#ifdef __i386__\n#define LX(name) struct LX_32(name)\n#define LX_32(name) lx_##name##32\n#else\n"
	      "#define LX(name) struct lx_##name\n#endif\n"
	      "#define MEMBER(host, lx, member) \\\n"
	      "\t_Static_assert(offsetof(host, member) == offsetof(lx, member), #host \".\" #member); \\\n"
	      "\t_Static_assert(sizeof(((host *)0)->member) == sizeof(((lx *)0)->member), #host \".\" #member);\n",
	      out);
	for (size_t i = 0; i < model->structure_count; i++)
		if (model->structures[i].host)
			print_checks(out, model, &model->structures[i]);
	output_close(out);
}

void emit_structures(const struct model *model, const char *folder)
{
	emit_header(model, folder);
	emit_copies(model, folder);
	emit_check(model, folder);
}
