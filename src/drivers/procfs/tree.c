/*
 * The tree: from names to nodes, and from nodes to attributes. A place is a way of
 * nodes from the root with a subject at each step; nothing is cached, since
 * processes come and go.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drivers/hostfs/hostfs.h>
#include <drivers/procfs/tree.h>

/* Directory positions: 0 ".", 1 "..", then the fixed entries, then FIRST_NUMBER plus the number. */
#define FIRST_NUMBER 256u

static const struct procfs_provider *registered;

const struct procfs_provider *procfs_provider(void)
{
	return registered;
}

void procfs_register(const struct procfs_provider *provider)
{
	registered = provider;
}

/* A canonical decimal number: no sign, no leading zero. */
static bool parse_number(const STRING *name, uint32_t *number)
{
	uint64_t value = 0;

	if (!name->Length || name->Length > 10 || (name->Length > 1 && name->Buffer[0] == '0'))
		return false;
	for (USHORT i = 0; i < name->Length; i++) {
		if (name->Buffer[i] < '0' || name->Buffer[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(name->Buffer[i] - '0');
	}
	*number = (uint32_t)value;
	return value <= INT32_MAX;
}

/* What is passed through exists if the host has it. */
static bool is_there(const struct procfs_node *node)
{
	const char *path = node->exists_with ? node->exists_with : node->host_path;
	struct stat host;

	return !path || lstat(path, &host) == 0;
}

static bool enter(struct procfs_place *place, const struct procfs_node *node, const struct procfs_subject *subject)
{
	if (place->depth + 1 >= PROCFS_DEPTH)
		return false;
	place->depth++;
	place->way[place->depth].node = node;
	place->way[place->depth].subject = *subject;
	return true;
}

static bool find_numbered(const struct procfs_numbers *numbers, const struct procfs_subject *directory, const STRING *name,
			  struct procfs_subject *child)
{
	uint32_t number;

	if (numbers->named)
		return numbers->named(directory, name, child);
	return parse_number(name, &number) && numbers->lookup(directory, number, child);
}

static NTSTATUS step_down(struct procfs_place *place, const STRING *component)
{
	const struct procfs_node *node = procfs_node_of(place);
	struct procfs_subject subject = *procfs_subject_of(place), child;

	for (const struct procfs_node *entry = node->children; entry && entry->name; entry++)
		if (fsrtl_name_is(component, entry->name))
			return is_there(entry) && enter(place, entry, &subject) ? STATUS_SUCCESS :
										  STATUS_OBJECT_NAME_NOT_FOUND;
	if (node->numbers && find_numbered(node->numbers, &subject, component, &child))
		return enter(place, node->numbers->child, &child) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
	return STATUS_OBJECT_NAME_NOT_FOUND;
}

bool procfs_permitted(const struct procfs_place *place, const FILE_LX_STATX_INFORMATION *attributes, unsigned wanted)
{
	return fsrtl_permitted(attributes, wanted) ||
	       (procfs_node_of(place)->guard == PROCFS_OWN_TASKS && registered->is_own(procfs_subject_of(place)));
}

static bool is_guarded(const struct procfs_place *place)
{
	return procfs_node_of(place)->guard == PROCFS_LOOK_AT_OPEN && !registered->may_look(procfs_subject_of(place));
}

static NTSTATUS step(struct procfs_place *place, const STRING *component)
{
	const struct procfs_node *node = procfs_node_of(place);
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status;

	if (node->kind == PROCFS_LINK || node->kind == PROCFS_MAGIC)
		return STATUS_REPARSE;
	if (node->kind != PROCFS_DIRECTORY)
		return STATUS_NOT_A_DIRECTORY;
	status = procfs_attributes(place, &attributes);
	if (status != STATUS_SUCCESS)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (!procfs_permitted(place, &attributes, FSRTL_EXECUTE) || is_guarded(place))
		return STATUS_ACCESS_DENIED;
	if (fsrtl_name_is(component, "."))
		return STATUS_SUCCESS;
	if (fsrtl_name_is(component, "..")) {
		if (place->depth == 0)
			return STATUS_STOPPED_ON_SYMLINK;
		place->depth--;
		return STATUS_SUCCESS;
	}
	return step_down(place, component);
}

static void report_missing(const struct procfs_place *place, const STRING *component, const STRING *rest)
{
	char path[512];
	size_t length = procfs_path(place, path, sizeof path - 1);
	uint32_t number;
	int added;

	if (!registered->missing || parse_number(component, &number))
		return;
	added = snprintf(path + length, sizeof path - length, "%s%.*s%.*s", length ? "/" : "", (int)component->Length,
			 component->Buffer, (int)rest->Length, rest->Buffer);
	if (added > 0)
		registered->missing(path);
}

/* A namespace, which has no name by which it could be opened. */
static NTSTATUS open_host(const char *path, struct io_file **file)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	NTSTATUS status = descriptor < 0 ? FSRTL_ERRNO(errno) : hostfs_adopt_descriptor(descriptor, file);

	/* If it was taken over, this is what stands in its place. */
	if (descriptor >= 0)
		close(descriptor);
	return status;
}

/* The end of the way is a link that the caller wants followed. */
static NTSTATUS follow(struct io_create *create, const struct procfs_place *place)
{
	const struct procfs_node *node = procfs_node_of(place);
	NTSTATUS status;

	if (node->kind == PROCFS_LINK)
		return STATUS_REPARSE;
	if (!registered->may_look(procfs_subject_of(place)))
		return STATUS_ACCESS_DENIED;
	if (node->follow_capabilities && !fsrtl_capable_of_any(node->follow_capabilities))
		return FSRTL_ERRNO(EPERM);
	status = node->check ? node->check(procfs_subject_of(place)) : STATUS_SUCCESS;
	if (status != STATUS_SUCCESS)
		return status;
	status = node->follow ? node->follow(procfs_subject_of(place), &create->reparse_file) :
				open_host(node->host_path, &create->reparse_file);
	return status == STATUS_SUCCESS ? STATUS_REPARSE : status;
}

NTSTATUS procfs_walk(struct io_create *create, struct procfs_place *place)
{
	STRING rest = create->name, component = {0};
	NTSTATUS status = STATUS_SUCCESS;
	const struct procfs_node *node;

	if (!registered)
		return STATUS_DEVICE_NOT_READY;
	*place = (struct procfs_place){.way[0].node = registered->root};
	if (create->root)
		*place = ((struct procfs_open *)create->root->context)->place;
	while (status == STATUS_SUCCESS && fsrtl_next_component(&rest, &component))
		status = step(place, &component);
	if (status == STATUS_OBJECT_NAME_NOT_FOUND) {
		report_missing(place, &component, &rest);
		return fsrtl_missing(rest);
	}
	if (status != STATUS_SUCCESS)
		return status;
	node = procfs_node_of(place);
	if ((node->kind == PROCFS_LINK || node->kind == PROCFS_MAGIC) &&
	    !(create->options & FILE_OPEN_REPARSE_POINT))
		return create->disposition == FILE_CREATE ? STATUS_OBJECT_NAME_COLLISION : follow(create, place);
	return STATUS_SUCCESS;
}

/* The name of step `depth` of a way: its own, or the number that it was found by. */
static int step_name(const struct procfs_place *place, uint32_t depth, char *name, size_t size)
{
	const struct procfs_node *node = place->way[depth].node, *parent = place->way[depth - 1].node;
	const struct procfs_subject *subject = &place->way[depth].subject;

	if (parent->numbers && node == parent->numbers->child)
		return parent->numbers->print ? parent->numbers->print(subject, name) : snprintf(name, size, "%d", subject->number);
	return snprintf(name, size, "%s", node->name);
}

size_t procfs_path(const struct procfs_place *place, char *path, size_t size)
{
	size_t length = 0;

	path[0] = 0;
	for (uint32_t i = 1; i <= place->depth; i++) {
		char name[64];
		int name_length = step_name(place, i, name, sizeof name);

		if (length + (size_t)name_length + 2 > size)
			break;
		if (length)
			path[length++] = '/';
		memcpy(path + length, name, (size_t)name_length + 1);
		length += (size_t)name_length;
	}
	return length;
}

static ULONG type_bits(enum procfs_kind kind)
{
	if (kind == PROCFS_DIRECTORY)
		return FSRTL_S_IFDIR;
	return kind == PROCFS_FILE ? FSRTL_S_IFREG : FSRTL_S_IFLNK;
}

static struct fsrtl_file_system proc_file_system;

static void find_file_system(void)
{
	proc_file_system = fsrtl_file_system_at("/proc", 5);
}

/* Stable for a node as long as its subject lives, and different for different ones as far as 64 bits go. */
static ULONGLONG inode_of(const struct procfs_node *node, const struct procfs_subject *subject)
{
	uint64_t value = (uint64_t)(uintptr_t)node / sizeof(void *);

	value = value * 0x9E3779B97F4A7C15u + (uint32_t)subject->pid;
	value = value * 0x9E3779B97F4A7C15u + (uint32_t)subject->tid;
	value = value * 0x9E3779B97F4A7C15u + (uint32_t)subject->number;
	value = value * 0x9E3779B97F4A7C15u + subject->start;
	return (value >> 32 ^ value) & 0x7fffffff;
}

static ULONG count_directories(const struct procfs_node *node)
{
	ULONG count = 0;

	for (const struct procfs_node *entry = node->children; entry && entry->name; entry++)
		count += entry->kind == PROCFS_DIRECTORY;
	return count;
}

NTSTATUS procfs_attributes(const struct procfs_place *place, FILE_LX_STATX_INFORMATION *attributes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct procfs_node *node = procfs_node_of(place);
	const struct procfs_subject *subject = procfs_subject_of(place);
	ULONG permissions = node->permissions_of ? node->permissions_of(subject) : node->permissions;
	struct stat host;

	pthread_once(&once, find_file_system);
	fsrtl_init_attributes(attributes, type_bits(node->kind) | permissions, place->depth ? inode_of(node, subject) : 1);
	fsrtl_place_in(attributes, &proc_file_system);
	if (!place->depth)
		attributes->Attributes = attributes->AttributesMask & FSRTL_STATX_ATTR_MOUNT_ROOT;
	if (!registered->owner(subject, node->kind == PROCFS_DIRECTORY && permissions == 0555, &attributes->Uid,
			       &attributes->Gid))
		return FSRTL_ERRNO(ENOENT);
	attributes->BlockSize = 1024;
	if (node->host_path && lstat(node->host_path, &host) == 0)
		attributes->Mode = host.st_mode;
	if (node->kind == PROCFS_DIRECTORY)
		attributes->NumberOfLinks = 2 + count_directories(node) +
					    (node->numbers && node->numbers->count ? node->numbers->count(subject) : 0);
	if (node->kind == PROCFS_MAGIC || (node->kind == PROCFS_LINK && subject->pid))
		attributes->Size = node->permissions_of ? 64 : 0;
	return STATUS_SUCCESS;
}

static bool number_entry(const struct procfs_place *place, uint64_t *position, char name[PROCFS_NAME_SIZE],
			 struct fsrtl_directory_entry *entry)
{
	const struct procfs_numbers *numbers = procfs_node_of(place)->numbers;
	uint64_t number = *position > FIRST_NUMBER ? *position - FIRST_NUMBER : 0;
	struct procfs_subject child;

	if (!numbers || !numbers->next(procfs_subject_of(place), &number, &child))
		return false;
	*position = FIRST_NUMBER + number + 1;
	entry->name_length = (size_t)(numbers->print ? numbers->print(&child, name) :
						       snprintf(name, PROCFS_NAME_SIZE, "%llu", (unsigned long long)number));
	entry->name = name;
	entry->mode = type_bits(numbers->child->kind);
	entry->inode = inode_of(numbers->child, &child);
	return true;
}

static bool fixed_entry(const struct procfs_place *place, uint64_t *position, struct fsrtl_directory_entry *entry)
{
	const struct procfs_node *node = procfs_node_of(place)->children;
	uint64_t index = *position - 2;

	if (*position >= FIRST_NUMBER)
		return false;
	for (uint64_t i = 0; node && node->name && i < index; i++)
		node++;
	while (node && node->name && !is_there(node)) {
		node++;
		(*position)++;
	}
	if (!node || !node->name)
		return false;
	entry->name = node->name;
	entry->name_length = strlen(node->name);
	entry->mode = type_bits(node->kind);
	entry->inode = inode_of(node, procfs_subject_of(place));
	(*position)++;
	return true;
}

bool procfs_entry(const struct procfs_place *place, uint64_t *position, char name[PROCFS_NAME_SIZE],
		  struct fsrtl_directory_entry *entry)
{
	struct procfs_place parent = *place;

	*entry = (struct fsrtl_directory_entry){0};
	if (*position < 2) {
		if (*position == 1 && parent.depth)
			parent.depth--;
		entry->name = *position == 0 ? "." : "..";
		entry->name_length = *position + 1;
		entry->mode = FSRTL_S_IFDIR;
		entry->inode = parent.depth ? inode_of(procfs_node_of(&parent), procfs_subject_of(&parent)) : 1;
		(*position)++;
	} else if (!fixed_entry(place, position, entry) && !number_entry(place, position, name, entry)) {
		return false;
	}
	entry->cookie = *position;
	return true;
}
