/* lx/flags.h, and the vocabularies' part of lx_tables.c. */
#include "model.h"

#include <string.h>

static bool is_defined_before(const struct model *model, const struct vocabulary *last, const struct constant *entry)
{
	for (const struct vocabulary *v = model->vocabularies; v <= last; v++)
		for (size_t i = 0; i < v->count && &v->entries[i] != entry; i++)
			if (!v->is_private && !strcmp(v->entries[i].name, entry->name))
				return true;
	return false;
}

void emit_flags(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "lx/flags.h");

	fputs("/* Generated from translate/tables/flags.tbl: the constants of the guest's ABI. */\n"
	      "#ifndef LX_FLAGS_H\n#define LX_FLAGS_H\n",
	      out);
	for (size_t i = 0; i < model->vocabulary_count; i++) {
		const struct vocabulary *vocabulary = &model->vocabularies[i];

		if (vocabulary->is_private)
			continue;
		fprintf(out, "\n/* %s */\n", vocabulary->name);
		for (size_t j = 0; j < vocabulary->count; j++) {
			const struct constant *entry = &vocabulary->entries[j];

			if (is_defined_before(model, vocabulary, entry))
				continue;
			/* int where it fits, so that values compare with int32_t arguments without a cast. */
			if (entry->is_negative)
				fprintf(out, "#define LX_%s (-%llu)\n", entry->name, (unsigned long long)-entry->value);
			else if (entry->value <= INT32_MAX)
				fprintf(out, "#define LX_%s 0x%llx\n", entry->name, (unsigned long long)entry->value);
			else if (entry->value <= UINT32_MAX)
				fprintf(out, "#define LX_%s 0x%llxu\n", entry->name, (unsigned long long)entry->value);
			else
				fprintf(out, "#define LX_%s 0x%llxull\n", entry->name,
					(unsigned long long)entry->value);
		}
	}
	fputs("\n#endif\n", out);
	output_close(out);
}

static void print_vocabulary(FILE *out, const struct vocabulary *vocabulary)
{
	unsigned long long known = 0;

	fprintf(out, "static const struct lx_vocabulary_entry entries_%s[] = {\n", vocabulary->name);
	for (size_t i = 0; i < vocabulary->count; i++) {
		const struct constant *entry = &vocabulary->entries[i];

		known |= vocabulary->is_enum ? entry->value : entry->mask | entry->value;
		fprintf(out, "\t{\"%s\", 0x%llxu, 0x%llxu},\n", entry->name, (unsigned long long)entry->value,
			(unsigned long long)entry->mask);
	}
	fprintf(out,
		"};\nstatic const struct lx_vocabulary vocabulary_%s = {\n"
		"\t\"%s\", LX_VOCABULARY_%s, %zu, 0x%llxu, entries_%s\n};\n\n",
		vocabulary->name, vocabulary->name, vocabulary->is_enum ? "ENUM" : "FLAGS", vocabulary->count, known,
		vocabulary->name);
}

void print_vocabularies(FILE *out, const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->vocabulary_count; i++)
		if (!model->vocabularies[i].is_constants)
			print_vocabulary(out, &model->vocabularies[i]);
	fputs("const struct lx_vocabulary *const lx_vocabularies[] = {\n", out);
	for (size_t i = 0; i < model->vocabulary_count; i++) {
		if (model->vocabularies[i].is_constants)
			continue;
		fprintf(out, "\t&vocabulary_%s,\n", model->vocabularies[i].name);
		count++;
	}
	fprintf(out, "};\nconst size_t lx_vocabulary_count = %zu;\n\n", count);
}

static void print_structure(FILE *out, const struct model *model, const struct structure *structure)
{
	struct scope scope = {structure->members, sizeof(structure->members[0]), structure->count, true};

	fprintf(out, "static const struct lx_member members_%s[] = {\n", structure->name);
	for (size_t i = 0; i < structure->count; i++) {
		fputs("\t{", out);
		print_argument_descriptor(out, model, &structure->members[i].argument, &scope);
		fprintf(out, ", %u, %u},\n", structure->members[i].offset, structure->members[i].size);
	}
	fprintf(out, "};\nstatic const struct lx_structure structure_%s = {\"%s\", %u, %zu, members_%s};\n\n",
		structure->name, structure->name, structure->layouts[ABI_64].size, structure->count, structure->name);
}

void print_structures(FILE *out, const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->structure_count; i++)
		if (!model->structures[i].is_32)
			print_structure(out, model, &model->structures[i]);
	fputs("const struct lx_structure *const lx_structures[] = {\n", out);
	for (size_t i = 0; i < model->structure_count; i++) {
		if (model->structures[i].is_32)
			continue;
		fprintf(out, "\t&structure_%s,\n", model->structures[i].name);
		count++;
	}
	fprintf(out, "};\nconst size_t lx_structure_count = %zu;\n\n", count);
}
