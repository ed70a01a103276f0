/*
 * The system call table as data: what syscalls.tbl, flags.tbl and structs.tbl say, for dispatch, for the tracer and for
 * the command line. Nothing here depends on the host or on a handler, so tests and tools can link the tables alone
 * (lx_tables.c); the functions behind the rows are in lx_handlers (lx_dispatch.c), in the same order.
 */
#ifndef TRANSLATE_TABLE_H
#define TRANSLATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LX_MAX_ARGUMENTS = 6 };

/* What a value is, or, behind a pointer, what one element is. */
enum lx_kind {
	LX_KIND_NONE,
	LX_KIND_INT,
	LX_KIND_UINT,
	LX_KIND_HEX32,
	LX_KIND_LONG,
	LX_KIND_ULONG,
	LX_KIND_HEX,
	LX_KIND_U8,
	LX_KIND_U16,
	LX_KIND_S16,
	LX_KIND_PORT, /* 16 bits in network order */
	LX_KIND_SIZE,
	LX_KIND_SSIZE,
	LX_KIND_OFFSET,
	LX_KIND_ADDRESS, /* a number that is an address and is not followed */
	LX_KIND_FD,
	LX_KIND_DIRFD,
	LX_KIND_PID,
	LX_KIND_UID,
	LX_KIND_GID,
	LX_KIND_MODE,	     /* st_mode: file type and octal permissions */
	LX_KIND_PERMISSIONS, /* octal permissions only: umask, mkdir */
	LX_KIND_OPEN_MODE,   /* permissions that count only if the flags before have O_CREAT or O_TMPFILE */
	LX_KIND_DEVICE,	     /* printed as makedev(major, minor) */
	LX_KIND_DEVICE64,
	LX_KIND_SIGNAL,
	LX_KIND_SOCKLEN,
	LX_KIND_TIME,		/* seconds since 1970 */
	LX_KIND_WAIT_STATUS,	/* of wait4(2) */
	LX_KIND_RESOURCE_LIMIT, /* printed in multiples of 1024 or as RLIM64_INFINITY */
	LX_KIND_FLAGS,
	LX_KIND_FLAGS64,
	LX_KIND_ENUM,
	LX_KIND_SELECTOR,
	/* From here on the argument is a guest address even with no direction. */
	LX_KIND_POINTER,
	LX_KIND_PATH,
	LX_KIND_STRING,
	LX_KIND_STRINGS, /* an array of string addresses that a null ends: argv, envp */
	LX_KIND_BYTES,
	LX_KIND_STRUCT,
	LX_KIND_IOVEC,
	LX_KIND_SIGSET,
	LX_KIND_FDSET,
	LX_KIND_CPUSET,
	LX_KIND_SOCKADDR,
	LX_KIND_DIRENTS, /* struct linux_dirent64, or linux_dirent for getdents */
};

/* Whether the argument is the value itself, or the address of what the call reads, writes or both. */
enum lx_direction {
	LX_VALUE = 0,
	LX_IN = 1,
	LX_OUT = 2,
	LX_INOUT = 3,
};

/* How many elements (bytes for BYTES, STRING, SIGSET, CPUSET and SOCKADDR) lie behind a pointer. */
enum lx_length {
	LX_LENGTH_ONE,
	LX_LENGTH_TERMINATED, /* up to a zero element */
	LX_LENGTH_CONSTANT,   /* .length elements */
	LX_LENGTH_ARGUMENT,   /* the value of argument .length */
	LX_LENGTH_POINTEE,    /* the integer that argument .length points to */
	LX_LENGTH_RETURN,     /* the call's result */
};

struct lx_vocabulary_entry {
	const char *name;
	uint64_t value;
	uint64_t mask; /* bits that the value is compared under; equal to value for a plain flag */
};

enum lx_vocabulary_kind {
	LX_VOCABULARY_FLAGS,
	LX_VOCABULARY_ENUM,
};

struct lx_vocabulary {
	const char *name;
	enum lx_vocabulary_kind kind;
	uint16_t count;
	uint64_t known; /* all bits that some entry names: what argument validation lets through */
	const struct lx_vocabulary_entry *entries;
};

struct lx_structure;

struct lx_argument_descriptor {
	const char *name;
	enum lx_kind kind : 8;
	enum lx_direction direction : 8;
	enum lx_length length_kind : 8;
	uint16_t length;
	const struct lx_vocabulary *vocabulary; /* FLAGS, FLAGS64, ENUM, SELECTOR */
	const char *structure_name;		/* STRUCT */
	const struct lx_structure *structure;	/* STRUCT whose layout structs.tbl gives, else NULL */
};

/* A member of a guest structure; arrays use the length of .type, which is never LX_LENGTH_ARGUMENT here. */
struct lx_member {
	struct lx_argument_descriptor type;
	uint16_t offset;
	uint16_t size;
};

struct lx_structure {
	const char *name;
	uint16_t size;
	uint16_t count;
	const struct lx_member *members;
};

/* strace's classes of calls, as bits of lx_syscall_descriptor.classes. */
#define LX_CLASS_LIST(X)                                                                                               \
	X(FILE, "file")                                                                                                \
	X(PROCESS, "process")                                                                                          \
	X(NETWORK, "network")                                                                                          \
	X(SIGNAL, "signal")                                                                                            \
	X(IPC, "ipc")                                                                                                  \
	X(DESC, "desc")                                                                                                \
	X(MEMORY, "memory")                                                                                            \
	X(CREDS, "creds")                                                                                              \
	X(CLOCK, "clock")                                                                                              \
	X(PURE, "pure")                                                                                                \
	X(STAT, "stat")                                                                                                \
	X(LSTAT, "lstat")                                                                                              \
	X(FSTAT, "fstat")                                                                                              \
	X(STAT_LIKE, "%stat")                                                                                          \
	X(STATFS, "statfs")                                                                                            \
	X(FSTATFS, "fstatfs")                                                                                          \
	X(STATFS_LIKE, "%statfs")

enum lx_class_bit {
#define LX_CLASS_BIT(NAME, text) LX_CLASS_BIT_##NAME,
	LX_CLASS_LIST(LX_CLASS_BIT)
#undef LX_CLASS_BIT
	    LX_CLASS_COUNT
};

enum lx_class {
#define LX_CLASS(NAME, text) LX_CLASS_##NAME = 1 << LX_CLASS_BIT_##NAME,
	LX_CLASS_LIST(LX_CLASS)
#undef LX_CLASS
};

enum lx_syscall_status {
	LX_SYSCALL_FULL,
	LX_SYSCALL_PARTIAL, /* the note says what is left out */
	LX_SYSCALL_REFUSED, /* answered with refusal_errno; the note says why */
	LX_SYSCALL_MISSING, /* not written yet: ENOSYS */
};

struct lx_errno_override {
	int32_t status; /* NTSTATUS */
	int32_t error;	/* positive errno; 0 makes the status a success */
};

struct lx_syscall_descriptor {
	const char *name; /* "read"; "fcntl:F_DUPFD" for a sub-row */
	int16_t number64; /* -1 where the ABI lacks the call; a sub-row has its parent's numbers */
	int16_t number32;
	uint16_t index; /* place in lx_syscalls and in lx_handlers */
	uint16_t refusal_errno;
	enum lx_syscall_status status : 8;
	uint8_t argument_count;
	uint8_t override_count;
	uint8_t service_count;
	int8_t selector_argument; /* of a multiplexed call: the argument that picks the sub-row; else -1 */
	uint32_t classes;
	uint64_t selector_mask;
	uint64_t selector_value;			     /* of a sub-row */
	const struct lx_syscall_descriptor *parent;	     /* of a sub-row */
	const struct lx_syscall_descriptor *const *sub_rows; /* in the order of selector_value */
	uint16_t sub_row_count;
	const struct lx_argument_descriptor *arguments;
	struct lx_argument_descriptor result;
	const struct lx_errno_override *overrides;
	const char *const *services; /* names of the NT services that the call rests on */
	const char *note;
};

/* All rows and sub-rows: first the rows with an x86-64 number by that number, then those of i386 alone, then sub-rows.
 */
extern const struct lx_syscall_descriptor lx_syscalls[];
extern const size_t lx_syscall_count;	  /* with sub-rows */
extern const size_t lx_syscall_row_count; /* without */

extern const struct lx_vocabulary *const lx_vocabularies[];
extern const size_t lx_vocabulary_count;
extern const struct lx_structure *const lx_structures[];
extern const size_t lx_structure_count;

struct lx_call;
typedef int64_t (*lx_syscall_handler)(struct lx_call *call);

/* One function a row, indexed by lx_syscall_descriptor.index; never null. */
extern const lx_syscall_handler lx_handlers[];

/* The row of a call number, of which 32 bits count, as in the kernel; NULL for numbers that name no call. */
const struct lx_syscall_descriptor *lx_syscall_by_number(uint64_t number);

/* As the above, and down to the sub-row that the arguments select, where there is one. */
const struct lx_syscall_descriptor *lx_syscall_for_call(uint64_t number, const uint64_t arguments[LX_MAX_ARGUMENTS]);

/* The sub-row for a selector's value, or NULL. */
const struct lx_syscall_descriptor *lx_syscall_sub_row(const struct lx_syscall_descriptor *row, uint64_t selector);

/* By name, rows ("fcntl") and sub-rows ("fcntl:F_DUPFD") alike. */
const struct lx_syscall_descriptor *lx_syscall_by_name(const char *name);

/* The class bits of a class name with or without strace's leading %; 0 if there is no such class. */
uint32_t lx_class_by_name(const char *name);

const struct lx_vocabulary *lx_vocabulary_by_name(const char *name);
const struct lx_structure *lx_structure_by_name(const char *name);

/* The name of an enumeration's value, or NULL. */
const char *lx_vocabulary_name(const struct lx_vocabulary *vocabulary, uint64_t value);

/*
 * Writes a value in strace's way (O_RDONLY|O_CLOEXEC|0x40000000) as a terminated string of at most size bytes and
 * returns the length that it would have had.
 */
size_t lx_vocabulary_format(const struct lx_vocabulary *vocabulary, uint64_t value, char *text, size_t size);

#endif
