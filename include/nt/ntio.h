/*
 * I/O manager: file access rights, create options, information classes and
 * their structures. Constants as in the NT DDK (build 17763).
 */
#ifndef NT_NTIO_H
#define NT_NTIO_H

#include <nt/ntdef.h>
#include <nt/ntke.h>

typedef struct _IO_STATUS_BLOCK {
	NTSTATUS Status;
	ULONG_PTR Information;
} IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;

typedef void (*PIO_APC_ROUTINE)(PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, ULONG Reserved);

/* Where data is copied from or to: see <nt/iobuffer.h>. */
typedef struct io_buffer *PIO_BUFFER;

#define FILE_READ_DATA 0x1u
#define FILE_LIST_DIRECTORY 0x1u
#define FILE_WRITE_DATA 0x2u
#define FILE_ADD_FILE 0x2u
#define FILE_APPEND_DATA 0x4u
#define FILE_ADD_SUBDIRECTORY 0x4u
#define FILE_READ_EA 0x8u
#define FILE_WRITE_EA 0x10u
#define FILE_EXECUTE 0x20u
#define FILE_TRAVERSE 0x20u
#define FILE_DELETE_CHILD 0x40u
#define FILE_READ_ATTRIBUTES 0x80u
#define FILE_WRITE_ATTRIBUTES 0x100u
#define FILE_ALL_ACCESS 0x1F01FFu
#define FILE_GENERIC_READ 0x120089u
#define FILE_GENERIC_WRITE 0x120116u
#define FILE_GENERIC_EXECUTE 0x1200A0u

#define FILE_SHARE_READ 0x1u
#define FILE_SHARE_WRITE 0x2u
#define FILE_SHARE_DELETE 0x4u

#define FILE_SUPERSEDE 0u
#define FILE_OPEN 1u
#define FILE_CREATE 2u
#define FILE_OPEN_IF 3u
#define FILE_OVERWRITE 4u
#define FILE_OVERWRITE_IF 5u

#define FILE_DIRECTORY_FILE 0x1u
#define FILE_WRITE_THROUGH 0x2u
#define FILE_SEQUENTIAL_ONLY 0x4u
#define FILE_NO_INTERMEDIATE_BUFFERING 0x8u
#define FILE_SYNCHRONOUS_IO_ALERT 0x10u
#define FILE_SYNCHRONOUS_IO_NONALERT 0x20u
#define FILE_NON_DIRECTORY_FILE 0x40u
#define FILE_DELETE_ON_CLOSE 0x1000u
#define FILE_OPEN_BY_FILE_ID 0x2000u
#define FILE_OPEN_FOR_BACKUP_INTENT 0x4000u
#define FILE_OPEN_REPARSE_POINT 0x200000u

#define FILE_SUPERSEDED 0u
#define FILE_OPENED 1u
#define FILE_CREATED 2u
#define FILE_OVERWRITTEN 3u
#define FILE_EXISTS 4u
#define FILE_DOES_NOT_EXIST 5u

#define FILE_ATTRIBUTE_READONLY 0x1u
#define FILE_ATTRIBUTE_HIDDEN 0x2u
#define FILE_ATTRIBUTE_DIRECTORY 0x10u
#define FILE_ATTRIBUTE_DEVICE 0x40u
#define FILE_ATTRIBUTE_NORMAL 0x80u
#define FILE_ATTRIBUTE_TEMPORARY 0x100u
#define FILE_ATTRIBUTE_SPARSE_FILE 0x200u
#define FILE_ATTRIBUTE_REPARSE_POINT 0x400u

#define FILE_WRITE_TO_END_OF_FILE 0xFFFFFFFFu
#define FILE_USE_FILE_POINTER_POSITION 0xFFFFFFFEu

#define IO_REPARSE_TAG_SYMLINK 0xA000000Cu
#define IO_REPARSE_TAG_MOUNT_POINT 0xA0000003u
#define IO_REPARSE_TAG_LX_SYMLINK 0xA000001Du
#define IO_REPARSE_TAG_AF_UNIX 0x80000023u
#define IO_REPARSE_TAG_LX_FIFO 0x80000024u
#define IO_REPARSE_TAG_LX_CHR 0x80000025u
#define IO_REPARSE_TAG_LX_BLK 0x80000026u

/* FSCTL_GET/SET_REPARSE_POINT data; an LX_SYMLINK's is u32 2, then the target without NUL. */
typedef struct _REPARSE_DATA_BUFFER {
	ULONG ReparseTag;
	USHORT ReparseDataLength;
	USHORT Reserved;
	UCHAR DataBuffer[];
} REPARSE_DATA_BUFFER, *PREPARSE_DATA_BUFFER;

typedef enum _FILE_INFORMATION_CLASS {
	FileDirectoryInformation = 1,
	FileFullDirectoryInformation = 2,
	FileBothDirectoryInformation = 3,
	FileBasicInformation = 4,
	FileStandardInformation = 5,
	FileInternalInformation = 6,
	FileEaInformation = 7,
	FileAccessInformation = 8,
	FileNameInformation = 9,
	FileRenameInformation = 10,
	FileLinkInformation = 11,
	FileNamesInformation = 12,
	FileDispositionInformation = 13,
	FilePositionInformation = 14,
	FileFullEaInformation = 15,
	FileModeInformation = 16,
	FileAllInformation = 18,
	FileAllocationInformation = 19,
	FileEndOfFileInformation = 20,
	FilePipeInformation = 23,
	FilePipeLocalInformation = 24,
	FileCompletionInformation = 30,
	FileAttributeTagInformation = 35,
	FileIdFullDirectoryInformation = 38,
	FileIdExtdDirectoryInformation = 60,
	FileDispositionInformationEx = 64,
	FileRenameInformationEx = 65,
	FileStatInformation = 68,
	FileStatLxInformation = 70,
	FileCaseSensitiveInformation = 71,
	FileLinkInformationEx = 72,
	/*
	 * Classes of lxrun's own, out of the published range: what Linux shows and
	 * NT's 100 ns and attribute forms would lose.
	 */
	FileLxStatxInformation = 0x4C58, /* FILE_LX_STATX_INFORMATION, query */
	FileLxModeInformation,           /* ULONG st_mode permission bits, set */
	FileLxOwnerInformation,          /* FILE_LX_OWNER_INFORMATION, set */
	FileLxTimesInformation,          /* FILE_LX_TIMES_INFORMATION, set */
	FileLxStatusFlagsInformation,    /* ULONG O_APPEND|O_NONBLOCK|O_DIRECT|O_NOATIME|O_ASYNC (LX values), query and set */
	FileLxRenameInformation,         /* FILE_LX_RENAME_INFORMATION, set: renameat2 flags beyond NT's */
	FileLxStatxWantedInformation,    /* as FileLxStatxInformation, query: Mask says on entry what statx(2) was asked for */
} FILE_INFORMATION_CLASS;

typedef struct _FILE_BASIC_INFORMATION {
	LARGE_INTEGER CreationTime;
	LARGE_INTEGER LastAccessTime;
	LARGE_INTEGER LastWriteTime;
	LARGE_INTEGER ChangeTime;
	ULONG FileAttributes;
} FILE_BASIC_INFORMATION, *PFILE_BASIC_INFORMATION;

typedef struct _FILE_STANDARD_INFORMATION {
	LARGE_INTEGER AllocationSize;
	LARGE_INTEGER EndOfFile;
	ULONG NumberOfLinks;
	BOOLEAN DeletePending;
	BOOLEAN Directory;
} FILE_STANDARD_INFORMATION, *PFILE_STANDARD_INFORMATION;

typedef struct _FILE_INTERNAL_INFORMATION {
	LARGE_INTEGER IndexNumber;
} FILE_INTERNAL_INFORMATION;

typedef struct _FILE_ACCESS_INFORMATION {
	ACCESS_MASK AccessFlags;
} FILE_ACCESS_INFORMATION;

typedef struct _FILE_MODE_INFORMATION {
	ULONG Mode;
} FILE_MODE_INFORMATION;

/*
 * The path of the object within its device, as it was opened or, where the device knows better, as it is now. hostfs: as it
 * is now, with a leading slash ("/" is the device's root), " (deleted)" behind the last name of a removed file; without a
 * slash where the host has no path ("pipe:[17]").
 */
typedef struct _FILE_NAME_INFORMATION {
	ULONG FileNameLength;
	CHAR FileName[];
} FILE_NAME_INFORMATION, *PFILE_NAME_INFORMATION;

#define FILE_RENAME_REPLACE_IF_EXISTS 0x1u
#define FILE_RENAME_POSIX_SEMANTICS 0x2u
#define FILE_LINK_REPLACE_IF_EXISTS 0x1u
#define FILE_LINK_POSIX_SEMANTICS 0x2u

/* FileRenameInformationEx, FileLinkInformationEx. RootDirectory: a directory handle; the name is one component or a relative path. */
typedef struct _FILE_RENAME_INFORMATION {
	ULONG Flags;
	HANDLE RootDirectory;
	ULONG FileNameLength;
	CHAR FileName[];
} FILE_RENAME_INFORMATION, *PFILE_RENAME_INFORMATION, FILE_LINK_INFORMATION, *PFILE_LINK_INFORMATION;

#define FILE_DISPOSITION_DELETE 0x1u
#define FILE_DISPOSITION_POSIX_SEMANTICS 0x2u

typedef struct _FILE_DISPOSITION_INFORMATION_EX {
	ULONG Flags;
} FILE_DISPOSITION_INFORMATION_EX;

typedef struct _FILE_POSITION_INFORMATION {
	LARGE_INTEGER CurrentByteOffset;
} FILE_POSITION_INFORMATION;

typedef struct _FILE_END_OF_FILE_INFORMATION {
	LARGE_INTEGER EndOfFile;
} FILE_END_OF_FILE_INFORMATION;

typedef struct _FILE_ALLOCATION_INFORMATION {
	LARGE_INTEGER AllocationSize;
} FILE_ALLOCATION_INFORMATION;

typedef struct _FILE_ATTRIBUTE_TAG_INFORMATION {
	ULONG FileAttributes;
	ULONG ReparseTag;
} FILE_ATTRIBUTE_TAG_INFORMATION;

/* NtQueryDirectoryFile's records; NextEntryOffset 0 ends them. FileIndex is the cookie of the position behind the record. */
typedef struct _FILE_ID_EXTD_DIR_INFORMATION {
	ULONG NextEntryOffset;
	ULONG FileIndex;
	LARGE_INTEGER CreationTime;
	LARGE_INTEGER LastAccessTime;
	LARGE_INTEGER LastWriteTime;
	LARGE_INTEGER ChangeTime;
	LARGE_INTEGER EndOfFile;
	LARGE_INTEGER AllocationSize;
	ULONG FileAttributes;
	ULONG FileNameLength;
	ULONG EaSize;
	ULONG ReparsePointTag;
	union {
		UCHAR FileId[16];
		/* lxrun: the inode number, then the 64-bit position cookie behind this record. */
		struct {
			ULONGLONG FileIdLow;
			ULONGLONG PositionCookie;
		};
	};
	CHAR FileName[];
} FILE_ID_EXTD_DIR_INFORMATION, *PFILE_ID_EXTD_DIR_INFORMATION;

#define LX_FILE_METADATA_HAS_UID 0x1u
#define LX_FILE_METADATA_HAS_GID 0x2u
#define LX_FILE_METADATA_HAS_MODE 0x4u
#define LX_FILE_METADATA_HAS_DEVICE_ID 0x8u

typedef struct _FILE_STAT_LX_INFORMATION {
	LARGE_INTEGER FileId;
	LARGE_INTEGER CreationTime;
	LARGE_INTEGER LastAccessTime;
	LARGE_INTEGER LastWriteTime;
	LARGE_INTEGER ChangeTime;
	LARGE_INTEGER AllocationSize;
	LARGE_INTEGER EndOfFile;
	ULONG FileAttributes;
	ULONG ReparseTag;
	ULONG NumberOfLinks;
	ACCESS_MASK EffectiveAccess;
	ULONG LxFlags;
	ULONG LxUid;
	ULONG LxGid;
	ULONG LxMode;
	ULONG LxDeviceIdMajor;
	ULONG LxDeviceIdMinor;
} FILE_STAT_LX_INFORMATION, *PFILE_STAT_LX_INFORMATION;

typedef struct _FILE_LX_TIME {
	LONGLONG Seconds; /* since 1970 */
	ULONG Nanoseconds;
	ULONG Flags;
} FILE_LX_TIME;

/*
 * FileLxStatxInformation: struct statx's content. Mask says which fields hold (STATX_* values). On entry of
 * FileLxStatxWantedInformation FILE_LX_STATX_KNOWN may be among them: a file's server is not asked, what was known last will do.
 */
#define FILE_LX_STATX_KNOWN 0x80000000u
typedef struct _FILE_LX_STATX_INFORMATION {
	ULONG Mask;
	ULONG BlockSize;
	ULONGLONG Attributes;
	ULONGLONG AttributesMask;
	ULONG NumberOfLinks;
	ULONG Uid;
	ULONG Gid;
	ULONG Mode; /* with type bits */
	ULONGLONG Inode;
	ULONGLONG Size;
	ULONGLONG Blocks; /* of 512 bytes */
	FILE_LX_TIME AccessTime;
	FILE_LX_TIME BirthTime;
	FILE_LX_TIME ChangeTime;
	FILE_LX_TIME ModifyTime;
	ULONG RdevMajor;
	ULONG RdevMinor;
	ULONG DevMajor;
	ULONG DevMinor;
	ULONGLONG MountId;
	ULONG DioMemAlign;
	ULONG DioOffsetAlign;
	ULONGLONG MountIdUnique;
	ULONGLONG Subvolume;
	ULONG AtomicWriteUnitMin;
	ULONG AtomicWriteUnitMax;
	ULONG AtomicWriteSegmentsMax;
	ULONG DioReadOffsetAlign;
	ULONG AtomicWriteUnitMaxOpt;
} FILE_LX_STATX_INFORMATION, *PFILE_LX_STATX_INFORMATION;

/* FileLxOwnerInformation: (ULONG)-1 leaves one as it is. */
typedef struct _FILE_LX_OWNER_INFORMATION {
	ULONG Uid;
	ULONG Gid;
} FILE_LX_OWNER_INFORMATION;

#define FILE_LX_TIME_OMIT 0x1u
#define FILE_LX_TIME_NOW 0x2u
/* FileLxTimesInformation: Flags of a time is 0 (set to the value), OMIT or NOW. */
typedef struct _FILE_LX_TIMES_INFORMATION {
	FILE_LX_TIME AccessTime;
	FILE_LX_TIME ModifyTime;
} FILE_LX_TIMES_INFORMATION;

/*
 * FileLxRenameInformation, on the handle of the source's parent directory: one
 * rename by names, as renameat2(2). NT renames by the source's handle, and a
 * handle of the source can't name which of its links is meant.
 */
typedef struct _FILE_LX_RENAME_INFORMATION {
	ULONG Flags; /* RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4 */
	HANDLE RootDirectory; /* target's parent directory */
	STRING OldName;
	STRING NewName;
} FILE_LX_RENAME_INFORMATION;

typedef enum _FS_INFORMATION_CLASS {
	FileFsVolumeInformation = 1,
	FileFsSizeInformation = 3,
	FileFsDeviceInformation = 4,
	FileFsAttributeInformation = 5,
	FileFsFullSizeInformation = 7,
	FileFsSectorSizeInformation = 11,
	FileFsLxStatfsInformation = 0x4C58, /* FILE_FS_LX_STATFS_INFORMATION */
} FS_INFORMATION_CLASS;

typedef struct _FILE_FS_LX_STATFS_INFORMATION {
	LONGLONG Type;
	LONGLONG BlockSize;
	ULONGLONG Blocks;
	ULONGLONG BlocksFree;
	ULONGLONG BlocksAvailable;
	ULONGLONG Files;
	ULONGLONG FilesFree;
	LONG FsId[2];
	LONGLONG NameLength;
	LONGLONG FragmentSize;
	LONGLONG Flags;
} FILE_FS_LX_STATFS_INFORMATION;

#define FILE_DEVICE_NAMED_PIPE 0x11u
#define FILE_DEVICE_DISK_FILE_SYSTEM 0x8u
#define FILE_DEVICE_NULL 0x15u
#define FILE_DEVICE_UNKNOWN 0x22u
#define FILE_DEVICE_CONSOLE 0x50u

typedef struct _FILE_FS_DEVICE_INFORMATION {
	ULONG DeviceType; /* FILE_DEVICE_* */
	ULONG Characteristics;
} FILE_FS_DEVICE_INFORMATION, *PFILE_FS_DEVICE_INFORMATION;

typedef struct _FILE_FS_FULL_SIZE_INFORMATION {
	LARGE_INTEGER TotalAllocationUnits;
	LARGE_INTEGER CallerAvailableAllocationUnits;
	LARGE_INTEGER ActualAvailableAllocationUnits;
	ULONG SectorsPerAllocationUnit;
	ULONG BytesPerSector;
} FILE_FS_FULL_SIZE_INFORMATION;

/* NtQueryEaFile, NtSetEaFile, NtCreateFile's EaBuffer; NextEntryOffset 0 ends them; EaName is NUL-terminated, the value follows. */
typedef struct _FILE_FULL_EA_INFORMATION {
	ULONG NextEntryOffset;
	UCHAR Flags;
	UCHAR EaNameLength;
	USHORT EaValueLength;
	CHAR EaName[];
} FILE_FULL_EA_INFORMATION, *PFILE_FULL_EA_INFORMATION;

#define LX_FILE_METADATA_UID_EA_NAME "$LXUID"
#define LX_FILE_METADATA_GID_EA_NAME "$LXGID"
#define LX_FILE_METADATA_MODE_EA_NAME "$LXMOD"
#define LX_FILE_METADATA_DEVICE_ID_EA_NAME "$LXDEV"

#define CTL_CODE(device, function, method, access) \
	(((ULONG)(device) << 16) | ((ULONG)(access) << 14) | ((ULONG)(function) << 2) | (ULONG)(method))
#define FSCTL_SET_REPARSE_POINT 0x900A4u
#define FSCTL_GET_REPARSE_POINT 0x900A8u
#define FSCTL_SET_SPARSE 0x900C4u
#define FSCTL_SET_ZERO_DATA 0x980C8u
#define FSCTL_QUERY_ALLOCATED_RANGES 0x940CFu
#define FSCTL_PIPE_PEEK 0x11400Cu
/* lxrun's own control codes: FILE_DEVICE_UNKNOWN, functions from 0xC00 up. */
#define FSCTL_LX_FALLOCATE 0x223000u    /* in: FSCTL_LX_FALLOCATE_INPUT */
#define FSCTL_LX_SEEK 0x223004u         /* in: FSCTL_LX_SEEK_INPUT; out: LONGLONG new position */
#define FSCTL_LX_MAKE_NODE 0x223008u    /* on a directory; in: FSCTL_LX_MAKE_NODE_INPUT */
#define FSCTL_LX_REMOVE_NAME 0x22300Cu  /* on a directory; in: FSCTL_LX_REMOVE_NAME_INPUT */
#define FSCTL_LX_LINK_NAME 0x223010u    /* on a directory; in: FSCTL_LX_LINK_NAME_INPUT */
#define FSCTL_LX_GET_XATTR 0x223014u    /* in: NUL-terminated name; out: value; Information: its size */
#define FSCTL_LX_SET_XATTR 0x223018u    /* in: FSCTL_LX_SET_XATTR_INPUT */
#define FSCTL_LX_LIST_XATTR 0x22301Cu   /* out: NUL-terminated names */
#define FSCTL_LX_REMOVE_XATTR 0x223020u /* in: NUL-terminated name */
#define FSCTL_LX_ACCESS 0x223024u       /* in: ULONG R_OK|W_OK|X_OK bits; asked for who the thread acts as */
#define FSCTL_LX_FLOCK 0x223028u        /* in: ULONG LOCK_* operation */
#define FSCTL_LX_RECORD_LOCK 0x22302Cu  /* in/out: FSCTL_LX_RECORD_LOCK_BUFFER */
#define FSCTL_LX_PIPE_SIZE 0x223030u    /* in: ULONG new capacity or 0 (query); out: ULONG capacity */
#define FSCTL_LX_COPY_RANGE 0x223034u   /* in: FSCTL_LX_COPY_RANGE_INPUT; Information: bytes copied */
#define FSCTL_LX_FADVISE 0x223038u      /* in: FSCTL_LX_FADVISE_INPUT */
#define FSCTL_LX_SYNC_FS 0x22303Cu      /* in: nothing, or a non-zero ULONG: all file systems, as sync(2) */
#define FSCTL_LX_SPLICE 0x223040u       /* on a pipe, or FSCTL_LX_SPLICE_FROM on any file; in: FSCTL_LX_SPLICE_INPUT */
#define FSCTL_LX_SEALS 0x223044u        /* in: ULONG seals to add, with FSCTL_LX_SEALS_ADD (0: query); out: ULONG seals */
#define FSCTL_LX_SEALS_ADD 0x80000000u
#define FSCTL_LX_SYNC_RANGE 0x223048u   /* in: FSCTL_LX_SYNC_RANGE_INPUT */
#define FSCTL_LX_READAHEAD 0x22304Cu    /* in: FSCTL_LX_SYNC_RANGE_INPUT, Flags 0 */
#define FSCTL_LX_TERMINAL 0x223050u     /* on a terminal; out: FSCTL_LX_TERMINAL_OUTPUT */
#define FSCTL_LX_CREATED 0x223054u      /* out: ULONG 1 if the open made the file; from drivers that know better than IoStatusBlock said */
#define FSCTL_LX_ASYNC 0x223058u        /* O_ASYNC on or off; in: FSCTL_LX_ASYNC_INPUT */
/* ioctl(2) by number, for what has no form of its own: NtDeviceIoControlFile with this code; in/out: FSCTL_LX_IOCTL_BUFFER. */
#define FSCTL_LX_IOCTL 0x223080u

typedef struct _FSCTL_LX_FALLOCATE_INPUT {
	ULONG Mode; /* FALLOC_FL_* */
	LONGLONG Offset;
	LONGLONG Length;
} FSCTL_LX_FALLOCATE_INPUT;

typedef struct _FSCTL_LX_SEEK_INPUT {
	LONGLONG Offset;
	ULONG Whence; /* SEEK_SET, CUR, END, DATA, HOLE */
} FSCTL_LX_SEEK_INPUT;

typedef struct _FSCTL_LX_MAKE_NODE_INPUT {
	ULONG Mode; /* type and permission bits, umask applied; a directory or a symbolic link too */
	ULONG DeviceMajor;
	ULONG DeviceMinor;
	STRING Name;
	STRING Target; /* of a symbolic link */
} FSCTL_LX_MAKE_NODE_INPUT;

typedef struct _FSCTL_LX_REMOVE_NAME_INPUT {
	ULONG Directory; /* non-zero: rmdir, else unlink */
	STRING Name;
} FSCTL_LX_REMOVE_NAME_INPUT;

typedef struct _FSCTL_LX_LINK_NAME_INPUT {
	HANDLE File; /* opened with FILE_OPEN_REPARSE_POINT */
	STRING Name;
} FSCTL_LX_LINK_NAME_INPUT;

typedef struct _FSCTL_LX_SET_XATTR_INPUT {
	ULONG Flags; /* XATTR_CREATE 1, XATTR_REPLACE 2 */
	STRING Name;
	PVOID Value;
	SIZE_T Size;
} FSCTL_LX_SET_XATTR_INPUT;

typedef struct _FSCTL_LX_RECORD_LOCK_BUFFER {
	ULONG Command; /* F_GETLK, F_SETLK, F_SETLKW, F_OFD_* (LX values) */
	PVOID Owner;   /* POSIX lock owner; NULL for an OFD lock */
	SHORT Type;    /* F_RDLCK, F_WRLCK, F_UNLCK */
	SHORT Whence;
	LONGLONG Start;
	LONGLONG Length;
	LONG Pid; /* in: the owner's guest pid; out of F_GETLK: the holder's */
} FSCTL_LX_RECORD_LOCK_BUFFER;

typedef struct _FSCTL_LX_COPY_RANGE_INPUT {
	HANDLE Source;
	LONGLONG SourceOffset; /* -1: its file position */
	LONGLONG TargetOffset; /* -1: its file position */
	ULONGLONG Length;
	ULONG Flags;
} FSCTL_LX_COPY_RANGE_INPUT;

typedef struct _FSCTL_LX_FADVISE_INPUT {
	LONGLONG Offset;
	LONGLONG Length;
	ULONG Advice;
} FSCTL_LX_FADVISE_INPUT;

typedef struct _FSCTL_LX_SYNC_RANGE_INPUT {
	LONGLONG Offset;
	LONGLONG Length;
	ULONG Flags; /* SYNC_FILE_RANGE_* */
} FSCTL_LX_SYNC_RANGE_INPUT;

typedef struct _FSCTL_LX_TERMINAL_OUTPUT {
	ULONGLONG Number; /* the same for all who have this terminal open, and for both of its sides */
	ULONG Master;     /* non-zero: a pseudo-terminal's controlling side */
	ULONG Readable;
	ULONG HungUp; /* by the other side's last close, or by TIOCVHANGUP: of no use any more */
} FSCTL_LX_TERMINAL_OUTPUT;

typedef struct _FSCTL_LX_ASYNC_INPUT {
	ULONG On;
	LONG Descriptor; /* what the guest calls the file: si_fd */
} FSCTL_LX_ASYNC_INPUT;

typedef struct _FSCTL_LX_IOCTL_BUFFER {
	ULONG Request;       /* 32 bits, as the kernel compares; 0: what is said to one that isn't known, Argument */
	ULONG Size;          /* bytes used of Data */
	ULONGLONG Argument;  /* the third argument, where it is a number */
	UCHAR Data[];        /* the structure that the argument points to, copied in and out by the caller */
} FSCTL_LX_IOCTL_BUFFER;

#define FSCTL_LX_SPLICE_FROM 1u   /* from Other into the file */
#define FSCTL_LX_SPLICE_TO 2u     /* from the pipe to Other */
#define FSCTL_LX_SPLICE_TEE 3u    /* the pipe's bytes are copied to the pipe Other, and stay */
#define FSCTL_LX_SPLICE_BUFFER 4u /* vmsplice: from Buffer into the pipe's write end, or out of its read end */
typedef struct _FSCTL_LX_SPLICE_INPUT {
	ULONG Operation; /* FSCTL_LX_SPLICE_* */
	ULONG Flags;     /* SPLICE_F_NONBLOCK 2 */
	HANDLE Other;
	PIO_BUFFER Buffer;
	LONGLONG Offset; /* in Other; -1: its file position */
	ULONGLONG Length;
} FSCTL_LX_SPLICE_INPUT;

/*
 * Polling: NT has it for sockets as IOCTL_AFD_POLL; here any file object can be
 * polled through \Device\Afd. Events use Linux' POLL* bits.
 */
#define IOCTL_AFD_POLL 0x12024u

typedef struct _AFD_POLL_HANDLE_INFO {
	HANDLE Handle;
	ULONG Events;
	ULONG Result;
} AFD_POLL_HANDLE_INFO;

typedef struct _AFD_POLL_INFO {
	LARGE_INTEGER Timeout; /* NT form: negative relative; LLONG_MAX: none; 0: poll once */
	ULONG NumberOfHandles;
	ULONG Exclusive;
	AFD_POLL_HANDLE_INFO Handles[];
} AFD_POLL_INFO, *PAFD_POLL_INFO;

#define FILE_PIPE_BYTE_STREAM_TYPE 0u
#define FILE_PIPE_MESSAGE_TYPE 1u
#define FILE_PIPE_QUEUE_OPERATION 0u
#define FILE_PIPE_COMPLETE_OPERATION 1u

#define FLUSH_FLAGS_FILE_DATA_ONLY 0x1u
#define FLUSH_FLAGS_NO_SYNC 0x2u
#define FLUSH_FLAGS_FILE_DATA_SYNC_ONLY 0x4u

#endif
