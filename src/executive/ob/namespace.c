/*
 * The namespace: directories' entries, and the walk through them.
 *
 * Components are divided by backslashes and compared as bytes, or without regard
 * to ASCII case if the opener asks for that. A walk goes on in what it meets: in
 * a directory itself, in a device or symbolic link by the type's parse routine.
 * A parse routine may send it back to the root with another name, so often.
 *
 * An entry references its object and its directory. A temporary object's entry
 * goes with its last handle; a permanent one's stays.
 */
#include "ob_internal.h"

#include <strings.h>

#define MAX_REPARSES 32

struct rtl_lock ob_namespace_lock = RTL_LOCK_INITIALIZER;

static int compare(const struct ob_name *a, const struct ob_name *b)
{
	int order = memcmp(a->text, b->text, MIN_OF(a->length, b->length));

	return order ? order : (int)a->length - (int)b->length;
}

RB_GENERATE_INTERNAL(ob_name_tree, ob_name, link, compare, )

static int compare_to(const struct ob_name *name, STRING text)
{
	int order = memcmp(name->text, text.Buffer, MIN_OF(name->length, text.Length));

	return order ? order : (int)name->length - (int)text.Length;
}

static struct ob_name *find_exact(struct ob_directory *directory, STRING text)
{
	struct ob_name *name = RB_ROOT(&directory->names);

	while (name) {
		int order = compare_to(name, text);

		if (!order)
			return name;
		name = order > 0 ? RB_LEFT(name, link) : RB_RIGHT(name, link);
	}
	return NULL;
}

static struct ob_name *find_name(struct ob_directory *directory, STRING text, bool ignore_case)
{
	struct ob_name *name = find_exact(directory, text);

	if (name || !ignore_case)
		return name;
	RB_FOREACH (name, ob_name_tree, &directory->names)
		if (name->length == text.Length && !strncasecmp(name->text, text.Buffer, text.Length))
			return name;
	return NULL;
}

void *ob_directory_find(struct ob_directory *directory, STRING name, bool ignore_case)
{
	void *object = NULL;

	rtl_lock(&ob_namespace_lock);
	struct ob_name *found = find_name(directory, name, ignore_case);

	if (found) {
		object = ob_body_of(found->object);
		ob_reference(object);
	}
	rtl_unlock(&ob_namespace_lock);
	return object;
}

static struct ob_name *create_name(struct ob_directory *directory, STRING text, struct ob_header *object)
{
	struct ob_name *name = calloc(1, sizeof(*name) + text.Length);

	if (!name)
		return NULL;
	name->object = object;
	name->directory = directory;
	name->length = text.Length;
	memcpy(name->text, text.Buffer, text.Length);
	return name;
}

NTSTATUS ob_directory_insert(struct ob_directory *directory, STRING name, bool ignore_case, struct ob_header *object,
			     bool permanent, void **existing)
{
	struct ob_name *entry = create_name(directory, name, object);

	if (!entry)
		return STATUS_INSUFFICIENT_RESOURCES;
	rtl_lock(&ob_namespace_lock);
	struct ob_name *found = find_name(directory, name, ignore_case);

	if (found) {
		*existing = ob_body_of(found->object);
		ob_reference(*existing);
	} else {
		ob_reference(ob_body_of(object));
		ob_reference(directory);
		RB_INSERT(ob_name_tree, &directory->names, entry);
		directory->count++;
		atomic_store(&object->name, entry);
		object->permanent = permanent;
	}
	rtl_unlock(&ob_namespace_lock);
	if (found)
		free(entry);
	return found ? STATUS_OBJECT_NAME_COLLISION : STATUS_SUCCESS;
}

static void remove_name(struct ob_header *header, bool always)
{
	rtl_lock(&ob_namespace_lock);
	struct ob_name *name = atomic_load(&header->name);
	bool goes = name && (always || (!header->permanent && !atomic_load(&header->handles)));

	if (goes) {
		RB_REMOVE(ob_name_tree, &name->directory->names, name);
		name->directory->count--;
		atomic_store(&header->name, NULL);
	}
	rtl_unlock(&ob_namespace_lock);
	if (!goes)
		return;
	ob_dereference(name->directory);
	ob_dereference(ob_body_of(header));
	free(name);
}

void ob_forget_name_without_handles(struct ob_header *header)
{
	remove_name(header, false);
}

void ob_withdraw_name(struct ob_header *header)
{
	remove_name(header, true);
}

void ob_set_permanent(struct ob_header *header, bool permanent)
{
	rtl_lock(&ob_namespace_lock);
	header->permanent = permanent;
	rtl_unlock(&ob_namespace_lock);
}

/* Put `text` in front of the `*start` bytes that are still free. */
static bool put_in_front(char *name, size_t *start, const char *text, size_t length)
{
	if (*start < length)
		return false;
	*start -= length;
	memcpy(name + *start, text, length);
	return true;
}

/* From the object up to the root, filled in from the end. */
static size_t build_name(struct ob_header *header, char *name, size_t size)
{
	struct ob_header *root = ob_header_of(ob_root_directory());
	size_t start = size;

	if (header == root)
		return put_in_front(name, &start, "\\", 1) ? 1 : 0;
	while (header != root) {
		struct ob_name *entry = atomic_load(&header->name);

		if (!entry || !put_in_front(name, &start, entry->text, entry->length) ||
		    !put_in_front(name, &start, "\\", 1))
			return 0;
		header = ob_header_of(entry->directory);
	}
	memmove(name, name + start, size - start);
	return size - start;
}

size_t ob_query_name(void *object, char *name, size_t size)
{
	const struct ob_type_operations *operations = ob_type_of(object)->operations;

	if (operations && operations->query_name)
		return operations->query_name(object, name, size);
	if (!ob_root_directory())
		return 0;
	rtl_lock(&ob_namespace_lock);
	size_t length = build_name(ob_header_of(object), name, size);

	rtl_unlock(&ob_namespace_lock);
	return length;
}

/* The part of `*name` before the next backslash; `*name` becomes what is behind it. */
static STRING take_component(STRING *name, bool *followed)
{
	char *end = memchr(name->Buffer, '\\', name->Length);
	USHORT length = end ? (USHORT)(end - name->Buffer) : name->Length;
	STRING component = {length, length, name->Buffer};

	*followed = end;
	name->Buffer += length + (end ? 1 : 0);
	name->Length -= length + (end ? 1 : 0);
	return component;
}

/* One step in a directory: `*at` becomes the child, or the new entry is made. */
static NTSTATUS step(struct ob_walk *walk, void **at, STRING *remaining)
{
	bool followed, ignore_case = walk->attributes->Attributes & OBJ_CASE_INSENSITIVE;
	STRING component = take_component(remaining, &followed);

	if (!component.Length)
		return STATUS_OBJECT_NAME_INVALID;
	if (walk->insert && !remaining->Length) {
		if (followed)
			return STATUS_OBJECT_NAME_INVALID;
		return ob_directory_insert(*at, component, ignore_case, walk->insert,
					   walk->attributes->Attributes & OBJ_PERMANENT, &walk->object);
	}

	void *child = ob_directory_find(*at, component, ignore_case);

	if (!child)
		return remaining->Length ? STATUS_OBJECT_PATH_NOT_FOUND : STATUS_OBJECT_NAME_NOT_FOUND;
	ob_dereference(*at);
	*at = child;
	return STATUS_MORE_ENTRIES;
}

static NTSTATUS call_parse(struct ob_walk *walk, void *at, STRING remaining, STRING *reparse)
{
	struct ob_parse parse = {
	    .remaining = remaining,
	    .attributes = walk->attributes->Attributes,
	    .access = walk->access,
	    .type = walk->type,
	    .context = walk->context,
	};

	/* An object can be put into a directory only; links lead there. */
	if (walk->insert && ob_type_of(at) != &ob_symbolic_link_type)
		return STATUS_OBJECT_TYPE_MISMATCH;

	NTSTATUS status = ob_type_of(at)->operations->parse(at, &parse);

	*reparse = parse.reparse;
	walk->object = parse.object;
	return status;
}

/* From `*at` to the name's end, or to a reparse. */
static NTSTATUS walk_from(struct ob_walk *walk, void **at, STRING remaining, STRING *reparse)
{
	for (;;) {
		struct ob_type *type = ob_type_of(*at);
		NTSTATUS status;

		if (type->operations && type->operations->parse)
			return call_parse(walk, *at, remaining, reparse);
		if (remaining.Length && type != &ob_directory_type)
			return STATUS_OBJECT_TYPE_MISMATCH;
		if (!remaining.Length) {
			if (walk->insert)
				return STATUS_OBJECT_NAME_INVALID;
			walk->object = *at;
			ob_reference(*at);
			return STATUS_SUCCESS;
		}
		status = step(walk, at, &remaining);
		if (status != STATUS_MORE_ENTRIES)
			return status;
	}
}

static NTSTATUS start_of_walk(const OBJECT_ATTRIBUTES *attributes, void **at, STRING *remaining)
{
	static char nothing[1];

	*remaining = attributes->ObjectName ? *attributes->ObjectName : (STRING){0, 0, nothing};
	if (!remaining->Buffer)
		*remaining = (STRING){0, 0, nothing};

	bool absolute = remaining->Length && remaining->Buffer[0] == '\\';

	if (attributes->RootDirectory)
		return absolute ? STATUS_OBJECT_PATH_SYNTAX_BAD
				: ob_reference_by_handle(attributes->RootDirectory, 0, NULL, at);
	if (!absolute)
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	remaining->Buffer++;
	remaining->Length--;
	*at = ob_root_directory();
	if (!*at)
		return STATUS_INSUFFICIENT_RESOURCES;
	ob_reference(*at);
	return STATUS_SUCCESS;
}

/* Back to the root, with the name that a parse routine gave. */
static NTSTATUS restart(const struct ob_walk *walk, STRING reparse, unsigned round, void **at, STRING *remaining)
{
	if (walk->attributes->Attributes & OBJ_DONT_REPARSE)
		return STATUS_REPARSE_POINT_ENCOUNTERED;
	if (round == MAX_REPARSES)
		return STATUS_REPARSE_POINT_NOT_RESOLVED;
	if (!reparse.Length || reparse.Buffer[0] != '\\')
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	ob_dereference(*at);
	*at = ob_root_directory();
	ob_reference(*at);
	*remaining = (STRING){reparse.Length - 1, reparse.Length - 1, reparse.Buffer + 1};
	return STATUS_SUCCESS;
}

NTSTATUS ob_walk_name(struct ob_walk *walk)
{
	cleanup_object void *at = NULL;
	cleanup_free char *buffer = NULL;
	STRING remaining;
	NTSTATUS status = start_of_walk(walk->attributes, &at, &remaining);

	for (unsigned round = 0; NT_SUCCESS(status); round++) {
		STRING reparse = {0};

		status = walk_from(walk, &at, remaining, &reparse);
		if (status != STATUS_REPARSE)
			break;
		free(buffer);
		buffer = reparse.Buffer;
		status = restart(walk, reparse, round, &at, &remaining);
	}
	if (NT_SUCCESS(status) && walk->type && walk->object && ob_type_of(walk->object) != walk->type) {
		ob_dereference(steal_pointer(&walk->object));
		status = STATUS_OBJECT_TYPE_MISMATCH;
	}
	return status;
}
