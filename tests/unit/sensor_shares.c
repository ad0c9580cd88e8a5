#include "sensor_play.h"

#include "dissect/dissect.h"
#include "model/pipe.h"

static struct told told;

#define BIT(pipe) (1u << BH_PIPE_##pipe)

enum { PENDING = 0x103, DENIED = (int)0xc0000022 };

/* One session with one tree of that type, up to the first message in it. */
static void open_tree(struct script *s, const char *unc, bool ipc)
{
	struct bh_buf token = { 0 };
	uint16_t dialect = 0x0302, flags = 0;
	uint32_t plain = 0;

	ntlm_authenticate(&token, "CORP", "alice", "WS7", 300);
	add(s, 0, (struct smb2){ .command = NEGOTIATE }, b_neg_req, "");
	add(s, 1, (struct smb2){ .command = NEGOTIATE }, b_neg_resp, &dialect);
	add(s, 0, (struct smb2){ .command = SESSION, .id = 1 }, b_token, &token);
	add(s, 1, (struct smb2){ .command = SESSION, .id = 1, .session = 77 }, b_session, &flags);
	add(s, 0, (struct smb2){ .command = TREE, .id = 2, .session = 77 }, b_tree, unc);
	add(s, 1, (struct smb2){ .command = TREE, .id = 2, .session = 77, .tree = 5 },
		ipc ? b_ipc : b_share, &plain);
	bh_buf_reset(&token);
}

static struct smb2 in_tree(uint16_t command, uint64_t id, uint32_t status)
{
	return (struct smb2){
		.command = command, .id = id, .session = 77, .tree = 5, .status = status
	};
}

static void open_pipe(struct script *s, uint64_t id, const char *name, uint32_t status)
{
	add(s, 0, in_tree(CREATE, id, 0), b_create, name);
	add(s, 1, in_tree(CREATE, id, status), status ? b_error : b_created, NULL);
}

/* Plays it message by message, so that every start is the start of a message. */
static void play_from(const struct script *s, size_t skip, struct told *t)
{
	size_t off[2] = { 0, 0 };

	begin(t);
	if (!skip) {
		send(0, 0x02, 0, 0, NULL, 0);
		send(1, 0x12, 0, 1, NULL, 0);
	}
	for (size_t n = 0; off[0] < s->dir[0].len || off[1] < s->dir[1].len; n++) {
		for (int d = 0; d < 2; d++) {
			if (off[d] >= s->dir[d].len)
				continue;
			const uint8_t *m = (const uint8_t *)s->dir[d].ptr + off[d];
			size_t len = 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);
			if (n >= skip)
				send(d, 0x18, 1 + (uint32_t)off[d], 0, s->dir[d].ptr + off[d], len);
			off[d] += len;
		}
	}
	end(t);
	EXPECT_INT(t->insane, 0);
	EXPECT_INT(t->tally.malformed, 0);
}

static const struct bh_figures *only(const struct told *t)
{
	static const struct bh_figures nothing;

	EXPECT_INT(t->n, 1);
	return t->n ? &t->leaf[0].leaf_is.figures : &nothing;
}

static void test_pipes_are_told_by_their_names(void)
{
	static const char *const names[] = { "srvsvc", "\\PIPE\\SvcCtl", "\\winreg",
		"nobody-knows" };
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\IPC$", true);
	for (size_t i = 0; i < BH_LEN(names); i++)
		open_pipe(&s, 10 + i, names[i], 0);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->pipes, BIT(SRVSVC) | BIT(SVCCTL) | BIT(WINREG) | BIT(OTHER));
	EXPECT_INT(only(&told)->opens, 4);
	free_script(&s);
}

static void test_a_pipe_that_was_refused_was_not_opened(void)
{
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\IPC$", true);
	open_pipe(&s, 10, "svcctl", (uint32_t)DENIED);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->pipes, 0);
	EXPECT_INT(only(&told)->opens, 0);
	free_script(&s);
}

static void test_files_are_counted_and_their_names_not_looked_at(void)
{
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\home", false);
	for (uint64_t i = 10; i < 100; i++)
		open_pipe(&s, i, "srvsvc", i % 3 ? 0 : 0xc0000034);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->pipes, 0);
	EXPECT_INT(only(&told)->opens, 60);
	free_script(&s);
}

static void bind_by(struct script *s, uint16_t command, uint64_t id, const uint8_t (*uuid)[16])
{
	struct bh_buf pdu = { 0 };

	rpc_bind(&pdu, command == WRITE ? 11 : 14, uuid, 1);
	/* What authenticates the caller makes it long; it is not looked at. */
	put_zero(&pdu, 3000);
	add(s, 0, in_tree(command, id, 0), command == WRITE ? b_write : b_transceive, &pdu);
	add(s, 1, in_tree(command, id, 0), b_error, NULL);
	bh_buf_reset(&pdu);
}

static void test_interfaces_are_told_however_the_bind_travels(void)
{
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\IPC$", true);
	bind_by(&s, WRITE, 10, srvsvc_uuid);
	bind_by(&s, IOCTL, 11, samr_uuid);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->pipes, BIT(SRVSVC) | BIT(SAMR));
	free_script(&s);
}

static void test_a_file_that_holds_a_bind_is_no_pipe(void)
{
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\home", false);
	bind_by(&s, WRITE, 10, srvsvc_uuid);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->pipes, 0);
	free_script(&s);
}

/* The capture begins behind TREE_CONNECT. */
static void test_an_unknown_tree_is_where_pipes_are_when_it_is_spoken_to_so(void)
{
	struct script s = { 0 };
	struct bh_buf call = { 0 };

	open_tree(&s, "\\\\fs1\\IPC$", true);
	open_pipe(&s, 10, "svcctl", 0);
	play_from(&s, 3, &told);
	EXPECT_INT(only(&told)->pipes, 0);
	EXPECT_INT(only(&told)->opens, 1);
	bh_buf_add(&call, "\x05\0\0\x03", 4);
	add(&s, 0, in_tree(IOCTL, 11, 0), b_transceive, &call);
	add(&s, 1, in_tree(IOCTL, 11, 0), b_error, NULL);
	play_from(&s, 3, &told);
	EXPECT_INT(only(&told)->pipes, BIT(SVCCTL));
	EXPECT_INT(told.leaf[0].leaf_is.who.share_type, BH_SHARE_UNKNOWN);
	bh_buf_reset(&call);
	free_script(&s);
}

/* An asynchronous answer has half of its AsyncId where the tree's number was. */
static void answer_late(struct script *s, uint64_t id, uint32_t status)
{
	size_t at = s->dir[1].len + 4;

	add(s, 1, in_tree(CREATE, id, status), status ? b_error : b_created, NULL);
	s->dir[1].ptr[at + 16] |= 2;
	set32(&s->dir[1], at + 36, 0);
}

static void test_a_late_answer_counts_for_the_tree_that_asked(void)
{
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\IPC$", true);
	add(&s, 0, in_tree(CREATE, 10, 0), b_create, "winreg");
	add(&s, 0, in_tree(CREATE, 11, 0), b_create, "samr");
	answer_late(&s, 10, PENDING);
	answer_late(&s, 11, PENDING);
	answer_late(&s, 11, (uint32_t)DENIED);
	answer_late(&s, 10, 0);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->pipes, BIT(WINREG));
	EXPECT_INT(only(&told)->opens, 1);
	free_script(&s);
}

static void compressed_write(struct script *s, bool chained)
{
	size_t m = message_begin(&s->dir[0]);
	struct smb2 h = in_tree(WRITE, 20, 0);

	bh_buf_add(&s->dir[0], "\xfcSMB", 4);
	bh_buf_le32(&s->dir[0], 5000);
	bh_buf_le16(&s->dir[0], chained ? 0 : 2); /* none, LZ77 */
	bh_buf_le16(&s->dir[0], chained);
	bh_buf_le32(&s->dir[0], 112);
	h.is_signed = 1;
	smb2_header(&s->dir[0], &h);
	put_zero(&s->dir[0], 500);
	message_end(&s->dir[0], m);
}

static void test_a_compressed_message_counts_for_its_share(void)
{
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\home", false);
	play_from(&s, 0, &told);
	uint64_t before = only(&told)->bytes_to_server;
	compressed_write(&s, false);
	compressed_write(&s, true);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->bytes_to_server - before, 2 * 580);
	EXPECT_INT(told.leaf[0].leaf_is.who.is_signed, 1);
	free_script(&s);
}

/* ---- more than one connection ---- */

static void bind_channel(struct script *s)
{
	struct bh_buf token = { 0 };
	uint16_t dialect = 0x0302, flags = 0;

	ntlm_negotiate(&token);
	add(s, 0, (struct smb2){ .command = NEGOTIATE }, b_neg_req, "");
	add(s, 1, (struct smb2){ .command = NEGOTIATE }, b_neg_resp, &dialect);
	size_t at = s->dir[0].len + 4;
	add(s, 0, (struct smb2){ .command = SESSION, .id = 1, .session = 77 }, b_token, &token);
	s->dir[0].ptr[at + 66] = 1; /* SMB2_SESSION_FLAG_BINDING */
	add(s, 1, (struct smb2){ .command = SESSION, .id = 1, .session = 77 }, b_session, &flags);
	add(s, 0, in_tree(READ, 2, 0), b_error, NULL);
	add(s, 1, in_tree(READ, 2, 0), b_error, NULL);
	bh_buf_reset(&token);
}

/* The same two connections, from two addresses of the client. */
static void play_channels(struct script *first, struct script *second, bool same_server)
{
	struct script *scripts[] = { first, second };

	for (int i = 0; i < 2; i++) {
		for (unsigned k = 0; k < 16; k++) /* ServerGuid */
			scripts[i]->dir[1].ptr[4 + 64 + 8 + k] = i && !same_server ? 'x' : 'g';
	}
	begin(&told);
	for (uint32_t i = 0; i < 2; i++) {
		for (int d = 0; d < 2; d++) {
			struct tcp t = { .src = d ? SERVER + i : CLIENT + i,
				.dst = d ? CLIENT + i : SERVER + i,
				.sport = d ? 445 : 50000,
				.dport = d ? 50000 : 445,
				.flags = d ? 0x12 : 0x02,
				.ack = (uint32_t)d };
			struct bh_buf b = { 0 };
			tcp_packet(&b, &t, scripts[i]->dir[d].ptr, scripts[i]->dir[d].len);
			EXPECT_INT(
				bh_sensor_packet(sensor, 101, now, bh_span_of(b.ptr, b.len), b.len),
				0);
			bh_buf_reset(&b);
		}
	}
	end(&told);
}

static void test_another_channel_has_the_user_and_the_shares_of_its_session(void)
{
	struct script first = { 0 }, second = { 0 };

	open_tree(&first, "\\\\fs1\\home", false);
	bind_channel(&second);
	play_channels(&first, &second, true);
	EXPECT_INT(told.n, 2);
	for (size_t i = 0; i < told.n; i++) {
		EXPECT_STR(told.leaf[i].leaf_is.who.user, "alice");
		EXPECT_STR(told.leaf[i].leaf_is.who.share, "\\\\fs1\\home");
		EXPECT_INT(told.leaf[i].leaf_is.who.share_type, BH_SHARE_DISK);
	}
	/* Another server's session of that number is another session. */
	play_channels(&first, &second, false);
	EXPECT_INT(told.n, 2);
	EXPECT(row(&told, "") && !row(&told, "")->user[0]);
	free_script(&first);
	free_script(&second);
}

static void test_a_session_that_says_to_be_nobodys_is_anonymous(void)
{
	struct script s = { 0 };
	uint16_t dialect = 0x0302, flags = BH_SESSION_NULL;
	struct bh_buf token = { 0 };

	bh_buf_str(&token, "?");
	add(&s, 0, (struct smb2){ .command = NEGOTIATE }, b_neg_req, "");
	add(&s, 1, (struct smb2){ .command = NEGOTIATE }, b_neg_resp, &dialect);
	add(&s, 0, (struct smb2){ .command = SESSION, .id = 1 }, b_token, &token);
	add(&s, 1, (struct smb2){ .command = SESSION, .id = 1, .session = 77 }, b_session, &flags);
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->opens, 0);
	EXPECT_INT(told.leaf[0].leaf_is.who.auth, BH_AUTH_ANONYMOUS);
	bh_buf_reset(&token);
	free_script(&s);
}

/* A number may be given again once it was logged off; what is said in between is nobody's. */
static void test_a_session_that_was_logged_off_is_over(void)
{
	struct script s = { 0 };
	struct bh_buf token = { 0 };
	uint16_t flags = 0;
	uint32_t plain = 0;

	open_tree(&s, "\\\\fs1\\home", false);
	add(&s, 0, in_tree(LOGOFF, 3, 0), b_error, NULL);
	add(&s, 1, in_tree(LOGOFF, 3, 0), b_error, NULL);
	ntlm_authenticate(&token, "CORP", "bob", "WS7", 300);
	add(&s, 0, (struct smb2){ .command = SESSION, .id = 4 }, b_token, &token);
	add(&s, 1, (struct smb2){ .command = SESSION, .id = 4, .session = 77 }, b_session, &flags);
	add(&s, 0, (struct smb2){ .command = TREE, .id = 5, .session = 77 }, b_tree,
		"\\\\fs1\\home");
	add(&s, 1, (struct smb2){ .command = TREE, .id = 5, .session = 77, .tree = 5 }, b_share,
		&plain);
	play_from(&s, 0, &told);
	EXPECT_INT(told.n, 2);
	EXPECT_STR(told.leaf[0].leaf_is.who.user, "alice");
	EXPECT_STR(told.leaf[1].leaf_is.who.user, "bob");
	bh_buf_reset(&token);
	free_script(&s);
}

/* [MS-SMB2] 3.2.4.2.3: whoever lost a connection logs on anew and names the session before,
 * which says nothing of the new one. */
static void test_a_reconnected_session_is_told_by_its_own_logon(void)
{
	struct script s = { 0 };

	open_tree(&s, "\\\\fs1\\home", false);
	const uint8_t *negotiate = (const uint8_t *)s.dir[0].ptr;
	size_t session = 4 + ((size_t)negotiate[2] << 8 | negotiate[3]);
	s.dir[0].ptr[session + 4 + 64 + 16] = 9; /* PreviousSessionId */
	play_from(&s, 0, &told);
	EXPECT_INT(only(&told)->connections, 1);
	EXPECT_STR(told.leaf[0].leaf_is.who.user, "alice");
	free_script(&s);
}

int main(void)
{
	RUN(test_pipes_are_told_by_their_names);
	RUN(test_a_pipe_that_was_refused_was_not_opened);
	RUN(test_files_are_counted_and_their_names_not_looked_at);
	RUN(test_interfaces_are_told_however_the_bind_travels);
	RUN(test_a_file_that_holds_a_bind_is_no_pipe);
	RUN(test_an_unknown_tree_is_where_pipes_are_when_it_is_spoken_to_so);
	RUN(test_a_late_answer_counts_for_the_tree_that_asked);
	RUN(test_a_compressed_message_counts_for_its_share);
	RUN(test_another_channel_has_the_user_and_the_shares_of_its_session);
	RUN(test_a_session_that_says_to_be_nobodys_is_anonymous);
	RUN(test_a_session_that_was_logged_off_is_over);
	RUN(test_a_reconnected_session_is_told_by_its_own_logon);
	return tap_done();
}
