/* The namespace and handle tables as --objects prints them. */
#include "ob_internal.h"

static void dump_counts(struct ob_header *header, FILE *out)
{
	fprintf(out, "  %s  %u handles, %lu references", header->type->name, atomic_load(&header->handles),
		(unsigned long)atomic_load(&header->references));
}

static void dump_detail(struct ob_header *header, FILE *out)
{
	const struct ob_type_operations *operations = header->type->operations;

	if (operations && operations->dump) {
		fputs("  ", out);
		operations->dump(ob_body_of(header), out);
	}
	fputc('\n', out);
}

/* References to all entries, so that their dump routines run without the namespace's lock. */
static struct ob_header **snapshot(struct ob_directory *directory, ULONG *count)
{
	struct ob_name *name;
	ULONG index = 0;

	rtl_lock(&ob_namespace_lock);
	struct ob_header **objects = calloc(directory->count + 1, sizeof(struct ob_header *));

	if (objects)
		RB_FOREACH (name, ob_name_tree, &directory->names) {
			ob_reference(ob_body_of(name->object));
			objects[index++] = name->object;
		}
	rtl_unlock(&ob_namespace_lock);
	*count = index;
	return objects;
}

static void dump_entry_name(struct ob_header *header, FILE *out)
{
	rtl_lock(&ob_namespace_lock);
	struct ob_name *name = atomic_load(&header->name);

	if (name)
		fwrite(name->text, 1, name->length, out);
	rtl_unlock(&ob_namespace_lock);
}

static void dump_directory_contents(struct ob_directory *directory, int depth, FILE *out)
{
	ULONG count;
	cleanup_free struct ob_header **objects = snapshot(directory, &count);

	for (ULONG i = 0; i < count; i++) {
		fprintf(out, "%*s", depth * 2, "");
		dump_entry_name(objects[i], out);
		dump_counts(objects[i], out);
		dump_detail(objects[i], out);
		if (objects[i]->type == &ob_directory_type)
			dump_directory_contents(ob_body_of(objects[i]), depth + 1, out);
		ob_dereference(ob_body_of(objects[i]));
	}
}

void ob_dump_namespace(FILE *out)
{
	fputs("\\\n", out);
	if (ob_root_directory())
		dump_directory_contents(ob_root_directory(), 1, out);
}

static void dump_handle(HANDLE handle, void *object, ACCESS_MASK access, ULONG attributes, void *context)
{
	FILE *out = context;
	char name[512];
	size_t length = ob_query_name(object, name, sizeof(name));

	fprintf(out, "%6lx  %-12s  %08x%s  %.*s", (unsigned long)(uintptr_t)handle, ob_type_of(object)->name, access,
		attributes & OBJ_INHERIT ? "  inherit" : "", (int)length, name);
	dump_detail(ob_header_of(object), out);
}

void ob_dump_handle_table(struct ob_handle_table *table, FILE *out)
{
	ob_handle_table_walk(table, dump_handle, out);
}
