#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sensor/sensor.h"
#include "tap.h"

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	EXPECT(fd >= 0 && write(fd, bytes, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* A pcap of one TCP SYN 10.0.0.1:50000 → 10.0.0.2:445 and its RST, raw IP. */
static int refused_capture(void)
{
	static const uint8_t header[24] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0xff,
		0xff, [20] = 101 };
	static const uint8_t record[16] = { 0, 0, 0, 0x60, 0, 0, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0 };
	static const uint8_t syn[40] = { 0x45, 0, 0, 40, 1, 2, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1,
		10, 0, 0, 2, 0xc3, 0x50, 1, 0xbd, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff };
	static const uint8_t rst[40] = { 0x45, 0, 0, 40, 1, 2, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2,
		10, 0, 0, 1, 1, 0xbd, 0xc3, 0x50, 0, 0, 0, 0, 1, 2, 3, 5, 0x50, 0x14, 0, 0 };
	uint8_t all[24 + 2 * 56];

	memcpy(all, header, 24);
	memcpy(all + 24, record, 16);
	memcpy(all + 40, syn, 40);
	memcpy(all + 80, record, 16);
	memcpy(all + 96, rst, 40);
	return file_of(all, sizeof all);
}

struct seen {
	unsigned leaves, gone, tallies, problems, ends;
	struct bh_fact leaf, tally, problem;
};

static int listen_all(struct bh_sensor_child *c, struct seen *s)
{
	struct bh_fact f;
	int r;

	while ((r = bh_sensor_read(c, &f)) == 1) {
		EXPECT(bh_fact_sane(&f));
		switch (f.kind) {
		case BH_FACT_LEAF:
			s->leaves++;
			s->leaf = f;
			break;
		case BH_FACT_LEAF_GONE: s->gone++; break;
		case BH_FACT_TALLY:
			s->tallies++;
			s->tally = f;
			break;
		case BH_FACT_PROBLEM:
			s->problems++;
			s->problem = f;
			break;
		case BH_FACT_EVENTS: break;
		default: s->ends++; break;
		}
	}
	return r;
}

static void test_files_are_told_one_after_the_other(void)
{
	const int files[2] = { refused_capture(), refused_capture() };
	const struct bh_sensor_job job = { .files = files, .n_files = 2, .nflog = -1 };
	struct bh_sensor_child c;
	struct seen s = { 0 };
	const char *why = "";

	EXPECT_INT(bh_sensor_start(&job, &c), 0);
	EXPECT(lseek(files[0], 0, SEEK_CUR) < 0); /* the parent's are closed */
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	EXPECT_INT(s.ends, 2);
	EXPECT_INT(s.leaves, 2);
	EXPECT_INT(s.problems, 0);
	EXPECT_INT(s.leaf.leaf_is.who.outcome, BH_REFUSED);
	EXPECT_INT(s.leaf.leaf_is.who.port, 445);
	EXPECT_INT(s.tally.tally.packets, 2);
}

static void test_what_is_no_capture_is_a_problem_and_not_a_failure(void)
{
	int fd = file_of("Dear diary,\n", 12);
	const struct bh_sensor_job job = { .files = &fd, .n_files = 1, .nflog = -1 };
	struct bh_sensor_child c;
	struct seen s = { 0 };
	const char *why = "";

	EXPECT_INT(bh_sensor_start(&job, &c), 0);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	EXPECT(s.problems == 1 && s.ends == 1 && s.leaves == 0);
	EXPECT(strlen(s.problem.problem.text) > 10);
}

/* The sensor's own death is noticed, and said. */
static void test_a_child_that_dies_is_not_taken_for_the_end(void)
{
	int p[2];
	const char *why = "";
	struct seen s = { 0 };
	struct bh_sensor_child c;

	EXPECT(pipe(p) == 0); /* never written: the child waits for its first byte */
	const struct bh_sensor_job job = { .files = &p[0], .n_files = 1, .nflog = -1 };
	EXPECT_INT(bh_sensor_start(&job, &c), 0);
	kill(c.pid, SIGKILL);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(s.ends, 0);
	EXPECT_INT(bh_sensor_end(&c, &why), -EPIPE);
	EXPECT_STR(why, "the sensor process was killed");
	close(p[1]);
}

static void test_a_record_cut_short_is_an_error(void)
{
	int p[2];
	char half[sizeof(struct bh_fact) / 2] = { 0 };
	struct bh_fact f;

	EXPECT(pipe(p) == 0 && write(p[1], half, sizeof half) == (ssize_t)sizeof half);
	close(p[1]);
	struct bh_sensor_child c = { .facts = p[0], .stop = -1 };
	EXPECT_INT(bh_sensor_read(&c, &f), -EPIPE);
	free(c.waiting);
	close(p[0]);
}

/* A pipe keeps no borders: records come in whatever pieces they come in. */
static void test_records_come_in_their_order_and_in_any_pieces(void)
{
	enum { N = 20, PIECE = 777 };
	static struct bh_fact facts[N];
	const char *at = (const char *)facts;
	struct bh_fact f;
	uint64_t next = 0;
	int p[2];

	for (unsigned i = 0; i < N; i++)
		facts[i].leaf = i;
	EXPECT(pipe(p) == 0);
	struct bh_sensor_child c = { .facts = p[0], .stop = -1 };
	for (size_t left = sizeof facts; left;) {
		size_t n = left < PIECE ? left : PIECE;
		EXPECT(write(p[1], at, n) == (ssize_t)n);
		at += n;
		left -= n;
		while ((size_t)(at - (const char *)facts) >= (next + 1) * sizeof f) {
			EXPECT_INT(bh_sensor_read(&c, &f), 1);
			EXPECT_INT(f.leaf, next++);
			EXPECT(!bh_sensor_ready(&c));
		}
	}
	close(p[1]);
	EXPECT_INT(next, N);
	EXPECT_INT(bh_sensor_read(&c, &f), 0);
	free(c.waiting);
	close(p[0]);
}

static void test_what_was_read_already_is_ready(void)
{
	static const struct bh_fact two[2] = { { .leaf = 1 }, { .leaf = 2 } };
	struct bh_fact f;
	int p[2];

	EXPECT(pipe(p) == 0 && write(p[1], two, sizeof two) == (ssize_t)sizeof two);
	struct bh_sensor_child c = { .facts = p[0], .stop = -1 };
	EXPECT(!bh_sensor_ready(&c));
	EXPECT_INT(bh_sensor_read(&c, &f), 1);
	EXPECT(bh_sensor_ready(&c));
	EXPECT_INT(bh_sensor_read(&c, &f), 1);
	EXPECT_INT(f.leaf, 2);
	EXPECT(!bh_sensor_ready(&c));
	free(c.waiting);
	close(p[0]);
	close(p[1]);
}

static void test_a_reader_who_goes_ends_the_child(void)
{
	int fd = refused_capture();
	const struct bh_sensor_job job = { .files = &fd, .n_files = 1, .nflog = -1 };
	struct bh_sensor_child c;
	const char *why = "";

	EXPECT_INT(bh_sensor_start(&job, &c), 0);
	int r = bh_sensor_end(&c, &why);
	EXPECT(r == 0 || r == -EPIPE); /* it was quicker, or was killed by SIGPIPE */
	EXPECT(waitpid(c.pid, NULL, WNOHANG) < 0 && errno == ECHILD);
}

/* A capture that never ends, as a pipe: who writes it ends when nobody reads any more. */
static int endless_capture(pid_t *ret)
{
	static uint8_t records[56 * 1024];
	uint8_t begin[80];
	int p[2], fd = refused_capture();

	EXPECT(read(fd, begin, sizeof begin) == sizeof begin && pipe(p) == 0);
	close(fd);
	for (size_t i = 0; i < sizeof records; i += 56)
		memcpy(records + i, begin + 24, 56);
	*ret = fork();
	if (*ret == 0) {
		signal(SIGPIPE, SIG_IGN);
		close(p[0]);
		if (write(p[1], begin, 24) == 24)
			while (write(p[1], records, sizeof records) == sizeof records)
				;
		_exit(0);
	}
	close(p[1]);
	return p[0];
}

static void test_a_file_ends_where_somebody_has_enough(void)
{
	pid_t writer = 0;
	int fd = endless_capture(&writer);
	const struct bh_sensor_job job = { .files = &fd, .n_files = 1, .nflog = -1 };
	struct bh_sensor_child c;
	struct seen s = { 0 };
	struct bh_fact f = { 0 };
	const char *why = "";

	EXPECT_INT(bh_sensor_start(&job, &c), 0);
	while (f.kind != BH_FACT_TALLY && bh_sensor_read(&c, &f) == 1)
		;
	EXPECT(f.kind == BH_FACT_TALLY && f.tally.packets > 0);
	kill(c.pid, SIGINT); /* as ^C and the end of a service reach it, too */
	kill(c.pid, SIGTERM);
	EXPECT(write(c.stop, "", 1) == 1);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	EXPECT_INT(s.ends, 1);
	EXPECT_INT(s.problems, 0);
	EXPECT(s.leaves >= 1 && s.tally.tally.packets >= f.tally.packets);
	EXPECT(waitpid(writer, NULL, 0) == writer);
}

static void test_zeeks_logs_are_told_by_their_content_and_stand_at_their_beginning(void)
{
	static const char conn[] = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\n";
	static const char ntlm[] = "{\"ts\":1.0,\"uid\":\"C1\",\"username\":\"a\"}\n";
	const int files[4] = { file_of(conn, sizeof conn - 1), refused_capture(),
		file_of(ntlm, sizeof ntlm - 1), file_of("", 0) };
	uint8_t order[4] = { 9, 9, 9, 9 };

	EXPECT_INT(bh_sensor_zeek_order(files, 4, order), 0);
	EXPECT(order[0] > order[2] && order[2] > 0);
	EXPECT_INT(order[1], 0);
	EXPECT_INT(order[3], 0);
	for (size_t i = 0; i < 4; i++) {
		EXPECT_INT(lseek(files[i], 0, SEEK_CUR), 0);
		close(files[i]);
	}
	EXPECT_INT(bh_sensor_zeek_order(files, BH_SENSOR_FILES + 1, order), -E2BIG);
}

static void test_live_without_a_ring_ends_when_told(void)
{
	const struct bh_sensor_job job = { .nflog = -1, .flush_seconds = 1 };
	struct bh_sensor_child c;
	struct seen s = { 0 };
	const char *why = "";

	EXPECT_INT(bh_sensor_start(&job, &c), 0);
	bh_sensor_stop(&c);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	EXPECT(s.ends == 1 && s.tallies >= 1);
}

/* ---- logs that grow ---- */

#define SHARE "  alice|10.0.0.5|10.0.0.9|ws1|home|SMB3_11|connect|ok|home\n"
#define LOGON                                                                                      \
	"{\"timestamp\": \"2026-01-31T12:00:00.5+0000\", \"type\": \"Authorization\", "            \
	"\"Authorization\": {\"localAddress\": \"ipv4:10.0.0.9:445\", \"remoteAddress\": "         \
	"\"ipv4:10.0.0.5:5\", \"serviceDescription\": \"SMB2\", \"authType\": \"krb5\", "          \
	"\"account\": \"bob\", \"domain\": \"D\"}}\n"

/* The child that reads p[0], which nobody has here any more. */
static void follow(int p[2], enum bh_sensor_follow how, struct bh_sensor_child *ret)
{
	EXPECT(pipe2(p, O_CLOEXEC) == 0);
	const struct bh_sensor_job job = { .files = &p[0],
		.n_files = 1,
		.follow = (uint8_t)how,
		.nflog = -1,
		.flush_seconds = 1 };
	EXPECT_INT(bh_sensor_start(&job, ret), 0);
}

static void put(int fd, const char *text)
{
	EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* Until a leaf counts so many connections. */
static void wait_for(struct bh_sensor_child *c, uint64_t connections, struct bh_fact *ret)
{
	do {
		if (bh_sensor_read(c, ret) <= 0)
			break;
	} while (ret->kind != BH_FACT_LEAF || ret->leaf_is.figures.connections < connections);
	EXPECT_INT(ret->kind, BH_FACT_LEAF);
}

static void test_a_log_that_grows_is_told_as_it_comes(void)
{
	int p[2];
	struct bh_sensor_child c;
	struct bh_fact f = { 0 };
	struct seen s = { 0 };
	const char *why = "";

	follow(p, BH_FOLLOW_SAMBA, &c);
	put(p[1], SHARE);
	wait_for(&c, 1, &f);
	EXPECT_STR(f.leaf_is.who.share, "\\\\*\\home");
	EXPECT(!f.leaf_is.closed);
	put(p[1], "  alice|10.0.0.5|10.0.0.9|ws1|ho"); /* half a line says nothing */
	put(p[1], "me|SMB3_11|connect|ok|home\n");
	wait_for(&c, 2, &f);
	put(p[1], SHARE); /* and what stands in the pipe is read before the end */
	bh_sensor_stop(&c);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	EXPECT_INT(s.leaf.leaf_is.figures.connections, 3);
	EXPECT(s.leaf.leaf_is.closed && s.ends == 1);
	EXPECT_INT(s.tally.tally.records, 3);
	EXPECT_INT(s.tally.tally.unreadable, 0);
	close(p[1]);
}

static void test_a_log_that_nobody_writes_any_more_ends_by_itself(void)
{
	int p[2];
	struct bh_sensor_child c;
	struct seen s = { 0 };
	const char *why = "";

	follow(p, BH_FOLLOW_SAMBA, &c);
	put(p[1], LOGON "  x|10.0.0.5|con");
	close(p[1]);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	EXPECT(s.ends == 1 && s.leaves == 1);
	EXPECT_STR(s.leaf.leaf_is.who.user, "bob"); /* no share came for this logon */
}

static void test_a_journal_is_followed_too(void)
{
	int p[2];
	struct bh_sensor_child c;
	struct bh_fact f = { 0 };
	struct seen s = { 0 };
	const char *why = "";

	follow(p, BH_FOLLOW_JOURNAL, &c);
	put(p[1],
		"{\"__REALTIME_TIMESTAMP\":\"1769860800000000\",\"_HOSTNAME\":\"fs1\",\"MESSAGE\":"
		"\"bob|192.168.2.100|connect|ok|Docs\"}\n");
	wait_for(&c, 1, &f);
	EXPECT_STR(f.leaf_is.who.server_name, "fs1");
	bh_sensor_stop(&c);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	close(p[1]);
}

/* One datagram of the audit log: a SYN 10.0.0.1 → 10.0.0.2:445 behind our prefix. */
static size_t logged(uint8_t *to, uint8_t last)
{
	static const uint8_t message[] = { 88, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1,
		189, 19, 0, 10, 0, 'b', 'h', ' ', 'i', 'n', ' ', 't', 'c', 'p', '/', '4', '4', '5',
		0, 0, 0, 44, 0, 9, 0, 0x45, 0, 0, 40, 1, 2, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10,
		0, 0, 2, 0xc3, 0x50, 1, 0xbd, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0,
		0 };

	memcpy(to, message, sizeof message);
	to[0] = sizeof message;
	to[59] = last;
	return sizeof message;
}

static void test_the_audit_log_becomes_leaves_and_is_counted(void)
{
	int p[2];
	uint8_t bytes[128];
	struct bh_sensor_child c;
	struct seen s = { 0 };
	const char *why = "";

	/* Any datagram socket does for the child: it may only receive. */
	EXPECT(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	const struct bh_sensor_job job = { .nflog = p[0], .flush_seconds = 1 };
	EXPECT_INT(bh_sensor_start(&job, &c), 0);
	for (uint8_t i = 0; i < 30; i++) {
		size_t n = logged(bytes, (uint8_t)(1 + i % 3));
		EXPECT(write(p[1], bytes, n) == (ssize_t)n);
	}
	bytes[0] = 3; /* a length that cannot be */
	EXPECT(write(p[1], bytes, 20) == 20);
	usleep(100000);
	bh_sensor_stop(&c);
	EXPECT_INT(listen_all(&c, &s), 0);
	EXPECT_INT(bh_sensor_end(&c, &why), 0);
	EXPECT_INT(s.leaves, 3);
	EXPECT_INT(s.leaf.leaf_is.figures.connections, 10);
	EXPECT_INT(s.leaf.leaf_is.who.outcome, BH_WOULD_BLOCK);
	EXPECT_INT(s.tally.tally.log_events, 30);
	EXPECT_INT(s.tally.tally.malformed, 1);
	close(p[1]);
}

int main(void)
{
	RUN(test_files_are_told_one_after_the_other);
	RUN(test_what_is_no_capture_is_a_problem_and_not_a_failure);
	RUN(test_a_child_that_dies_is_not_taken_for_the_end);
	RUN(test_a_record_cut_short_is_an_error);
	RUN(test_records_come_in_their_order_and_in_any_pieces);
	RUN(test_what_was_read_already_is_ready);
	RUN(test_a_reader_who_goes_ends_the_child);
	RUN(test_a_file_ends_where_somebody_has_enough);
	RUN(test_zeeks_logs_are_told_by_their_content_and_stand_at_their_beginning);
	RUN(test_live_without_a_ring_ends_when_told);
	RUN(test_a_log_that_grows_is_told_as_it_comes);
	RUN(test_a_log_that_nobody_writes_any_more_ends_by_itself);
	RUN(test_a_journal_is_followed_too);
	RUN(test_the_audit_log_becomes_leaves_and_is_counted);
	return tap_done();
}
