/* A file of `read`: opened, and known again by its content. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/content.h"
#include "cli/read.h"

static int input_error(const struct bh_cli *cli, const char *name, const char *what)
{
	return bh_cli_fail(cli, BH_EXIT_INPUT, "cannot read %s: %s", name, what);
}

/* A pipe's content must be seen twice, once for its identity: it goes into a file
 * without a name. */
static int spool(const struct bh_cli *cli, int in, const char *name, int *ret)
{
	const char *folder = getenv("TMPDIR");
	char buf[65536];
	ssize_t n;
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("bulkhead-stdin", MFD_CLOEXEC);
	if (fd < 0)
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "no room for what %s says: %s", name, strerror(errno));
	while ((n = read(in, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR && !bh_read_stopped())
			continue;
		if (n < 0 || write(fd, buf, (size_t)n) != n) {
			int e = errno;
			close(fd);
			return n < 0 ? input_error(cli, name, strerror(e))
				     : bh_cli_fail(cli, BH_EXIT_SYSTEM,
					       "no room for what %s says: %s", name, strerror(e));
		}
	}
	*ret = fd;
	return 0;
}

int bh_read_open(const struct bh_cli *cli, struct bh_told *t)
{
	bool in = !strcmp(t->name, "-");
	int fd = in ? dup(STDIN_FILENO) : open(t->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	t->fd = -1;
	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return input_error(cli, t->name, strerror(e));
	}
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		return bh_cli_fail(
			cli, BH_EXIT_INPUT, "%s is a folder: name the files in it", t->name);
	}
	if (!S_ISREG(st.st_mode)) {
		int from = fd, r = spool(cli, from, in ? "standard input" : t->name, &fd);
		close(from);
		if (r)
			return r;
		if (fstat(fd, &st) < 0)
			st.st_size = 0;
	} else {
		t->modified = (bh_time)st.st_mtim.tv_sec * BH_SECOND;
	}
	t->fd = fd;
	t->size = (uint64_t)st.st_size;
	return 0;
}

int bh_read_identify(const struct bh_cli *cli, const struct bh_told *t, uint64_t size,
	char ret[BH_READ_IDENTITY])
{
	int r = bh_content_name(t->fd, size, ret);

	return r ? input_error(cli, t->name, strerrordesc_np(-r)) : 0;
}
