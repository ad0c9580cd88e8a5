/*
 * smb2: one SMB2 message, header included, read as everything it could be.
 */
#include "smb.h"

static void requests(struct bh_span m)
{
	struct bh_negotiate_request n;
	struct bh_session_request s;
	struct bh_tree_request t;
	struct bh_identity id = { 0 };
	char host[BH_NAME_TEXT];

	if (!bh_smb2_negotiate_request(m, &n))
		expect_text(n.netname, sizeof n.netname);
	if (!bh_smb2_session_request(m, &s))
		expect_identity(bh_identity_read(s.token, &id), &id);
	if (!bh_smb2_tree_request(m, &t)) {
		expect_text(t.share, sizeof t.share);
		bh_unc_host(t.share, host);
		expect_text(host, sizeof host);
	}
}

static void responses(struct bh_span m)
{
	struct bh_negotiated n;
	struct bh_tree_response t;
	uint16_t flags;

	if (!bh_smb2_negotiate_response(m, &n))
		assert(n.dialect < BH_DIALECTS && n.cipher < BH_CIPHERS &&
			n.signing_algorithm < BH_SIGN_ALGS && n.compression < BH_COMPRESSIONS);
	if (!bh_smb2_tree_response(m, &t))
		assert(t.type < BH_SHARE_TYPES);
	(void)!bh_smb2_session_response(m, &flags);
}

/* All of the answer is shown, or its beginning. */
static void referrals(struct bh_span m, size_t length)
{
	struct bh_referral v[BH_REFERRALS];
	size_t n = 0;
	struct bh_message answer = { .kind = BH_MESSAGE_SMB2,
		.command = BH_SMB2_IOCTL,
		.response = true,
		.length = (uint32_t)length,
		.body = m };

	if (bh_dfs_answer(&answer, v, &n))
		return;
	assert(n <= BH_REFERRALS);
	for (size_t i = 0; i < n; i++) {
		expect_text(v[i].path, sizeof v[i].path);
		expect_text(v[i].target, sizeof v[i].target);
		assert(v[i].target[0]);
	}
}

static void listings(struct bh_span m, uint32_t status)
{
	static struct bh_listed v[BH_LISTED];
	size_t n = 0;
	struct bh_message answer = { .kind = BH_MESSAGE_SMB2,
		.command = BH_SMB2_IOCTL,
		.response = true,
		.status = status,
		.length = (uint32_t)m.len,
		.body = m };

	if (bh_share_list(&answer, v, &n))
		return;
	assert(n <= BH_LISTED);
	for (size_t i = 0; i < n; i++) {
		expect_text(v[i].name, sizeof v[i].name);
		expect_text(v[i].remark, sizeof v[i].remark);
		assert(v[i].name[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t commands[] = { BH_SMB2_CREATE, BH_SMB2_WRITE, BH_SMB2_IOCTL };
	struct bh_span m = bh_span_of(data, size);

	requests(m);
	responses(m);
	referrals(m, size);
	referrals(m, size + 1000);
	listings(m, 0);
	listings(m, BH_STATUS_BUFFER_OVERFLOW);
	for (size_t i = 0; i < BH_LEN(commands); i++)
		expect_open(
			&(struct bh_message){ .kind = BH_MESSAGE_SMB2, .command = commands[i] }, m);
	return 0;
}
