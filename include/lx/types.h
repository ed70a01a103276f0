/* Guest ABI base types. A guest pointer is a structure, so that it can't be dereferenced by mistake. */
#ifndef LX_TYPES_H
#define LX_TYPES_H

#include <stddef.h>
#include <stdint.h>

struct lx_uptr {
	uint64_t address;
};

static inline struct lx_uptr lx_uptr(uint64_t address)
{
	return (struct lx_uptr){address};
}

static inline struct lx_uptr lx_uptr_add(struct lx_uptr pointer, uint64_t offset)
{
	return (struct lx_uptr){pointer.address + offset};
}

static inline int lx_is_null(struct lx_uptr pointer)
{
	return pointer.address == 0;
}

/* Signal n is bit n-1. */
struct lx_sigset {
	uint64_t bits;
};

#define LX_PAGE_SIZE 4096u
#define LX_PATH_MAX 4096u
#define LX_NAME_MAX 255u

#endif
