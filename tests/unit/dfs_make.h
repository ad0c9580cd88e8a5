/*
 * dfs_make: answers about a DFS namespace, as [MS-DFSC] 2.2.4 says they look.
 */
#pragma once

#include "smb_make.h"

struct dfs_target {
	const char *path, *target; /* as on the wire: "\\fs1\\home" */
};

/* Of that version; the texts stand behind the last entry, or in version 1 within each. */
static inline void dfs_answer(
	struct bh_buf *b, uint16_t version, const struct dfs_target *v, size_t n)
{
	size_t at[16], fixed = version == 2 ? 22 : 34;

	bh_buf_le16(b, 20); /* of the path that was asked for */
	bh_buf_le16(b, (uint16_t)n);
	bh_buf_le32(b, 2);
	for (size_t i = 0; i < n; i++) {
		at[i] = b->len;
		bh_buf_le16(b, version);
		bh_buf_le16(b, (uint16_t)(version == 1 ? 8 + 2 * strlen(v[i].target) + 2 : fixed));
		bh_buf_le16(b, 0);
		bh_buf_le16(b, 0);
		if (version == 1) {
			put_wide(b, v[i].target);
			bh_buf_le16(b, 0);
			continue;
		}
		if (version == 2)
			bh_buf_le32(b, 0);
		bh_buf_le32(b, 600);
		put_zero(b, at[i] + fixed - b->len);
	}
	for (size_t i = 0; version > 1 && i < n; i++) {
		size_t offsets = at[i] + (version == 2 ? 16 : 12);
		set16(b, offsets, (unsigned)(b->len - at[i]));
		set16(b, offsets + 2, (unsigned)(b->len - at[i]));
		put_wide(b, v[i].path);
		bh_buf_le16(b, 0);
		set16(b, offsets + 4, (unsigned)(b->len - at[i]));
		put_wide(b, v[i].target);
		bh_buf_le16(b, 0);
	}
}

/* [MS-SMB2] 2.2.32 */
static inline void ioctl_response(struct bh_buf *b, uint32_t code, const void *data, size_t n)
{
	bh_buf_le16(b, 49);
	bh_buf_le16(b, 0);
	bh_buf_le32(b, code);
	put_zero(b, 16);
	bh_buf_le32(b, 112);
	bh_buf_le32(b, 0);
	bh_buf_le32(b, 112);
	bh_buf_le32(b, (uint32_t)n);
	put_zero(b, 8);
	bh_buf_add(b, data, n);
}

#define FSCTL_DFS_GET_REFERRALS 0x00060194u
