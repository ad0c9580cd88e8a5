/*
 * Real captures cut, thinned out, shuffled, and their streams cut into other segments: no
 * row that the whole does not explain, and the same rows from another order or other
 * segments.  Those of tests/data, and of the corpus where it is.
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

/* Every stream from its beginning: where another begins cannot be known in another order,
 * or when its first segment is another. */
static bool complete(void)
{
	if (!whole.n || whole.tally.gaps)
		return false;
	for (size_t i = 0; i < whole.n; i++) {
		if (whole.leaf[i].leaf_is.who.complete != 1)
			return false;
	}
	return true;
}

/* Blocks of ten in any order. */
static void shuffle(const char *path)
{
	in_order();
	if (!complete())
		return;
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

/* ---- other segments ---- */

enum { ETHERNET = 1, ETHERNET_LEN = 14, FIN = 1, SYN = 2, RST = 4, PSH = 8, LARGEST = 65000 };

/* A packet of TCP, and where in it what stands; data: 0 when it has none to cut. */
struct segment {
	size_t ip, tcp, data, end;
	bool v6;
};

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static struct segment look_at(const struct packet *p)
{
	struct segment s = { .ip = ETHERNET_LEN };
	size_t rest = p->len - s.ip;

	if (p->link != ETHERNET || p->len != p->original || p->len < ETHERNET_LEN + 40)
		return s;
	const uint8_t *ip = p->bytes + s.ip;
	s.v6 = be16(ip - 2) == 0x86dd && ip[6] == 6;
	if (!s.v6 && (be16(ip - 2) != 0x0800 || ip[9] != 6 || be16(ip + 6) & 0x3fff))
		return s;
	size_t len = s.v6 ? be16(ip + 4) + 40 : be16(ip + 2), head = s.v6 ? 40 : (ip[0] & 15u) * 4;
	if (len > rest || head + 20 > len)
		return s;
	s.tcp = s.ip + head;
	s.end = s.ip + len;
	size_t data = s.tcp + (p->bytes[s.tcp + 12] >> 4) * 4u;
	if (data < s.end && !(p->bytes[s.tcp + 13] & (SYN | RST)))
		s.data = data;
	return s;
}

/* What p said from byte `from` of its data to byte `to`, and with it `more`. */
static void send(struct bh_sensor *to_sensor, const struct packet *p, const struct segment *s,
	size_t from, size_t to, struct bh_span more)
{
	static uint8_t bytes[LARGEST + 2000];
	size_t n = s->data + (to - from);
	uint32_t seq = be32(p->bytes + s->tcp + 4) + (uint32_t)from;
	unsigned len;

	memcpy(bytes, p->bytes, s->data);
	memcpy(bytes + s->data, p->bytes + s->data + from, to - from);
	memcpy(bytes + n, more.ptr, more.len);
	n += more.len;
	for (unsigned i = 0; i < 4; i++)
		bytes[s->tcp + 4 + i] = (uint8_t)(seq >> (24 - 8 * i));
	if (s->data + to < s->end)
		bytes[s->tcp + 13] &= (uint8_t) ~(FIN | PSH);
	len = (unsigned)(n - s->ip) - (s->v6 ? 40 : 0);
	bytes[s->ip + (s->v6 ? 4 : 2)] = (uint8_t)(len >> 8);
	bytes[s->ip + (s->v6 ? 5 : 3)] = (uint8_t)len;
	EXPECT_INT(bh_sensor_packet(to_sensor, p->link, p->when, bh_span_of(bytes, n), n), 0);
}

static void send_as_it_was(struct bh_sensor *s, const struct packet *p)
{
	EXPECT_INT(bh_sensor_packet(s, p->link, p->when, bh_span_of(p->bytes, p->len), p->original),
		0);
}

/* Pieces of `most` bytes, or of any number up to it. */
static void send_in_pieces(struct bh_sensor *s, const struct packet *p, size_t most, bool any)
{
	struct segment g = look_at(p);
	size_t n = g.end - g.data;

	if (!g.data) {
		send_as_it_was(s, p);
		return;
	}
	for (size_t from = 0, to; from < n; from = to) {
		to = bh_min_size(n, from + (any ? 1 + dice((uint32_t)most) : most));
		send(s, p, &g, from, to, bh_span_of("", 0));
	}
}

/* Does q go on where p ended, in the same stream and direction? */
static bool goes_on(const struct packet *p, const struct segment *s, const struct packet *q,
	const struct segment *t, size_t said)
{
	return s->data && t->data && s->ip == t->ip && s->v6 == t->v6 && s->tcp == t->tcp &&
	       !(p->bytes[s->tcp + 13] & FIN) &&
	       !memcmp(p->bytes + s->ip + (s->v6 ? 8 : 12), q->bytes + s->ip + (s->v6 ? 8 : 12),
		       s->v6 ? 32 : 8) &&
	       !memcmp(p->bytes + s->tcp, q->bytes + s->tcp, 4) &&
	       be32(q->bytes + t->tcp + 4) == be32(p->bytes + s->tcp + 4) + said;
}

/* With all that follow it in one direction; returns how many were sent. */
static size_t send_joined(struct bh_sensor *s, size_t i)
{
	static uint8_t more[LARGEST];
	const struct packet *p = &packets[i];
	struct segment g = look_at(p);
	size_t n = 0, k = i + 1;

	if (!g.data) {
		send_as_it_was(s, p);
		return 1;
	}
	for (; k < n_packets; k++) {
		struct segment next = look_at(&packets[k]);
		size_t len = next.end - next.data;
		if (!goes_on(p, &g, &packets[k], &next, g.end - g.data + n) ||
			packets[k].bytes[next.tcp + 13] & FIN || g.end + n + len > LARGEST)
			break;
		memcpy(more + n, packets[k].bytes + next.data, len);
		n += len;
	}
	send(s, p, &g, 0, g.end - g.data, bh_span_of(more, n));
	return k - i;
}

static void expect_the_same(struct bh_sensor *s, const char *path, const char *how)
{
	EXPECT_INT(bh_sensor_finish(s), 0);
	bh_sensor_free(s);
	settle(&part);
	bool same = same_rows(&whole, &part);
	EXPECT(same);
	if (!same)
		printf("# %s, %s: %zu rows, %zu then\n", path, how, whole.n, part.n);
}

static unsigned n_split, n_joined;

static void split(const char *path)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 36, 100, 1000 };

	in_order();
	if (!complete())
		return;
	for (unsigned round = 0; round < BH_LEN(sizes) * 2; round++) {
		struct bh_sensor *s = NULL;
		char how[40];
		dice_state = round;
		memset(&part, 0, sizeof part);
		EXPECT_INT(bh_sensor_new(NULL, hear, &part, &s), 0);
		for (size_t i = 0; i < n_packets; i++)
			send_in_pieces(s, &packets[i], sizes[round / 2], round % 2);
		snprintf(how, sizeof how, "in pieces of %s%zu bytes", round % 2 ? "up to " : "",
			sizes[round / 2]);
		expect_the_same(s, path, how);
	}
	n_split++;
}

static void join(const char *path)
{
	struct bh_sensor *s = NULL;
	size_t sent = 0;

	in_order();
	if (!complete())
		return;
	memset(&part, 0, sizeof part);
	EXPECT_INT(bh_sensor_new(NULL, hear, &part, &s), 0);
	for (size_t i = 0; i < n_packets; sent++)
		i += send_joined(s, i);
	expect_the_same(s, path, "joined");
	n_joined += sent < n_packets;
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

static void test_any_segments_of_a_real_stream_give_the_same_rows(void)
{
	EXPECT(each(split) >= 13);
	EXPECT(n_split >= 10);
	EXPECT(each(join) >= 13);
	EXPECT(n_joined >= 1);
}

int main(void)
{
	RUN(test_no_cut_of_a_real_capture_invents_a_row);
	RUN(test_no_lost_packet_invents_a_row);
	RUN(test_no_snaplen_invents_a_row);
	RUN(test_another_order_of_packets_gives_the_same_rows);
	RUN(test_any_segments_of_a_real_stream_give_the_same_rows);
	return tap_done();
}
