#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/files.h"

/* ---- a whole file ---- */

/* Reads until the end or one byte more than the limit: what grows is not believed. */
static int read_all(int fd, size_t limit, struct bh_buf *ret)
{
	char chunk[65536];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0)
			return -errno;
		if (!n)
			return bh_buf_ok(ret) ? 0 : -ENOMEM;
		bh_buf_add(ret, chunk, (size_t)n);
		if (ret->len > limit)
			return -EFBIG;
	}
}

int bh_keeper_file(const char *path, size_t limit, struct bh_arena *a, struct bh_span *ret)
{
	BH_AUTO_BUF b = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	/* A pipe or a device could keep us waiting for ever. */
	int r = fstat(fd, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (!r && !S_ISREG(st.st_mode))
		r = -EINVAL;
	if (!r)
		r = read_all(fd, limit, &b);
	close(fd);
	if (r)
		return r;
	const char *text = bh_arena_strn(a, bh_buf_text(&b), b.len);
	if (!text)
		return -ENOMEM;
	*ret = bh_span_of(text, b.len);
	return 0;
}

static int read_included(void *ctx, const char *path, struct bh_arena *a, struct bh_span *ret)
{
	(void)ctx;
	return bh_keeper_file(path, BH_KEEPER_POLICY_BYTES, a, ret);
}

const struct bh_files bh_keeper_files = { .read = read_included };
