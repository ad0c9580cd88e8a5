#include "priv/state.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC    0x31536862u /* "bhS1" */
#define MAX_FILE (300u << 20)

static int make_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0750) && errno != EEXIST)
		return -errno;
	/* Somebody else's folder, or one that others may write to, is none of ours. */
	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 0022)
		return -EPERM;
	return 0;
}

int state_open(int *dir, char *path, size_t size)
{
	struct stat mine, first;
	int r;

	if (stat("/proc/self/ns/net", &mine))
		return -errno;
	bool host = stat("/proc/1/ns/net", &first) == 0 && first.st_ino == mine.st_ino;
	const char *parent = host ? "/var/lib/bulkhead" : "/run/bulkhead";
	if (host)
		snprintf(path, size, "/var/lib/bulkhead/priv");
	else
		snprintf(path, size, "/run/bulkhead/netns-%llu", (unsigned long long)mine.st_ino);
	r = make_folder(parent);
	if (!r)
		r = make_folder(path);
	if (r)
		return r;
	*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *dir < 0 ? -errno : 0;
}

static int write_whole(int fd, const struct bh_buf *b)
{
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = write(fd, b->ptr + at, b->len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

int state_save(int dir, const char *which, const struct saved *s)
{
	BH_AUTO_BUF b = { 0 };
	char temp[64];

	bh_buf_le32(&b, MAGIC);
	bh_buf_le32(&b, s->generation);
	bh_buf_u8(&b, (uint8_t)s->mode);
	bh_buf_le64(&b, (uint64_t)s->deadline);
	bh_buf_le64(&b, s->digest[0]);
	bh_buf_le64(&b, s->digest[1]);
	bh_buf_le32(&b, (uint32_t)s->table.len);
	bh_buf_add(&b, s->table.ptr, s->table.len);
	bh_buf_le32(&b, (uint32_t)s->policy.len);
	bh_buf_add(&b, s->policy.ptr, s->policy.len);
	bh_buf_le32(&b, MAGIC); /* a torn file has no end */
	if (!bh_buf_ok(&b))
		return -ENOMEM;
	snprintf(temp, sizeof temp, ".%s.new", which);
	int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = write_whole(fd, &b);
	if (close(fd) && !r)
		r = -errno;
	if (!r && renameat(dir, temp, dir, which))
		r = -errno;
	if (!r && fsync(dir))
		r = -errno;
	return r;
}

int state_load(int dir, const char *which, struct bh_buf *bytes, struct saved *ret)
{
	char chunk[65536];
	ssize_t n;
	int fd = openat(dir, which, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof chunk)) > 0 && bytes->len < MAX_FILE)
		bh_buf_add(bytes, chunk, (size_t)n);
	int err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	if (!bh_buf_ok(bytes))
		return -ENOMEM;

	struct bh_cur c = bh_cur_of(bh_span_of(bytes->ptr, bytes->len));
	struct saved s = { 0 };
	bool ours = bh_cur_le32(&c) == MAGIC;
	s.generation = bh_cur_le32(&c);
	s.mode = bh_cur_u8(&c) ? BH_ENFORCE : BH_AUDIT;
	s.deadline = (int64_t)bh_cur_le64(&c);
	s.digest[0] = bh_cur_le64(&c);
	s.digest[1] = bh_cur_le64(&c);
	uint32_t len = bh_cur_le32(&c);
	s.table = bh_cur_take(&c, len);
	len = bh_cur_le32(&c);
	s.policy = bh_cur_take(&c, len);
	ours = bh_cur_le32(&c) == MAGIC && ours;
	if (!ours || !bh_cur_ok(&c) || bh_cur_left(&c))
		return -EBADMSG;
	*ret = s;
	return 0;
}

int state_forget(int dir, const char *which)
{
	if (unlinkat(dir, which, 0) && errno != ENOENT)
		return -errno;
	return fsync(dir) ? -errno : 0;
}

int state_promote(int dir)
{
	if (renameat(dir, "trial", dir, "confirmed"))
		return -errno;
	return fsync(dir) ? -errno : 0;
}

int state_lock(int dir, int *ret)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; i < 100; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			*ret = fd;
			return 0;
		}
		if (errno != EWOULDBLOCK)
			break;
		(void)poll(NULL, 0, 50);
	}
	int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return r;
}
