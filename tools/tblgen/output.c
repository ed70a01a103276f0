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

/* A file under way is kept in memory, to leave an unchanged one alone: whatever includes it need not be compiled again.
 */
static struct {
	char *path;
	char *text;
	size_t size;
} output;

FILE *output_open(const char *folder, const char *name)
{
	output.path = arena_format("%s/%s", folder, name);

	FILE *file = open_memstream(&output.text, &output.size);

	if (!file) {
		fputs("tblgen: out of memory\n", stderr);
		exit(1);
	}
	return file;
}

static bool is_unchanged(void)
{
	FILE *file = fopen(output.path, "re");
	char *old = arena_allocate(output.size + 1);
	size_t size = file ? fread(old, 1, output.size + 1, file) : 0;

	if (!file)
		return false;
	fclose(file);
	return size == output.size && !memcmp(old, output.text, size);
}

void output_close(FILE *file)
{
	bool failed = ferror(file) | fclose(file);

	if (!failed && !is_unchanged()) {
		make_folders(output.path);
		file = fopen(output.path, "we");
		failed = !file || fwrite(output.text, 1, output.size, file) != output.size;
		failed |= file && fclose(file);
	}
	if (failed) {
		fprintf(stderr, "tblgen: cannot write %s: %s\n", output.path, strerror(errno));
		exit(1);
	}
	free(output.text);
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
