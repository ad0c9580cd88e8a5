/*
 * tap: the smallest test harness that says what it found.
 *
 * A test file is a list of functions whose names are sentences:
 *
 *	static void test_every_truncation_is_refused(void) { … EXPECT(x == y); … }
 *	int main(void) { RUN(test_every_truncation_is_refused); return tap_done(); }
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed, tap_bad;

/* Failing once is enough to fail the test; it goes on, so that one run shows all. */
#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			tap_bad++;                                                                 \
			if (tap_bad <= 20)                                                         \
				printf("# %s:%d: expected: %s\n", __FILE__, __LINE__, #cond);      \
		}                                                                                  \
	} while (0)

#define EXPECT_INT(got, want)                                                                      \
	do {                                                                                       \
		long long g_ = (long long)(got), w_ = (long long)(want);                           \
		if (g_ != w_) {                                                                    \
			tap_bad++;                                                                 \
			if (tap_bad <= 20)                                                         \
				printf("# %s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, \
					#got, g_, w_);                                             \
		}                                                                                  \
	} while (0)

#define EXPECT_STR(got, want)                                                                      \
	do {                                                                                       \
		const char *g_ = (got), *w_ = (want);                                              \
		if (!g_ || !w_ || strcmp(g_, w_)) {                                                \
			tap_bad++;                                                                 \
			if (tap_bad <= 20)                                                         \
				printf("# %s:%d: %s is\n#   \"%s\", expected\n#   \"%s\"\n",       \
					__FILE__, __LINE__, #got, g_ ? g_ : "(null)",              \
					w_ ? w_ : "(null)");                                       \
		}                                                                                  \
	} while (0)

#define RUN(test)                                                                                  \
	do {                                                                                       \
		tap_bad = 0;                                                                       \
		test();                                                                            \
		tap_count++;                                                                       \
		if (tap_bad)                                                                       \
			tap_failed++;                                                              \
		printf("%sok %d - %s\n", tap_bad ? "not " : "", tap_count, #test + 5);             \
		fflush(stdout);                                                                    \
	} while (0)

/* A test that cannot run here says so and why. */
#define SKIP(test, why) printf("ok %d - %s # SKIP %s\n", ++tap_count, #test + 5, why)

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}
