/*
 * said: a conversation in words for people, the same in `show` and `watch`.
 *
 * Texts from the wire come out without control characters and direction marks.
 */
#pragma once

#include "cli/cli.h"
#include "model/fact.h"
#include "model/row.h"

/* "ok", "logon failed (LOGON_FAILURE)", "share denied (ACCESS_DENIED)", "refused" …;
 * brief: without what stands in brackets. */
void bh_said_outcome(const struct bh_talk *c, bool brief, struct bh_buf *b);

/* "encrypted", "TLS 1.3" (over QUIC), "signed", "in clear, unsigned", "-" when not known. */
const char *bh_said_safety(const struct bh_talk *c);

/* "alice", "CORP\\alice (guest)", "kerberos", "anonymous", "-"; or without the domain. */
void bh_said_user(const struct bh_talk *c, bool whole, struct bh_buf *b);

/* The UNC path, or its last part; "-" when there is none; "\\fs1\(not visible)" when nobody
 * but its ends can see. */
void bh_said_share(const struct bh_talk *c, bool whole, struct bh_buf *b);

/* The address, else the name it goes by. */
void bh_said_client(const struct bh_talk *c, struct bh_buf *b);

/* "10.0.0.1", "10.0.0.1:139", "[fd00::1]:139", "fs1": the port when it is not 445. */
void bh_said_server(const struct bh_talk *c, struct bh_buf *b);

/* "3.1.1" or "-". */
const char *bh_said_dialect(uint8_t dialect);

/* "999 B", "1.2 MB". */
void bh_said_bytes(uint64_t n, struct bh_buf *b);

/* "1 packet", "2 packets": with thousands apart. */
void bh_said_count(uint64_t n, const char *one, const char *many, struct bh_buf *b);

/* What was not followed, each with its number: "3 gaps (1,234 bytes), 2 IP fragments";
 * nothing when nothing. */
void bh_said_not_followed(const struct bh_tally *t, struct bh_buf *b);

/* "3m", "12h", "41d". */
void bh_said_age(bh_time t, bh_time now, struct bh_buf *b);

/* The text in lines of so many characters at most, between words where that is possible. */
void bh_said_broken(const char *text, unsigned width, struct bh_buf *b);

bh_time bh_said_now(void);
