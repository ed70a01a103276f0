/*
 * The path walker: taking a path apart. See path.h; follow.c follows links.
 *
 * A component is appended to the name and not looked at, unless a ".." comes
 * behind it: only what is known to be a directory and no link can be taken off
 * again. Mount points lie in roots of mounts alone, so the table is asked only
 * for the first component behind one.
 */
#include <core/thread.h>
#include <path/fs.h>
#include <path/path.h>

/* rest was replaced because a link was met: what is being consumed must be taken up anew. */
enum { REST_CHANGED = 1 };

NTSTATUS lx_open_by_attributes(const struct lx_open_request *request, OBJECT_ATTRIBUTES *attributes, HANDLE *handle)
{
	struct {
		FILE_FULL_EA_INFORMATION ea;
		char name_and_packet[sizeof(LX_OPEN_PACKET_EA) + sizeof(struct lx_open_packet)];
	} packet = {.ea = {.EaNameLength = sizeof(LX_OPEN_PACKET_EA) - 1, .EaValueLength = sizeof(struct lx_open_packet)}};
	struct lx_open_packet lx = {.Flags = request->flags, .Mode = request->mode};
	char *name = (char *)&packet + offsetof(FILE_FULL_EA_INFORMATION, EaName);
	IO_STATUS_BLOCK io;

	memcpy(name, LX_OPEN_PACKET_EA, sizeof(LX_OPEN_PACKET_EA));
	memcpy(name + sizeof(LX_OPEN_PACKET_EA), &lx, sizeof(lx));
	*handle = NULL;
	return ZwCreateFile(handle, request->access, attributes, &io, NULL, 0,
			    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, request->disposition,
			    request->options | FILE_SYNCHRONOUS_IO_ALERT | FILE_OPEN_FOR_BACKUP_INTENT, &packet,
			    sizeof(packet));
}

NTSTATUS lx_open_place(OBJECT_ATTRIBUTES *attributes, bool directory, bool link, HANDLE *handle)
{
	struct lx_open_request request = {
		.access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | FILE_READ_EA | FILE_WRITE_EA | FILE_TRAVERSE |
			  SYNCHRONIZE,
		.disposition = FILE_OPEN,
		.options = (directory ? FILE_DIRECTORY_FILE : 0) | (link ? FILE_OPEN_REPARSE_POINT : 0),
		.flags = LX_O_PATH | (directory ? LX_O_DIRECTORY : 0) | (link ? LX_O_NOFOLLOW : 0),
	};

	return lx_open_by_attributes(&request, attributes, handle);
}

static struct lx_base base_of_directory(const struct lx_directory *directory)
{
	return (struct lx_base){directory->handle, directory->file, directory->mount};
}

static struct lx_base base_of_mount(const struct lx_mount *mount)
{
	return (struct lx_base){mount->handle, mount->file, mount};
}

static bool in_scope(const struct lx_walk *walk)
{
	return walk->resolve & (LX_RESOLVE_BENEATH | LX_RESOLVE_IN_ROOT);
}

/* Stand at a base, with no name below it. */
static void stand_at(struct lx_walk *walk, struct lx_base base)
{
	walk->base = base;
	walk->name_size = walk->verified = 0;
	walk->jumped = false;
}

void lx_walk_restart_at_root(struct lx_walk *walk)
{
	stand_at(walk, walk->root);
}

int64_t lx_walk_check_directory(struct lx_walk *walk, HANDLE handle)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwQueryInformationFile(handle, &io, &information, sizeof(information), FileLxStatxInformation);

	if (!NT_SUCCESS(status))
		return lx_result(walk->call, status);
	return (information.Mode & LX_S_IFMT) == LX_S_IFDIR ? 0 : -LX_ENOTDIR;
}

/* The host says itself that a file of its own is no directory, but for a ".." that is taken by name: see go_up(). */
static int64_t start_at_descriptor(struct lx_walk *walk, int32_t fd)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(walk->call, fd, true, &handle);

	if (result < 0)
		return result;
	if (!NT_SUCCESS(io_reference_file(handle, 0, &walk->held_file)))
		return -LX_EBADF;
	if (!lx_mounts_have_device(walk->held_file->device))
		return -LX_ENOTDIR;
	if (!lx_mounts_is_host_device(walk->held_file->device))
		result = lx_walk_check_directory(walk, handle);
	if (result == 0)
		stand_at(walk, (struct lx_base){handle, walk->held_file, lx_mounts_of_root(walk->held_file)});
	return result;
}

static int64_t start(struct lx_walk *walk, int32_t dirfd, const char *path)
{
	bool absolute = *path == '/' && !(walk->resolve & LX_RESOLVE_IN_ROOT);
	bool working = !absolute && dirfd == LX_AT_FDCWD;
	int64_t result = 0;

	if (absolute && (walk->resolve & LX_RESOLVE_BENEATH))
		return -LX_EXDEV;
	lx_fs_hold(walk->call->thread->fs, &walk->held_root, working ? &walk->held_working : NULL);
	walk->root = walk->held_root ? base_of_directory(walk->held_root) : base_of_mount(lx_mounts_root());
	if (absolute)
		stand_at(walk, walk->root);
	else if (working)
		stand_at(walk, base_of_directory(walk->held_working));
	else
		result = start_at_descriptor(walk, dirfd);
	if (in_scope(walk))
		walk->root = walk->base;
	return result;
}

int64_t lx_walk_begin(struct lx_walk *walk, struct lx_call *call, int32_t dirfd, const char *path, uint32_t flags,
		      uint64_t resolve)
{
	int64_t result;

	memset(walk, 0, offsetof(struct lx_walk, name));
	walk->call = call;
	walk->flags = flags;
	walk->resolve = resolve;
	walk->rest = path;
	result = start(walk, dirfd, path);
	return result < 0 ? result : lx_walk_consume(walk);
}

void lx_walk_end(struct lx_walk *walk)
{
	if (walk->held_root)
		lx_directory_dereference(walk->held_root);
	if (walk->held_working)
		lx_directory_dereference(walk->held_working);
	if (walk->held_file)
		ob_dereference(walk->held_file);
	if (walk->held_scope)
		ob_dereference(walk->held_scope);
	if (walk->owned_handle)
		ZwClose(walk->owned_handle);
	free(walk->expansion);
}

bool lx_walk_stops_at_link(const struct lx_walk *walk)
{
	return (walk->flags & LX_WALK_NOFOLLOW) && !walk->directory;
}

/* The names of this base's device are looked up by the host, which knows "." and checks search permission at it. */
static bool knows_dot(const struct lx_walk *walk)
{
	return lx_mounts_is_host_device(walk->base.file->device);
}

OBJECT_ATTRIBUTES *lx_walk_attributes(struct lx_walk *walk, ULONG object_flags)
{
	static char dot[] = ".";
	USHORT size = (USHORT)walk->name_size;

	walk->string = (STRING){size, size, walk->name};
	if (!size && !walk->base.mount && (!walk->jumped || walk->dot) && knows_dot(walk)) {
		walk->string = (STRING){1, 1, dot};
	} else if (size && walk->dot && knows_dot(walk)) {
		memcpy(walk->name + size, "/.", 2);
		walk->string.Length += 2;
	}
	InitializeObjectAttributes(&walk->attributes, &walk->string, object_flags, walk->base.handle, NULL);
	return &walk->attributes;
}

bool lx_walk_again(struct lx_walk *walk, NTSTATUS status, int64_t *result)
{
	if (status != STATUS_REPARSE) {
		*result = lx_result(walk->call, status);
		return false;
	}
	*result = lx_walk_follow(walk);
	if (*result == 0)
		*result = lx_walk_consume(walk);
	return *result == 0;
}

/* Make sure that the whole name is a directory reached without links. 0, REST_CHANGED or -errno. */
static int64_t verify(struct lx_walk *walk)
{
	FILE_LX_STATX_INFORMATION information;
	size_t size = walk->name_size;
	IO_STATUS_BLOCK io;
	NTSTATUS status;
	int64_t result;

	if (knows_dot(walk)) {
		memcpy(walk->name + walk->name_size, "/.", 2);
		size += 2;
	}
	walk->string = (STRING){(USHORT)size, (USHORT)size, walk->name};
	InitializeObjectAttributes(&walk->attributes, &walk->string, 0, walk->base.handle, NULL);
	status = ZwQueryInformationByName(&walk->attributes, &io, &information, sizeof(information),
					  FileLxStatxInformation);
	if (status == STATUS_REPARSE) {
		result = lx_walk_follow(walk);
		return result < 0 ? result : REST_CHANGED;
	}
	if (!NT_SUCCESS(status))
		return lx_result(walk->call, status);
	if ((information.Mode & LX_S_IFMT) != LX_S_IFDIR)
		return -LX_ENOTDIR;
	walk->verified = walk->name_size;
	return 0;
}

static void remove_last_component(struct lx_walk *walk)
{
	while (walk->name_size && walk->name[walk->name_size - 1] != '/')
		walk->name_size--;
	if (walk->name_size)
		walk->name_size--;
	walk->verified = walk->name_size;
}

/* The base is some directory: find out where it lies, and go on from its mount's root. */
static int64_t expand_base(struct lx_walk *walk)
{
	static const char deleted[] = " (deleted)";
	const struct lx_mount *mount;
	int64_t length = lx_mounts_locate(walk->base.file, &mount, walk->name, LX_PATH_MAX);
	const size_t suffix = sizeof(deleted) - 1;

	if (length < 0)
		return length;
	if (!mount)
		return -LX_ENOTDIR;
	if ((size_t)length > suffix && !strcmp(walk->name + length - suffix, deleted))
		length -= (int64_t)suffix;
	stand_at(walk, base_of_mount(mount));
	walk->name_size = walk->verified = (size_t)length;
	return 0;
}

/* Is the walk where ".." leads nowhere? */
static bool at_root(const struct lx_walk *walk)
{
	const struct lx_mount *mount;
	char name[LX_PATH_MAX];
	int64_t length;

	if (!walk->name_size && (walk->base.file == walk->root.file ||
				 (walk->base.mount && walk->base.mount == walk->root.mount)))
		return true;
	if (walk->root.mount || !walk->base.mount || in_scope(walk))
		return false;
	/* Below a root that is no mount's own (chroot), reached from outside its handle. */
	length = lx_mounts_locate(walk->root.file, &mount, name, sizeof(name));
	return length >= 0 && mount == walk->base.mount && (size_t)length == walk->name_size &&
	       !memcmp(name, walk->name, walk->name_size);
}

/* A directory that was opened becomes the base. */
static int64_t adopt_directory(struct lx_walk *walk, HANDLE handle, bool jumped)
{
	struct io_file *file;
	NTSTATUS status = io_reference_file(handle, 0, &file);

	if (!NT_SUCCESS(status)) {
		ZwClose(handle);
		return lx_result(walk->call, status);
	}
	lx_walk_adopt(walk, handle, file, jumped);
	return 0;
}

/* Let the device open what is above a directory: as on Linux, that needs permission to search this one, not that one. */
static int64_t open_above(struct lx_walk *walk, const struct lx_base *from)
{
	static char up[] = "..";
	HANDLE handle = NULL;
	NTSTATUS status;

	walk->string = (STRING){2, 2, up};
	InitializeObjectAttributes(&walk->attributes, &walk->string, OBJ_KERNEL_HANDLE, from->handle, NULL);
	status = lx_open_place(&walk->attributes, true, false, &handle);
	return NT_SUCCESS(status) ? adopt_directory(walk, handle, true) : lx_result(walk->call, status);
}

/* Up from a directory whose name has just been found out; names alone must do where it isn't the host's. */
static int64_t go_up_from(struct lx_walk *walk, const struct lx_base *from)
{
	remove_last_component(walk);
	if (!walk->name_size || in_scope(walk) || !lx_mounts_is_host_device(from->file->device))
		return 0;
	return open_above(walk, from);
}

/*
 * The base lies so deep that it has no path. So far down there is no mount; a changed root or a scope, which could be,
 * can't be told from other directories without names, and is not left.
 */
static int64_t climb(struct lx_walk *walk)
{
	const struct lx_base from = walk->base;

	if (!walk->root.mount || in_scope(walk))
		return -LX_ENAMETOOLONG;
	return open_above(walk, &from);
}

/* "..": 0, REST_CHANGED or -errno. */
static int64_t go_up(struct lx_walk *walk)
{
	struct lx_base from = {0};
	int64_t result;

	for (;;) {
		if (walk->name_size > walk->verified) {
			result = verify(walk);
			if (result)
				return result;
		}
		if (at_root(walk))
			return walk->resolve & LX_RESOLVE_BENEATH ? -LX_EXDEV : 0;
		if (walk->name_size && from.handle)
			return go_up_from(walk, &from);
		if (walk->name_size) {
			remove_last_component(walk);
			return 0;
		}
		if (walk->base.mount && !walk->base.mount->parent)
			return 0;
		if (walk->base.mount) {
			if (walk->resolve & LX_RESOLVE_NO_XDEV)
				return -LX_EXDEV;
			stand_at(walk, base_of_mount(walk->base.mount->parent));
			return 0;
		}
		from = walk->base;
		result = walk->base.file == walk->held_file ? lx_walk_check_directory(walk, walk->base.handle) : 0;
		if (result == 0)
			result = expand_base(walk);
		if (result == -LX_ENAMETOOLONG)
			return climb(walk);
		if (result < 0)
			return result;
	}
}

void lx_walk_adopt(struct lx_walk *walk, HANDLE handle, struct io_file *file, bool jumped)
{
	if (walk->owned_handle)
		ZwClose(walk->owned_handle);
	/* The scope that the walk must not leave stays held: its identity is compared. */
	if (walk->held_file && walk->root.file == walk->held_file)
		walk->held_scope = walk->held_file;
	else if (walk->held_file)
		ob_dereference(walk->held_file);
	walk->owned_handle = handle;
	walk->held_file = file;
	stand_at(walk, (struct lx_base){handle, file, lx_mounts_of_root(file)});
	walk->jumped = jumped;
}

/* The name grows too long for one request: its directory becomes the base. 0, REST_CHANGED or -errno. */
static int64_t make_room(struct lx_walk *walk)
{
	HANDLE handle = NULL;
	NTSTATUS status = lx_open_place(lx_walk_attributes(walk, OBJ_KERNEL_HANDLE), true, false, &handle);
	int64_t result;

	if (status == STATUS_REPARSE) {
		if (handle)
			ZwClose(handle);
		result = lx_walk_follow(walk);
		return result < 0 ? result : REST_CHANGED;
	}
	return NT_SUCCESS(status) ? adopt_directory(walk, handle, false) : lx_result(walk->call, status);
}

static int64_t go_down(struct lx_walk *walk, const char *component, size_t size)
{
	const struct lx_mount *mount;
	int64_t result;

	if (!walk->name_size && walk->base.mount) {
		mount = lx_mounts_child(walk->base.mount, component, size);
		if (mount) {
			if (walk->resolve & LX_RESOLVE_NO_XDEV)
				return -LX_EXDEV;
			stand_at(walk, base_of_mount(mount));
			return 0;
		}
	}
	if (walk->jumped && !walk->name_size && !lx_mounts_have_device(walk->base.file->device))
		return -LX_ENOTDIR;
	if (walk->name_size && walk->name_size + 1 + size >= LX_PATH_MAX - 2) {
		result = make_room(walk);
		if (result)
			return result;
	}
	if (size >= LX_PATH_MAX - 2)
		return -LX_ENAMETOOLONG;
	if (walk->name_size)
		walk->name[walk->name_size++] = '/';
	memcpy(walk->name + walk->name_size, component, size);
	walk->name_size += size;
	return 0;
}

/* LX_WALK_PARENT: `component` is the last one, and stays in rest. */
static void keep_last(struct lx_walk *walk, const char *component, size_t size)
{
	walk->last = component;
	walk->last_size = size + (component[size] == '/');
	walk->last_kind = size == 1 && *component == '.'		 ? LX_LAST_DOT :
			  size == 2 && !memcmp(component, "..", 2) ? LX_LAST_DOTDOT :
								     LX_LAST_NAME;
}

int64_t lx_walk_consume(struct lx_walk *walk)
{
	int64_t result;

	walk->last_kind = LX_LAST_ROOT;
	for (;;) {
		const char *component = walk->rest + strspn(walk->rest, "/");
		size_t size = strcspn(component, "/");
		const char *next = component + size + strspn(component + size, "/");
		bool dot = size == 1 && *component == '.';
		bool dotdot = size == 2 && component[0] == '.' && component[1] == '.';

		walk->rest = component;
		if (!size)
			return 0;
		if (!*next && (walk->flags & LX_WALK_PARENT)) {
			keep_last(walk, component, size);
			return 0;
		}
		/* A "." is looked up in the directory that it stands for, which must be searched for it. */
		if (dot && !walk->name_size)
			walk->jumped = false;
		result = dot ? 0 : dotdot ? go_up(walk) : go_down(walk, component, size);
		if (result < 0)
			return result;
		if (result == REST_CHANGED)
			continue;
		if (!*next) {
			walk->dot = dot;
			walk->slash = !dot && !dotdot && component[size] == '/';
			walk->directory = dot || dotdot || walk->slash;
		}
		walk->rest = next;
	}
}

int64_t lx_walk_parent(struct lx_walk *walk, HANDLE *handle, bool *owned)
{
	int64_t result;
	NTSTATUS status;

	for (;;) {
		*owned = walk->name_size != 0;
		*handle = walk->base.handle;
		if (!*owned)
			return 0;
		status = lx_open_place(lx_walk_attributes(walk, OBJ_KERNEL_HANDLE), true, false, handle);
		if (status == STATUS_REPARSE && *handle)
			ZwClose(*handle);
		if (!lx_walk_again(walk, status, &result))
			return result;
	}
}

struct lx_directory *lx_directory_create(HANDLE handle)
{
	struct lx_directory *directory = calloc(1, sizeof(*directory));

	if (!directory || !NT_SUCCESS(io_reference_file(handle, 0, &directory->file))) {
		ZwClose(handle);
		free(directory);
		return NULL;
	}
	directory->references = 1;
	directory->handle = handle;
	directory->mount = lx_mounts_of_root(directory->file);
	return directory;
}

void lx_directory_dereference(struct lx_directory *directory)
{
	if (--directory->references)
		return;
	ob_dereference(directory->file);
	ZwClose(directory->handle);
	free(directory);
}
