#include "capture/source.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* A window of bytes [at, end) of which everything before `at` has been used.  A plain
 * mapped file is one window that never moves. */
struct bh_source {
	int fd;
	const uint8_t *map; /* the whole file, NULL for a pipe */
	size_t map_len, map_at;
	size_t dropped; /* what of the map was given back */
	uint8_t *window; /* NULL for a plain mapped file */
	size_t at, end;
	uint8_t *raw; /* compressed bytes read from a pipe */
	uint64_t used;
	z_stream z;
	bool gzip, inflating;
	bool ended; /* nothing more will come into the window */
	bool damaged;
};

enum { RAW = 64 * 1024, WINDOW = 2 * BH_SOURCE_WINDOW, DROP = 8 << 20 };

static bool is_gzip(struct bh_span s)
{
	return s.len >= 2 && s.ptr[0] == 0x1f && s.ptr[1] == 0x8b;
}

static int fill_some(int fd, uint8_t *to, size_t room, size_t *ret)
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

/* Compressed bytes for the inflater, if it has none left. */
static int feed(struct bh_source *s)
{
	size_t n = 0;

	if (s->z.avail_in)
		return 0;
	if (s->map) {
		n = bh_min_size(s->map_len - s->map_at, 1u << 30);
		/* zlib wants it writable but does not write. */
		s->z.next_in = (z_const Bytef *)(uintptr_t)(s->map + s->map_at);
		s->map_at += n;
	} else {
		int r = fill_some(s->fd, s->raw, RAW, &n);
		if (r)
			return r;
		s->z.next_in = s->raw;
	}
	s->z.avail_in = (uInt)n;
	return 0;
}

/* Inflates a little into the window; gzip members may follow one another. */
static int inflate_some(struct bh_source *s)
{
	int r = feed(s);

	if (r)
		return r;
	if (!s->z.avail_in) {
		s->ended = true;
		s->damaged = s->inflating;
		return 0;
	}
	if (!s->inflating && inflateReset(&s->z) != Z_OK)
		return -ENOMEM;
	s->inflating = true;
	s->z.next_out = s->window + s->end;
	s->z.avail_out = (uInt)(WINDOW - s->end);
	int z = inflate(&s->z, Z_NO_FLUSH);
	s->end = WINDOW - s->z.avail_out;
	if (z == Z_MEM_ERROR)
		return -ENOMEM;
	if (z == Z_STREAM_END)
		s->inflating = false;
	else if (z != Z_OK && z != Z_BUF_ERROR)
		s->ended = s->damaged = true;
	return 0;
}

/* Makes the window hold `want` bytes if the source has them. */
static int refill(struct bh_source *s, size_t want)
{
	if (s->at + want > WINDOW) {
		memmove(s->window, s->window + s->at, s->end - s->at);
		s->end -= s->at;
		s->at = 0;
	}
	while (!s->ended && s->end - s->at < want) {
		size_t n = 0;
		int r = s->gzip ? inflate_some(s)
				: fill_some(s->fd, s->window + s->end, WINDOW - s->end, &n);
		if (r)
			return r;
		if (!s->gzip) {
			s->end += n;
			s->ended = !n;
		}
	}
	return 0;
}

int bh_source_look(struct bh_source *s, size_t want, struct bh_span *ret)
{
	assert(want <= BH_SOURCE_WINDOW);
	if (!s->window) {
		*ret = bh_span_of(s->map + s->at, bh_min_size(want, s->end - s->at));
		return 0;
	}
	int r = s->end - s->at < want ? refill(s, want) : 0;
	if (r)
		return r;
	size_t have = s->end - s->at;
	if (have < want && s->damaged)
		return -EBADMSG;
	*ret = bh_span_of(s->window + s->at, bh_min_size(want, have));
	return 0;
}

struct bh_span bh_source_rest(const struct bh_source *s)
{
	if (s->window)
		return (struct bh_span){ 0 };
	return bh_span_of(s->map + s->at, s->end - s->at);
}

/* Pages that were read are given back now and then, so that a large file does not look
 * like large memory; whoever still holds a span would fault them in again. */
static void drop_behind(struct bh_source *s)
{
	size_t upto = s->at / DROP * DROP;

	if (!s->window && upto > s->dropped + DROP) {
		(void)madvise((void *)(uintptr_t)(s->map + s->dropped), upto - DROP - s->dropped,
			MADV_DONTNEED);
		s->dropped = upto - DROP;
	}
}

int bh_source_skip(struct bh_source *s, uint64_t n)
{
	drop_behind(s);
	while (n) {
		size_t step = n < BH_SOURCE_WINDOW ? (size_t)n : BH_SOURCE_WINDOW;
		struct bh_span b;
		if (!s->window) {
			step = bh_min_size((size_t)n, s->end - s->at);
		} else {
			int r = bh_source_look(s, step, &b);
			if (r)
				return r;
			step = b.len;
		}
		if (!step)
			return 0;
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

static int map_file(struct bh_source *s)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return 0;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, s->fd, 0);
	if (p == MAP_FAILED)
		return 0; /* then it is read like a pipe */
	(void)madvise(p, (size_t)st.st_size, MADV_SEQUENTIAL);
	s->map = p;
	s->map_len = (size_t)st.st_size;
	return 0;
}

static int need_window(struct bh_source *s)
{
	s->window = malloc(WINDOW);
	s->raw = s->map ? NULL : malloc(RAW);
	return s->window && (s->map || s->raw) ? 0 : -ENOMEM;
}

/* What a pipe has shown in its window becomes the inflater's first input. */
static void hand_to_inflater(struct bh_source *s)
{
	memcpy(s->raw, s->window, s->end);
	s->z.next_in = s->raw;
	s->z.avail_in = (uInt)s->end;
	s->end = 0;
	s->ended = false;
}

static int decide(struct bh_source *s)
{
	struct bh_span first = bh_span_of(s->map, s->map_len);
	int r;

	if (s->map && !is_gzip(first)) {
		s->end = s->map_len;
		return 0;
	}
	r = need_window(s);
	if (r)
		return r;
	if (!s->map) {
		while (!r && s->end < 2 && !s->ended) {
			size_t n = 0;
			r = fill_some(s->fd, s->window + s->end, RAW - s->end, &n);
			s->end += n;
			s->ended = !n;
		}
		if (r)
			return r;
		first = bh_span_of(s->window, s->end);
	}
	if (!is_gzip(first))
		return 0;
	if (!s->map)
		hand_to_inflater(s);
	if (inflateInit2(&s->z, 15 + 16) != Z_OK)
		return -ENOMEM;
	s->gzip = s->inflating = true;
	return 0;
}

int bh_source_open(int fd, struct bh_source **ret)
{
	BH_AUTO(bh_source) s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->fd = fd;
	int r = map_file(s);
	if (!r)
		r = decide(s);
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
	if (s->gzip)
		inflateEnd(&s->z);
	if (s->map)
		munmap((void *)(uintptr_t)s->map, s->map_len);
	free(s->window);
	free(s->raw);
	free(s);
	return NULL;
}
