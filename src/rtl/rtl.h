/* Run-time library: what every layer uses and no layer owns. */
#ifndef RTL_RTL_H
#define RTL_RTL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nt/ntdef.h>
#include <rtl/lock.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_DOWN(value, to) ((value) & ~((__typeof__(value))(to)-1))
#define ALIGN_UP(value, to) ALIGN_DOWN((value) + ((to)-1), to)

/* The C library's <sys/queue.h> lacks it. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(entry, head, field, next)                                                                   \
	for ((entry) = TAILQ_FIRST(head); (entry) && ((next) = TAILQ_NEXT(entry, field), 1); (entry) = (next))
#endif

static inline void rtl_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}
static inline void rtl_cleanup_fd(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}
#define cleanup_free __attribute__((cleanup(rtl_cleanup_free), unused))
#define cleanup_fd __attribute__((cleanup(rtl_cleanup_fd), unused))

/* Take a resource out of a cleanup variable. */
#define steal_pointer(p) ({ __typeof__(*(p)) stolen_ = *(p); *(p) = NULL; stolen_; })
static inline int steal_fd(int *descriptor)
{
	int taken = *descriptor;

	*descriptor = -1;
	return taken;
}

/*
 * Room for `wanted` bytes in what grows by doubling, `least` at first. False: out of memory; what was there stays.
 */
static inline bool rtl_grow(char **bytes, size_t *room, size_t wanted, size_t least)
{
	size_t larger = *room ? *room : least;
	char *grown;

	if (likely(wanted <= *room))
		return true;
	while (larger < wanted)
		larger *= 2;
	grown = realloc(*bytes, larger);
	if (!grown)
		return false;
	*bytes = grown;
	*room = larger;
	return true;
}

static inline STRING rtl_string(const char *text)
{
	size_t size = strlen(text);

	return (STRING){(USHORT)size, (USHORT)size, (PCHAR)(uintptr_t)text};
}

#endif
