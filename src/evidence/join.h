/*
 * join: what several records of a log say of one session or connection.
 *
 * A bounded table from a key to what is known so far.  A new key displaces the oldest,
 * which is handed back, so that what it still owed can be told.  Which slot a key gets
 * depends on the order of keys alone, never on the hash.  Inside the room only.
 */
#pragma once

#include "evidence/evidence.h"

#define BH_JOIN_SLOTS 32768u /* the default */
#define BH_JOIN_MOST  (1u << 20)
#define BH_JOIN_KEY   64u
#define BH_JOIN_TEXT  208u

/* A conversation without its empty space: texts that do not fit are not known. */
struct bh_join_slot {
	struct bh_addr client, server;
	bh_time when;
	uint32_t key_next; /* of its bucket; slot number + 1 */
	uint32_t auth_status, share_status;
	uint32_t connections; /* owed: not told yet */
	uint16_t port;
	uint8_t known, transport, outcome, auth, ntlm, dialect, share_type;
	int8_t guest, smb1_offered;
	uint8_t flags, count; /* the user's own */
	uint8_t key_len; /* 0: free */
	uint8_t key[BH_JOIN_KEY];
	char text[BH_JOIN_TEXT];
};

struct bh_join; /* owned: about 13 MB when the default is full */

/* slots: how many keys are remembered at once, BH_JOIN_MOST at most; 0: the default. */
BH_MUST int bh_join_new(uint64_t seed, uint32_t slots, struct bh_join **ret);
struct bh_join *bh_join_free(struct bh_join *j);
static inline void bh_join_freep(struct bh_join **j)
{
	bh_join_free(*j);
}

/* NULL: not there, or a key longer than BH_JOIN_KEY. */
struct bh_join_slot *bh_join_find(struct bh_join *j, struct bh_span key);

/* The slot of a key that is not there, empty but for it.  *ret_gone is what it displaced,
 * key_len 0 if nothing. */
struct bh_join_slot *bh_join_add(
	struct bh_join *j, struct bh_span key, struct bh_join_slot *ret_gone);

/* The next slot in use, from *at = 0 on, oldest first; NULL at the end. */
struct bh_join_slot *bh_join_each(struct bh_join *j, uint32_t *at);

/* Writes what *o says into s, owed figures aside; and back, figures and times with it. */
void bh_join_set(struct bh_join_slot *s, const struct bh_conversation *c);
void bh_join_get(const struct bh_join_slot *s, struct bh_observation *ret);

/* Fills what c does not know from what s does: ends, user, auth and what goes with it. */
void bh_join_fill(const struct bh_join_slot *s, struct bh_conversation *c);
