/*
 * What the tables say, as the generator keeps it between reading and writing. Each parse_*() reads one file of the
 * tables' folder into the model; each emit_*() writes one kind of output from it.
 */
#ifndef TBLGEN_MODEL_H
#define TBLGEN_MODEL_H

#include "source.h"

#include <stdio.h>

enum { MAX_ARGUMENTS = 6, MAX_PARAMETERS = 16, MAX_SERVICES = 12, MAX_OVERRIDES = 16, MAX_STATUSES = 16 };

/* An entry of flags.tbl: one name. A plain flag has mask == value. */
struct constant {
	const char *name;
	uint64_t value;
	uint64_t mask;
	bool is_negative; /* written with a minus: an int's value */
};

struct vocabulary {
	struct location at;
	const char *name;
	bool is_enum;
	bool is_constants; /* only #defines, no table */
	bool is_private;   /* a table, but no #defines: the NT headers already have them */
	struct constant *entries;
	size_t count;
};

/* A base type of syscalls.tbl; types.c has the list. */
struct base_type {
	const char *word;
	const char *kind;   /* LX_KIND_ suffix */
	const char *c_type; /* as a handler's parameter when it is a value */
	unsigned size;	    /* in guest memory */
	bool is_address;    /* the value itself is a guest address: path, ptr */
	bool needs_name;    /* flags:NAME, enum:NAME, struct NAME */
	bool is_word;	    /* half as wide in the i386 ABI */
};

enum direction { BY_VALUE, IN, OUT, INOUT };

struct argument {
	const char *name;
	const struct base_type *type;
	enum direction direction;
	const char *qualifier;	/* vocabulary or structure name */
	const char *length;	/* text between brackets, or NULL */
	uint64_t selector_mask; /* of a select argument */
};

struct errno_override {
	const char *status;
	const char *error; /* errno name, or "0" */
};

struct syscall {
	struct location at;
	const char *name;
	const char *selector_name; /* "F_DUPFD" of a sub-row, else NULL */
	int number64;
	int number32;
	struct argument arguments[MAX_ARGUMENTS];
	unsigned argument_count;
	struct argument result;
	char **classes;
	unsigned class_count;
	const char *status;  /* full partial refused missing */
	const char *refusal; /* errno name of a refused row */
	bool is_direct;	     /* the generator writes the thunk */
	char *services[MAX_SERVICES];
	unsigned service_count;
	const char *note;
	struct errno_override overrides[MAX_OVERRIDES];
	unsigned override_count;
	struct syscall *parent; /* of a sub-row */
	int selector_argument;	/* -1: not multiplexed */
	uint64_t selector_value;
	unsigned index;
};

struct parameter {
	const char *name;
	const char *c_type;
	const char *decoder; /* or NULL */
	enum direction direction;
	bool is_optional;
};

struct service {
	struct location at;
	const char *name;
	int number; /* -1: private */
	struct parameter parameters[MAX_PARAMETERS];
	unsigned parameter_count;
	char *statuses[MAX_STATUSES];
	unsigned status_count;
	bool is_missing;
};

struct status {
	struct location at;
	const char *name;
	uint64_t value;
	const char *error; /* NULL: not an error for the guest */
	bool is_carrier;   /* the status that a host errno travels as */
	const char *text;
};

/* Where members lie, in the x86-64 ABI and in the i386 one. */
enum { ABI_64, ABI_32, ABI_COUNT };

struct layout {
	unsigned size;
	unsigned alignment;
};

struct member {
	struct argument argument;
	unsigned padding; /* bytes skipped before it, besides those of its alignment */
	unsigned count;	  /* elements of an array in place, else 0 */
	bool is_rest;	  /* an array in place at the end, of any length */
	bool is_newer;	  /* the host's header may lack it */
	bool is_union;	  /* the nested structure is one */
	bool is_word;	  /* by its type */
	unsigned offset, size;
	unsigned offset32;
};

struct structure {
	struct location at;
	const char *name;
	struct member *members;
	size_t count;
	struct layout layouts[ABI_COUNT];
	unsigned padding;	 /* at its end */
	bool is_union;		 /* its members lie over each other */
	bool is_fixed;		 /* the same on both ABIs */
	bool is_32;		 /* the i386 form of a structure that is another one there */
	const char *host;	 /* what the host's header calls it, or NULL */
	const char *host_header;
};

struct model {
	struct vocabulary *vocabularies;
	size_t vocabulary_count;
	struct structure *structures;
	size_t structure_count;
	struct status *statuses;
	size_t status_count;
	struct service *services;
	size_t service_count;
	struct syscall **syscalls; /* sorted: x86-64 rows, i386 rows, sub-rows */
	size_t syscall_count;
	size_t row_count; /* without sub-rows */
};

/* types.c */
bool parse_argument(struct cursor *cursor, const struct model *model, struct argument *argument);
bool parse_result(struct cursor *cursor, const struct model *model, struct argument *result);
bool is_guest_pointer(const struct argument *argument);
const char *argument_c_type(const struct argument *argument);

/* One file each. */
void parse_flags(struct model *model, const char *folder, const char *file);
void parse_structures(struct model *model, const char *folder);
void parse_statuses(struct model *model, const char *folder);
void parse_services(struct model *model, const char *folder);
void parse_syscalls(struct model *model, const char *folder);

/* Look-ups; NULL when there is none. */
const struct vocabulary *find_vocabulary(const struct model *model, const char *name);
const struct constant *find_constant(const struct model *model, const char *name);
const struct structure *find_structure(const struct model *model, const char *name);
const struct status *find_status(const struct model *model, const char *name);
const struct service *find_service(const struct model *model, const char *name);
int errno_by_name(const char *name); /* -1 if there is none; "0" is 0 */

/* Whether the outputs can be made at all; complains about what contradicts itself between the tables. */
void check_model(const struct model *model);

FILE *output_open(const char *folder, const char *name);
void output_close(FILE *file);

/* Text as the inside of a C string literal; NULL becomes the word NULL without quotes. */
void print_literal(FILE *out, const char *text);
/* The C identifier of a row's handler: read, fcntl_f_dupfd. */
const char *handler_name(const struct syscall *row);
/* Whether the handler gets the argument. */
bool is_passed(const struct syscall *row, unsigned i);

/* Each writes its files of the output folder: lx/flags.h, nt/ntstatus.h and so on. */
void emit_flags(const struct model *model, const char *folder);
void emit_structures(const struct model *model, const char *folder);
void emit_statuses(const struct model *model, const char *folder);
void emit_services(const struct model *model, const char *folder);
void emit_syscalls(const struct model *model, const char *folder);
void emit_dispatch(const struct model *model, const char *folder);
void emit_manual(const struct model *model, const char *folder);

/* The arguments or members that a length can name: each begins with a struct argument. */
struct scope {
	const void *first;
	size_t stride;
	size_t count;
	bool is_memory; /* members of a structure, where what has no direction lies in place */
};

/* Parts of the tables of calls. */
void print_vocabularies(FILE *out, const struct model *model);
void print_structures(FILE *out, const struct model *model);
void print_argument_descriptor(FILE *out, const struct model *model, const struct argument *argument,
			       const struct scope *scope);

#endif
