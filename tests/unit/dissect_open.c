#include "smb_make.h"

#include "dissect/dissect.h"
#include "model/pipe.h"
#include "tap.h"

#define BIT(pipe) (1u << BH_PIPE_##pipe)

/* The message in a copy of exactly the bytes shown, so that ASan sees a read past the end. */
static int name_of(const struct bh_message *like, const struct bh_buf *b, size_t shown, char *ret)
{
	struct bh_message m = *like;
	uint8_t *keep = malloc(shown ? shown : 1);

	memcpy(keep, bh_buf_text(b), shown);
	m.body = bh_span_of(keep, shown);
	int r = bh_open_name(&m, ret);
	free(keep);
	return r;
}

static int data_of(const struct bh_message *like, const struct bh_buf *b, size_t shown, size_t *ret)
{
	struct bh_message m = *like;
	uint8_t *keep = malloc(shown ? shown : 1);
	struct bh_span data = { 0 };
	bool proof;

	memcpy(keep, bh_buf_text(b), shown);
	m.body = bh_span_of(keep, shown);
	int r = bh_pipe_data(&m, &proof, &data);
	*ret = data.len;
	free(keep);
	return r;
}

static struct bh_message smb2(uint16_t command, const struct bh_buf *b)
{
	return (struct bh_message){
		.kind = BH_MESSAGE_SMB2, .command = command, .length = (uint32_t)b->len
	};
}

static struct bh_message smb1(uint16_t command, const struct bh_buf *b)
{
	return (struct bh_message){
		.kind = BH_MESSAGE_SMB1, .command = command, .length = (uint32_t)b->len
	};
}

static void test_a_name_is_read_whole_or_refused(void)
{
	char name[BH_NAME_TEXT] = "";
	BH_AUTO_BUF b = { 0 };

	smb2_header(&b, &(struct smb2){ .command = 5 });
	create_request(&b, "srvsvc");
	struct bh_message m = smb2(5, &b);
	EXPECT_INT(name_of(&m, &b, b.len, name), 0);
	EXPECT_STR(name, "srvsvc");
	/* The message itself is cut. */
	for (size_t n = 0; n < 120 + 12; n++) {
		struct bh_message cut = m;
		cut.length = (uint32_t)n;
		EXPECT_INT(name_of(&cut, &b, n, name), -EBADMSG);
	}
	/* Only what is shown of it: the name may lie beyond. */
	EXPECT_INT(name_of(&m, &b, 119, name), -ENOMSG);
	set16(&b, 64, 58);
	EXPECT_INT(name_of(&m, &b, b.len, name), -EBADMSG);
	set16(&b, 64, 57);
	set16(&b, 64 + 44, 0xffff);
	EXPECT_INT(name_of(&m, &b, b.len, name), -EBADMSG);
	set16(&b, 64 + 44, 120);
	set16(&b, 64 + 46, 0xffff);
	EXPECT_INT(name_of(&m, &b, b.len, name), -EBADMSG);
	set16(&b, 64 + 46, 0);
	EXPECT_INT(name_of(&m, &b, b.len, name), 0);
	EXPECT_STR(name, "");
}

static void test_the_data_of_a_write_and_of_a_call(void)
{
	size_t n;
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF c = { 0 };

	smb2_header(&b, &(struct smb2){ .command = 9 });
	write_request(&b, "0123456789", 10);
	struct bh_message w = smb2(9, &b);
	EXPECT_INT(data_of(&w, &b, b.len, &n), 0);
	EXPECT_INT(n, 10);
	EXPECT_INT(data_of(&w, &b, 116, &n), 0);
	EXPECT_INT(n, 4); /* as far as it is shown */
	for (size_t i = 0; i < b.len; i++) {
		struct bh_message cut = w;
		cut.length = (uint32_t)i;
		EXPECT_INT(data_of(&cut, &b, i, &n), -EBADMSG);
	}
	set16(&b, 66, 0xffff);
	EXPECT_INT(data_of(&w, &b, b.len, &n), -EBADMSG);
	set16(&b, 66, 112);
	set32(&b, 68, UINT32_MAX);
	EXPECT_INT(data_of(&w, &b, b.len, &n), -EBADMSG);

	smb2_header(&c, &(struct smb2){ .command = 11 });
	ioctl_request(&c, FSCTL_PIPE_TRANSCEIVE, "0123456789", 10);
	struct bh_message t = smb2(11, &c);
	EXPECT_INT(data_of(&t, &c, c.len, &n), 0);
	EXPECT_INT(n, 10);
	for (size_t i = 0; i < c.len; i++) {
		struct bh_message cut = t;
		cut.length = (uint32_t)i;
		EXPECT_INT(data_of(&cut, &c, i, &n), -EBADMSG);
	}
	set32(&c, 68, 0x00060194); /* FSCTL_DFS_GET_REFERRALS */
	EXPECT_INT(data_of(&t, &c, c.len, &n), -ENOMSG);
	set32(&c, 68, FSCTL_PIPE_TRANSCEIVE);
	set32(&c, 88, UINT32_MAX);
	EXPECT_INT(data_of(&t, &c, c.len, &n), -EBADMSG);
	set32(&c, 88, 120);
	set32(&c, 92, UINT32_MAX);
	EXPECT_INT(data_of(&t, &c, c.len, &n), -EBADMSG);
}

/* An SMB1 message of one block, all words 0 but those given. */
static void block(
	struct bh_buf *b, const struct smb1 *h, uint8_t n_words, const void *bytes, size_t n)
{
	smb1_header(b, h);
	bh_buf_u8(b, n_words);
	put_zero(b, (size_t)n_words * 2);
	bh_buf_le16(b, (uint16_t)n);
	bh_buf_add(b, bytes, n);
}

static void test_names_of_smb1_in_all_their_forms(void)
{
	static const struct {
		uint8_t command, n_words;
		uint16_t flags2;
		const char *bytes;
		size_t n;
	} t[] = {
		{ 0xa2, 24, 0, "\\srvsvc", 8 },
		{ 0xa2, 24, 0xc000, "\0\\\0s\0r\0v\0s\0v\0c\0\0\0", 17 },
		{ 0x2d, 15, 0, "\\srvsvc", 8 }, { 0x02, 2, 0, "\x04\\srvsvc", 9 },
		{ 0x03, 3, 0, "\x04\\srvsvc", 9 },
		{ 0x0f, 3, 0, "\x04\\srvsvc", 8 }, /* its NUL is missing */
	};
	char name[BH_NAME_TEXT];

	for (size_t i = 0; i < BH_LEN(t); i++) {
		BH_AUTO_BUF b = { 0 };
		block(&b, &(struct smb1){ .command = t[i].command, .flags2 = t[i].flags2 },
			t[i].n_words, t[i].bytes, t[i].n);
		struct bh_message m = smb1(t[i].command, &b);
		EXPECT_INT(name_of(&m, &b, b.len, name), 0);
		EXPECT_STR(name, "\\srvsvc");
		for (size_t n = 0; n < b.len; n++) {
			struct bh_message cut = m;
			cut.length = (uint32_t)n;
			EXPECT_INT(name_of(&cut, &b, n, name), -EBADMSG);
		}
		set16(&b, 33 + 2u * t[i].n_words, 0xffff);
		EXPECT_INT(name_of(&m, &b, b.len, name), -EBADMSG);
	}
	BH_AUTO_BUF b = { 0 };
	block(&b, &(struct smb1){ .command = 0x02 }, 2, "\x05\\srvsvc", 9);
	struct bh_message m = smb1(0x02, &b);
	EXPECT_INT(name_of(&m, &b, b.len, name), -EBADMSG);
}

static void test_the_data_of_an_smb1_write_and_of_a_transaction(void)
{
	size_t n;
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF c = { 0 };

	block(&b, &(struct smb1){ .command = 0x2f }, 12, "0123456789", 10);
	set16(&b, 33 + 20, 10);
	set16(&b, 33 + 22, 59);
	struct bh_message w = smb1(0x2f, &b);
	EXPECT_INT(data_of(&w, &b, b.len, &n), 0);
	EXPECT_INT(n, 10);
	set16(&b, 33 + 18, 1); /* 64 KiB more */
	EXPECT_INT(data_of(&w, &b, b.len, &n), -EBADMSG);
	set16(&b, 33 + 18, 0);
	set16(&b, 33 + 22, 60);
	EXPECT_INT(data_of(&w, &b, b.len, &n), -EBADMSG);
	for (size_t i = 0; i < b.len; i++) {
		struct bh_message cut = w;
		cut.length = (uint32_t)i;
		EXPECT_INT(data_of(&cut, &b, i, &n), -EBADMSG);
	}

	block(&c, &(struct smb1){ .command = 0x25 }, 16, "\\PIPE\\\0call", 11);
	set16(&c, 33 + 22, 4);
	set16(&c, 33 + 24, 74);
	c.ptr[33 + 26] = 2;
	set16(&c, 33 + 28, 0x26);
	struct bh_message t = smb1(0x25, &c);
	EXPECT_INT(data_of(&t, &c, c.len, &n), 0);
	EXPECT_INT(n, 4);
	set16(&c, 33 + 28, 0x53); /* waits for a pipe */
	EXPECT_INT(data_of(&t, &c, c.len, &n), -ENOMSG);
	set16(&c, 33 + 28, 0x26);
	set16(&c, 33 + 22, 0xffff);
	EXPECT_INT(data_of(&t, &c, c.len, &n), -EBADMSG);
	for (size_t i = 0; i < c.len; i++) {
		struct bh_message cut = t;
		cut.length = (uint32_t)i;
		EXPECT_INT(data_of(&cut, &c, i, &n), -EBADMSG);
	}
}

/* ---- DCE/RPC ---- */

static int bind_cut(const struct bh_buf *b, size_t n, uint32_t *ret)
{
	uint8_t *keep = malloc(n ? n : 1);

	memcpy(keep, bh_buf_text(b), n);
	int r = bh_rpc_bind(bh_span_of(keep, n), ret);
	free(keep);
	return r;
}

static void test_a_bind_tells_every_interface(void)
{
	uint8_t two[2][16];
	uint32_t pipes = 0;
	BH_AUTO_BUF b = { 0 };

	memcpy(two[0], srvsvc_uuid[0], 16);
	memcpy(two[1], samr_uuid[0], 16);
	rpc_bind(&b, 11, (const uint8_t(*)[16])two, 2);
	EXPECT_INT(bind_cut(&b, b.len, &pipes), 0);
	EXPECT_INT(pipes, BIT(SRVSVC) | BIT(SAMR));
	for (size_t n = 0; n < b.len; n++)
		EXPECT_INT(bind_cut(&b, n, &pipes), n < 16 ? -ENOMSG : -EBADMSG);
	put_zero(&b, 100); /* what authenticates the caller is not looked at */
	EXPECT_INT(bind_cut(&b, b.len, &pipes), 0);
	set16(&b, 8, 115); /* its own length ends within the second interface */
	EXPECT_INT(bind_cut(&b, b.len, &pipes), -EBADMSG);
	set16(&b, 8, 116);
	set16(&b, 10, 0xffff);
	EXPECT_INT(bind_cut(&b, b.len, &pipes), -EBADMSG);
	set16(&b, 10, 0);
	b.ptr[24] = 33; /* more interfaces than anybody binds */
	EXPECT_INT(bind_cut(&b, b.len, &pipes), -EBADMSG);
	b.ptr[24] = 2;
	b.ptr[30] = 50; /* more transfer syntaxes than there are */
	EXPECT_INT(bind_cut(&b, b.len, &pipes), -EBADMSG);
	b.ptr[30] = 1;
	EXPECT_INT(bind_cut(&b, b.len, &pipes), 0);
	b.ptr[2] = 0; /* a request */
	EXPECT_INT(bind_cut(&b, b.len, &pipes), -ENOMSG);
	b.ptr[2] = 14;
	b.ptr[0] = 4;
	EXPECT_INT(bind_cut(&b, b.len, &pipes), -ENOMSG);
}

static void test_a_big_endian_caller_binds_the_same(void)
{
	static const uint8_t swapped[1][16] = { { 0x4b, 0x32, 0x4f, 0xc8, 0x16, 0x70, 0x01, 0xd3,
		0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88 } };
	uint32_t pipes = 0;
	BH_AUTO_BUF b = { 0 };

	rpc_bind(&b, 11, swapped, 1);
	b.ptr[4] = 0;
	b.ptr[8] = 0;
	b.ptr[9] = 72;
	EXPECT_INT(bind_cut(&b, b.len, &pipes), 0);
	EXPECT_INT(pipes, BIT(SRVSVC));
}

int main(void)
{
	RUN(test_a_name_is_read_whole_or_refused);
	RUN(test_the_data_of_a_write_and_of_a_call);
	RUN(test_names_of_smb1_in_all_their_forms);
	RUN(test_the_data_of_an_smb1_write_and_of_a_transaction);
	RUN(test_a_bind_tells_every_interface);
	RUN(test_a_big_endian_caller_binds_the_same);
	return tap_done();
}
