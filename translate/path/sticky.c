/*
 * Links in directories that everybody may write to, as fs.protected_symlinks has it (proc_sys_fs(5)): where the sticky bit
 * is set too, a link at the end of a path is followed only by its owner, or if it is the directory's owner's. The host asks
 * this where it follows a link itself, which it never does for a guest.
 */
#include <core/thread.h>
#include <hal/host.h>
#include <path/path.h>

/* The directory that holds the component which ends at `end` in the walk's name. */
static NTSTATUS query_holder(struct lx_walk *walk, size_t end, FILE_LX_STATX_INFORMATION *holder)
{
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	STRING name;

	while (end && walk->name[end - 1] != '/')
		end--;
	end -= end != 0;
	if (!end)
		return ZwQueryInformationFile(walk->base.handle, &io, holder, sizeof(*holder), FileLxStatxInformation);
	name = (STRING){(USHORT)end, (USHORT)end, walk->name};
	InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, walk->base.handle, NULL);
	return ZwQueryInformationByName(&attributes, &io, holder, sizeof(*holder), FileLxStatxInformation);
}

int64_t lx_walk_check_sticky(struct lx_walk *walk, size_t end, ULONG owner)
{
	const ULONG open_to_all = LX_S_ISVTX | 0002;
	const struct se_token *token = walk->call->thread->token;
	FILE_LX_STATX_INFORMATION holder;

	if (!token || token->fsuid == owner)
		return 0;
	if (query_holder(walk, end, &holder) != STATUS_SUCCESS)
		return 0; /* it has gone meanwhile, and what follows will see that */
	if ((holder.Mode & open_to_all) != open_to_all || holder.Uid == owner)
		return 0;
	return hal_protects_links() ? -LX_EACCES : 0;
}
