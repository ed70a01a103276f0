/*
 * Inside exec: what its files share. A program is examined through private
 * copies of its headers alone, never through a mapping that a guest may change;
 * then its space is built in a fresh pico process, and nothing of the caller
 * changes before all of that has succeeded.
 */
#ifndef TRANSLATE_EXEC_IMAGE_H
#define TRANSLATE_EXEC_IMAGE_H

#include <core/ntstatus.h>
#include <elf.h>
#include <exec/exec.h>

#define EXEC_SEGMENTS_MAX 64 /* loadable ones; Linux' own limit is in the size of the headers */
#define EXEC_ARGS_GROWTH 3   /* an interpreter adds its name, its argument and the script */

/* A file being executed and how far it is known. */
struct exec_file {
	HANDLE handle;
	struct io_file *file;
	struct hostfs_inode *denied; /* to writers */
	char path[LX_PATH_MAX];
};

/* One ELF object's headers, translated by libelf. */
struct exec_elf {
	Elf64_Ehdr header;
	Elf64_Phdr segments[EXEC_SEGMENTS_MAX];
	unsigned segment_count;
	uint64_t lowest, highest;  /* page-aligned range of the PT_LOADs */
	uint64_t alignment;        /* of the whole, at least a page */
	uint64_t headers_address;  /* AT_PHDR before the bias, 0: not mapped */
	bool executable_stack;
	char interpreter[LX_PATH_MAX]; /* empty: none */
	int64_t load_error;        /* its segments can't be loaded: Linux sees that only when nothing is left to go back to */
	uint64_t bias;
};

/* Why a load failed, in words, for a person at the command line. */
struct exec_reason {
	char *text;
	size_t size;
};
/* Say it and hand `error` through. */
int64_t exec_fail(const struct exec_reason *reason, int64_t error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Read at an offset: bytes read (short at the end of file) or -errno. */
int64_t exec_read(struct exec_file *file, uint64_t offset, void *data, size_t size);

/* exec_elf.c: 0, -LX_ENOEXEC, -LX_EIO, ... */
int64_t exec_parse_elf(struct exec_file *file, struct exec_elf *elf, const struct exec_reason *reason);

/* exec_map.c: the fresh space with both objects mapped, .bss cleared and the break set. */
struct exec_layout {
	struct mm_address_space *space;
	uint64_t stack_top, stack_low;
	bool randomize, privileged;
};
int64_t exec_build_space(struct lx_call *call, struct exec_file *program, struct exec_elf *elf, struct exec_file *interpreter,
			 struct exec_elf *interpreter_elf, struct lx_exec_image *image, struct exec_layout *layout);

/* exec_stack.c: strings, vectors and auxv; the stack pointer in image->registers. */
struct exec_strings {
	const char *execfn;
	char *const *argv;
	char *const *envp;
};
int64_t exec_build_stack(struct lx_call *call, const struct exec_layout *layout, const struct exec_elf *elf, uint64_t interpreter_base,
			 const struct exec_strings *strings, struct lx_exec_image *image);

#endif
