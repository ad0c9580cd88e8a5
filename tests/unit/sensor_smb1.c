#include "sensor_play.h"

#include "model/pipe.h"

static struct told told;

/* Each exchange is a packet in either direction. */
static struct bh_buf stream[2];
static size_t sent[2];

static void start(uint16_t port)
{
	server_port = port;
	sent[0] = sent[1] = 0;
	begin(&told);
	send(0, 0x02, 0, 0, NULL, 0);
	send(1, 0x12, 0, 1, NULL, 0);
}

static void flush(void)
{
	for (int d = 0; d < 2; d++) {
		if (stream[d].len > sent[d])
			send(d, 0x18, 1 + (uint32_t)sent[d], 0, stream[d].ptr + sent[d],
				stream[d].len - sent[d]);
		sent[d] = stream[d].len;
	}
}

static void stop(void)
{
	flush();
	end(&told);
	bh_buf_reset(&stream[0]);
	bh_buf_reset(&stream[1]);
	server_port = 445;
	EXPECT_INT(told.insane, 0);
	EXPECT_INT(told.tally.malformed, 0);
}

/* A message of one block; words and bytes as they are. */
static void message(struct smb1 h, const void *words, size_t n_words, const void *bytes, size_t n)
{
	struct bh_buf *b = &stream[h.response];
	size_t m = message_begin(b);

	smb1_header(b, &h);
	bh_buf_u8(b, (uint8_t)n_words);
	bh_buf_add(b, words, n_words * 2);
	bh_buf_le16(b, (uint16_t)n);
	bh_buf_add(b, bytes, n);
	message_end(b, m);
	flush();
}

#define BYTES(s) (s), sizeof(s) - 1

static void negotiate(uint8_t answer_words, uint16_t index)
{
	uint8_t words[34] = { (uint8_t)index, (uint8_t)(index >> 8) };

	message((struct smb1){ .command = 0x72 }, NULL, 0,
		BYTES("\x02PC NETWORK PROGRAM 1.0\0\x02LANMAN1.0\0\x02LM1.2X002\0\x02"
		      "NT LM 0.12\0"));
	message((struct smb1){ .command = 0x72, .response = 1 }, words, answer_words, NULL, 0);
}

/* LANMAN: a response of 24 bytes, account, domain. */
static void log_on(uint16_t uid, uint32_t status, const char *user)
{
	uint8_t words[20] = { 0xff, [14] = 24 };
	struct bh_buf b = { 0 };

	for (unsigned i = 0; i < 24; i++)
		bh_buf_u8(&b, 0x5a);
	put_text(&b, user);
	put_text(&b, "OFFICE");
	message((struct smb1){ .command = 0x73, .mid = 1 }, words, 10, b.ptr, b.len);
	message(
		(struct smb1){
			.command = 0x73, .mid = 1, .uid = uid, .status = status, .response = 1 },
		"\xff\0\0\0\0\0", status ? 0 : 3, NULL, 0);
	bh_buf_reset(&b);
}

static void connect_tree(uint16_t uid, uint16_t tid, const char *unc, const char *service)
{
	struct bh_buf b = { 0 };

	bh_buf_u8(&b, 0); /* the password */
	put_text(&b, unc);
	put_text(&b, "?????");
	message((struct smb1){ .command = 0x75, .mid = 2, .uid = uid }, "\xff\0\0\0\0\0\1\0", 4,
		b.ptr, b.len);
	message((struct smb1){ .command = 0x75, .mid = 2, .uid = uid, .tree = tid, .response = 1 },
		"\xff\0\0\0\0\0", 3, service, strlen(service) + 1);
	bh_buf_reset(&b);
}

static void test_a_lanman_server_is_told_with_its_dialect_and_users(void)
{
	start(445);
	negotiate(13, 2);
	log_on(100, 0, "JANE");
	connect_tree(100, 3, "\\\\NAS\\PUB", "A:");
	stop();
	EXPECT_INT(told.n, 1);
	const struct bh_conversation *c = &told.leaf[0].leaf_is.who;
	EXPECT_STR(c->share, "\\\\NAS\\PUB");
	EXPECT_STR(c->user, "JANE");
	EXPECT_STR(c->domain, "OFFICE");
	EXPECT_INT(c->dialect, BH_DIALECT_LM_12);
	EXPECT_INT(c->auth, BH_AUTH_NTLM);
	EXPECT_INT(c->ntlm, BH_NTLM_UNKNOWN);
	EXPECT_INT(c->signing_server, BH_SIGNING_UNKNOWN);
	EXPECT_INT(c->share_type, BH_SHARE_DISK);
	EXPECT_INT(c->smb1_offered, 1);
}

static void test_share_level_security_still_has_shares(void)
{
	start(139);
	negotiate(1, 0);
	/* [MS-CIFS] 2.2.4.50: the answer tells the tree among its words. */
	message((struct smb1){ .command = 0x70, .mid = 2 }, NULL, 0,
		BYTES("\x04\\\\OLD\\C\0\x04\0\x04LPT1:\0"));
	message((struct smb1){ .command = 0x70, .mid = 2, .response = 1 }, "\0\x10\x09\0", 2, NULL,
		0);
	/* A file is opened in it. */
	message((struct smb1){ .command = 0x02, .mid = 3, .tree = 9 }, "\0\0\0\0", 2,
		BYTES("\x04\\a.txt\0"));
	message((struct smb1){ .command = 0x02, .mid = 3, .tree = 9, .response = 1 },
		"\1\0\0\0\0\0\0\0\0\0\0\0\0\0", 7, NULL, 0);
	stop();
	EXPECT_INT(told.n, 1);
	const struct bh_conversation *c = &told.leaf[0].leaf_is.who;
	EXPECT_STR(c->share, "\\\\OLD\\C");
	EXPECT_INT(c->dialect, BH_DIALECT_PC_NETWORK_10);
	EXPECT_INT(c->share_type, BH_SHARE_PRINT);
	EXPECT_INT(c->transport, BH_TRANSPORT_NBSS139);
	EXPECT_INT(c->auth, BH_AUTH_UNKNOWN);
	EXPECT_INT(told.leaf[0].leaf_is.figures.opens, 1);
}

static void test_pipes_of_smb1(void)
{
	struct bh_buf bind = { 0 };
	uint8_t words[48] = { 0xff };

	start(445);
	negotiate(17, 3);
	log_on(100, 0, "JANE");
	connect_tree(100, 3, "\\\\NT4\\IPC$", "IPC");
	message((struct smb1){ .command = 0xa2, .mid = 5, .uid = 100, .tree = 3 }, words, 24,
		BYTES("\\winreg\0"));
	message((struct smb1){ .command = 0xa2, .mid = 5, .uid = 100, .tree = 3, .response = 1 },
		words, 24, NULL, 0);
	message((struct smb1){ .command = 0x2d, .mid = 6, .uid = 100, .tree = 3 }, words, 15,
		BYTES("\\PIPE\\spoolss\0"));
	message((struct smb1){ .command = 0x2d, .mid = 6, .uid = 100, .tree = 3, .response = 1 },
		words, 15, NULL, 0);
	/* Transact on a named pipe: sixteen words, the name, then the call. */
	rpc_bind(&bind, 11, samr_uuid, 1);
	prepend(&bind, "\\PIPE\\", 7);
	uint8_t transact[32] = { [22] = 72, [24] = 74, [26] = 2, [28] = 0x26 };
	message((struct smb1){ .command = 0x25, .mid = 7, .uid = 100, .tree = 3 }, transact, 16,
		bind.ptr, bind.len);
	/* And a call that is written. */
	bh_buf_reset(&bind);
	rpc_bind(&bind, 11, srvsvc_uuid, 1);
	uint8_t write[24] = { 0xff, [20] = 72, [22] = 59 };
	message((struct smb1){ .command = 0x2f, .mid = 8, .uid = 100, .tree = 3 }, write, 12,
		bind.ptr, bind.len);
	bh_buf_reset(&bind);
	stop();
	EXPECT_INT(told.n, 1);
	EXPECT_INT(told.leaf[0].leaf_is.figures.pipes,
		1u << BH_PIPE_WINREG | 1u << BH_PIPE_SPOOLSS | 1u << BH_PIPE_SAMR |
			1u << BH_PIPE_SRVSVC);
	EXPECT_INT(told.leaf[0].leaf_is.figures.opens, 2);
	EXPECT_INT(told.leaf[0].leaf_is.who.dialect, BH_DIALECT_NT_LM_012);
}

static void test_what_rides_behind_a_session_may_fail_alone(void)
{
	struct bh_buf *b = stream;

	start(445);
	/* Request: session set-up of 13 words, and a TREE_CONNECT behind it. */
	size_t m = message_begin(&b[0]);
	smb1_header(&b[0], &(struct smb1){ .command = 0x73, .mid = 9 });
	bh_buf_u8(&b[0], 13);
	bh_buf_add(&b[0], "\x75\0\x49\0", 4);
	put_zero(&b[0], 22);
	size_t count = bytes_begin(&b[0]);
	put_text(&b[0], "JANE");
	put_text(&b[0], "OFFICE");
	bytes_end(&b[0], count);
	EXPECT_INT(b[0].len - m, 0x49);
	bh_buf_add(&b[0], "\x04\xff\0\0\0\0\0\0\0", 9);
	count = bytes_begin(&b[0]);
	put_text(&b[0], "\\\\NAS\\NONE");
	put_text(&b[0], "?????");
	bytes_end(&b[0], count);
	message_end(&b[0], m);
	/* Answer: BAD_NETWORK_NAME, as ERRSRV 6; but the session has a number. */
	m = message_begin(&b[1]);
	smb1_header(&b[1], &(struct smb1){ .command = 0x73,
				   .mid = 9,
				   .uid = 100,
				   .status = 0x00060002,
				   .flags2 = 1,
				   .response = 1 });
	bh_buf_add(&b[1], "\x03\x75\0\x29\0\0\0\0\0", 9);
	EXPECT_INT(b[1].len - m, 0x29);
	bh_buf_add(&b[1], "\0\0\0", 3);
	message_end(&b[1], m);
	stop();
	EXPECT_INT(told.n, 1);
	const struct bh_conversation *c = &told.leaf[0].leaf_is.who;
	EXPECT_STR(c->user, "JANE");
	EXPECT_INT(c->auth_status, 0);
	EXPECT(c->known & BH_KNOWN_AUTH_STATUS);
	EXPECT_INT(c->share_status, 0xc00000cc);
	EXPECT_STR(c->share, "\\\\NAS\\NONE");
	EXPECT_INT(c->share_type, BH_SHARE_UNKNOWN);
}

static void test_a_number_that_was_logged_off_may_be_somebody_else(void)
{
	start(445);
	negotiate(13, 1);
	log_on(100, 0, "JANE");
	connect_tree(100, 3, "\\\\NAS\\PUB", "A:");
	message((struct smb1){ .command = 0x74, .mid = 4, .uid = 100 }, "\xff\0\0\0", 2, NULL, 0);
	message((struct smb1){ .command = 0x74, .mid = 4, .uid = 100, .response = 1 }, "\xff\0\0\0",
		2, NULL, 0);
	log_on(100, 0, "JOE");
	connect_tree(100, 4, "\\\\NAS\\PUB", "A:");
	stop();
	EXPECT_INT(told.n, 2);
	EXPECT_STR(told.leaf[0].leaf_is.who.user, "JANE");
	EXPECT_STR(told.leaf[1].leaf_is.who.user, "JOE");
}

/* ---- names, and ports ---- */

static void put_netbios(struct bh_buf *b, const char *name, char suffix)
{
	char padded[16];

	memset(padded, ' ', sizeof padded);
	memcpy(padded, name, strlen(name));
	padded[15] = suffix;
	bh_buf_u8(b, 32);
	for (unsigned i = 0; i < 16; i++) {
		bh_buf_u8(b, (uint8_t)('A' + (padded[i] >> 4 & 15)));
		bh_buf_u8(b, (uint8_t)('A' + (padded[i] & 15)));
	}
	bh_buf_u8(b, 0);
}

static void test_port_139_tells_who_calls_whom(void)
{
	start(139);
	bh_buf_add(&stream[0], "\x81\0\0\x44", 4);
	put_netbios(&stream[0], "NAS", 0x20);
	put_netbios(&stream[0], "RECEPTION", 0);
	bh_buf_add(&stream[1], "\x82\0\0\0", 4);
	flush();
	bh_buf_add(&stream[0], "\x85\0\0\0", 4);
	stop();
	EXPECT_INT(told.n, 1);
	EXPECT_STR(told.leaf[0].leaf_is.who.server_name, "NAS");
	EXPECT_STR(told.leaf[0].leaf_is.who.workstation, "RECEPTION");
	EXPECT_INT(told.leaf[0].leaf_is.who.outcome, BH_ANSWERED);
}

static void test_smb_is_found_on_any_port(void)
{
	for (int swap = 0; swap < 2; swap++) {
		start(swap ? 60000 : 80); /* whichever of the two ports is lower */
		negotiate(17, 3);
		log_on(100, 0, "JANE");
		connect_tree(100, 3, "\\\\NAS\\PUB", "A:");
		stop();
		EXPECT_INT(told.n, 1);
		const struct bh_conversation *c = &told.leaf[0].leaf_is.who;
		EXPECT_STR(c->user, "JANE");
		EXPECT_INT(c->port, swap ? 60000 : 80);
		EXPECT_INT(c->client.num, CLIENT);
		EXPECT_INT(c->transport, BH_TRANSPORT_TCP445);
		EXPECT_INT(c->complete, 0); /* its SYN was nobody's concern yet */
		EXPECT_INT(told.tally.flows, 1);
	}
}

static void test_what_only_looks_like_smb_costs_nothing(void)
{
	start(8080);
	send(0, 0x18, 1, 0, BYTES("\0\0\0\x54\xfeSMX\x40\0"));
	send(0, 0x18, 50, 0, BYTES("GET /\xffSMB HTTP/1.1\r\n"));
	stop();
	EXPECT_INT(told.n, 0);
	EXPECT_INT(told.tally.flows, 0);
	/* And a new connection on a port where SMB was seen is not SMB for that. */
	start(8080);
	negotiate(17, 3);
	send(0, 0x02, 900000, 0, NULL, 0);
	send(0, 0x18, 900001, 0, BYTES("GET / HTTP/1.1\r\n"));
	stop();
	EXPECT_INT(told.n, 1);
	EXPECT_INT(told.tally.gaps, 0);
}

int main(void)
{
	RUN(test_a_lanman_server_is_told_with_its_dialect_and_users);
	RUN(test_share_level_security_still_has_shares);
	RUN(test_pipes_of_smb1);
	RUN(test_what_rides_behind_a_session_may_fail_alone);
	RUN(test_a_number_that_was_logged_off_may_be_somebody_else);
	RUN(test_port_139_tells_who_calls_whom);
	RUN(test_smb_is_found_on_any_port);
	RUN(test_what_only_looks_like_smb_costs_nothing);
	return tap_done();
}
