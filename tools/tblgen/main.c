/*
 * tblgen: makes the C tables and headers from translate/<name>.tbl.
 *
 *	tblgen --tables FOLDER --out FOLDER
 *
 * All tables are read and checked before anything is written; each error is one line "file:line: what is wrong".
 */
#include "model.h"

#include <string.h>

static void parse_tables(struct model *model, const char *folder)
{
	parse_flags(model, folder, "flags.tbl");
	parse_flags(model, folder, "ioctls.tbl");
	parse_flags(model, folder, "ntflags.tbl");
	parse_structures(model, folder);
	parse_statuses(model, folder);
	parse_services(model, folder);
	parse_syscalls(model, folder);
	check_model(model);
}

static void emit_all(const struct model *model, const char *folder)
{
	emit_flags(model, folder);
	emit_structures(model, folder);
	emit_statuses(model, folder);
	emit_services(model, folder);
	emit_syscalls(model, folder);
	emit_dispatch(model, folder);
	emit_manual(model, folder);
}

int main(int argc, char **argv)
{
	const char *tables = NULL;
	const char *out = NULL;
	struct model model = {0};

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--tables"))
			tables = argv[i + 1];
		else if (!strcmp(argv[i], "--out"))
			out = argv[i + 1];
	}
	if (!tables || !out || argc != 5) {
		fputs("usage: tblgen --tables FOLDER --out FOLDER\n", stderr);
		return 2;
	}
	parse_tables(&model, tables);

	unsigned complaints = complaint_count();

	if (!complaints)
		emit_all(&model, out);
	arena_release();
	return complaints ? 1 : 0;
}
