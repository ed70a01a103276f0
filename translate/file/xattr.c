/*
 * Extended attributes: all four operations by path, by link, by descriptor and
 * by (dirfd, path, AT_ flags).
 *
 * As in the Linux kernel the *at form is the general one: name and value are
 * taken in first, then the object is found, then one control code does the work.
 * An empty path with AT_EMPTY_PATH means the descriptor, which then can't be an
 * O_PATH one.
 */
#include <descriptor/files.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/resolve.h>

#define NAME_SIZE (LX_XATTR_NAME_MAX + 1)

/* What a call means by its object; a null path means the descriptor. */
struct object {
	int32_t dirfd;
	struct lx_uptr path;
	uint32_t at_flags;
};

static struct object by_path(struct lx_uptr path)
{
	return (struct object){LX_AT_FDCWD, path, 0};
}

static struct object by_link(struct lx_uptr path)
{
	return (struct object){LX_AT_FDCWD, path, LX_AT_SYMLINK_NOFOLLOW};
}

static struct object by_descriptor(int32_t fd)
{
	return (struct object){fd, lx_uptr(0), LX_AT_EMPTY_PATH};
}

static int64_t check_at_flags(uint32_t at_flags)
{
	return at_flags & ~(uint32_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH) ? -LX_EINVAL : 0;
}

static int64_t find_object(struct lx_call *call, const struct object *object, HANDLE *handle, bool *owned)
{
	char path[LX_PATH_MAX];
	int64_t result;

	path[0] = 0;
	*owned = false;
	if (!lx_is_null(object->path) || !(object->at_flags & LX_AT_EMPTY_PATH)) {
		result = lx_copy_in_path(call, path, object->path, object->at_flags & LX_AT_EMPTY_PATH);
		if (result < 0)
			return result;
	}
	if (!path[0] && (object->dirfd >= 0 || lx_is_null(object->path)))
		return lx_fd_handle(call, object->dirfd, false, handle);
	return lx_path_object(call, object->dirfd, path, object->at_flags, handle, owned);
}

/* One control code on the object: the answer's size, or -errno. */
static int64_t control_object(struct lx_call *call, const struct object *object, ULONG code, void *input,
			      ULONG input_size, void *output, ULONG output_size)
{
	IO_STATUS_BLOCK io = {0};
	HANDLE handle;
	NTSTATUS status;
	bool owned;
	int64_t result = find_object(call, object, &handle, &owned);

	if (result < 0)
		return result;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, code, input, input_size, output, output_size);
	if (owned)
		ZwClose(handle);
	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return -LX_EOPNOTSUPP;
	result = lx_result(call, status);
	return result < 0 ? result : (int64_t)io.Information;
}

static int64_t copy_in_name(struct lx_call *call, struct lx_uptr from, char name[NAME_SIZE])
{
	int64_t length = lx_copy_in_string(call, name, from, NAME_SIZE);

	return length == 0 || length == -LX_ENAMETOOLONG ? -LX_ERANGE : length;
}

static int64_t set_attribute(struct lx_call *call, const struct object *object, struct lx_uptr name_address,
			     struct lx_uptr value, uint64_t size, uint32_t flags)
{
	char name[NAME_SIZE];
	cleanup_free void *copy = NULL;
	FSCTL_LX_SET_XATTR_INPUT input = {.Flags = flags, .Size = size};
	int64_t result;

	if (flags & ~(uint32_t)(LX_XATTR_CREATE | LX_XATTR_REPLACE))
		return -LX_EINVAL;
	result = copy_in_name(call, name_address, name);
	if (result < 0)
		return result;
	if (size > LX_XATTR_SIZE_MAX)
		return -LX_E2BIG;
	copy = malloc(size ? size : 1);
	if (!copy)
		return -LX_ENOMEM;
	if (size && lx_copy_in(call, copy, value, size) < 0)
		return -LX_EFAULT;
	input.Name = rtl_string(name);
	input.Value = copy;
	result = control_object(call, object, FSCTL_LX_SET_XATTR, &input, sizeof(input), NULL, 0);
	return result < 0 ? result : 0;
}

/* Hand an answer out: at most `size` bytes, which may be larger than any answer is. */
static int64_t give_answer(struct lx_call *call, const struct object *object, ULONG code, char *input, ULONG input_size,
			   struct lx_uptr to, uint64_t size)
{
	ULONG room = (ULONG)MIN_OF(size, (uint64_t)LX_XATTR_SIZE_MAX);
	cleanup_free void *answer = malloc(room ? room : 1);
	int64_t result;

	if (!answer)
		return -LX_ENOMEM;
	result = control_object(call, object, code, input, input_size, answer, room);
	if (result == -LX_ERANGE && size >= LX_XATTR_SIZE_MAX)
		return -LX_E2BIG;
	if (result > 0 && room && lx_copy_out(call, to, answer, (size_t)result) < 0)
		return -LX_EFAULT;
	return result;
}

static int64_t get_attribute(struct lx_call *call, const struct object *object, struct lx_uptr name_address,
			     struct lx_uptr value, uint64_t size)
{
	char name[NAME_SIZE];
	int64_t length = copy_in_name(call, name_address, name);

	if (length < 0)
		return length;
	return give_answer(call, object, FSCTL_LX_GET_XATTR, name, (ULONG)length + 1, value, size);
}

static int64_t remove_attribute(struct lx_call *call, const struct object *object, struct lx_uptr name_address)
{
	char name[NAME_SIZE];
	int64_t length = copy_in_name(call, name_address, name);
	int64_t result;

	if (length < 0)
		return length;
	result = control_object(call, object, FSCTL_LX_REMOVE_XATTR, name, (ULONG)length + 1, NULL, 0);
	return result < 0 ? result : 0;
}

static int64_t list_attributes(struct lx_call *call, const struct object *object, struct lx_uptr list, uint64_t size)
{
	return give_answer(call, object, FSCTL_LX_LIST_XATTR, NULL, 0, list, size);
}

int64_t lx_sys_setxattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr name, struct lx_uptr value,
			uint64_t size, uint32_t flags)
{
	struct object object = by_path(path);

	return set_attribute(call, &object, name, value, size, flags);
}

int64_t lx_sys_lsetxattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr name, struct lx_uptr value,
			 uint64_t size, uint32_t flags)
{
	struct object object = by_link(path);

	return set_attribute(call, &object, name, value, size, flags);
}

int64_t lx_sys_fsetxattr(struct lx_call *call, int32_t fd, struct lx_uptr name, struct lx_uptr value, uint64_t size,
			 uint32_t flags)
{
	struct object object = by_descriptor(fd);

	return set_attribute(call, &object, name, value, size, flags);
}

int64_t lx_sys_getxattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr name, struct lx_uptr value,
			uint64_t size)
{
	struct object object = by_path(path);

	return get_attribute(call, &object, name, value, size);
}

int64_t lx_sys_lgetxattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr name, struct lx_uptr value,
			 uint64_t size)
{
	struct object object = by_link(path);

	return get_attribute(call, &object, name, value, size);
}

int64_t lx_sys_fgetxattr(struct lx_call *call, int32_t fd, struct lx_uptr name, struct lx_uptr value, uint64_t size)
{
	struct object object = by_descriptor(fd);

	return get_attribute(call, &object, name, value, size);
}

int64_t lx_sys_listxattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr list, uint64_t size)
{
	struct object object = by_path(path);

	return list_attributes(call, &object, list, size);
}

int64_t lx_sys_llistxattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr list, uint64_t size)
{
	struct object object = by_link(path);

	return list_attributes(call, &object, list, size);
}

int64_t lx_sys_flistxattr(struct lx_call *call, int32_t fd, struct lx_uptr list, uint64_t size)
{
	struct object object = by_descriptor(fd);

	return list_attributes(call, &object, list, size);
}

int64_t lx_sys_removexattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr name)
{
	struct object object = by_path(path);

	return remove_attribute(call, &object, name);
}

int64_t lx_sys_lremovexattr(struct lx_call *call, struct lx_uptr path, struct lx_uptr name)
{
	struct object object = by_link(path);

	return remove_attribute(call, &object, name);
}

int64_t lx_sys_fremovexattr(struct lx_call *call, int32_t fd, struct lx_uptr name)
{
	struct object object = by_descriptor(fd);

	return remove_attribute(call, &object, name);
}

static int64_t copy_in_args(struct lx_call *call, struct lx_uptr from, uint64_t size, struct lx_xattr_args *args)
{
	if (size < sizeof(*args))
		return -LX_EINVAL;
	if (size > LX_PAGE_SIZE)
		return -LX_E2BIG;
	return lx_copy_in_sized(call, args, sizeof(*args), from, size);
}

int64_t lx_sys_setxattrat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t at_flags,
			  struct lx_uptr name, struct lx_uptr args_address, uint64_t size)
{
	struct object object = {dirfd, pathname, at_flags};
	struct lx_xattr_args args;
	int64_t result = copy_in_args(call, args_address, size, &args);

	if (result == 0)
		result = check_at_flags(at_flags);
	return result < 0 ? result : set_attribute(call, &object, name, args.value, args.size, args.flags);
}

int64_t lx_sys_getxattrat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t at_flags,
			  struct lx_uptr name, struct lx_uptr args_address, uint64_t size)
{
	struct object object = {dirfd, pathname, at_flags};
	struct lx_xattr_args args;
	int64_t result = copy_in_args(call, args_address, size, &args);

	if (result == 0 && args.flags)
		result = -LX_EINVAL;
	if (result == 0)
		result = check_at_flags(at_flags);
	return result < 0 ? result : get_attribute(call, &object, name, args.value, args.size);
}

int64_t lx_sys_listxattrat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t at_flags,
			   struct lx_uptr list, uint64_t size)
{
	struct object object = {dirfd, pathname, at_flags};
	int64_t result = check_at_flags(at_flags);

	return result < 0 ? result : list_attributes(call, &object, list, size);
}

int64_t lx_sys_removexattrat(struct lx_call *call, int32_t dirfd, struct lx_uptr pathname, uint32_t at_flags,
			     struct lx_uptr name)
{
	struct object object = {dirfd, pathname, at_flags};
	int64_t result = check_at_flags(at_flags);

	return result < 0 ? result : remove_attribute(call, &object, name);
}
