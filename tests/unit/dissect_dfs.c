#include "dfs_make.h"

#include "dissect/dissect.h"
#include "tap.h"

static const struct dfs_target two[] = {
	{ "\\corp.example\\dfs\\home", "\\fs1.corp.example\\home" },
	{ "\\corp.example\\dfs\\home", "\\fs2\\home" },
};

static struct bh_buf whole;
static struct bh_referral got[BH_REFERRALS];
static size_t n_got;

/* `shown` bytes of the message, which claims to be all of it. */
static int answer(size_t shown)
{
	struct bh_message m = {
		.kind = BH_MESSAGE_SMB2,
		.command = BH_SMB2_IOCTL,
		.response = true,
		.act = BH_ACT_CARRY,
		.length = (uint32_t)whole.len,
	};
	/* Of its own, so that a byte too many is seen. */
	uint8_t *copy = malloc(shown ? shown : 1);

	memcpy(copy, whole.ptr, shown);
	m.body = bh_span_of(copy, shown);
	n_got = 0;
	int r = bh_dfs_answer(&m, got, &n_got);
	free(copy);
	return r;
}

static void make(uint16_t version, uint32_t code)
{
	BH_AUTO_BUF data = { 0 };

	bh_buf_reset(&whole);
	dfs_answer(&data, version, two, 2);
	smb2_header(&whole, &(struct smb2){ .command = 11, .response = 1 });
	ioctl_response(&whole, code, data.ptr, data.len);
}

static void test_every_version_tells_its_targets(void)
{
	for (uint16_t version = 1; version <= 4; version++) {
		make(version, FSCTL_DFS_GET_REFERRALS);
		EXPECT_INT(answer(whole.len), 0);
		EXPECT_INT(n_got, 2);
		EXPECT_STR(got[0].path, version == 1 ? "" : "\\\\corp.example\\dfs\\home");
		EXPECT_STR(got[0].target, "\\\\fs1.corp.example\\home");
		EXPECT_STR(got[1].target, "\\\\fs2\\home");
		EXPECT_INT(got[1].ttl, version == 1 ? 0 : 600);
		EXPECT(!got[0].root);
	}
}

static void test_the_newer_question_is_answered_likewise(void)
{
	make(4, 0x000601b0);
	EXPECT_INT(answer(whole.len), 0);
	EXPECT_INT(n_got, 2);
}

static void test_another_answer_is_none(void)
{
	make(4, FSCTL_PIPE_TRANSCEIVE);
	EXPECT_INT(answer(whole.len), -ENOMSG);
}

static void test_what_is_not_shown_is_not_told(void)
{
	make(4, FSCTL_DFS_GET_REFERRALS);
	for (size_t n = 0; n < whole.len; n++) {
		int r = answer(n);
		EXPECT(n < 64 + 48 ? r == -EBADMSG || r == -ENOMSG
				   : r == 0 || r == -EBADMSG || r == -ENOMSG);
		EXPECT(n_got <= 2);
		if (n_got > 0)
			EXPECT_STR(got[0].target, "\\\\fs1.corp.example\\home");
	}
	/* All but the last text: the first target is told, the second is not. */
	EXPECT_INT(answer(whole.len - 4), 0);
	EXPECT_INT(n_got, 1);
}

static void test_every_truncation_of_the_answer_itself_is_refused(void)
{
	BH_AUTO_BUF data = { 0 };

	for (uint16_t version = 1; version <= 4; version++) {
		bh_buf_reset(&data);
		dfs_answer(&data, version, two, 2);
		for (size_t n = 1; n < data.len; n++) {
			bh_buf_reset(&whole);
			smb2_header(&whole, &(struct smb2){ .command = 11, .response = 1 });
			ioctl_response(&whole, FSCTL_DFS_GET_REFERRALS, data.ptr, n);
			EXPECT_INT(answer(whole.len), -EBADMSG);
		}
	}
}

static void test_one_lie_per_length_is_refused(void)
{
	enum { BODY = 64, DATA = 64 + 48, ENTRY = DATA + 8 };
	static const struct {
		size_t at;
		unsigned lie;
	} lies[] = {
		{ 64, 48 }, /* the structure's size */
		{ BODY + 32, 0xfff0 }, /* where the output is */
		{ BODY + 36, 0xfff0 }, /* and how much */
		{ DATA + 2, 3 }, /* entries */
		{ ENTRY, 0 }, /* a version */
		{ ENTRY, 5 }, { ENTRY + 2, 7 }, /* its size */
		{ ENTRY + 2, 0xfff0 }, { ENTRY + 12, 0xfff0 }, /* its path */
		{ ENTRY + 16, 0xfff0 }, /* its target */
	};

	for (size_t i = 0; i < BH_LEN(lies); i++) {
		make(4, FSCTL_DFS_GET_REFERRALS);
		set16(&whole, lies[i].at, lies[i].lie);
		EXPECT_INT(answer(whole.len), -EBADMSG);
	}
}

static void test_controllers_of_a_domain_are_no_part_of_a_namespace(void)
{
	make(3, FSCTL_DFS_GET_REFERRALS);
	set16(&whole, 64 + 48 + 8 + 6, 2);
	EXPECT_INT(answer(whole.len), 0);
	EXPECT_INT(n_got, 1);
	EXPECT_STR(got[0].target, "\\\\fs2\\home");
}

int main(void)
{
	RUN(test_every_version_tells_its_targets);
	RUN(test_the_newer_question_is_answered_likewise);
	RUN(test_another_answer_is_none);
	RUN(test_what_is_not_shown_is_not_told);
	RUN(test_every_truncation_of_the_answer_itself_is_refused);
	RUN(test_one_lie_per_length_is_refused);
	RUN(test_controllers_of_a_domain_are_no_part_of_a_namespace);
	bh_buf_reset(&whole);
	return tap_done();
}
