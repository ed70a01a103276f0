/*
 * Which terminal a host descriptor is: the device number of a pseudo-terminal's
 * slave or of any other terminal in the low half, and in the high half the file
 * system that it lies in, since each instance of devpts counts from 0.
 *
 * The console's number is settled while the inherited descriptors are adopted,
 * before the first guest runs; after that it is only read.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drivers/condrv/condrv.h>
#include <drivers/condrv/terminal.h>
#include <hal/host.h>

#define PTS_MAJOR 136u

static ULONGLONG console_number;
static bool console_adopted;

ULONGLONG condrv_console(void)
{
	return console_number;
}

static ULONGLONG number_of(dev_t file_system, uint32_t device)
{
	return (ULONGLONG)(uint32_t)file_system << 32 | device;
}

/* Slave `index` of the devpts that /dev/ptmx belongs to. */
static ULONGLONG slave_number(unsigned index)
{
	struct stat host;
	char path[32];

	snprintf(path, sizeof path, "/dev/pts/%u", index);
	return number_of(stat(path, &host) == 0 ? host.st_dev : 0, (uint32_t)makedev(PTS_MAJOR, index));
}

/* The number of the device itself, also of a descriptor that was opened as /dev/tty; 0 for an error. */
static uint32_t device_number(int descriptor)
{
	unsigned device = 0;

	return ioctl(descriptor, TIOCGDEV, &device) == 0 ? device : 0;
}

ULONGLONG condrv_identify(int descriptor, bool *master)
{
	struct stat host;
	unsigned index;

	*master = ioctl(descriptor, TIOCGPTN, &index) == 0;
	if (*master)
		return slave_number(index);
	if (fstat(descriptor, &host) < 0)
		return 0;
	/* Opened as /dev/tty: the only one that the host lets lxrun open so is the console. */
	if (host.st_rdev == makedev(5, 0))
		return console_number;
	return number_of(host.st_dev, (uint32_t)host.st_rdev);
}

int condrv_open_number(ULONGLONG number, int flags)
{
	char path[40];
	int descriptor;
	bool master;

	if (number == console_number)
		snprintf(path, sizeof path, "/proc/self/fd/%d", hal_terminal());
	else
		snprintf(path, sizeof path, "/dev/pts/%u", minor((dev_t)(uint32_t)number));
	descriptor = open(path, flags);
	if (descriptor < 0 || condrv_identify(descriptor, &master) == number)
		return descriptor;
	close(descriptor);
	errno = EIO;
	return -1;
}

void condrv_find_console(void)
{
	uint32_t device = hal_terminal() < 0 ? 0 : device_number(hal_terminal());

	console_adopted = false;
	if (device && major(device) == PTS_MAJOR)
		console_number = slave_number(minor(device));
	else
		console_number = device;
}

void condrv_remember_console(int descriptor)
{
	struct stat host;

	if (console_adopted || !console_number || device_number(descriptor) != (uint32_t)console_number)
		return;
	if (fstat(descriptor, &host) < 0 || host.st_rdev == makedev(5, 0))
		return;
	console_number = number_of(host.st_dev, (uint32_t)host.st_rdev);
	console_adopted = true;
}
