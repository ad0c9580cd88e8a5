/*
 * smb1: one SMB1 message, header included, read as everything it could be.
 */
#include "smb.h"

static void negotiate(struct bh_span m)
{
	struct bh_smb1_offer o;
	struct bh_smb1_choice c;

	if (!bh_smb1_negotiate_request(m, &o)) {
		assert(o.count && o.count <= BH_SMB1_DIALECTS);
		for (unsigned i = 0; i < o.count; i++)
			assert(bh_dialect_smb1(o.dialect[i]));
	}
	if (!bh_smb1_negotiate_response(m, &c))
		assert(c.signing < BH_SIGNINGS);
}

static void session_and_tree(struct bh_span m)
{
	struct bh_identity id = { 0 };
	struct bh_tree_request q;
	struct bh_tree_response a;
	bool guest;

	expect_identity(bh_smb1_session_request(m, &id), &id);
	(void)!bh_smb1_session_response(m, &guest);
	if (!bh_smb1_tree_request(m, &q)) {
		expect_text(q.share, sizeof q.share);
		assert(q.share[0] && q.type < BH_SHARE_TYPES);
	}
	if (!bh_smb1_tree_response(m, &a))
		assert(a.type < BH_SHARE_TYPES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t commands[] = { BH_SMB1_OPEN, BH_SMB1_OPEN_ANDX, BH_SMB1_NT_CREATE,
		BH_SMB1_TRANSACTION, BH_SMB1_WRITE_ANDX };
	struct bh_span m = bh_span_of(data, size);

	negotiate(m);
	session_and_tree(m);
	for (size_t i = 0; i < BH_LEN(commands); i++)
		expect_open(
			&(struct bh_message){ .kind = BH_MESSAGE_SMB1, .command = commands[i] }, m);
	return 0;
}
