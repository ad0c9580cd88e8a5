/*
 * agree: the fields of a conversation one by one, for joining what several sources say
 * of it.  The room's own.
 */
#pragma once

#include "model/talk.h"

enum agree_field {
	FIELD_CLIENT,
	FIELD_SERVER,
	FIELD_PORT, /* with the transport */
	FIELD_SERVER_NAME,
	FIELD_SHARE,
	FIELD_USER,
	FIELD_DOMAIN,
	FIELD_WORKSTATION,
	FIELD_SERVICE,
	FIELD_AUTH_STATUS,
	FIELD_SHARE_STATUS,
	FIELD_OUTCOME, /* from here on: one byte each */
	FIELD_AUTH,
	FIELD_NTLM,
	FIELD_DIALECT,
	FIELD_SIGNING_SERVER,
	FIELD_SIGNING_CLIENT,
	FIELD_SIGNING_ALGORITHM,
	FIELD_CIPHER,
	FIELD_COMPRESSION,
	FIELD_SHARE_TYPE,
	FIELD_SMB1_OFFERED, /* from here on: BH_UNKNOWN, 0 or 1 */
	FIELD_SIGNED,
	FIELD_ENCRYPTED,
	FIELD_GUEST,
	FIELD_COMPLETE,
	FIELDS
};

static_assert(FIELDS <= 32, "a set of fields is a uint32_t");

/* A bit for each field that is known.  Empty names are none. */
uint32_t agree_known(const struct bh_talk *c);

/* Can both be said of one conversation?  Of the fields in mask, which both know. */
bool agree_on(const struct bh_talk *a, const struct bh_talk *b, uint32_t mask);

/* Of two that agree the fuller word is kept: a UNC path before \\*\NAME. */
void agree_refine(struct bh_talk *to, const struct bh_talk *from, enum agree_field f);
void agree_copy(struct bh_talk *to, const struct bh_talk *from, enum agree_field f);
void agree_forget(struct bh_talk *c, enum agree_field f);

/* The name before "@": users are told as alice and as alice@corp.example. */
struct bh_span agree_user(const char *user);

/* Somebody whose name says nothing: anonymous, guest. */
bool agree_nobody(const struct bh_talk *c);
