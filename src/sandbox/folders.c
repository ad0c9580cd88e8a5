#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

/* The rights of Landlock's first version, which every kernel that has it knows. */
#define FILES                                                                                      \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |                            \
		LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                     \
		LANDLOCK_ACCESS_FS_MAKE_REG)
#define ALL                                                                                        \
	(FILES | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                      \
		LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                       \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                      \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int allow(int ruleset, const char *folder)
{
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	struct landlock_path_beneath_attr rule = { .allowed_access = FILES, .parent_fd = fd };
	long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int err = r < 0 ? -errno : 0;
	close(fd);
	return err;
}

int bh_sandbox_folders(const char *const *folders, size_t n, bool *ret)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = ALL };
	long fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

	if (fd < 0) {
		if (errno != ENOSYS && errno != EOPNOTSUPP)
			return -errno;
		*ret = false;
		return 0;
	}
	int r = 0;
	for (size_t i = 0; i < n && !r; i++)
		r = allow((int)fd, folders[i]);
	if (!r && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (!r && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	close((int)fd);
	if (!r)
		*ret = true;
	return r;
}
