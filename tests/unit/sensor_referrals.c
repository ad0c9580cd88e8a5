#include "dfs_make.h"
#include "sensor_play.h"

/* What was told of namespaces. */
static struct {
	struct bh_referral last;
	unsigned n;
	struct bh_tally tally;
} heard;

static int hear_referrals(void *ctx BH_UNUSED, const struct bh_fact *f)
{
	EXPECT(bh_fact_sane(f));
	if (f->kind == BH_FACT_REFERRAL) {
		heard.last = f->referral;
		heard.n++;
	}
	if (f->kind == BH_FACT_TALLY)
		heard.tally = f->tally;
	return 0;
}

struct answered {
	const struct dfs_target *v;
	size_t n;
	uint32_t code;
};

static void b_answer(struct bh_buf *b, size_t at BH_UNUSED, const void *arg)
{
	const struct answered *a = arg;
	BH_AUTO_BUF data = { 0 };

	dfs_answer(&data, 3, a->v, a->n);
	ioctl_response(b, a->code, data.ptr, data.len);
}

static void b_question(struct bh_buf *b, size_t at BH_UNUSED, const void *arg BH_UNUSED)
{
	ioctl_request(b, FSCTL_DFS_GET_REFERRALS, "\4\0\\\0d\0\0\0", 8);
}

/* A session with IPC$, and in it so many questions, each answered like that. */
static void talk(struct script *s, const struct answered *a, unsigned times, bool ipc)
{
	BH_AUTO_BUF token = { 0 };
	uint16_t dialect = 0x0302, flags = 0;
	uint32_t plain = 0;

	ntlm_authenticate(&token, "CORP", "alice", "WS7", 300);
	add(s, 0, (struct smb2){ .command = NEGOTIATE }, b_neg_req, "");
	add(s, 1, (struct smb2){ .command = NEGOTIATE }, b_neg_resp, &dialect);
	add(s, 0, (struct smb2){ .command = SESSION, .id = 1 }, b_token, &token);
	add(s, 1, (struct smb2){ .command = SESSION, .id = 1, .session = 77 }, b_session, &flags);
	add(s, 0, (struct smb2){ .command = TREE, .id = 2, .session = 77 }, b_tree, "\\\\dc1\\x");
	add(s, 1, (struct smb2){ .command = TREE, .id = 2, .session = 77, .tree = 5 },
		ipc ? b_ipc : b_share, &plain);
	for (unsigned i = 0; i < times; i++) {
		struct smb2 h = { .command = IOCTL, .id = 3 + i, .session = 77, .tree = 5 };
		add(s, 0, h, b_question, NULL);
		add(s, 1, h, b_answer, a);
	}
}

static void play_pieces(const struct script *s, size_t most)
{
	static struct play p;

	memset(&heard, 0, sizeof heard);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear_referrals, NULL, &sensor), 0);
	send(0, 0x02, 0, 0, NULL, 0);
	send(1, 0x12, 0, 1, NULL, 0);
	cut(s, most, &p);
	for (size_t i = 0; i < p.n; i++) {
		const struct piece *q = &p.piece[i];
		send(q->dir, 0x18, 1 + (uint32_t)q->off, 0, s->dir[q->dir].ptr + q->off, q->len);
	}
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
}

static const struct dfs_target home[] = { { "\\corp\\dfs\\home", "\\fs1\\home" },
	{ "\\corp\\dfs\\home", "\\fs2\\home" } };

static void test_what_a_server_answers_is_told_once_however_it_is_cut(void)
{
	struct script s = { 0 };

	talk(&s, &(struct answered){ home, 2, FSCTL_DFS_GET_REFERRALS }, 3, true);
	for (size_t most = 7; most < 4000; most *= 3) {
		play_pieces(&s, most);
		EXPECT_INT(heard.n, 2);
		EXPECT_STR(heard.last.path, "\\\\corp\\dfs\\home");
		EXPECT_STR(heard.last.target, "\\\\fs2\\home");
		EXPECT(bh_addr_equal(
			&heard.last.server, &(struct bh_addr){ .num = SERVER, .family = BH_V4 }));
		EXPECT_INT(heard.tally.malformed, 0);
	}
	free_script(&s);
}

static void test_other_answers_are_not_looked_into(void)
{
	struct script s = { 0 };

	talk(&s, &(struct answered){ home, 2, FSCTL_PIPE_TRANSCEIVE }, 1, true);
	play_pieces(&s, 4000);
	EXPECT_INT(heard.n, 0);
	EXPECT_INT(heard.tally.malformed, 0);
	free_script(&s);
}

static void test_on_a_share_of_files_nothing_is_asked(void)
{
	struct script s = { 0 };

	talk(&s, &(struct answered){ home, 2, FSCTL_DFS_GET_REFERRALS }, 1, false);
	play_pieces(&s, 4000);
	EXPECT_INT(heard.n, 0);
	free_script(&s);
}

static void test_who_answers_with_ever_new_targets_is_not_told_without_end(void)
{
	static struct script s;
	enum { MANY = 900 };
	char target[16];

	for (unsigned i = 0; i < MANY; i++) {
		const struct dfs_target v = { "\\corp\\dfs\\x", target };
		struct smb2 h = { .command = IOCTL, .id = 3, .session = 77, .tree = 5 };
		snprintf(target, sizeof target, "\\f%u\\x", i);
		if (!i)
			talk(&s, &(struct answered){ &v, 1, FSCTL_DFS_GET_REFERRALS }, 1, true);
		else
			add(&s, 1, h, b_answer,
				&(struct answered){ &v, 1, FSCTL_DFS_GET_REFERRALS });
	}
	play_pieces(&s, 1400);
	EXPECT(heard.n > 400 && heard.n < 600);
	EXPECT(heard.tally.evicted > 0);
	free_script(&s);
}

int main(void)
{
	RUN(test_what_a_server_answers_is_told_once_however_it_is_cut);
	RUN(test_other_answers_are_not_looked_into);
	RUN(test_on_a_share_of_files_nothing_is_asked);
	RUN(test_who_answers_with_ever_new_targets_is_not_told_without_end);
	return tap_done();
}
