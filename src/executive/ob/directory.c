/* Object directories: the type, the system's own directories, and the services. */
#include "ob_internal.h"

#include <nt/ntservices.h>

static void *root;

struct ob_directory *ob_root_directory(void)
{
	return root;
}

static void dump_directory(void *object, FILE *out)
{
	fprintf(out, "%u entries", ((struct ob_directory *)object)->count);
}

static const struct ob_type_operations directory_operations = {.dump = dump_directory};

struct ob_type ob_directory_type = {
    .name = "Directory",
    .mapping = {0x20003, 0x2000C, 0x20003, 0xF000F},
    .valid_access = DIRECTORY_ALL_ACCESS,
    .operations = &directory_operations,
};

static void *create_directory(void)
{
	struct ob_directory *directory = ob_create_object(&ob_directory_type, sizeof(*directory));

	if (directory)
		RB_INIT(&directory->names);
	return directory;
}

static OBJECT_ATTRIBUTES permanent_attributes(STRING *name)
{
	return (OBJECT_ATTRIBUTES){sizeof(OBJECT_ATTRIBUTES), NULL, name, OBJ_PERMANENT | OBJ_OPENIF, NULL, NULL};
}

NTSTATUS ob_make_directory(const char *name)
{
	STRING text = rtl_string(name);
	OBJECT_ATTRIBUTES attributes = permanent_attributes(&text);
	void *directory = create_directory();

	return directory ? ob_insert_object(directory, &attributes, 0, NULL) : STATUS_INSUFFICIENT_RESOURCES;
}

static void make_directories(void)
{
	static const char *const names[] = {
	    "\\Device",		  "\\Driver", "\\FileSystem", "\\ObjectTypes", "\\KernelObjects",
	    "\\BaseNamedObjects", "\\??",     "\\Sessions",   "\\Security",
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		ob_make_directory(names[i]);
	ob_make_symbolic_link("\\DosDevices", "\\??");
	ob_make_symbolic_link("\\GLOBAL??", "\\??");
	ob_make_symbolic_link("\\BaseNamedObjects\\Global", "\\BaseNamedObjects");
	ob_make_symbolic_link("\\BaseNamedObjects\\Local", "\\BaseNamedObjects");
}

void ob_initialize(void)
{
	static struct rtl_lock lock = RTL_LOCK_INITIALIZER;

	rtl_lock(&lock);
	if (!root) {
		root = create_directory();
		if (root) {
			ob_register_type(&ob_type_type);
			ob_register_type(&ob_directory_type);
			ob_register_type(&ob_symbolic_link_type);
			make_directories();
			ob_publish_types();
		}
	}
	rtl_unlock(&lock);
}

/* Type objects: what \ObjectTypes lists. */
struct type_object {
	struct ob_type *type;
};

static void dump_type(void *object, FILE *out)
{
	struct ob_type *type = ((struct type_object *)object)->type;

	fprintf(out, "%u objects, %u handles", atomic_load(&type->object_count), atomic_load(&type->handle_count));
}

static const struct ob_type_operations type_operations = {.dump = dump_type};

struct ob_type ob_type_type = {
    .name = "Type",
    .mapping = {0x20000, 0x20000, 0x20000, 0xF0001},
    .valid_access = 0x1F0001,
    .operations = &type_operations,
};

static void publish_type(struct ob_type *type)
{
	char name[128];
	struct type_object *object = ob_create_object(&ob_type_type, sizeof(*object));

	if (!object)
		return;
	object->type = type;
	snprintf(name, sizeof(name), "\\ObjectTypes\\%s", type->name);

	STRING text = rtl_string(name);
	OBJECT_ATTRIBUTES attributes = permanent_attributes(&text);

	ob_insert_object(object, &attributes, 0, NULL);
}

void ob_publish_types(void)
{
	static struct rtl_lock lock = RTL_LOCK_INITIALIZER;
	static ULONG published;
	OBJECT_ATTRIBUTES attributes;
	STRING name = rtl_string("\\ObjectTypes");
	void *directory = NULL;

	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	if (!root || !NT_SUCCESS(ob_lookup_name(&attributes, &ob_directory_type, 0, NULL, &directory)))
		return;
	rtl_lock(&lock);
	while (published < ob_type_count())
		publish_type(ob_type_at(++published));
	rtl_unlock(&lock);
	ob_dereference(directory);
}

NTSTATUS NtCreateDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
				 POBJECT_ATTRIBUTES ObjectAttributes)
{
	void *directory = create_directory();

	return directory ? ob_insert_object(directory, ObjectAttributes, DesiredAccess, DirectoryHandle)
			 : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS NtOpenDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ob_directory_type, DesiredAccess, DirectoryHandle);
}

/* The entries that one query returns: how many there are, and the bytes that they need with the empty one behind them.
 */
struct listing {
	ULONG first, count;
	size_t size;
	bool more;
};

static size_t entry_size(const struct ob_name *name)
{
	return sizeof(OBJECT_DIRECTORY_INFORMATION) + name->length + strlen(name->object->type->name);
}

/* Which entries from `first` on fit; the size of the first one alone if none does. */
static struct listing choose(struct ob_directory *directory, ULONG first, size_t room, bool single)
{
	struct listing listing = {.first = first, .size = sizeof(OBJECT_DIRECTORY_INFORMATION)};
	struct ob_name *name;
	ULONG index = 0;

	RB_FOREACH (name, ob_name_tree, &directory->names) {
		if (index++ < first)
			continue;
		if (listing.size + entry_size(name) > room || (single && listing.count)) {
			listing.more = true;
			if (!listing.count)
				listing.size += entry_size(name);
			break;
		}
		listing.size += entry_size(name);
		listing.count++;
	}
	return listing;
}

static STRING put_text(char **text, const char *from, size_t length)
{
	STRING string = {(USHORT)length, (USHORT)length, *text};

	memcpy(*text, from, length);
	*text += length;
	return string;
}

static void fill(struct ob_directory *directory, const struct listing *listing, OBJECT_DIRECTORY_INFORMATION *records)
{
	char *text = (char *)(records + listing->count + 1);
	struct ob_name *name;
	ULONG index = 0;

	RB_FOREACH (name, ob_name_tree, &directory->names) {
		ULONG place = index++ - listing->first;

		if (place >= listing->count)
			continue;
		records[place].Name = put_text(&text, name->text, name->length);
		records[place].TypeName = put_text(&text, name->object->type->name, strlen(name->object->type->name));
	}
	records[listing->count] = (OBJECT_DIRECTORY_INFORMATION){0};
}

static NTSTATUS list(struct ob_directory *directory, PVOID buffer, ULONG size, bool single, PULONG context,
		     PULONG length)
{
	NTSTATUS status = STATUS_SUCCESS;

	rtl_lock(&ob_namespace_lock);
	struct listing listing = choose(directory, *context, size, single);

	if (listing.count) {
		fill(directory, &listing, buffer);
		*context += listing.count;
		status = listing.more && !single ? STATUS_MORE_ENTRIES : STATUS_SUCCESS;
	} else {
		status = listing.more ? STATUS_BUFFER_TOO_SMALL : STATUS_NO_MORE_ENTRIES;
	}
	rtl_unlock(&ob_namespace_lock);
	if (length)
		*length = (ULONG)listing.size;
	return status;
}

NTSTATUS NtQueryDirectoryObject(HANDLE DirectoryHandle, PVOID Buffer, ULONG Length, BOOLEAN ReturnSingleEntry,
				BOOLEAN RestartScan, PULONG Context, PULONG ReturnLength)
{
	cleanup_object void *directory = NULL;
	NTSTATUS status = ob_reference_by_handle(DirectoryHandle, DIRECTORY_QUERY, &ob_directory_type, &directory);

	if (!NT_SUCCESS(status))
		return status;
	if (RestartScan)
		*Context = 0;
	return list(directory, Buffer, Length, ReturnSingleEntry, Context, ReturnLength);
}
