/*
 * smb1: the shape that all SMB1 messages have, and the status codes of before NT; inside
 * the room only.
 */
#pragma once

#include "dissect/dissect.h"

enum { SMB1_HEADER = 32 };

/* One command of an AndX chain: its words and its bytes. */
struct smb1_block {
	struct bh_cur words, bytes;
	size_t bytes_at; /* from the header: Unicode strings are aligned there */
	uint8_t n_words;
};

/* The block at off; -EBADMSG if it is not whole. */
BH_MUST int smb1_block_at(struct bh_span msg, size_t off, struct smb1_block *ret);

/* The block of `command`, which may ride behind others; -ENOMSG when there is none. */
BH_MUST int smb1_chained(struct bh_span msg, uint8_t command, struct smb1_block *ret);

bool smb1_unicode(struct bh_span msg);

/* The next string, which ends with NUL or with the bytes it is in. */
struct bh_span smb1_string(struct smb1_block *b, bool wide);
void smb1_text(struct smb1_block *b, bool wide, char *ret, size_t size);

static inline bool smb1_says(struct bh_span s, const char *word)
{
	return s.len == strlen(word) && !memcmp(s.ptr, word, s.len);
}

/* The NT status of what is not 0 in a header's status field; nt: it says to be one. */
uint32_t smb1_status(uint32_t wire, bool nt);
