#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/content.h"
#include "tap.h"

#define LARGE (BH_CONTENT_WHOLE + 3 * 1024 * 1024 + 77)

static const uint8_t pcap[4] = { 0xd4, 0xc3, 0xb2, 0xa1 };
static uint8_t start[4] = { 0xd4, 0xc3, 0xb2, 0xa1 };

/* A file of `size` bytes that begins with `start`, none of which is like its neighbours. */
static int file_of(uint64_t size, uint32_t seed)
{
	uint8_t *bytes = malloc(size ? size : 1);
	int fd = memfd_create("content", MFD_CLOEXEC);

	for (uint64_t i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	memcpy(bytes, start, bh_min_size(size, sizeof start));
	EXPECT(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	free(bytes);
	return fd;
}

static const char *name(int fd, uint64_t size)
{
	static char text[2][BH_CONTENT_NAME];
	static unsigned turn;

	turn ^= 1;
	EXPECT_INT(bh_content_name(fd, size, text[turn]), 0);
	return text[turn];
}

/* Changes n bytes of a file at `at`, asks, and changes them back. */
static bool sees(int fd, uint64_t size, uint64_t at, size_t n)
{
	uint8_t *was = malloc(n), *now = malloc(n);
	char before[BH_CONTENT_NAME], after[BH_CONTENT_NAME];

	EXPECT(pread(fd, was, n, (off_t)at) == (ssize_t)n);
	for (size_t i = 0; i < n; i++)
		now[i] = was[i] ^ 1;
	EXPECT_INT(bh_content_name(fd, size, before), 0);
	EXPECT(pwrite(fd, now, n, (off_t)at) == (ssize_t)n);
	EXPECT_INT(bh_content_name(fd, size, after), 0);
	EXPECT(pwrite(fd, was, n, (off_t)at) == (ssize_t)n);
	free(was);
	free(now);
	return strcmp(before, after) != 0;
}

static void test_the_empty_file_has_the_hash_of_nothing(void)
{
	int fd = file_of(0, 1);

	EXPECT_STR(name(fd, 0),
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	close(fd);
}

static void test_equal_content_has_equal_names_wherever_it_is(void)
{
	static const uint64_t sizes[] = { 40, 1000, BH_CONTENT_WHOLE, BH_CONTENT_WHOLE + 1, LARGE };

	for (size_t i = 0; i < BH_LEN(sizes); i++) {
		int a = file_of(sizes[i], 7), b = file_of(sizes[i], 7), c = file_of(sizes[i], 8);
		EXPECT_STR(name(a, sizes[i]), name(b, sizes[i]));
		EXPECT(strcmp(name(a, sizes[i]), name(c, sizes[i])) != 0);
		close(a);
		close(b);
		close(c);
	}
}

static void test_of_a_large_log_every_byte_counts(void)
{
	memcpy(start, "ElfF", sizeof start);
	int fd = file_of(LARGE, 5);

	for (uint64_t at = 100; at < LARGE; at += LARGE / 7)
		EXPECT(sees(fd, LARGE, at, 1));
	close(fd);
	memcpy(start, pcap, sizeof start);
}

static void test_of_a_small_file_every_byte_counts(void)
{
	enum { SIZE = 3000 };
	int fd = file_of(SIZE, 3);

	for (uint64_t at = 0; at < SIZE; at++)
		EXPECT(sees(fd, SIZE, at, 1));
	close(fd);
}

static void test_of_a_large_file_the_ends_and_any_thousandth_count(void)
{
	const size_t stretch = LARGE / 1000;
	int fd = file_of(LARGE, 4);

	EXPECT(!strncmp(name(fd, LARGE), "sampled-sha256:", 15));
	EXPECT(sees(fd, LARGE, 0, 1));
	EXPECT(sees(fd, LARGE, LARGE - 1, 1));
	for (uint64_t at = 0; at + stretch <= LARGE; at += 40009)
		EXPECT(sees(fd, LARGE, at, stretch));
	close(fd);
}

static void test_the_length_counts(void)
{
	static const uint64_t sizes[] = { 1, 4096, BH_CONTENT_WHOLE, LARGE };

	for (size_t i = 0; i < BH_LEN(sizes); i++) {
		int fd = file_of(sizes[i] + 1, 5);
		EXPECT(strcmp(name(fd, sizes[i]), name(fd, sizes[i] + 1)) != 0);
		close(fd);
	}
}

/* A log that grew is known by what it was. */
static void test_the_beginning_of_a_file_has_the_name_of_a_file_that_ends_there(void)
{
	static const uint64_t sizes[] = { 0, 500, BH_CONTENT_WHOLE, BH_CONTENT_WHOLE + 5000 };
	int grown = file_of(LARGE, 6);

	for (size_t i = 0; i < BH_LEN(sizes); i++) {
		int fd = file_of(sizes[i], 6);
		EXPECT_STR(name(grown, sizes[i]), name(fd, sizes[i]));
		close(fd);
	}
	close(grown);
}

static void test_the_place_of_the_descriptor_stays(void)
{
	int fd = file_of(5000, 1);

	EXPECT_INT(lseek(fd, 123, SEEK_SET), 123);
	(void)name(fd, 5000);
	EXPECT_INT(lseek(fd, 0, SEEK_CUR), 123);
	close(fd);
}

static void test_what_cannot_be_read_has_no_name(void)
{
	char text[BH_CONTENT_NAME] = "untouched";
	int p[2];

	EXPECT(pipe(p) == 0);
	EXPECT_INT(bh_content_name(p[0], 10, text), -ESPIPE);
	EXPECT_STR(text, "untouched");
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	RUN(test_the_empty_file_has_the_hash_of_nothing);
	RUN(test_equal_content_has_equal_names_wherever_it_is);
	RUN(test_of_a_large_log_every_byte_counts);
	RUN(test_of_a_small_file_every_byte_counts);
	RUN(test_of_a_large_file_the_ends_and_any_thousandth_count);
	RUN(test_the_length_counts);
	RUN(test_the_beginning_of_a_file_has_the_name_of_a_file_that_ends_there);
	RUN(test_the_place_of_the_descriptor_stays);
	RUN(test_what_cannot_be_read_has_no_name);
	return tap_done();
}
