/* RLIMIT_FSIZE, which is LX's own, for the calls that make files grow. */
#ifndef TRANSLATE_SPACE_H
#define TRANSLATE_SPACE_H

#include <core/lx.h>

/*
 * May the caller make the file behind `handle` `end` bytes long? 0, or -LX_EFBIG with SIGXFSZ sent. A file that is as
 * long already does not grow; anything but a regular file has no limit.
 */
int64_t lx_check_growth(struct lx_call *call, HANDLE handle, uint64_t end);
/* How many of `size` bytes may be written at `position` (at least one), or -LX_EFBIG with SIGXFSZ sent. */
int64_t lx_limit_write(struct lx_call *call, HANDLE handle, uint64_t position, uint64_t size);

#endif
