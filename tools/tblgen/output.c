/* Writing generated files. */
#include "model.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the folders above the file. */
static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0777) && errno != EEXIST)
			fprintf(stderr, "tblgen: cannot make the folder %s: %s\n", path, strerror(errno));
		*slash = '/';
	}
}

FILE *output_open(const char *folder, const char *name)
{
	char *path = arena_format("%s/%s", folder, name);

	make_folders(path);

	FILE *file = fopen(path, "we");

	if (!file) {
		fprintf(stderr, "tblgen: cannot write %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return file;
}

void output_close(FILE *file)
{
	bool failed = ferror(file);

	if (fclose(file) || failed) {
		fprintf(stderr, "tblgen: writing failed: %s\n", strerror(errno));
		exit(1);
	}
}

void print_literal(FILE *out, const char *text)
{
	if (!text) {
		fputs("NULL", out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

const char *handler_name(const struct syscall *row)
{
	if (!row->parent)
		return row->name;

	char *name = arena_format("%s_%s", row->parent->name, row->selector_name);

	for (char *c = name + strlen(row->parent->name); *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return name;
}
