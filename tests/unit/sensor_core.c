#include "sensor_play.h"

#include "model/pipe.h"

/* srvsvc by its name, samr by its interface, and svcctl in vain. */
static void make_pipes(struct script *s)
{
	struct bh_buf bind = { 0 };

	rpc_bind(&bind, 11, samr_uuid, 1);
	add(s, 0, (struct smb2){ .command = TREE, .id = 20, .session = 77 }, b_tree,
		"\\\\fs1\\IPC$");
	add(s, 1, (struct smb2){ .command = TREE, .id = 20, .session = 77, .tree = 9 }, b_ipc,
		NULL);
	add(s, 0, (struct smb2){ .command = CREATE, .id = 21, .session = 77, .tree = 9 }, b_create,
		"srvsvc");
	add(s, 1, (struct smb2){ .command = CREATE, .id = 21, .session = 77, .tree = 9 }, b_created,
		NULL);
	add(s, 0, (struct smb2){ .command = CREATE, .id = 22, .session = 77, .tree = 9 }, b_create,
		"svcctl");
	add(s, 1,
		(struct smb2){ .command = CREATE,
			.id = 22,
			.session = 77,
			.tree = 9,
			.status = 0xc0000022 },
		b_error, NULL);
	add(s, 0, (struct smb2){ .command = IOCTL, .id = 23, .session = 77, .tree = 9 },
		b_transceive, &bind);
	add(s, 1, (struct smb2){ .command = IOCTL, .id = 23, .session = 77, .tree = 9 }, b_error,
		NULL);
	bh_buf_reset(&bind);
}

/* alice on \\fs1\home, then a share that is denied, then one that is encrypted, then pipes. */
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
	make_pipes(s);
	bh_buf_reset(&first);
	bh_buf_reset(&second);
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

static void test_a_whole_conversation_is_told_share_by_share(void)
{
	struct script s = { 0 };

	reference(&s);
	EXPECT_INT(whole.n, 4);
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
	EXPECT_INT(whole.tally.messages, 36);
	for (size_t i = 0; i < whole.n; i++) {
		const struct bh_figures *f = &whole.leaf[i].leaf_is.figures;
		bool ipc = whole.leaf[i].leaf_is.who.share_type == BH_SHARE_PIPE;
		EXPECT_INT(f->opens, ipc);
		EXPECT_INT(f->pipes, ipc ? 1u << BH_PIPE_SRVSVC | 1u << BH_PIPE_SAMR : 0);
	}
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
	EXPECT_INT(other.n, 4);
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
	EXPECT_INT(other.n, 4);
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
	EXPECT_INT(other.n, 4);
	EXPECT_INT(other.insane, 0);
	for (size_t i = 0; i < other.n; i++)
		EXPECT_INT(other.leaf[i].leaf_is.closed, 1);
	free_script(&s);
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
	RUN(test_a_leaf_that_gains_a_tree_is_taken_back);
	RUN(test_time_alone_ends_the_wait_for_what_may_come_before);
	return tap_done();
}
