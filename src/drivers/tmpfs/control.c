/* File-system controls: names in a directory, extended attributes, locks, links, space. */
#include <errno.h>

#include <drivers/tmpfs/node.h>

#define XATTR_CREATE_FLAG 1u
#define XATTR_REPLACE_FLAG 2u
#define XATTR_SIZE_LIMIT 65536u

/* --- extended attributes; volume.lock held unless said otherwise */

static struct tmpfs_xattr *find_xattr(const struct tmpfs_node *node, const char *name)
{
	struct tmpfs_xattr *xattr;

	TAILQ_FOREACH (xattr, &node->xattrs, link)
		if (!strcmp(xattr->name, name))
			return xattr;
	return NULL;
}

static void drop_xattr(struct tmpfs_node *node, struct tmpfs_xattr *xattr)
{
	TAILQ_REMOVE(&node->xattrs, xattr, link);
	atomic_fetch_sub(&node->volume->inode_used, tmpfs_xattr_space(xattr->name, xattr->size));
	free(xattr->name);
	free(xattr);
}

static NTSTATUS get_xattr(struct tmpfs_node *node, const char *name, void *output, ULONG output_size,
			  ULONG_PTR *information)
{
	const struct tmpfs_xattr *xattr = find_xattr(node, name);

	if (!xattr)
		return FSRTL_ERRNO(ENODATA);
	*information = xattr->size;
	if (output_size == 0)
		return STATUS_SUCCESS;
	if (output_size < xattr->size)
		return FSRTL_ERRNO(ERANGE);
	memcpy(output, xattr->value, xattr->size);
	return STATUS_SUCCESS;
}

static NTSTATUS set_xattr(struct tmpfs_node *node, const struct fsrtl_xattr *input)
{
	struct tmpfs_volume *volume = node->volume;
	uint64_t space = tmpfs_xattr_space(input->name, input->size);
	struct tmpfs_xattr *old, *xattr;

	if (input->size > XATTR_SIZE_LIMIT)
		return FSRTL_ERRNO(E2BIG);
	old = find_xattr(node, input->name);
	if (old && input->flags & XATTR_CREATE_FLAG)
		return FSRTL_ERRNO(EEXIST);
	if (!old && input->flags & XATTR_REPLACE_FLAG)
		return FSRTL_ERRNO(ENODATA);
	/* Both the old and the new count for a moment, as both are there. */
	if (!tmpfs_reserve(&volume->inode_used, volume->inode_limit, space))
		return FSRTL_ERRNO(ENOSPC);
	xattr = malloc(sizeof *xattr + input->size);
	if (xattr)
		xattr->name = strdup(input->name);
	if (!xattr || !xattr->name) {
		free(xattr);
		atomic_fetch_sub(&volume->inode_used, space);
		return STATUS_NO_MEMORY;
	}
	xattr->size = input->size;
	if (input->size)
		memcpy(xattr->value, input->value, input->size);
	if (old)
		drop_xattr(node, old);
	TAILQ_INSERT_HEAD(&node->xattrs, xattr, link);
	node->attributes.ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

static NTSTATUS remove_xattr(struct tmpfs_node *node, const char *name)
{
	struct tmpfs_xattr *xattr = find_xattr(node, name);

	if (!xattr)
		return FSRTL_ERRNO(ENODATA);
	drop_xattr(node, xattr);
	node->attributes.ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

static NTSTATUS list_xattrs(struct tmpfs_node *node, char *output, ULONG output_size, ULONG_PTR *information)
{
	const struct tmpfs_xattr *xattr;
	size_t used = 0;

	TAILQ_FOREACH (xattr, &node->xattrs, link) {
		size_t length = strlen(xattr->name) + 1;

		if (!strncmp(xattr->name, "trusted.", 8) && !fsrtl_capable(FSRTL_CAP_SYS_ADMIN))
			continue;
		if (output_size && used + length > output_size)
			return FSRTL_ERRNO(ERANGE);
		if (output_size)
			memcpy(output + used, xattr->name, length);
		used += length;
	}
	*information = used;
	return STATUS_SUCCESS;
}

/* Access control lists can't be set, so there is never one to find; taking away what is not there succeeds. */
static NTSTATUS control_acl(ULONG code)
{
	if (code == FSCTL_LX_GET_XATTR)
		return FSRTL_ERRNO(ENODATA);
	return code == FSCTL_LX_REMOVE_XATTR ? STATUS_SUCCESS : FSRTL_ERRNO(EOPNOTSUPP);
}

/* volume.lock held. */
static NTSTATUS control_named(struct tmpfs_node *node, const struct fsrtl_xattr *request, void *output, ULONG output_size,
			      ULONG_PTR *information)
{
	NTSTATUS status = fsrtl_check_xattr(&node->attributes, request, true);

	if (status != STATUS_SUCCESS)
		return status;
	if (fsrtl_is_acl(request->name))
		return control_acl(request->code);
	if (request->code == FSCTL_LX_GET_XATTR)
		return get_xattr(node, request->name, output, output_size, information);
	return request->code == FSCTL_LX_SET_XATTR ? set_xattr(node, request) : remove_xattr(node, request->name);
}

static NTSTATUS control_xattr(struct tmpfs_node *node, ULONG code, const void *input, ULONG input_size, void *output,
			      ULONG output_size, ULONG_PTR *information)
{
	struct fsrtl_xattr request;
	NTSTATUS status = fsrtl_parse_xattr(code, input, input_size, &request);

	if (status != STATUS_SUCCESS)
		return status;
	rtl_lock(&node->volume->lock);
	status = code == FSCTL_LX_LIST_XATTR ? list_xattrs(node, output, output_size, information) :
					       control_named(node, &request, output, output_size, information);
	rtl_unlock(&node->volume->lock);
	return status;
}

/* --- the rest */

static NTSTATUS read_link(const struct tmpfs_node *node, void *output, ULONG output_size, ULONG_PTR *information)
{
	if (tmpfs_type(node) != FSRTL_S_IFLNK)
		return STATUS_NOT_A_REPARSE_POINT;
	return fsrtl_return_link(node->target, strlen(node->target), output, output_size, information);
}

static NTSTATUS record_lock(struct io_file *file, const void *input, void *output, ULONG output_size,
			    ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	FSCTL_LX_RECORD_LOCK_BUFFER buffer;
	FILE_LX_STATX_INFORMATION size = {0};
	NTSTATUS status;

	memcpy(&buffer, input, sizeof buffer);
	tmpfs_measure(node, &size);
	status = io_lock_record(&node->locks, file, (LONGLONG)size.Size, &buffer);
	if (status == STATUS_SUCCESS && output_size >= sizeof buffer)
		status = fsrtl_return(&buffer, sizeof buffer, output, output_size, information);
	return status;
}

static NTSTATUS seek(struct io_file *file, const void *input, void *output, ULONG output_size, ULONG_PTR *information)
{
	FSCTL_LX_SEEK_INPUT in;
	LONGLONG result;
	NTSTATUS status;

	memcpy(&in, input, sizeof in);
	status = tmpfs_seek(file, &in, &result);
	return status == STATUS_SUCCESS ? fsrtl_return(&result, sizeof result, output, output_size, information) :
					  status;
}

static NTSTATUS check_access(struct tmpfs_node *node, ULONG wanted)
{
	bool may;

	rtl_lock(&node->volume->lock);
	may = fsrtl_permitted(&node->attributes, wanted & 7);
	rtl_unlock(&node->volume->lock);
	return may ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

/* The least input of each control. */
static bool input_suffices(ULONG code, ULONG size)
{
	static const struct {
		ULONG code;
		size_t size;
	} least[] = {
		{FSCTL_LX_SEEK, sizeof(FSCTL_LX_SEEK_INPUT)},
		{FSCTL_LX_FALLOCATE, sizeof(FSCTL_LX_FALLOCATE_INPUT)},
		{FSCTL_LX_MAKE_NODE, sizeof(FSCTL_LX_MAKE_NODE_INPUT)},
		{FSCTL_LX_REMOVE_NAME, sizeof(FSCTL_LX_REMOVE_NAME_INPUT)},
		{FSCTL_LX_LINK_NAME, sizeof(FSCTL_LX_LINK_NAME_INPUT)},
		{FSCTL_LX_RECORD_LOCK, sizeof(FSCTL_LX_RECORD_LOCK_BUFFER)},
		{FSCTL_LX_FLOCK, sizeof(ULONG)},
		{FSCTL_LX_ACCESS, sizeof(ULONG)},
	};

	for (size_t i = 0; i < ARRAY_COUNT(least); i++)
		if (least[i].code == code)
			return size >= least[i].size;
	return true;
}

NTSTATUS tmpfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			  ULONG output_size, ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);

	*information = 0;
	if (!input_suffices(code, input_size))
		return STATUS_INVALID_PARAMETER;
	switch (code) {
	case FSCTL_LX_SEEK:
		return seek(file, input, output, output_size, information);
	case FSCTL_LX_FALLOCATE:
		return tmpfs_allocate(node, input);
	case FSCTL_LX_MAKE_NODE:
		return tmpfs_make_node(node, input);
	case FSCTL_LX_REMOVE_NAME:
		return tmpfs_remove_name(node, input);
	case FSCTL_LX_LINK_NAME:
		return tmpfs_link_name(node, input);
	case FSCTL_LX_GET_XATTR:
	case FSCTL_LX_SET_XATTR:
	case FSCTL_LX_LIST_XATTR:
	case FSCTL_LX_REMOVE_XATTR:
		return control_xattr(node, code, input, input_size, output, output_size, information);
	case FSCTL_LX_RECORD_LOCK:
		return record_lock(file, input, output, output_size, information);
	case FSCTL_LX_FLOCK:
		return io_lock_whole(&node->locks, file, *(const ULONG *)input);
	case FSCTL_LX_ACCESS:
		return check_access(node, *(const ULONG *)input);
	case FSCTL_GET_REPARSE_POINT:
		return read_link(node, output, output_size, information);
	case FSCTL_LX_FADVISE:
	case FSCTL_LX_SYNC_FS:
		return STATUS_SUCCESS;
	default:
		return STATUS_INVALID_DEVICE_REQUEST;
	}
}
