#include "cli/follow.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 128u
#define MAX_WAIT  (256u * 1024) /* bytes of lines; then nothing more is read */
#define MAX_LINE  (1024u * 1024 + 1) /* a longer one is cut: the reader refuses it anyway */
#define QUIET     (600 * BH_SECOND) /* without a new line: then a file without its name goes */
#define REFUSED   32u /* files that cannot be read, so that each is said once */

#define WATCHED                                                                                    \
	(IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |        \
		IN_MOVE_SELF | IN_ONLYDIR)

struct identity {
	dev_t dev;
	ino_t ino;
};

struct file {
	struct identity is;
	int fd;
	off_t at; /* read so far */
	bool named; /* found by its name when we looked last */
	bool cut; /* of a line that is too long the rest is passed over */
	bh_time grew;
	struct bh_buf part; /* of a line */
};

struct bh_follow {
	char *folder, *name; /* of the path */
	bool pattern, begun;
	int inotify, watch;
	bh_time now;
	struct file files[MAX_FILES];
	size_t n;
	struct bh_buf out;
	size_t taken;
	struct identity refused[REFUSED];
	unsigned n_refused;
	char trouble[300];
	bool news;
};

static bool same(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static void complain(struct bh_follow *f, const char *name, const char *why)
{
	snprintf(f->trouble, sizeof f->trouble, "%.200s %s", name, why);
	f->news = true;
}

/* ---- lines ---- */

static bool full(const struct bh_follow *f)
{
	return f->out.len - f->taken >= MAX_WAIT;
}

/* The part of a line that is there, ended. */
static void end_line(struct bh_follow *f, struct file *x)
{
	if (x->part.len) {
		bh_buf_add(&f->out, x->part.ptr, x->part.len);
		bh_buf_str(&f->out, "\n");
	}
	x->part.len = 0;
	x->cut = false;
}

static void add(struct bh_follow *f, struct file *x, struct bh_span s)
{
	struct bh_cur c = bh_cur_of(s);
	const uint8_t *last = s.len ? memrchr(s.ptr, '\n', s.len) : NULL;

	if (x->cut) {
		const uint8_t *end = memchr(s.ptr, '\n', s.len);
		bh_cur_skip(&c, end ? (size_t)(end - s.ptr) + 1 : s.len);
		x->cut = !end;
	}
	if (last && last >= c.at) {
		struct bh_span lines = bh_cur_take(&c, (size_t)(last - c.at) + 1);
		bh_buf_add(&f->out, x->part.ptr, x->part.len);
		bh_buf_add(&f->out, lines.ptr, lines.len);
		x->part.len = 0;
	}
	struct bh_span rest = bh_cur_take(&c, bh_cur_left(&c));
	bh_buf_add(&x->part, rest.ptr, rest.len);
	if (x->part.len >= MAX_LINE) {
		end_line(f, x);
		x->cut = true;
	}
}

static void read_file(struct bh_follow *f, struct file *x)
{
	static uint8_t chunk[64u * 1024];
	struct stat st;
	ssize_t n = 0;

	if (!fstat(x->fd, &st) && st.st_size < x->at) { /* emptied in its place */
		end_line(f, x);
		x->at = 0;
	}
	while (!full(f) && (n = pread(x->fd, chunk, sizeof chunk, x->at)) > 0) {
		x->at += n;
		x->grew = f->now;
		add(f, x, bh_span_of(chunk, (size_t)n));
	}
}

/* ---- files ---- */

/* Where the line begins that is not ended yet, as far as it is not very long. */
static off_t last_line(int fd, off_t size)
{
	static char tail[64u * 1024];
	off_t from = size > (off_t)sizeof tail ? size - (off_t)sizeof tail : 0;
	ssize_t n = pread(fd, tail, (size_t)(size - from), from);
	const char *end = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;

	return end ? from + (end - tail) + 1 : from ? size : 0;
}

static void let_go(struct bh_follow *f, size_t i)
{
	struct file *x = &f->files[i];

	end_line(f, x);
	close(x->fd);
	bh_buf_reset(&x->part);
	f->n--;
	memmove(x, x + 1, (f->n - i) * sizeof *x);
}

/* A place for one more: the one that has been without its name for longest goes. */
static bool has_room(struct bh_follow *f)
{
	size_t oldest = MAX_FILES;

	if (f->n < MAX_FILES)
		return true;
	for (size_t i = 0; i < f->n; i++) {
		if (!f->files[i].named &&
			(oldest == MAX_FILES || f->files[i].grew < f->files[oldest].grew))
			oldest = i;
	}
	if (oldest == MAX_FILES)
		return false;
	let_go(f, oldest);
	return true;
}

static void refuse(
	struct bh_follow *f, const struct identity *is, const char *name, const char *why)
{
	for (unsigned i = 0; i < REFUSED && i < f->n_refused; i++) {
		if (same(&f->refused[i], is))
			return;
	}
	f->refused[f->n_refused++ % REFUSED] = *is;
	complain(f, name, why);
}

static void open_file(struct bh_follow *f, int folder, const char *name)
{
	struct stat st;
	char why[100];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st)) {
		int e = errno;
		snprintf(why, sizeof why, "cannot be read: %s", strerror(e));
		if (fd >= 0)
			close(fd);
		else if (e != ENOENT && !fstatat(folder, name, &st, 0))
			refuse(f, &(struct identity){ st.st_dev, st.st_ino }, name, why);
		return;
	}
	const struct identity is = { st.st_dev, st.st_ino };
	bool regular = S_ISREG(st.st_mode);
	if (!regular || !has_room(f)) {
		close(fd);
		snprintf(why, sizeof why, "is one too many: %u files are followed", MAX_FILES);
		refuse(f, &is, name, regular ? why : "is no file");
		return;
	}
	f->files[f->n++] = (struct file){
		.is = is,
		.fd = fd,
		.named = true,
		.grew = f->now,
		.at = f->begun ? 0 : last_line(fd, st.st_size),
	};
}

static void consider(struct bh_follow *f, int folder, const char *name)
{
	struct stat st;

	if (fstatat(folder, name, &st, 0))
		return;
	const struct identity is = { st.st_dev, st.st_ino };
	for (size_t i = 0; i < f->n; i++) {
		if (same(&f->files[i].is, &is)) {
			f->files[i].named = true;
			return;
		}
	}
	open_file(f, folder, name);
}

static bool matches(const struct bh_follow *f, const char *name)
{
	return f->pattern ? !fnmatch(f->name, name, FNM_PERIOD) : !strcmp(f->name, name);
}

static void look_for_all(struct bh_follow *f, DIR *d)
{
	const struct dirent *e;

	while ((e = readdir(d))) {
		if (matches(f, e->d_name))
			consider(f, dirfd(d), e->d_name);
	}
}

static void look_around(struct bh_follow *f)
{
	DIR *d = opendir(f->folder);

	for (size_t i = 0; i < f->n; i++)
		f->files[i].named = false;
	if (d && f->pattern)
		look_for_all(f, d);
	else if (d)
		consider(f, dirfd(d), f->name);
	if (d)
		closedir(d);
	for (size_t i = f->n; i-- > 0;) {
		if (!f->files[i].named && f->now - f->files[i].grew > QUIET)
			let_go(f, i);
	}
	/* The folder itself may have been made anew. */
	if (f->watch < 0)
		f->watch = inotify_add_watch(f->inotify, f->folder, WATCHED);
	f->begun = true;
}

/* ---- what the system says ---- */

/* Did names change? */
static bool hear(struct bh_follow *f)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;
	ssize_t n;

	while ((n = read(f->inotify, buf, sizeof buf)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e =
				(const void *)__builtin_assume_aligned(buf + at, 4);
			at += (ssize_t)(sizeof *e + e->len);
			if (e->mask & IN_IGNORED)
				f->watch = -1;
			changed |= !e->len || (!(e->mask & IN_MODIFY) && matches(f, e->name));
		}
	}
	return changed;
}

/* ---- the door ---- */

static int prepare(struct bh_follow *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (slash)
		f->folder = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	else
		f->folder = strdup(".");
	f->name = strdup(slash ? slash + 1 : path);
	if (!f->folder || !f->name)
		return -ENOMEM;
	if (!*f->name)
		return -EISDIR;
	/* One that is called so is meant, whatever its name would match. */
	f->pattern = strpbrk(f->name, "*?[") && stat(path, &st);
	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->inotify < 0)
		return -errno;
	f->watch = inotify_add_watch(f->inotify, f->folder, WATCHED);
	return f->watch < 0 ? -errno : 0;
}

int bh_follow_new(const char *path, struct bh_follow **ret)
{
	BH_AUTO(bh_follow) f = calloc(1, sizeof *f);

	if (!f)
		return -ENOMEM;
	f->inotify = -1;
	int r = prepare(f, path);
	if (r)
		return r;
	look_around(f);
	*ret = f;
	f = NULL;
	return 0;
}

struct bh_follow *bh_follow_free(struct bh_follow *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->n; i++) {
		close(f->files[i].fd);
		bh_buf_reset(&f->files[i].part);
	}
	if (f->inotify >= 0)
		close(f->inotify);
	bh_buf_reset(&f->out);
	free(f->folder);
	free(f->name);
	free(f);
	return NULL;
}

int bh_follow_fd(const struct bh_follow *f)
{
	return f->inotify;
}

static bool remembered(const struct bh_follow *f)
{
	bool ok = bh_buf_ok(&f->out);

	for (size_t i = 0; i < f->n; i++)
		ok &= bh_buf_ok(&f->files[i].part);
	return ok;
}

int bh_follow_step(struct bh_follow *f, bool look, bh_time now)
{
	f->now = now;
	if (hear(f) || look)
		look_around(f);
	/* The oldest first: its lines are. */
	for (size_t i = 0; i < f->n; i++)
		read_file(f, &f->files[i]);
	return remembered(f) ? 0 : -ENOMEM;
}

struct bh_span bh_follow_lines(const struct bh_follow *f)
{
	return bh_span_of(f->out.ptr + f->taken, f->out.len - f->taken);
}

void bh_follow_taken(struct bh_follow *f, size_t n)
{
	assert(n <= f->out.len - f->taken);
	f->taken += n;
	if (f->taken < MAX_WAIT && f->taken < f->out.len)
		return;
	f->out.len -= f->taken;
	memmove(f->out.ptr, f->out.ptr + f->taken, f->out.len);
	f->taken = 0;
}

int bh_follow_end(struct bh_follow *f)
{
	for (size_t i = 0; i < f->n; i++)
		end_line(f, &f->files[i]);
	return remembered(f) ? 0 : -ENOMEM;
}

size_t bh_follow_files(const struct bh_follow *f)
{
	return f->n;
}

const char *bh_follow_trouble(struct bh_follow *f)
{
	bool news = f->news;

	f->news = false;
	return news ? f->trouble : NULL;
}
