/*
 * walk FILE: the least that any reader of a pcap file must do: map it and touch every
 * packet's Ethernet, IP and TCP header.  Prints packets and bytes; what `make bench`
 * sets bulkhead beside.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Little-endian pcap of Ethernet or raw IP, as our own recorder writes it. */
static int walk(const uint8_t *p, size_t size)
{
	uint64_t packets = 0, bytes = 0, tcp = 0, sum = 0;
	size_t at = 24;

	if (size < at || (word(p) != 0xa1b2c3d4 && word(p) != 0xa1b23c4d))
		return 1;
	size_t skip = word(p + 20) == 1 ? 14 : 0;
	while (size - at >= 16) {
		uint32_t len = word(p + at + 8);
		at += 16;
		if (len > size - at)
			break;
		const uint8_t *ip = p + at + skip;
		bool v4 = len >= skip + 40 && ip[0] >> 4 == 4 && ip[9] == 6;
		bool v6 = len >= skip + 60 && ip[0] >> 4 == 6 && ip[6] == 6;
		if (v4 || v6) {
			const uint8_t *t = ip + (v4 ? (size_t)(ip[0] & 15) * 4 : 40);
			tcp++;
			if (t + 20 <= p + at + len)
				sum += word(t) ^ word(t + 4) ^ t[13];
		}
		at += len;
		packets++;
		bytes += len;
	}
	printf("packets %llu bytes %llu tcp %llu sum %llx\n", (unsigned long long)packets,
		(unsigned long long)bytes, (unsigned long long)tcp, (unsigned long long)sum);
	return 0;
}

int main(int argc, char **argv)
{
	struct stat st;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0) {
		fprintf(stderr, "usage: walk FILE\n");
		return 2;
	}
	const uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	(void)madvise((void *)(uintptr_t)p, (size_t)st.st_size, MADV_SEQUENTIAL);
	return walk(p, (size_t)st.st_size);
}
