/*
 * NtCreateNamedPipeFile: a file object on a new pipe, by way of the pipe driver's
 * create routine. Only byte pipes without a name exist: `\Device\NamedPipe\` with
 * nothing behind it, the read end of what pipe(2) makes. The type, the modes and
 * the quotas that an LX pipe does not have are checked, not ignored.
 */
#include <executive/io/io.h>
#include <nt/ntservices.h>
#include <nt/ntstatus.h>

#define LX_O_NONBLOCK_FLAG 04000u
#define LX_O_DIRECT_FLAG 040000u
#define PIPE_QUOTA 65536u

struct open_packet_ea {
	FILE_FULL_EA_INFORMATION header;
	CHAR name[sizeof LX_OPEN_PACKET_EA];
	UCHAR value[sizeof(struct lx_open_packet)];
};

/* The layout that NtCreateFile expects: name with its NUL at EaName, the value right behind. */
static ULONG make_open_packet(UCHAR *buffer, ULONG flags)
{
	FILE_FULL_EA_INFORMATION *ea = (void *)buffer;
	struct lx_open_packet packet = {.Flags = flags, .Mode = 0600};

	*ea = (FILE_FULL_EA_INFORMATION){.EaNameLength = sizeof LX_OPEN_PACKET_EA - 1, .EaValueLength = sizeof packet};
	memcpy(ea->EaName, LX_OPEN_PACKET_EA, sizeof LX_OPEN_PACKET_EA);
	memcpy(ea->EaName + sizeof LX_OPEN_PACKET_EA, &packet, sizeof packet);
	return (ULONG)(offsetof(FILE_FULL_EA_INFORMATION, EaName) + sizeof LX_OPEN_PACKET_EA + sizeof packet);
}

NTSTATUS NtCreateNamedPipeFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
			       PIO_STATUS_BLOCK IoStatusBlock, ULONG ShareAccess, ULONG CreateDisposition,
			       ULONG CreateOptions, ULONG NamedPipeType, ULONG ReadMode, ULONG CompletionMode,
			       ULONG MaximumInstances, ULONG InboundQuota, ULONG OutboundQuota,
			       PLARGE_INTEGER DefaultTimeout)
{
	_Alignas(FILE_FULL_EA_INFORMATION) UCHAR ea[sizeof(struct open_packet_ea)];
	ULONG flags = 0;

	if (CreateDisposition != FILE_CREATE || MaximumInstances != 1)
		return STATUS_INVALID_PARAMETER;
	if (InboundQuota > PIPE_QUOTA || OutboundQuota > PIPE_QUOTA)
		return STATUS_QUOTA_EXCEEDED;
	if (NamedPipeType == FILE_PIPE_MESSAGE_TYPE)
		flags |= LX_O_DIRECT_FLAG;
	if (CompletionMode == FILE_PIPE_COMPLETE_OPERATION)
		flags |= LX_O_NONBLOCK_FLAG;
	return NtCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, NULL, 0, ShareAccess, FILE_CREATE,
			    CreateOptions, ea, make_open_packet(ea, flags));
}
