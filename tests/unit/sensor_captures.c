/*
 * Real captures cut, thinned out and shuffled: no row that the whole does not explain, and
 * the same rows from another order.  Those of tests/data, and of the corpus where it is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "capture/capture.h"
#include "told.h"

enum { MAX_PACKETS = 400 };

static struct packet {
	uint8_t *bytes;
	size_t len, original;
	bh_time when;
	uint32_t link;
} packets[MAX_PACKETS];
static size_t n_packets;
static struct told whole, part;

static void forget(void)
{
	while (n_packets)
		free(packets[--n_packets].bytes);
}

/* False for a capture that is too long to be cut at every packet. */
static bool load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct bh_capture *c = NULL;
	struct bh_packet p;
	int r;

	forget();
	if (fd < 0 || bh_capture_open(fd, &c))
		return false;
	while ((r = bh_capture_next(c, &p)) == 1 && n_packets < MAX_PACKETS) {
		struct packet *q = &packets[n_packets++];
		q->bytes = malloc(p.bytes.len + 1);
		memcpy(q->bytes, p.bytes.ptr, p.bytes.len);
		q->len = p.bytes.len;
		q->original = p.original;
		q->when = p.when;
		q->link = p.link;
	}
	bh_capture_free(c);
	close(fd);
	return r != 1;
}

static void play(const size_t *order, size_t n, size_t snap, struct told *ret)
{
	struct bh_sensor *s = NULL;

	memset(ret, 0, sizeof *ret);
	EXPECT_INT(bh_sensor_new(NULL, hear, ret, &s), 0);
	for (size_t i = 0; i < n; i++) {
		const struct packet *p = &packets[order[i]];
		/* The clock goes on as it did, whatever comes when. */
		EXPECT_INT(bh_sensor_packet(s, p->link, packets[i].when,
				   bh_span_of(p->bytes, snap && p->len > snap ? snap : p->len),
				   p->original),
			0);
	}
	EXPECT_INT(bh_sensor_finish(s), 0);
	bh_sensor_free(s);
	EXPECT_INT(ret->insane, 0);
	settle(ret);
}

/* Calls fn with every capture that is at hand; returns how many there were. */
static unsigned each(void (*fn)(const char *path))
{
	const char *source = getenv("BULKHEAD_SOURCE"), *corpus = getenv("BULKHEAD_CORPUS");
	char folder[2][4096];
	unsigned n = 0;

	snprintf(folder[0], sizeof folder[0], "%s/tests/data", source ? source : ".");
	if (corpus)
		snprintf(folder[1], sizeof folder[1], "%s/pcap", corpus);
	else
		snprintf(folder[1], sizeof folder[1], "%s/../shared/corpus/pcap",
			source ? source : ".");
	for (unsigned i = 0; i < 2; i++) {
		DIR *d = opendir(folder[i]);
		if (!d)
			printf("# no captures at %s: skipped\n", folder[i]);
		for (struct dirent *e; d && (e = readdir(d));) {
			char path[sizeof folder + 1 + sizeof e->d_name];
			if (!strstr(e->d_name, ".pcap"))
				continue;
			snprintf(path, sizeof path, "%s/%s", folder[i], e->d_name);
			if (load(path)) {
				fn(path);
				n++;
			}
		}
		if (d)
			closedir(d);
	}
	forget();
	return n;
}

static size_t order[MAX_PACKETS];

static void in_order(void)
{
	for (size_t i = 0; i < n_packets; i++)
		order[i] = i;
	play(order, n_packets, 0, &whole);
}

static void cut(const char *path)
{
	in_order();
	for (size_t i = 0; i < n_packets; i++) {
		play(order, i, 0, &part);
		expect_explained(&whole, &part, path, i);
		play(order + i, n_packets - i, 0, &part);
		expect_explained(&whole, &part, path, i);
	}
}

static void thin(const char *path)
{
	in_order();
	for (size_t i = 0; i < n_packets; i++) {
		size_t n = 0;
		for (size_t k = 0; k < n_packets; k++) {
			if (k != i)
				order[n++] = k;
		}
		play(order, n, 0, &part);
		expect_explained(&whole, &part, path, i);
	}
}

static void snap(const char *path)
{
	in_order();
	for (size_t n = 14; n < 600; n += 13) {
		play(order, n_packets, n, &part);
		expect_explained(&whole, &part, path, n);
	}
}

static uint64_t dice_state;

static uint32_t dice(uint32_t n)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % n;
}

/* What may overtake what is bounded by time too: a capture point is no time machine. */
static bool near_in_time(size_t i, size_t j)
{
	return packets[j].when - packets[i].when < BH_SECOND / 20;
}

/* Blocks of ten in any order. */
static void shuffle(const char *path)
{
	in_order();
	if (!whole.n || whole.tally.gaps)
		return;
	for (size_t i = 0; i < whole.n; i++) {
		if (whole.leaf[i].leaf_is.who.complete != 1)
			return; /* where it begins cannot be known in another order */
	}
	for (unsigned round = 0; round < 60; round++) {
		dice_state = round;
		for (size_t i = 0; i < n_packets; i++)
			order[i] = i;
		for (size_t i = 0; i < n_packets; i++) {
			size_t j = i + dice(10 - (uint32_t)(i % 10));
			if (j < n_packets && near_in_time(i, j)) {
				size_t t = order[i];
				order[i] = order[j];
				order[j] = t;
			}
		}
		play(order, n_packets, 0, &part);
		if (!same_rows(&whole, &part))
			printf("# %s, round %u: %zu rows, %zu shuffled\n", path, round, whole.n,
				part.n);
		EXPECT(same_rows(&whole, &part));
	}
}

static void test_no_cut_of_a_real_capture_invents_a_row(void)
{
	EXPECT(each(cut) >= 13);
}

static void test_no_lost_packet_invents_a_row(void)
{
	EXPECT(each(thin) >= 13);
}

static void test_no_snaplen_invents_a_row(void)
{
	EXPECT(each(snap) >= 13);
}

static void test_another_order_of_packets_gives_the_same_rows(void)
{
	EXPECT(each(shuffle) >= 13);
}

int main(void)
{
	RUN(test_no_cut_of_a_real_capture_invents_a_row);
	RUN(test_no_lost_packet_invents_a_row);
	RUN(test_no_snaplen_invents_a_row);
	RUN(test_another_order_of_packets_gives_the_same_rows);
	return tap_done();
}
