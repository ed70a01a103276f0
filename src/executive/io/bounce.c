/*
 * The bounce buffer of a supervisor thread: guest data passes through it on its
 * way from and to host calls. It grows to the largest size that was asked for
 * and is freed with the thread, so that the hot path allocates nothing. It
 * begins with a page, so that a driver can give data the place in its page that
 * it has in the guest: hosts ask that of O_DIRECT.
 */
#include <executive/io/io.h>
#include <pthread.h>

struct bounce {
	size_t size;
	void *memory;
};

static _Thread_local struct bounce bounce;
static pthread_key_t bounce_key;
static pthread_once_t bounce_once = PTHREAD_ONCE_INIT;
static bool bounce_key_made;

static void make_key(void)
{
	bounce_key_made = pthread_key_create(&bounce_key, free) == 0;
}

/* The key's value frees the memory at the thread's end; thread-local variables have no destructor in C. */
static bool register_memory(void *memory)
{
	pthread_once(&bounce_once, make_key);
	return bounce_key_made && pthread_setspecific(bounce_key, memory) == 0;
}

void *io_bounce(size_t size)
{
	void *memory;

	if (likely(size <= bounce.size))
		return bounce.memory;
	if (size > IO_BOUNCE_MAXIMUM)
		return NULL;
	size = MAX_OF(ALIGN_UP(size, (size_t)IO_BOUNCE_ALIGNMENT), (size_t)16384);
	memory = aligned_alloc(IO_BOUNCE_ALIGNMENT, size);
	if (!memory)
		return NULL;
	if (!register_memory(memory)) {
		free(memory);
		return NULL;
	}
	free(bounce.memory);
	bounce = (struct bounce){size, memory};
	return memory;
}
