/*
 * What LX puts into the drivers below it: the console's job control, the content
 * of /proc.
 */
#include <terminal/devices.h>

void lx_devices_initialize(void)
{
	lx_tty_initialize();
	lx_procfs_initialize();
}
