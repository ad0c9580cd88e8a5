#include "dissect/dissect.h"
#include "listing_make.h"
#include "sensor_play.h"

/* What was told of shares. */
static struct {
	struct bh_share_seen last;
	unsigned n;
	struct bh_tally tally;
} heard;

static int hear_shares(void *ctx BH_UNUSED, const struct bh_fact *f)
{
	EXPECT(bh_fact_sane(f));
	if (f->kind == BH_FACT_SHARE) {
		heard.last = f->share;
		heard.n++;
	}
	if (f->kind == BH_FACT_TALLY)
		heard.tally = f->tally;
	return 0;
}

struct listed {
	const struct listed_share *v;
	size_t n;
	unsigned word;
};

static void b_listed(struct bh_buf *b, size_t at BH_UNUSED, const void *arg)
{
	const struct listed *l = arg;
	BH_AUTO_BUF pdu = { 0 };

	listing_pdu(&pdu, l->word, 1, l->v, l->n);
	ioctl_response(b, FSCTL_PIPE_TRANSCEIVE, pdu.ptr, pdu.len);
}

static void b_call(struct bh_buf *b, size_t at BH_UNUSED, const void *arg)
{
	BH_AUTO_BUF pdu = { 0 };

	call_pdu(&pdu, *(const uint16_t *)arg);
	ioctl_request(b, FSCTL_PIPE_TRANSCEIVE, pdu.ptr, pdu.len);
}

static const struct listed_share usual[] = {
	{ "ADMIN$", BH_LISTED_SPECIAL, "Remote Admin" },
	{ "home", 0, "what people keep" },
	{ "IPC$", BH_LISTED_SPECIAL | BH_LISTED_PIPES, "Remote IPC" },
	{ "pipes", BH_LISTED_PIPES, NULL },
	{ "a\\b", 0, NULL },
	{ "old", 0, NULL },
};

/* alice opens a pipe in IPC$ and makes this call, which is answered so; late: the server
 * says first that it takes time. */
struct talk_of {
	const char *pipe;
	uint16_t call;
	struct listed answer;
	unsigned times;
	bool late;
};

/* Messages in the order in which they are said. */
static struct turn {
	int dir;
	size_t to; /* of its direction's bytes */
} turns[512];
static size_t n_turns;

static void say(struct script *s, int dir, struct smb2 h,
	void (*body)(struct bh_buf *b, size_t at, const void *arg), const void *arg)
{
	add(s, dir, h, body, arg);
	turns[n_turns++] = (struct turn){ dir, s->dir[dir].len };
}

static void log_on(struct script *s)
{
	BH_AUTO_BUF token = { 0 };
	uint16_t dialect = 0x0302, flags = 0;
	uint32_t plain = 0;

	ntlm_authenticate(&token, "CORP", "alice", "WS7", 300);
	say(s, 0, (struct smb2){ .command = NEGOTIATE }, b_neg_req, "");
	say(s, 1, (struct smb2){ .command = NEGOTIATE }, b_neg_resp, &dialect);
	say(s, 0, (struct smb2){ .command = SESSION, .id = 1 }, b_token, &token);
	say(s, 1, (struct smb2){ .command = SESSION, .id = 1, .session = 77 }, b_session, &flags);
	say(s, 0, (struct smb2){ .command = TREE, .id = 2, .session = 77 }, b_tree,
		"\\\\fs1\\IPC$");
	say(s, 1, (struct smb2){ .command = TREE, .id = 2, .session = 77, .tree = 5 }, b_ipc,
		&plain);
}

/* [MS-SMB2] 2.2.1.1: its tree's place holds half of another number. */
static void make_late(struct script *s)
{
	size_t at = s->dir[1].len - 1;

	while (memcmp(s->dir[1].ptr + at, "\xfeSMB", 4))
		at--;
	set32(&s->dir[1], at + 16, 3);
	set32(&s->dir[1], at + 32, 9);
	set32(&s->dir[1], at + 36, 0);
}

static void talk(struct script *s, const struct talk_of *t)
{
	struct smb2 h = { .session = 77, .tree = 5 };

	log_on(s);
	h.command = CREATE;
	h.id = 3;
	say(s, 0, h, b_create, t->pipe);
	say(s, 1, h, b_created, NULL);
	h.command = IOCTL;
	for (unsigned i = 0; i < t->times; i++) {
		h.id = 4 + i;
		say(s, 0, h, b_call, &t->call);
		if (t->late) {
			h.status = 0x00000103;
			say(s, 1, h, b_error, NULL);
			make_late(s);
			h.status = 0;
		}
		say(s, 1, h, b_listed, &t->answer);
		if (t->late)
			make_late(s);
	}
}

static void play_it(const struct talk_of *t, size_t most)
{
	struct script s = { 0 };
	size_t at[2] = { 0 };

	n_turns = 0;
	talk(&s, t);
	memset(&heard, 0, sizeof heard);
	now = (bh_time)1700000000 * BH_SECOND;
	EXPECT_INT(bh_sensor_new(NULL, hear_shares, NULL, &sensor), 0);
	send(0, 0x02, 0, 0, NULL, 0);
	send(1, 0x12, 0, 1, NULL, 0);
	for (size_t i = 0; i < n_turns; i++) {
		const struct turn *q = &turns[i];
		while (at[q->dir] < q->to) {
			size_t n = bh_min_size(most, q->to - at[q->dir]);
			send(q->dir, 0x18, 1 + (uint32_t)at[q->dir], 0,
				s.dir[q->dir].ptr + at[q->dir], n);
			at[q->dir] += n;
		}
	}
	EXPECT_INT(bh_sensor_finish(sensor), 0);
	bh_sensor_free(sensor);
	free_script(&s);
}

static void test_shares_that_a_server_lists_are_told_once_however_they_are_cut(void)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		for (unsigned late = 0; late < 2; late++) {
			const struct talk_of t = { "srvsvc", 15, { usual, BH_LEN(usual), word }, 3,
				late };
			for (size_t most = 7; most < 4000; most *= 3) {
				play_it(&t, most);
				EXPECT_INT(heard.n, 2); /* not those that every server has */
				EXPECT_STR(heard.last.share, "\\\\fs1\\old");
				EXPECT_INT(heard.last.gone, 0);
				EXPECT(heard.last.when > 0);
				EXPECT(bh_addr_equal(&heard.last.server,
					&(struct bh_addr){ .num = SERVER, .family = BH_V4 }));
				EXPECT_INT(heard.tally.malformed, 0);
			}
		}
	}
}

static void test_a_call_of_that_number_on_another_pipe_asks_for_no_shares(void)
{
	play_it(&(struct talk_of){ "samr", 15, { usual, BH_LEN(usual), 4 }, 1, false }, 4000);
	EXPECT_INT(heard.n, 0);
	play_it(&(struct talk_of){ "srvsvc", 21, { usual, BH_LEN(usual), 4 }, 1, false }, 4000);
	EXPECT_INT(heard.n, 0);
	EXPECT_INT(heard.tally.malformed, 0);
}

static void test_who_lists_ever_new_shares_is_not_told_without_end(void)
{
	static struct listed_share many[BH_LISTED];
	static char names[BH_LISTED][16];

	for (unsigned i = 0; i < BH_LISTED; i++) {
		snprintf(names[i], sizeof names[i], "s%u", i);
		many[i] = (struct listed_share){ names[i], 0, NULL };
	}
	play_it(&(struct talk_of){ "srvsvc", 15, { many, BH_LISTED, 4 }, 1, false }, 1400);
	EXPECT(heard.n > 50 && heard.n <= BH_LISTED);
	play_it(&(struct talk_of){ "srvsvc", 15, { many, BH_LISTED, 4 }, 100, false }, 1400);
	EXPECT(heard.n < 600); /* those that meet in one slot are told again */
}

int main(void)
{
	RUN(test_shares_that_a_server_lists_are_told_once_however_they_are_cut);
	RUN(test_a_call_of_that_number_on_another_pipe_asks_for_no_shares);
	RUN(test_who_lists_ever_new_shares_is_not_told_without_end);
	return tap_done();
}
