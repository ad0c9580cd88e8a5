#include "smb_make.h"

#include "sensor/sensor.h"
#include "tap.h"
#include "told.h"

/* ---- two streams that make a whole conversation ---- */

struct script {
	struct bh_buf dir[2]; /* client's, server's bytes */
};

static void add(struct script *s, int response, struct smb2 h,
	void (*body)(struct bh_buf *b, size_t at, const void *arg), const void *arg)
{
	struct bh_buf *b = &s->dir[response];
	size_t m = message_begin(b);

	h.response = response;
	smb2_header(b, &h);
	body(b, m, arg);
	message_end(b, m);
}

static void b_neg_req(struct bh_buf *b, size_t at, const void *a)
{
	negotiate_request(b, at, a);
}
static void b_neg_resp(struct bh_buf *b, size_t at, const void *a)
{
	negotiate_response(b, at, *(const uint16_t *)a);
}
static void b_token(struct bh_buf *b, size_t at, const void *a)
{
	const struct bh_buf *t = a;
	(void)at;
	session_request(b, t->ptr, t->len);
}
static void b_session(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	session_response(b, *(const uint16_t *)a);
}
static void b_tree(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	tree_request(b, a);
}
static void b_share(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	tree_response(b, 1, *(const uint32_t *)a);
}
static void b_error(struct bh_buf *b, size_t at, const void *a)
{
	(void)at;
	(void)a;
	bh_buf_le16(b, 9);
	put_zero(b, 7);
}
/* A body full of what looks like messages: it must never be read. */
static void b_bulk(struct bh_buf *b, size_t at, const void *a)
{
	size_t n = *(const size_t *)a;
	(void)at;
	bh_buf_le16(b, 49);
	while (n--)
		bh_buf_add(b, "\0\0\0\x50\xfeSMB\x40\0", 10);
}

enum { NEGOTIATE, SESSION, LOGOFF, TREE, UNTREE, READ = 8 };

/* alice on \\fs1\home, then a share that is denied, then one that is encrypted. */
static void make(struct script *s, size_t bulk)
{
	struct bh_buf first = { 0 }, second = { 0 };
	uint16_t d311 = 0x0311, zero16 = 0;
	uint32_t plain = 0, secret = 0x8000;

	ntlm_negotiate(&first);
	spnego_init(&first);
	ntlm_authenticate(&second, "CORP", "alice", "WS7", 300);
	spnego_response(&second);
	add(s, 0, (struct smb2){ .command = NEGOTIATE }, b_neg_req, "fs1");
	add(s, 1, (struct smb2){ .command = NEGOTIATE }, b_neg_resp, &d311);
	add(s, 0, (struct smb2){ .command = SESSION, .id = 1 }, b_token, &first);
	add(s, 1, (struct smb2){ .command = SESSION, .id = 1, .session = 77, .status = 0xc0000016 },
		b_session, &zero16);
	add(s, 0, (struct smb2){ .command = SESSION, .id = 2, .session = 77 }, b_token, &second);
	add(s, 1, (struct smb2){ .command = SESSION, .id = 2, .session = 77, .is_signed = 1 },
		b_session, &zero16);
	add(s, 0, (struct smb2){ .command = TREE, .id = 3, .session = 77, .is_signed = 1 }, b_tree,
		"\\\\fs1\\home");
	add(s, 1, (struct smb2){ .command = TREE, .id = 3, .session = 77, .tree = 5 }, b_share,
		&plain);
	for (uint64_t i = 4; i < 10; i++) {
		add(s, 0, (struct smb2){ .command = READ, .id = i, .session = 77, .tree = 5 },
			b_error, NULL);
		add(s, 1, (struct smb2){ .command = READ, .id = i, .session = 77, .tree = 5 },
			b_bulk, &bulk);
	}
	add(s, 0, (struct smb2){ .command = TREE, .id = 10, .session = 77 }, b_tree,
		"\\\\fs1\\finance");
	add(s, 1, (struct smb2){ .command = TREE, .id = 10, .session = 77, .status = 0xc0000022 },
		b_error, NULL);
	add(s, 0, (struct smb2){ .command = TREE, .id = 11, .session = 77 }, b_tree,
		"\\\\fs1\\secret");
	add(s, 1, (struct smb2){ .command = TREE, .id = 11, .session = 77, .tree = 6 }, b_share,
		&secret);
	for (int i = 0; i < 2; i++) {
		size_t m = message_begin(&s->dir[i]);
		bh_buf_add(&s->dir[i], "\xfdSMB", 4);
		put_zero(&s->dir[i], 40);
		bh_buf_le64(&s->dir[i], 77);
		put_zero(&s->dir[i], 100);
		message_end(&s->dir[i], m);
	}
	add(s, 0, (struct smb2){ .command = UNTREE, .id = 12, .session = 77, .tree = 5 }, b_error,
		NULL);
	add(s, 1, (struct smb2){ .command = UNTREE, .id = 12, .session = 77, .tree = 5 }, b_error,
		NULL);
	bh_buf_reset(&first);
	bh_buf_reset(&second);
}

/* ---- and the ways to play it ---- */

#define CLIENT 0x0a000001u
#define SERVER 0x0a000002u

struct piece {
	size_t off, len;
	int dir;
};

enum { MAX_PIECES = 4096 };

struct play {
	uint32_t isn[2];
	bool no_syn;
	struct piece piece[MAX_PIECES];
	size_t n;
};

static struct bh_sensor *sensor;
static bh_time now;

static void send(int dir, uint8_t flags, uint32_t seq, uint32_t ack, const char *p, size_t n)
{
	struct bh_buf b = { 0 };
	struct tcp t = {
		.src = dir ? SERVER : CLIENT,
		.dst = dir ? CLIENT : SERVER,
		.sport = dir ? 445 : 50000,
		.dport = dir ? 50000 : 445,
		.seq = seq,
		.ack = ack,
		.flags = flags,
	};

	now += 1000000;
	tcp_packet(&b, &t, p, n);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
	bh_buf_reset(&b);
}

static void hear_play(const struct script *s, const struct play *p, struct told *ret)
{
	memset(ret, 0, sizeof *ret);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear, ret, &sensor), 0);
	if (!p->no_syn) {
		send(0, 0x02, p->isn[0], 0, NULL, 0);
		send(1, 0x12, p->isn[1], p->isn[0] + 1, NULL, 0);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct piece *q = &p->piece[i];
		send(q->dir, 0x18, p->isn[q->dir] + 1 + (uint32_t)q->off, 0,
			s->dir[q->dir].ptr + q->off, q->len);
	}
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
	EXPECT_INT(ret->insane, 0);
	EXPECT_INT(ret->ended, 1);
	settle(ret);
}

static uint64_t dice_state;

static uint32_t dice(uint32_t n)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice_state >> 33) % n;
}

/* Both streams cut into pieces of at most `most`, taken in turns as bytes allow. */
static void cut(const struct script *s, size_t most, struct play *p)
{
	size_t off[2] = { 0, 0 };

	p->n = 0;
	while (p->n < MAX_PIECES && (off[0] < s->dir[0].len || off[1] < s->dir[1].len)) {
		int d = off[1] * s->dir[0].len < off[0] * s->dir[1].len;
		if (off[d] >= s->dir[d].len)
			d = !d;
		size_t n = 1 + dice((uint32_t)most);
		n = n < s->dir[d].len - off[d] ? n : s->dir[d].len - off[d];
		p->piece[p->n++] = (struct piece){ off[d], n, d };
		off[d] += n;
	}
}

static void free_script(struct script *s)
{
	bh_buf_reset(&s->dir[0]);
	bh_buf_reset(&s->dir[1]);
}

static struct told whole, other;
static struct play play;

static void reference(struct script *s)
{
	make(s, 40);
	play = (struct play){ .isn = { 1000, 2000 } };
	cut(s, 1400, &play);
	hear_play(s, &play, &whole);
}

/* ---- the tests ---- */

static const struct bh_conversation *row(const struct told *t, const char *share)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!strcmp(t->leaf[i].leaf_is.who.share, share))
			return &t->leaf[i].leaf_is.who;
	}
	return NULL;
}

static void test_a_whole_conversation_is_told_share_by_share(void)
{
	struct script s = { 0 };

	reference(&s);
	EXPECT_INT(whole.n, 3);
	const struct bh_conversation *home = row(&whole, "\\\\fs1\\home");
	const struct bh_conversation *denied = row(&whole, "\\\\fs1\\finance");
	const struct bh_conversation *secret = row(&whole, "\\\\fs1\\secret");
	EXPECT(home && denied && secret);
	if (home && denied && secret) {
		EXPECT_STR(home->user, "alice");
		EXPECT_STR(home->domain, "CORP");
		EXPECT_STR(home->workstation, "WS7");
		EXPECT_STR(home->server_name, "fs1");
		EXPECT_INT(home->auth, BH_AUTH_NTLM);
		EXPECT_INT(home->ntlm, BH_NTLM_V2);
		EXPECT_INT(home->dialect, BH_DIALECT_311);
		EXPECT_INT(home->cipher, BH_CIPHER_AES128_GCM);
		EXPECT_INT(home->signing_algorithm, BH_SIGN_AES_GMAC);
		EXPECT_INT(home->compression, BH_COMPRESSION_LZ77);
		EXPECT_INT(home->signing_server, BH_SIGNING_REQUIRED);
		EXPECT_INT(home->signing_client, BH_SIGNING_ENABLED);
		EXPECT_INT(home->smb1_offered, 0);
		EXPECT_INT(home->is_signed, 1);
		EXPECT_INT(home->encrypted, 0);
		EXPECT_INT(home->guest, 0);
		EXPECT_INT(home->complete, 1);
		EXPECT_INT(home->outcome, BH_ANSWERED);
		EXPECT_INT(home->share_type, BH_SHARE_DISK);
		EXPECT_INT(denied->share_status, 0xc0000022);
		EXPECT_INT(secret->encrypted, 1);
		EXPECT_INT(secret->share_status, 0);
	}
	EXPECT_INT(whole.tally.flows, 1);
	EXPECT_INT(whole.tally.gaps, 0);
	EXPECT_INT(whole.tally.malformed, 0);
	EXPECT_INT(whole.tally.messages, 28);
	free_script(&s);
}

static void test_any_segmentation_gives_the_same_rows(void)
{
	struct script s = { 0 };

	reference(&s);
	for (unsigned i = 0; i < 200; i++) {
		dice_state = i;
		play.isn[0] = i % 3 ? dice(UINT32_MAX) : UINT32_MAX - dice(4000); /* wraps */
		play.isn[1] = i % 3 ? UINT32_MAX - dice(9000) : dice(UINT32_MAX);
		cut(&s, i % 2 ? 20 : 3000, &play);
		hear_play(&s, &play, &other);
		EXPECT(same_rows(&whole, &other));
	}
	free_script(&s);
}

static void shuffle(struct play *p, uint32_t window)
{
	for (size_t i = 0; i + 1 < p->n; i++) {
		size_t j = i + dice(window);
		if (j < p->n) {
			struct piece t = p->piece[i];
			p->piece[i] = p->piece[j];
			p->piece[j] = t;
		}
	}
}

static void test_any_reordering_gives_the_same_rows(void)
{
	struct script s = { 0 };

	reference(&s);
	for (unsigned i = 0; i < 400; i++) {
		dice_state = i + 1000;
		play.isn[0] = UINT32_MAX - dice(4000);
		cut(&s, 400, &play);
		shuffle(&play, 1 + i % 12);
		hear_play(&s, &play, &other);
		EXPECT(same_rows(&whole, &other));
	}
	free_script(&s);
}

static void test_one_direction_may_come_long_before_the_other(void)
{
	struct script s = { 0 };

	reference(&s);
	for (int first = 0; first < 2; first++) {
		struct play p = { .isn = { 1, 2 } };
		cut(&s, 500, &play);
		for (int d = 0; d < 2; d++) {
			for (size_t i = 0; i < play.n; i++) {
				if (play.piece[i].dir == (first ^ d))
					p.piece[p.n++] = play.piece[i];
			}
		}
		hear_play(&s, &p, &other);
		EXPECT(same_rows(&whole, &other));
	}
	free_script(&s);
}

static void test_retransmissions_and_overlaps_count_once(void)
{
	struct script s = { 0 };

	reference(&s);
	for (unsigned i = 0; i < 200; i++) {
		dice_state = i + 5000;
		cut(&s, 300, &play);
		size_t n = play.n;
		for (size_t k = 0; k < n && play.n < MAX_PIECES; k += 3) {
			struct piece q = play.piece[dice((uint32_t)n)];
			size_t back = dice((uint32_t)q.off + 1) % 200;
			q.off -= back;
			q.len += back;
			size_t left = s.dir[q.dir].len - q.off;
			q.len += dice(300);
			if (q.len > left)
				q.len = left;
			play.piece[play.n++] = q;
		}
		shuffle(&play, 8);
		hear_play(&s, &play, &other);
		EXPECT(same_rows(&whole, &other));
	}
	free_script(&s);
}

static void test_no_truncation_invents_a_row(void)
{
	struct script s = { 0 };

	reference(&s);
	cut(&s, 300, &play);
	size_t n = play.n;
	struct play part = play;
	for (size_t i = 0; i <= n; i++) {
		part.n = i;
		hear_play(&s, &part, &other);
		expect_explained(&whole, &other, "the end cut off", i);
	}
	for (size_t i = 0; i <= n; i++) {
		part = play;
		part.n = n - i;
		memcpy(part.piece, play.piece + i, part.n * sizeof part.piece[0]);
		part.no_syn = true;
		hear_play(&s, &part, &other);
		expect_explained(&whole, &other, "the start cut off", i);
	}
	for (size_t i = 0; i < n; i++) {
		part = play;
		part.n = n - 1;
		memmove(part.piece + i, part.piece + i + 1, (part.n - i) * sizeof part.piece[0]);
		hear_play(&s, &part, &other);
		expect_explained(&whole, &other, "a hole", i);
	}
	free_script(&s);
}

/* Message by message, so that every start is the start of a message. */
static void test_a_capture_that_begins_late_still_tells_shares(void)
{
	struct script s = { 0 };
	struct play p = { .isn = { 1, 2 }, .no_syn = true };

	reference(&s);
	for (int d = 0; d < 2; d++) {
		for (size_t off = 0; off < s.dir[d].len;) {
			const uint8_t *m = (const uint8_t *)s.dir[d].ptr + off;
			size_t len = 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
			p.piece[p.n++] = (struct piece){ off, len, d };
			off += len;
		}
	}
	hear_play(&s, &p, &other);
	EXPECT(row(&other, "\\\\fs1\\home") != NULL);
	EXPECT_INT(other.n, 3);
	for (size_t i = 0; i < other.n; i++)
		EXPECT_INT(other.leaf[i].leaf_is.who.complete, 0);
	expect_explained(&whole, &other, "no SYN", 0);
	free_script(&s);
}

static void test_a_hole_in_a_header_is_a_gap_and_the_rest_is_found_again(void)
{
	struct script s = { 0 };
	struct play p = { .isn = { 1, 2 } };

	reference(&s);
	/* The server's NEGOTIATE response is lost. */
	const uint8_t *m = (const uint8_t *)s.dir[1].ptr;
	size_t lost = 4 + ((size_t)m[2] << 8 | m[3]);
	p.piece[p.n++] = (struct piece){ 0, s.dir[0].len, 0 };
	p.piece[p.n++] = (struct piece){ lost, s.dir[1].len - lost, 1 };
	hear_play(&s, &p, &other);
	EXPECT_INT(other.tally.gaps, 1);
	EXPECT_INT(other.tally.gap_bytes, (long long)lost);
	EXPECT_INT(other.n, 3);
	const struct bh_conversation *home = row(&other, "\\\\fs1\\home");
	EXPECT(home && home->complete == 0 && home->dialect == BH_DIALECT_UNKNOWN);
	free_script(&s);
}

static void test_bodies_may_be_missing_without_a_gap(void)
{
	struct script s = { 0 };
	struct bh_buf b = { 0 };
	struct told t = { 0 };

	/* Every packet cut to 140 bytes, as by a snaplen, each message its own packet. */
	make(&s, 40);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear, &t, &sensor), 0);
	send(0, 0x02, 1, 0, NULL, 0);
	send(1, 0x12, 2, 2, NULL, 0);
	for (int d = 0; d < 2; d++) {
		for (size_t off = 0; off < s.dir[d].len;) {
			const uint8_t *m = (const uint8_t *)s.dir[d].ptr + off;
			size_t len = 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
			struct tcp h = { .src = d ? SERVER : CLIENT,
				.dst = d ? CLIENT : SERVER,
				.sport = d ? 445 : 50000,
				.dport = d ? 50000 : 445,
				.flags = 0x18,
				.seq = (uint32_t)(2 + (size_t)d + off) };
			tcp_packet(&b, &h, s.dir[d].ptr + off, len);
			size_t keep = len > 390 ? 140 : b.len;
			EXPECT_INT(
				bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, keep), b.len),
				0);
			bh_buf_reset(&b);
			off += len;
		}
	}
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
	settle(&t);
	EXPECT_INT(t.tally.gaps, 1); /* the long AUTHENTICATE itself was needed */
	EXPECT_INT(t.tally.truncated_packets, 1);
	EXPECT(row(&t, "\\\\fs1\\home") != NULL);
	free_script(&s);
}

/* ---- connections that came to nothing ---- */

static void begin(struct told *t)
{
	memset(t, 0, sizeof *t);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear, t, &sensor), 0);
}

static void end(struct told *t)
{
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
	settle(t);
}

static void test_a_reset_instead_of_an_answer_is_refused(void)
{
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x14, 0, 11, NULL, 0);
	end(&other);
	EXPECT_INT(other.n, 1);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_REFUSED);
}

static void test_a_reset_after_an_answer_is_no_refusal(void)
{
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(1, 0x12, 5, 11, NULL, 0);
	send(1, 0x14, 6, 11, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_ANSWERED);
	/* Nor is the last packet of a connection whose start we did not see. */
	begin(&other);
	send(0, 0x11, 10, 0, NULL, 0);
	send(1, 0x14, 6, 11, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_OUTCOME_UNKNOWN);
}

static void test_silence_needs_a_second_try_or_time(void)
{
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_OUTCOME_UNKNOWN);
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	send(0, 0x02, 10, 0, NULL, 0); /* a copy of the capture, not a second try */
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_OUTCOME_UNKNOWN);
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	now += BH_SECOND;
	send(0, 0x02, 10, 0, NULL, 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_SILENT);
	begin(&other);
	send(0, 0x02, 10, 0, NULL, 0);
	EXPECT_INT(bh_sensor_flush(sensor, now + 4 * BH_SECOND), 0);
	end(&other);
	EXPECT_INT(other.leaf[0].leaf_is.who.outcome, BH_SILENT);
}

static void test_a_new_syn_is_a_new_connection(void)
{
	begin(&other);
	for (uint32_t i = 0; i < 3; i++) {
		send(0, 0x02, 1000 + i * 100000, 0, NULL, 0);
		send(1, 0x12, 5 + i * 7, 1001 + i * 100000, NULL, 0);
		send(0, 0x11, 1001 + i * 100000, 0, NULL, 0);
		send(1, 0x11, 6 + i * 7, 0, NULL, 0);
		send(0, 0x10, 1002 + i * 100000, 0, NULL, 0); /* a straggler is no connection */
	}
	end(&other);
	EXPECT_INT(other.n, 3);
	EXPECT_INT(other.tally.flows, 3);
}

static void test_flows_beyond_the_limit_are_evicted_and_counted(void)
{
	struct bh_sensor_limits few = { .flows = 4 };

	memset(&other, 0, sizeof other);
	EXPECT_INT(bh_sensor_new(&few, hear, &other, &sensor), 0);
	for (uint32_t i = 0; i < 20; i++) {
		struct bh_buf b = { 0 };
		struct tcp t = {
			.src = CLIENT + i, .dst = SERVER, .sport = 999, .dport = 445, .flags = 2
		};
		tcp_packet(&b, &t, NULL, 0);
		EXPECT_INT(
			bh_sensor_packet(sensor, 101, BH_SECOND, bh_span_of(b.ptr, b.len), b.len),
			0);
		bh_buf_reset(&b);
	}
	end(&other);
	EXPECT_INT(other.n, 20);
	EXPECT_INT(other.tally.evicted, 16);
}

static void test_a_connection_to_another_port_is_not_ours(void)
{
	struct bh_buf b = { 0 };
	struct tcp t = { .src = CLIENT, .dst = SERVER, .sport = 445, .dport = 8080, .flags = 2 };

	begin(&other);
	tcp_packet(&b, &t, NULL, 0);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
	bh_buf_reset(&b);
	t.flags = 0x18;
	tcp_packet(&b, &t, "GET / HTTP/1.0", 14);
	EXPECT_INT(bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len), 0);
	bh_buf_reset(&b);
	end(&other);
	EXPECT_INT(other.n, 0);
}

/* Live: leaves are told while they grow, and what they were before is taken back. */
static void test_a_leaf_that_gains_a_tree_is_taken_back(void)
{
	struct script s = { 0 };

	make(&s, 4);
	cut(&s, 200, &play);
	play.isn[0] = play.isn[1] = 9;
	begin(&other);
	send(0, 0x02, 9, 0, NULL, 0);
	send(1, 0x12, 9, 10, NULL, 0);
	for (size_t i = 0; i < play.n; i++) {
		const struct piece *q = &play.piece[i];
		send(q->dir, 0x18, 10 + (uint32_t)q->off, 0, s.dir[q->dir].ptr + q->off, q->len);
		EXPECT_INT(bh_sensor_flush(sensor, now), 0);
	}
	end(&other);
	reference(&s);
	EXPECT_INT(other.n, 3);
	EXPECT_INT(other.insane, 0);
	for (size_t i = 0; i < other.n; i++)
		EXPECT_INT(other.leaf[i].leaf_is.closed, 1);
	free_script(&s);
}

/* [MS-CIFS] 2.2.4.55 without a session before it, as under share-level security. */
static void smb1_tree(struct bh_buf *b, bool response)
{
	size_t m = message_begin(b);

	bh_buf_add(b, "\xffSMB\x75\0\0\0\0", 9);
	bh_buf_u8(b, response ? 0x80 : 0);
	bh_buf_le16(b, 0x4000);
	put_zero(b, 12);
	bh_buf_le16(b, response ? 9 : 0xffff);
	bh_buf_le16(b, 1);
	bh_buf_le16(b, 0); /* nobody's UID */
	bh_buf_le16(b, 3);
	if (response)
		bh_buf_add(b, "\x02\xff\0\0\0\x03\0A:", 10);
	else
		bh_buf_add(b, "\x04\xff\0\0\0\0\0\x01\0\x11\0\0\\\\NAS\\PUB\0?????", 28);
	message_end(b, m);
}

static void test_smb1_without_users_still_has_shares(void)
{
	struct bh_buf b[2] = { 0 };

	smb1_tree(&b[0], false);
	smb1_tree(&b[1], true);
	begin(&other);
	send(0, 0x02, 0, 0, NULL, 0);
	send(1, 0x12, 0, 1, NULL, 0);
	send(0, 0x18, 1, 0, b[0].ptr, b[0].len);
	send(1, 0x18, 1, 0, b[1].ptr, b[1].len);
	end(&other);
	EXPECT_INT(other.n, 1);
	EXPECT_INT(other.tally.malformed, 0);
	EXPECT_STR(other.leaf[0].leaf_is.who.share, "\\\\NAS\\PUB");
	EXPECT_INT(other.leaf[0].leaf_is.who.share_type, BH_SHARE_DISK);
	EXPECT_INT(other.leaf[0].leaf_is.who.auth, BH_AUTH_UNKNOWN);
	bh_buf_reset(&b[0]);
	bh_buf_reset(&b[1]);
}

static int count_closed(void *ctx, const struct bh_fact *f)
{
	uint64_t *n = ctx;

	if (f->kind == BH_FACT_LEAF && f->leaf_is.closed)
		n[0]++;
	if (f->kind == BH_FACT_TALLY)
		n[1] = f->tally.evicted;
	return 0;
}

/* One READ request of each of n sessions, from each of `flows` client addresses. */
static void many_sessions(uint32_t flows, uint64_t n, uint64_t ret[2])
{
	ret[0] = ret[1] = 0;
	EXPECT_INT(bh_sensor_new(NULL, count_closed, ret, &sensor), 0);
	for (uint32_t f = 0; f < flows; f++) {
		struct bh_buf b = { 0 }, p = { 0 };
		struct tcp t = { .src = CLIENT + 256 + f,
			.dst = SERVER,
			.sport = 999,
			.dport = 445,
			.flags = 2 };
		tcp_packet(&p, &t, NULL, 0);
		EXPECT_INT(bh_sensor_packet(sensor, 101, 1, bh_span_of(p.ptr, p.len), p.len), 0);
		for (uint64_t i = 1; i <= n; i++) {
			size_t m = message_begin(&b);
			smb2_header(&b, &(struct smb2){ .command = READ, .id = i, .session = i });
			message_end(&b, m);
		}
		t.flags = 0x18;
		t.seq = 1;
		bh_buf_reset(&p);
		tcp_packet(&p, &t, b.ptr, b.len);
		EXPECT_INT(bh_sensor_packet(sensor, 101, 1, bh_span_of(p.ptr, p.len), p.len), 0);
		bh_buf_reset(&b);
		bh_buf_reset(&p);
	}
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
}

static void test_sessions_beyond_the_limits_are_told_evicted_and_counted(void)
{
	uint64_t n[2];

	many_sessions(1, 100, n);
	EXPECT_INT(n[0], 100);
	EXPECT_INT(n[1], 100 - 64);
	/* And those of all connections together: the oldest connections make way. */
	many_sessions(700, 60, n);
	EXPECT_INT(n[0], 700 * 60);
	EXPECT_INT(n[1], 154); /* so many of sixty each fill more than 32768 */
}

/* Live, an idle connection may show us one message and then nothing for hours. */
static void test_time_alone_ends_the_wait_for_what_may_come_before(void)
{
	struct script s = { 0 };

	make(&s, 1);
	begin(&other);
	send(0, 0x18, 100, 0, s.dir[0].ptr, 4 + (size_t)(uint8_t)s.dir[0].ptr[3]);
	EXPECT_INT(bh_sensor_flush(sensor, now), 0);
	EXPECT_INT(other.tally.messages, 0);
	EXPECT_INT(bh_sensor_flush(sensor, now + BH_SECOND), 0);
	EXPECT_INT(other.tally.messages, 1);
	EXPECT_INT(other.leaf[0].leaf_is.who.signing_client, BH_SIGNING_ENABLED);
	end(&other);
	free_script(&s);
}

int main(void)
{
	RUN(test_a_whole_conversation_is_told_share_by_share);
	RUN(test_any_segmentation_gives_the_same_rows);
	RUN(test_any_reordering_gives_the_same_rows);
	RUN(test_one_direction_may_come_long_before_the_other);
	RUN(test_retransmissions_and_overlaps_count_once);
	RUN(test_no_truncation_invents_a_row);
	RUN(test_a_capture_that_begins_late_still_tells_shares);
	RUN(test_a_hole_in_a_header_is_a_gap_and_the_rest_is_found_again);
	RUN(test_bodies_may_be_missing_without_a_gap);
	RUN(test_a_reset_instead_of_an_answer_is_refused);
	RUN(test_a_reset_after_an_answer_is_no_refusal);
	RUN(test_silence_needs_a_second_try_or_time);
	RUN(test_a_new_syn_is_a_new_connection);
	RUN(test_flows_beyond_the_limit_are_evicted_and_counted);
	RUN(test_a_connection_to_another_port_is_not_ours);
	RUN(test_a_leaf_that_gains_a_tree_is_taken_back);
	RUN(test_smb1_without_users_still_has_shares);
	RUN(test_sessions_beyond_the_limits_are_told_evicted_and_counted);
	RUN(test_time_alone_ends_the_wait_for_what_may_come_before);
	return tap_done();
}
