/*
 * Decoding one call: the text of its arguments and of its result, from the descriptors of syscalls.tbl and structs.tbl,
 * in the form of strace.
 *
 * It happens in two steps, since what a call reads must be looked at before it runs and what it wrote only after:
 * trace_decode_enter() writes up to the first argument that the call fills in, trace_decode_leave() the rest. Guest
 * memory is reached by a function, so that no guest is needed to test this; every read is bounded.
 */
#ifndef TRACE_DECODE_H
#define TRACE_DECODE_H

#include <core/table.h>
#include <trace/decode/text.h>

/* What the user chose of the form. */
struct trace_format {
	size_t string_limit;       /* -s */
	enum trace_quoting quoting;/* -x */
	bool unabbreviated;        /* -v */
	unsigned descriptors;      /* -y: paths of descriptors */
};

struct trace_decoder {
	struct trace_text *text;
	const struct trace_format *format;
	/* Copies guest memory; the bytes copied, fewer at a fault. */
	size_t (*read)(void *context, void *data, uint64_t address, size_t size);
	/* -y: what a descriptor refers to, as </path>; false: nothing is known. */
	bool (*describe)(void *context, int32_t fd, struct trace_text *text);
	void *context;

	const struct lx_syscall_descriptor *row; /* sub-row if there is one; NULL: no such call */
	uint64_t number;
	const uint64_t *arguments;
	uint64_t stack_pointer;

	bool leaving;   /* outputs may be read */
	int64_t result; /* then */
	unsigned next;  /* first argument that has not been written */
	bool separated; /* ... but the comma before it was */
	bool hex_result;        /* it is a set of bits, whatever the row says */
	struct trace_text note; /* what stands in parentheses behind the result */
	const char *interrupted; /* of restart_syscall: the call that goes on */
};

/* "name(" and the arguments that are known before the call runs. */
void trace_decode_enter(struct trace_decoder *decoder);
/* The rest of the arguments. */
void trace_decode_leave(struct trace_decoder *decoder);
/* "3", "-1 ENOENT (No such file or directory)", "0x8002 (flags O_RDWR|O_LARGEFILE)", "?". */
void trace_decode_result(struct trace_decoder *decoder);
/* {si_signo=SIGCHLD, si_code=CLD_EXITED, ...} from the 128 bytes of a siginfo_t. */
void trace_decode_siginfo(struct trace_decoder *decoder, const void *bytes);

static inline bool trace_failed(const struct trace_decoder *decoder)
{
	return decoder->leaving && decoder->result < 0 && decoder->result >= -4095;
}

/* --- values.c: one value of a type, as it stands */
void trace_value(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, uint64_t value);
void trace_vocabulary(struct trace_text *text, const struct lx_vocabulary *vocabulary, uint64_t value);
void trace_enum(struct trace_text *text, const char *vocabulary, uint64_t value);
void trace_signal(struct trace_text *text, int32_t signal);
/* "SIGINT" or, in sets, "INT"; of a number that is none, the number. */
void trace_signal_set(struct trace_text *text, uint64_t bits);
void trace_fd(struct trace_decoder *decoder, int32_t fd);
void trace_mode(struct trace_text *text, uint32_t mode);
void trace_device(struct trace_text *text, uint64_t device);
void trace_wait_status(struct trace_text *text, int32_t status);
void trace_date(struct trace_text *text, int64_t seconds, int64_t nanoseconds);

/* --- memory.c: what is behind an address */
bool trace_read(struct trace_decoder *decoder, void *data, uint64_t address, size_t size);
/* Elements of an argument's type at an address. `lengths`: where LX_LENGTH_ARGUMENT finds its number. */
void trace_behind(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, uint64_t address,
		  const uint64_t *lengths);
/* A counted or (size SIZE_MAX) terminated string, cut at the string limit unless it is a path. */
void trace_string(struct trace_decoder *decoder, uint64_t address, size_t size, bool is_path);
void trace_buffer(struct trace_decoder *decoder, uint64_t address, size_t size, enum trace_quoting quoting);
/* {iov_base="...", iov_len=5} of which `filled` bytes hold something. */
void trace_iovec(struct trace_decoder *decoder, uint64_t address, uint64_t count, uint64_t filled);
void trace_strings(struct trace_decoder *decoder, uint64_t address, bool count_only);

/* --- structures.c */
void trace_structure(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, const uint8_t *bytes);
/* Bytes of guest memory that a structure takes; 0: its layout is not known. */
size_t trace_structure_size(const struct lx_argument_descriptor *type);

/* --- network.c */
void trace_sockaddr(struct trace_decoder *decoder, uint64_t address, size_t size);
void trace_message_header(struct trace_decoder *decoder, const uint8_t *bytes);
void trace_socket_option(struct trace_decoder *decoder, uint64_t address, size_t size);

/* --- special.c: calls that strace prints in a form of their own */
struct trace_special {
	const char *name; /* of a row, or of a sub-row */
	void (*enter)(struct trace_decoder *decoder); /* NULL: by the types */
	void (*leave)(struct trace_decoder *decoder);
};
const struct trace_special *trace_find_special(const struct lx_syscall_descriptor *row);
/* One argument, of either direction; false: what it takes is known only later. */
bool trace_argument(struct trace_decoder *decoder, unsigned i);
/* The comma before an argument, unless it stands there already. */
void trace_separate(struct trace_decoder *decoder, unsigned i);

#endif
