#include "dissect/smb1.h"

#include "dissect/text.h"

/* [MS-CIFS] 2.2.4.55.1 */
static uint8_t service_type(struct bh_span s)
{
	return smb1_says(s, "A:")      ? BH_SHARE_DISK
	       : smb1_says(s, "IPC")   ? BH_SHARE_PIPE
	       : smb1_says(s, "LPT1:") ? BH_SHARE_PRINT
				       : BH_SHARE_UNKNOWN; /* "?????", "COMM" */
}

/* One of the strings of the core protocol, each behind the byte that says so. */
static bool buffer_format(struct smb1_block *b)
{
	return bh_cur_u8(&b->bytes) == 0x04;
}

/* [MS-CIFS] 2.2.4.50.1: path, password, service. */
static int tree_request_old(struct bh_span msg, struct bh_tree_request *ret)
{
	struct bh_tree_request t = { 0 };
	struct smb1_block b;
	bool wide = smb1_unicode(msg);
	int r = smb1_block_at(msg, SMB1_HEADER, &b);

	if (r)
		return r;
	if (!buffer_format(&b))
		return -EBADMSG;
	smb1_text(&b, wide, t.share, sizeof t.share);
	if (!buffer_format(&b))
		return -EBADMSG;
	(void)smb1_string(&b, wide); /* the password */
	if (!buffer_format(&b))
		return -EBADMSG;
	t.type = service_type(smb1_string(&b, false));
	if (!bh_cur_ok(&b.bytes) || !t.share[0])
		return -EBADMSG;
	*ret = t;
	return 0;
}

/* [MS-CIFS] 2.2.4.55.1: password, path, service, which is always in ASCII. */
static int tree_request(struct bh_span msg, struct bh_tree_request *ret)
{
	struct bh_tree_request t = { 0 };
	struct smb1_block b;
	int r = smb1_chained(msg, BH_SMB1_TREE_CONNECT, &b);

	if (r)
		return r;
	bh_cur_skip(&b.words, 4 + 2); /* AndX, flags */
	uint16_t password = bh_cur_le16(&b.words);
	bh_cur_skip(&b.bytes, password);
	if (!bh_cur_ok(&b.words) || !bh_cur_ok(&b.bytes))
		return -EBADMSG;
	smb1_text(&b, smb1_unicode(msg), t.share, sizeof t.share);
	t.type = service_type(smb1_string(&b, false));
	if (!bh_cur_ok(&b.bytes) || !t.share[0])
		return -EBADMSG;
	*ret = t;
	return 0;
}

static bool is_old(struct bh_span msg)
{
	return msg.len > 4 && msg.ptr[4] == BH_SMB1_TREE_CONNECT_OLD;
}

int bh_smb1_tree_request(struct bh_span msg, struct bh_tree_request *ret)
{
	return is_old(msg) ? tree_request_old(msg, ret) : tree_request(msg, ret);
}

/* [MS-CIFS] 2.2.4.50.2 and 2.2.4.55.2 */
int bh_smb1_tree_response(struct bh_span msg, struct bh_tree_response *ret)
{
	struct bh_tree_response t = { 0 };
	struct smb1_block b;
	int r = is_old(msg) ? smb1_block_at(msg, SMB1_HEADER, &b)
			    : smb1_chained(msg, BH_SMB1_TREE_CONNECT, &b);

	if (r)
		return r;
	if (is_old(msg)) {
		bh_cur_skip(&b.words, 2); /* buffer */
		t.tree_id = bh_cur_le16(&b.words);
		if (!bh_cur_ok(&b.words))
			return -EBADMSG;
	} else {
		t.type = service_type(smb1_string(&b, false));
	}
	*ret = t;
	return 0;
}
