/* A file of `read`: opened, and known again by its content. */
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/read.h"

#define WHOLE_HASH   (64u << 20) /* larger files are recognised by samples */
#define SAMPLE       (64u << 10)
#define SAMPLE_EVERY (1u << 20)

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

static int hash_range(struct sha256_ctx *h, int fd, uint64_t from, uint64_t to)
{
	static uint8_t buf[SAMPLE];

	while (from < to) {
		ssize_t n = pread(fd, buf, bh_min_size(sizeof buf, to - from), (off_t)from);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		sha256_update(h, (size_t)n, buf);
		from += (uint64_t)n;
	}
	return 0;
}

/* Hashing gigabytes would cost more than reading them: of those, the length, both ends and
 * a sample of every megabyte. */
static int identify(int fd, uint64_t size, char ret[BH_READ_IDENTITY])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx h;
	bool whole = size <= WHOLE_HASH;
	int r = 0;

	sha256_init(&h);
	if (whole) {
		r = hash_range(&h, fd, 0, size);
	} else {
		sha256_update(&h, sizeof size, (const uint8_t *)&size);
		for (uint64_t at = 0; !r && at < size; at += SAMPLE_EVERY)
			r = hash_range(&h, fd, at, at + SAMPLE);
		if (!r)
			r = hash_range(&h, fd, size - SAMPLE_EVERY, size);
	}
	if (r)
		return r;
	sha256_digest(&h, sizeof digest, digest);
	int n = snprintf(ret, BH_READ_IDENTITY, "%s:", whole ? "sha256" : "sampled-sha256");
	for (size_t i = 0; i < sizeof digest; i++)
		n += snprintf(ret + n, BH_READ_IDENTITY - (size_t)n, "%02x", digest[i]);
	return 0;
}

int bh_read_identify(const struct bh_cli *cli, const struct bh_told *t, uint64_t size,
	char ret[BH_READ_IDENTITY])
{
	int r = identify(t->fd, size, ret);

	return r ? input_error(cli, t->name, strerrordesc_np(-r)) : 0;
}
