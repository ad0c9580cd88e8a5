/*
 * said: what the texts of a log say, as fields of a conversation.  Inside the room only.
 */
#pragma once

#include "base/cur.h"
#include "model/conversation.h"

/* A record names an end by text that may be an address ("10.0.0.1", "::ffff:10.0.0.1",
 * "[fd00::1]", "fe80::1%eth0": the zone is left out); a mapped address is its IPv4 one.
 * -EINVAL for anything else, "-" among it. */
BH_MUST int bh_said_addr(struct bh_span text, struct bh_addr *ret);

/* 1 … 65535. */
BH_MUST int bh_said_port(struct bh_span text, uint16_t *ret);

/* Cleaned as any text from outside: UTF-8, what is none or steers a terminal becomes
 * U+FFFD; cut at a character. */
void bh_said_text(struct bh_span text, char *ret, size_t size);

/* The text field of that BH_KNOWN_* bit; nothing happens for ptr NULL. */
void bh_said(struct bh_conversation *c, uint8_t known, struct bh_span text);

/* "CORP\alice", "alice": the user, and its domain if there is one.  Nobody: ptr NULL. */
void bh_said_account(struct bh_conversation *c, struct bh_span text);

/* The server and its port, by their numbers: which transport that is. */
uint8_t bh_said_transport(uint16_t port);
/* 445, 139 and 5445: those that speak nothing but SMB. */
bool bh_said_smb_port(uint16_t port);

/* "NT_STATUS_LOGON_FAILURE" or "STATUS_LOGON_FAILURE" by [MS-ERREF] 2.3.1, the usual
 * ones, or a number.  -EINVAL for a name we do not know. */
BH_MUST int bh_said_status(struct bh_span text, uint32_t *ret);

/* "SMB3_11", "3.11", "2.10", "NT LM 0.12" …: enum bh_dialect, unknown if it is none. */
uint8_t bh_said_smb_dialect(struct bh_span text);
