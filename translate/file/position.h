/* Where a file stands. */
#ifndef TRANSLATE_POSITION_H
#define TRANSLATE_POSITION_H

#include <core/lx.h>

/* As lseek(file, 0, SEEK_CUR), by handle: the position, or -LX_ESPIPE of a file that has none. */
int64_t lx_file_position(struct lx_call *call, HANDLE file);

#endif
