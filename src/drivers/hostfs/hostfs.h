/*
 * hostfs: the host's files as file objects of \Device\HostFs.
 *
 * A file object is one host open file description. Offset, status flags, flock and locks of the description are the
 * host's, so that native programs on the same description or file see the same. Names are resolved by the host beneath
 * the device's root directory and never through a symbolic link: those are the LX subsystem's to follow
 * (STATUS_REPARSE, see executive/io/io.h).
 *
 * The half makes each host call with the guest's identity (executive/se), so the host's own checks say what they would
 * say natively; hostfs adds none but one. Through the *gate* (gate.c) goes whatever is opened or inherited: a view of
 * the host's kernel (proc, sysfs, cgroup and many more, told by the file system's type) is never a guest's, by whatever
 * path or descriptor it was reached.
 *
 * What the host can't know is kept per inode (inode.c): who denies writing since it runs as a program, and who is open
 * for it. A host call that may sleep is alertable and made under no lock.
 */
#ifndef HOSTFS_HOSTFS_H
#define HOSTFS_HOSTFS_H

#include <executive/io/io.h>

/*
 * Register the driver and \Device\HostFs over the host's root. Descriptors 0 to 9 that are free get placeholders, the
 * process's umask becomes 0 (the LX subsystem applies its own; hostfs_inherited_umask()). Once, before guests run.
 */
NTSTATUS hostfs_initialize(void);
/* The umask that lxrun was started with. */
ULONG hostfs_inherited_umask(void);
/* A further device over the host directory `root`. `name`: full object name, or NULL. */
NTSTATUS hostfs_create_device(const char *name, const char *root, struct io_device **device);

/*
 * The next descriptor, from `from` up, that lxrun was started with and that is still open; -1: none. Inherited ones are
 * told from lxrun's own by their lack of close-on-exec at hostfs_initialize().
 */
int hostfs_next_inherited(int from);
/*
 * A file object for an inherited descriptor; its access from the access mode. The description moves to a high number;
 * `fd` itself becomes a placeholder on /dev/null, so that closing the file object really closes it, except for 2, which
 * lxrun writes its own messages to. Terminals become condrv's.
 */
NTSTATUS hostfs_adopt_descriptor(int fd, struct io_file **file);
/* A file object, as if opened with O_PATH, for the directory that lxrun stands in, whatever its name or permissions. */
NTSTATUS hostfs_adopt_working_directory(struct io_file **file);
/* A file object that takes over a descriptor of lxrun's own (>= 10, close-on-exec), which it closes on failure too. */
NTSTATUS hostfs_wrap_descriptor(int fd, struct io_file **file);

/*
 * The file is being executed: opening it for writing fails with ETXTBSY (STATUS_SHARING_VIOLATION) until hostfs_allow_write()
 * of what is returned, up to which the caller holds a file object of it. Fails so itself if somebody in lxrun has it open for
 * writing. Files of other drivers are left alone: STATUS_SUCCESS and NULL, of which nothing is to be allowed.
 */
struct hostfs_inode;
NTSTATUS hostfs_deny_write(struct io_file *file, struct hostfs_inode **denied);
void hostfs_allow_write(struct hostfs_inode *denied);

/* The host descriptor behind a hostfs file object, valid while the caller holds a reference to it; -1 for another
 * driver's. */
int hostfs_descriptor(struct io_file *file);

#endif
