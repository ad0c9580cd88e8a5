#include "dissect/smb1.h"
#include "dissect/text.h"

enum { SMB2_HEADER = 64 };

/* `len` bytes at an offset from the header, as far as they are at hand: the message may be
 * longer than what is shown of it. */
static int bytes_at(const struct bh_message *m, size_t off, size_t len, struct bh_span *ret)
{
	struct bh_cur c = bh_cur_of(m->body);

	if (off > m->length || len > m->length - off)
		return -EBADMSG;
	if (off > m->body.len)
		return -ENOMSG;
	*ret = bh_cur_window(&c, off, bh_min_size(len, m->body.len - off));
	return 0;
}

/* The only block of an SMB1 message. */
static int block(const struct bh_message *m, struct smb1_block *ret)
{
	struct bh_cur c = bh_cur_of(m->body);
	struct smb1_block b;

	bh_cur_skip(&c, SMB1_HEADER);
	b.n_words = bh_cur_u8(&c);
	b.words = bh_cur_of(bh_cur_take(&c, (size_t)b.n_words * 2));
	size_t n = bh_cur_le16(&c);
	b.bytes_at = bh_cur_offset(&c);
	if (!bh_cur_ok(&c) || n > m->length - b.bytes_at)
		return -EBADMSG;
	b.bytes = bh_cur_of(bh_cur_take(&c, bh_min_size(n, bh_cur_left(&c))));
	*ret = b;
	return 0;
}

/* ---- names ---- */

/* [MS-CIFS] 2.2.4.3.1, 2.2.4.41.1, 2.2.4.64.1 and their like: a name is all that is among
 * the bytes, in the core protocol behind one that says so. */
static int smb1_name(const struct bh_message *m, char ret[BH_NAME_TEXT])
{
	bool core = m->command != BH_SMB1_NT_CREATE && m->command != BH_SMB1_OPEN_ANDX;
	struct smb1_block b;
	int r = block(m, &b);

	if (r)
		return r;
	if (core && bh_cur_u8(&b.bytes) != 0x04)
		return -EBADMSG;
	smb1_text(&b, smb1_unicode(m->body), ret, BH_NAME_TEXT);
	return 0;
}

/* [MS-SMB2] 2.2.13 */
static int smb2_name(const struct bh_message *m, char ret[BH_NAME_TEXT])
{
	struct bh_cur c = bh_cur_of(m->body);
	struct bh_span name;

	bh_cur_skip(&c, SMB2_HEADER);
	bh_cur_want_le16(&c, 57);
	/* Security flags, lock level, impersonation, flags, reserved, access, attributes,
	 * sharing, disposition, options. */
	bh_cur_skip(&c, 1 + 1 + 4 + 8 + 8 + 4 + 4 + 4 + 4 + 4);
	uint16_t off = bh_cur_le16(&c);
	uint16_t len = bh_cur_le16(&c);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	int r = bytes_at(m, off, len, &name);
	if (!r)
		bh_text_utf16(name, ret, BH_NAME_TEXT);
	return r;
}

int bh_open_name(const struct bh_message *m, char ret[BH_NAME_TEXT])
{
	return m->kind == BH_MESSAGE_SMB1 ? smb1_name(m, ret) : smb2_name(m, ret);
}

/* ---- data ---- */

/* [MS-CIFS] 2.2.4.43.1 */
static int smb1_write(const struct bh_message *m, struct bh_span *ret)
{
	struct smb1_block b;
	int r = block(m, &b);

	if (r)
		return r;
	bh_cur_skip(&b.words, 4 + 2 + 4 + 4 + 2 + 2); /* AndX, file … remaining */
	size_t len = (size_t)bh_cur_le16(&b.words) << 16;
	len |= bh_cur_le16(&b.words);
	size_t off = bh_cur_le16(&b.words);
	if (!bh_cur_ok(&b.words))
		return -EBADMSG;
	return bytes_at(m, off, len, ret);
}

/* [MS-CIFS] 2.2.4.33.1 and 2.2.5.6 */
static int smb1_transact(const struct bh_message *m, struct bh_span *ret)
{
	enum { TRANSACT_NMPIPE = 0x0026 };
	struct smb1_block b;
	int r = block(m, &b);

	if (r)
		return r;
	/* Total counts, maxima, flags, timeout, reserved, parameters. */
	bh_cur_skip(&b.words, 4 + 6 + 2 + 4 + 2 + 4);
	size_t len = bh_cur_le16(&b.words);
	size_t off = bh_cur_le16(&b.words);
	uint8_t setups = bh_cur_u8(&b.words);
	bh_cur_skip(&b.words, 1);
	uint16_t function = setups ? bh_cur_le16(&b.words) : 0;
	if (!bh_cur_ok(&b.words))
		return -EBADMSG;
	return function == TRANSACT_NMPIPE ? bytes_at(m, off, len, ret) : -ENOMSG;
}

/* [MS-SMB2] 2.2.21 */
static int smb2_write(const struct bh_message *m, struct bh_span *ret)
{
	struct bh_cur c = bh_cur_of(m->body);

	bh_cur_skip(&c, SMB2_HEADER);
	bh_cur_want_le16(&c, 49);
	uint16_t off = bh_cur_le16(&c);
	uint32_t len = bh_cur_le32(&c);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	return bytes_at(m, off, len, ret);
}

/* [MS-SMB2] 2.2.31 */
static int smb2_transceive(const struct bh_message *m, struct bh_span *ret)
{
	struct bh_cur c = bh_cur_of(m->body);

	bh_cur_skip(&c, SMB2_HEADER);
	bh_cur_want_le16(&c, 57);
	bh_cur_skip(&c, 2);
	uint32_t code = bh_cur_le32(&c);
	bh_cur_skip(&c, 16); /* file */
	uint32_t off = bh_cur_le32(&c);
	uint32_t len = bh_cur_le32(&c);
	if (!bh_cur_ok(&c))
		return -EBADMSG;
	return bh_pipe_code(code) ? bytes_at(m, off, len, ret) : -ENOMSG;
}

int bh_pipe_data(const struct bh_message *m, bool *ret_proof, struct bh_span *ret)
{
	bool written = m->kind == BH_MESSAGE_SMB1 ? m->command == BH_SMB1_WRITE_ANDX
						  : m->command == BH_SMB2_WRITE;
	int r;

	if (m->kind == BH_MESSAGE_SMB1)
		r = written ? smb1_write(m, ret) : smb1_transact(m, ret);
	else
		r = written ? smb2_write(m, ret) : smb2_transceive(m, ret);
	if (!r)
		*ret_proof = !written;
	return r;
}
