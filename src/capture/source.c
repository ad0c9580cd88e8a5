#include "capture/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

/* A window of bytes [at, end) of which everything before `at` has been used. */
struct bh_source {
	int fd;
	uint8_t *window;
	size_t at, end;
	uint8_t *raw; /* compressed bytes, once there are any */
	uint64_t used;
	z_stream z;
	bool inflating; /* within a gzip member */
	bool ended; /* nothing more will come into the window */
	bool damaged;
};

/* STEP is what is read at a time: little enough to be in the cache still when it is looked
 * at, and much for a system call. */
enum { RAW = 64 * 1024, STEP = 256 * 1024, WINDOW = BH_SOURCE_WINDOW + STEP };

static int read_some(int fd, uint8_t *to, size_t room, size_t *ret)
{
	for (;;) {
		ssize_t n = read(fd, to, room);
		if (n >= 0) {
			*ret = (size_t)n;
			return 0;
		}
		if (errno != EINTR)
			return -errno;
	}
}

/* Inflates a little into the window; gzip members may follow one another. */
static int inflate_some(struct bh_source *s)
{
	size_t n = s->z.avail_in;

	if (!n) {
		int r = read_some(s->fd, s->raw, RAW, &n);
		if (r)
			return r;
		s->z.next_in = s->raw;
		s->z.avail_in = (uInt)n;
	}
	if (!n) {
		s->ended = true;
		s->damaged = s->inflating;
		return 0;
	}
	if (!s->inflating && inflateReset(&s->z) != Z_OK)
		return -ENOMEM;
	s->inflating = true;
	size_t room = bh_min_size(WINDOW - s->end, STEP);
	s->z.next_out = s->window + s->end;
	s->z.avail_out = (uInt)room;
	int z = inflate(&s->z, Z_NO_FLUSH);
	s->end += room - s->z.avail_out;
	if (z == Z_MEM_ERROR)
		return -ENOMEM;
	if (z == Z_STREAM_END)
		s->inflating = false;
	else if (z != Z_OK && z != Z_BUF_ERROR)
		s->ended = s->damaged = true;
	return 0;
}

static int fill_some(struct bh_source *s)
{
	size_t n = 0;

	if (s->raw)
		return inflate_some(s);
	int r = read_some(s->fd, s->window + s->end, bh_min_size(WINDOW - s->end, STEP), &n);
	s->end += n;
	s->ended = !r && !n;
	return r;
}

/* Makes the window hold `want` bytes if the source has them.  What is left goes to the
 * window's start, which the cache knows. */
static int refill(struct bh_source *s, size_t want)
{
	int r = 0;

	if (s->at) {
		memmove(s->window, s->window + s->at, s->end - s->at);
		s->end -= s->at;
		s->at = 0;
	}
	while (!r && !s->ended && s->end < want)
		r = fill_some(s);
	return r;
}

int bh_source_look(struct bh_source *s, size_t want, struct bh_span *ret)
{
	assert(want <= BH_SOURCE_WINDOW);
	int r = s->end - s->at < want ? refill(s, want) : 0;
	if (r)
		return r;
	size_t have = s->end - s->at;
	if (have < want && s->damaged)
		return -EBADMSG;
	*ret = bh_span_of(s->window + s->at, bh_min_size(want, have));
	return 0;
}

struct bh_span bh_source_seen(const struct bh_source *s)
{
	return bh_span_of(s->window + s->at, s->end - s->at);
}

int bh_source_skip(struct bh_source *s, uint64_t n)
{
	while (n) {
		size_t step = bh_min_size(n, s->end - s->at);
		if (!step) {
			struct bh_span more;
			int r = bh_source_look(s, 1, &more);
			if (r || !more.len)
				return r;
			continue;
		}
		s->at += step;
		s->used += step;
		n -= step;
	}
	return 0;
}

uint64_t bh_source_at(const struct bh_source *s)
{
	return s->used;
}

/* What the window shows becomes the inflater's first input. */
static int begin_inflating(struct bh_source *s)
{
	uint8_t *raw = malloc(RAW);

	if (!raw)
		return -ENOMEM;
	if (inflateInit2(&s->z, 15 + 16) != Z_OK) {
		free(raw);
		return -ENOMEM;
	}
	memcpy(raw, s->window, s->end);
	s->raw = raw;
	s->z.next_in = raw;
	s->z.avail_in = (uInt)s->end;
	s->end = 0;
	s->ended = false;
	return 0;
}

static int decide(struct bh_source *s)
{
	int r = 0;

	while (!r && s->end < 2 && !s->ended) {
		size_t n = 0;
		r = read_some(s->fd, s->window + s->end, RAW - s->end, &n);
		s->end += n;
		s->ended = !r && !n;
	}
	if (!r && s->end >= 2 && s->window[0] == 0x1f && s->window[1] == 0x8b)
		r = begin_inflating(s);
	return r;
}

static struct bh_source *source_new(int fd)
{
	struct bh_source *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->fd = fd;
	s->window = malloc(WINDOW);
	return s->window ? s : bh_source_free(s);
}

int bh_source_open(int fd, struct bh_source **ret)
{
	BH_AUTO(bh_source) s = source_new(fd);

	if (!s)
		return -ENOMEM;
	if (lseek(fd, 0, SEEK_SET) == 0)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	int r = decide(s);
	if (r)
		return r;
	*ret = s;
	s = NULL;
	return 0;
}

struct bh_source *bh_source_free(struct bh_source *s)
{
	if (!s)
		return NULL;
	if (s->raw)
		inflateEnd(&s->z);
	free(s->window);
	free(s->raw);
	free(s);
	return NULL;
}
