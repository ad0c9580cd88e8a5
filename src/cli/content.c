#include "cli/content.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <unistd.h>

#define SAMPLES 1024u
#define SAMPLE  1024u

static int hash_range(struct sha256_ctx *h, int fd, uint64_t from, uint64_t to)
{
	BH_FILLED uint8_t buf[64 * 1024];

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

static int hash_samples(struct sha256_ctx *h, int fd, uint64_t size)
{
	uint64_t last = size - SAMPLE, step = last / (SAMPLES - 1);
	int r = 0;

	sha256_update(h, sizeof size, (const uint8_t *)&size);
	for (uint64_t i = 0; !r && i < SAMPLES; i++) {
		uint64_t at = i + 1 < SAMPLES ? i * step : last;
		r = hash_range(h, fd, at, at + SAMPLE);
	}
	return r;
}

/* What grows at its end only, or changes all the way from where it changes. */
static bool is_stream(int fd)
{
	static const uint8_t starts[][4] = {
		{ 0xa1, 0xb2, 0xc3, 0xd4 }, { 0xd4, 0xc3, 0xb2, 0xa1 }, /* pcap */
		{ 0xa1, 0xb2, 0x3c, 0x4d }, { 0x4d, 0x3c, 0xb2, 0xa1 }, /* in nanoseconds */
		{ 0x0a, 0x0d, 0x0d, 0x0a }, /* pcapng */
		{ 0x1f, 0x8b, 0x08 }, /* gzip; its flags are any */
	};
	uint8_t is[4];

	if (pread(fd, is, sizeof is, 0) != sizeof is)
		return false;
	for (size_t i = 0; i < BH_LEN(starts); i++) {
		if (!memcmp(is, starts[i], starts[i][3] ? 4 : 3))
			return true;
	}
	return false;
}

int bh_content_name(int fd, uint64_t size, char ret[BH_CONTENT_NAME])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	bool whole = size <= BH_CONTENT_WHOLE || !is_stream(fd);
	struct sha256_ctx h;

	sha256_init(&h);
	int r = whole ? hash_range(&h, fd, 0, size) : hash_samples(&h, fd, size);
	if (r)
		return r;
	sha256_digest(&h, sizeof digest, digest);
	int n = snprintf(ret, BH_CONTENT_NAME, "%s:", whole ? "sha256" : "sampled-sha256");
	for (size_t i = 0; i < sizeof digest; i++)
		n += snprintf(ret + n, BH_CONTENT_NAME - (size_t)n, "%02x", digest[i]);
	return 0;
}
