#include "listing_make.h"

#include "dissect/dissect.h"
#include "tap.h"

enum { STUB = 64 + 48 + 24 }; /* behind the headers of SMB2, IOCTL and the PDU */

static const struct listed_share three[] = {
	{ "home", 0, "what people keep" },
	{ "ADMIN$", BH_LISTED_SPECIAL, NULL },
	{ "laser", 1, "" },
};

static struct bh_buf whole;
static struct bh_listed got[BH_LISTED];
static size_t n_got;

/* `shown` bytes of the message, which claims to be all of it. */
static int answer_of(size_t shown, uint32_t status)
{
	struct bh_message m = {
		.kind = BH_MESSAGE_SMB2,
		.command = BH_SMB2_IOCTL,
		.response = true,
		.act = BH_ACT_CARRY,
		.status = status,
		.length = (uint32_t)whole.len,
	};
	/* Of its own, so that a byte too many is seen. */
	uint8_t *copy = malloc(shown ? shown : 1);

	memcpy(copy, whole.ptr, shown);
	m.body = bh_span_of(copy, shown);
	n_got = 0;
	int r = bh_share_list(&m, got, &n_got);
	free(copy);
	return r;
}

static int answer(size_t shown)
{
	return answer_of(shown, 0);
}

static void make(unsigned word, uint32_t level, size_t n)
{
	BH_AUTO_BUF pdu = { 0 };

	bh_buf_reset(&whole);
	listing_pdu(&pdu, word, level, three, n);
	smb2_header(&whole, &(struct smb2){ .command = 11, .response = 1 });
	ioctl_response(&whole, FSCTL_PIPE_TRANSCEIVE, pdu.ptr, pdu.len);
}

static void test_a_list_is_told_in_both_syntaxes(void)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		make(word, 1, 3);
		EXPECT_INT(answer(whole.len), 0);
		EXPECT_INT(n_got, 3);
		EXPECT_STR(got[0].name, "home");
		EXPECT_STR(got[0].remark, "what people keep");
		EXPECT_INT(got[0].type, 0);
		EXPECT_STR(got[1].name, "ADMIN$");
		EXPECT_STR(got[1].remark, "");
		EXPECT(got[1].type == BH_LISTED_SPECIAL);
		EXPECT_STR(got[2].name, "laser");
		make(word, 1, 0);
		EXPECT_INT(answer(whole.len), 0);
		EXPECT_INT(n_got, 0);
	}
}

static void test_another_answer_is_none(void)
{
	make(4, 502, 3);
	EXPECT_INT(answer(whole.len), -ENOMSG);
	make(4, 1, 3);
	whole.ptr[64 + 48 + 2] = 3; /* a fault */
	EXPECT_INT(answer(whole.len), -ENOMSG);
	make(4, 1, 3);
	whole.ptr[64 + 48 + 3] = 0; /* a piece amid others */
	EXPECT_INT(answer(whole.len), -ENOMSG);
	make(4, 1, 3);
	whole.ptr[64 + 4]++; /* of another code */
	EXPECT_INT(answer(whole.len), -ENOMSG);
}

static void test_what_is_not_shown_is_not_told(void)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		size_t most = 0;
		make(word, 1, 3);
		for (size_t n = 0; n < whole.len; n++) {
			int r = answer(n);
			EXPECT(r == 0 || r == -EBADMSG || r == -ENOMSG);
			EXPECT(n_got <= 3 && n_got >= most);
			most = bh_max_size(most, n_got);
			if (n_got)
				EXPECT_STR(got[0].name, "home");
		}
		EXPECT_INT(most, 3); /* they end before the answer does */
	}
}

/* The server had more to say, and the client reads it later. */
static void test_the_beginning_of_a_list_is_told_as_far_as_it_goes(void)
{
	make(4, 1, 3);
	whole.len -= 40; /* amid the last one's name */
	set32(&whole, 64 + 36, (uint32_t)(whole.len - 112));
	EXPECT_INT(answer_of(whole.len, BH_STATUS_BUFFER_OVERFLOW), 0);
	EXPECT_INT(n_got, 2);
	set16(&whole, 64 + 48 + 8, (unsigned)(whole.len - 112));
	EXPECT_INT(answer(whole.len), -EBADMSG); /* which claims to be whole */
	whole.ptr[64 + 48 + 3] = 1; /* the first piece of several */
	EXPECT_INT(answer(whole.len), 0);
	EXPECT_INT(n_got, 2);
}

static void test_one_lie_in_each_length_is_seen(void)
{
	static const struct {
		size_t at;
		uint32_t lie;
	} lies[] = {
		{ 64 + 32, UINT32_MAX }, /* where the output is */
		{ 64 + 36, UINT32_MAX }, /* and how long */
		{ 64 + 48 + 8, 23 }, /* the PDU itself */
		{ STUB + 12, 4097 }, /* how many there are */
		{ STUB + 12, 2 }, { STUB + 20, 2 }, /* and once more */
		{ STUB + 24 + 36, 1 }, /* of the first name: the most, */
		{ STUB + 24 + 40, 1 }, /* where it begins, */
		{ STUB + 24 + 44, UINT32_MAX }, /* and how long it is */
	};

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		make(4, 1, 3);
		set32(&whole, lies[i].at, lies[i].lie);
		int r = answer(whole.len);
		EXPECT(r == -EBADMSG || r == -ENOMSG);
		EXPECT_INT(n_got, 0);
		if (r == 0)
			printf("# lie %zu\n", i);
	}
}

static void test_who_asks_for_shares_is_known_by_the_number_of_the_call(void)
{
	for (uint16_t number = 0; number < 60; number++) {
		BH_AUTO_BUF pdu = { 0 };
		call_pdu(&pdu, number);
		EXPECT_INT(bh_rpc_asks_shares(bh_span_of(pdu.ptr, pdu.len)),
			number == 15 || number == 36);
		for (size_t n = 0; n < pdu.len; n++)
			EXPECT(!bh_rpc_asks_shares(bh_span_of(pdu.ptr, n)));
	}
}

int main(void)
{
	RUN(test_a_list_is_told_in_both_syntaxes);
	RUN(test_another_answer_is_none);
	RUN(test_what_is_not_shown_is_not_told);
	RUN(test_the_beginning_of_a_list_is_told_as_far_as_it_goes);
	RUN(test_one_lie_in_each_length_is_seen);
	RUN(test_who_asks_for_shares_is_known_by_the_number_of_the_call);
	bh_buf_reset(&whole);
	return tap_done();
}
