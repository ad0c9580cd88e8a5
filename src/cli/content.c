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

int bh_content_name(int fd, uint64_t size, char ret[BH_CONTENT_NAME])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	bool whole = size <= BH_CONTENT_WHOLE;
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
