#include "capture/capture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/file.h"

int bh_capture_refuse(struct bh_capture *c, uint64_t at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->problem, sizeof c->problem, fmt, args);
	va_end(args);
	c->problem_at = at;
	return -EBADMSG;
}

int bh_capture_want(struct bh_capture *c, size_t n, const char *what, struct bh_span *ret)
{
	struct bh_span s = { 0 };
	int r = bh_source_look(c->source, n, &s);

	if (r == -EBADMSG)
		return bh_capture_refuse(c, bh_source_at(c->source),
			"the compressed data breaks off or is damaged in %s", what);
	if (r)
		return r;
	if (s.len == n) {
		*ret = s;
		return 1;
	}
	if (!s.len)
		return 0;
	return bh_capture_refuse(c, bh_source_at(c->source),
		"the capture breaks off in %s: %zu bytes of %zu", what, s.len, n);
}

#define YEAR_2200 7258118400

bh_time bh_capture_time(int64_t seconds, uint64_t nanoseconds)
{
	if (seconds < 0 || seconds >= YEAR_2200 || nanoseconds >= (uint64_t)BH_SECOND)
		return 0;
	return seconds * BH_SECOND + (bh_time)nanoseconds;
}

static int no_capture(struct bh_capture *c, struct bh_packet *ret BH_UNUSED)
{
	(void)ret;
	return c->problem[0] ? -EBADMSG : 0;
}

static int decide(struct bh_capture *c)
{
	struct bh_span s = { 0 };
	int r = bh_source_look(c->source, 4, &s);
	static const uint8_t section[4] = { 0x0a, 0x0d, 0x0d, 0x0a };

	c->next = no_capture;
	if (r && r != -EBADMSG)
		return r;
	if (r) {
		(void)bh_capture_refuse(c, 0, "the compressed data is damaged from its start");
		return 0;
	}
	if (!s.len) {
		(void)bh_capture_refuse(c, 0, "the file is empty");
		return 0;
	}
	if (s.len == 4 && !memcmp(s.ptr, section, 4))
		return bh_pcapng_open(c);
	return bh_pcap_open(c);
}

int bh_capture_open(int fd, struct bh_capture **ret)
{
	BH_AUTO(bh_capture) c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	int r = bh_source_open(fd, &c->source);
	if (!r)
		r = decide(c);
	if (r)
		return r;
	*ret = c;
	c = NULL;
	return 0;
}

struct bh_capture *bh_capture_free(struct bh_capture *c)
{
	if (!c)
		return NULL;
	bh_source_free(c->source);
	free(c->interfaces);
	free(c);
	return NULL;
}

int bh_capture_next(struct bh_capture *c, struct bh_packet *ret)
{
	if (c->problem[0])
		return -EBADMSG;
	return c->next(c, ret);
}

const char *bh_capture_problem(const struct bh_capture *c, uint64_t *offset)
{
	*offset = c->problem_at;
	return c->problem;
}

bool bh_capture_is(const struct bh_capture *c)
{
	return c->next != no_capture;
}

int bh_capture_look(struct bh_capture *c, size_t want, struct bh_span *ret)
{
	return bh_source_look(c->source, want, ret);
}

int bh_capture_skip(struct bh_capture *c, size_t n)
{
	return bh_source_skip(c->source, n);
}
