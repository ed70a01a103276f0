/* Host descriptors that the executive holds for its sections. */
#include <hal/hal.h>

#include <unistd.h>

void hal_close(int descriptor)
{
	close(descriptor);
}
