/*
 * "~" and base32 (RFC 4648, small letters) of the synthetic IV and the ciphertext of
 * AES-SIV (RFC 5297) over the text, filled up with zeros to eight bytes.  Decrypting
 * checks the IV, so that a text is taken for a pseudonym of this key only if it is one.
 */
#include "store/pseudonym.h"

#include <nettle/siv-cmac.h>
#include <stdlib.h>

#define PAD      8
#define MOST     136 /* the longest text that fits a name's field as a pseudonym */
#define DIGEST   8 /* characters that tell long names apart */
#define ELLIPSIS "…"
#define MEMO     4096u /* names at hand; a power of two */

static_assert(MOST % PAD == 0 && SIV_DIGEST_SIZE == 16, "layout");
static_assert(1 + ((SIV_DIGEST_SIZE + MOST) * 8 + 4) / 5 < BH_NAME_TEXT, "room");

static const uint8_t nonce[] = "bulkhead name 1";

struct memo {
	char text[BH_NAME_TEXT], hidden[BH_NAME_TEXT];
};

struct bh_pseudonyms {
	struct siv_cmac_aes128_ctx siv;
	struct memo *memo; /* the same few names come in row after row */
};

int pseudonym_new(const uint8_t key[PSEUDONYM_KEY], struct bh_pseudonyms **ret)
{
	static_assert(SIV_CMAC_AES128_KEY_SIZE == PSEUDONYM_KEY, "key");
	struct bh_pseudonyms *p = calloc(1, sizeof *p);

	if (!p)
		return -ENOMEM;
	p->memo = calloc(MEMO, sizeof *p->memo);
	if (!p->memo) {
		free(p);
		return -ENOMEM;
	}
	siv_cmac_aes128_set_key(&p->siv, key);
	*ret = p;
	return 0;
}

struct bh_pseudonyms *bh_pseudonyms_free(struct bh_pseudonyms *p)
{
	if (!p)
		return NULL;
	explicit_bzero(&p->siv, sizeof p->siv);
	free(p->memo);
	free(p);
	return NULL;
}

/* ---- base32 ---- */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static size_t encode(const uint8_t *v, size_t n, char *ret)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | v[i];
		for (have += 8; have >= 5; have -= 5)
			ret[len++] = letters[bits >> (have - 5) & 31];
	}
	if (have)
		ret[len++] = letters[bits << (5 - have) & 31];
	ret[len] = '\0';
	return len;
}

/* Bytes, or 0 for what encode never wrote (two texts for one value among it). */
static size_t decode(const char *s, uint8_t *ret, size_t room)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (; *s; s++) {
		const char *at = strchr(letters, *s);
		if (!at)
			return 0;
		bits = bits << 5 | (uint32_t)(at - letters);
		have += 5;
		if (have < 8)
			continue;
		if (n == room)
			return 0;
		have -= 8;
		ret[n++] = (uint8_t)(bits >> have);
	}
	return have < 5 && !(bits & ((1u << have) - 1)) ? n : 0;
}

/* ---- one text ---- */

static void seal(const struct bh_pseudonyms *p, const char *text, size_t len,
	uint8_t ret[SIV_DIGEST_SIZE + BH_NAME_TEXT])
{
	siv_cmac_aes128_encrypt_message(&p->siv, sizeof nonce, nonce, 0, NULL,
		SIV_DIGEST_SIZE + len, ret, (const uint8_t *)text);
}

/* A long name: as much of its beginning as fits, and a digest of the whole. */
static size_t shorten(const struct bh_pseudonyms *p, const char *text, size_t len, char *ret)
{
	uint8_t sealed[SIV_DIGEST_SIZE + BH_NAME_TEXT];
	char digest[2 * SIV_DIGEST_SIZE];
	size_t keep = MOST - strlen(ELLIPSIS) - DIGEST;

	while (keep && ((uint8_t)text[keep] & 0xc0) == 0x80)
		keep--;
	seal(p, text, len, sealed);
	encode(sealed, SIV_DIGEST_SIZE, digest);
	char *at = stpcpy(mempcpy(ret, text, keep), ELLIPSIS);
	at = mempcpy(at, digest, DIGEST);
	return (size_t)(at - ret);
}

static void make(const struct bh_pseudonyms *p, const char *text, char ret[BH_NAME_TEXT])
{
	uint8_t sealed[SIV_DIGEST_SIZE + BH_NAME_TEXT];
	char plain[BH_NAME_TEXT] = { 0 };
	size_t len = strnlen(text, BH_NAME_TEXT - 1);

	if (len > MOST)
		len = shorten(p, text, len, plain);
	else
		memcpy(plain, text, len);
	len = (len + PAD - 1) / PAD * PAD;
	seal(p, plain, len, sealed);
	ret[0] = '~';
	encode(sealed, SIV_DIGEST_SIZE + len, ret + 1);
}

static size_t memo_place(const char *text)
{
	uint32_t h = 2166136261u; /* only a cache: who makes names meet makes them slower */

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return (h ^ h >> 15) & (MEMO - 1);
}

void pseudonym_hide(struct bh_pseudonyms *p, const char *text, char ret[BH_NAME_TEXT])
{
	struct memo *m = &p->memo[memo_place(text)];

	if (!*text) {
		ret[0] = '\0';
		return;
	}
	if (strcmp(m->text, text)) {
		char made[BH_NAME_TEXT];
		make(p, text, made);
		strncpy(m->text, text, sizeof m->text - 1);
		memcpy(m->hidden, made, strlen(made) + 1);
	}
	memcpy(ret, m->hidden, strlen(m->hidden) + 1);
}

bool pseudonym_reveal(const struct bh_pseudonyms *p, const char *text, char ret[BH_NAME_TEXT])
{
	uint8_t sealed[SIV_DIGEST_SIZE + MOST];
	char plain[MOST + 1] = { 0 };
	size_t n = text[0] == '~' ? decode(text + 1, sealed, sizeof sealed) : 0;

	if (n <= SIV_DIGEST_SIZE || (n - SIV_DIGEST_SIZE) % PAD ||
		!siv_cmac_aes128_decrypt_message(&p->siv, sizeof nonce, nonce, 0, NULL,
			n - SIV_DIGEST_SIZE, (uint8_t *)plain, sealed))
		return false;
	memcpy(ret, plain, strlen(plain) + 1);
	return true;
}

/* ---- where names of people stand ---- */

static void hide_field(struct bh_pseudonyms *p, char *field, size_t size)
{
	char hidden[BH_NAME_TEXT];

	pseudonym_hide(p, field, hidden);
	memset(field, 0, size);
	strcpy(field, hidden);
}

static void reveal_field(const struct bh_pseudonyms *p, char *field, size_t size)
{
	char plain[BH_NAME_TEXT];

	if (!pseudonym_reveal(p, field, plain))
		return;
	memset(field, 0, size);
	strcpy(field, plain);
}

/* "alice", or "alice$" as hidden shares are called; a user may be "alice@corp.example". */
static bool is_named_after(const char *share, const char *user)
{
	size_t n = strlen(share), m = strcspn(user, "@");

	n -= n && share[n - 1] == '$';
	return m && n == m && !strncasecmp(share, user, n);
}

/* \\fs1\alice, alice's own: it says the name as well as the user does. */
static void hide_share(struct bh_pseudonyms *p, struct bh_conversation *c)
{
	char *slash = strrchr(c->share, '\\'), *name = slash ? slash + 1 : c->share;
	char hidden[BH_NAME_TEXT];

	if (!is_named_after(name, c->user))
		return;
	pseudonym_hide(p, name, hidden);
	/* Without its server rather than with its name. */
	if ((size_t)(name - c->share) + strlen(hidden) >= sizeof c->share)
		name = c->share;
	memset(name, 0, sizeof c->share - (size_t)(name - c->share));
	strcpy(name, hidden);
}

void bh_pseudonyms_hide(struct bh_pseudonyms *p, struct bh_conversation *c)
{
	hide_share(p, c);
	if (c->domain[0] && !strcasecmp(c->domain, c->workstation))
		hide_field(p, c->domain, sizeof c->domain);
	hide_field(p, c->user, sizeof c->user);
	hide_field(p, c->workstation, sizeof c->workstation);
}

void bh_pseudonyms_reveal(struct bh_pseudonyms *p, struct bh_conversation *c)
{
	char *slash = strrchr(c->share, '\\'), *name = slash ? slash + 1 : c->share;

	reveal_field(p, name, sizeof c->share - (size_t)(name - c->share));
	reveal_field(p, c->domain, sizeof c->domain);
	reveal_field(p, c->user, sizeof c->user);
	reveal_field(p, c->workstation, sizeof c->workstation);
}

/* What a whole group is called names no person. */
void bh_pseudonyms_hide_name(struct bh_pseudonyms *p, struct bh_name_seen *n)
{
	if (!n->group)
		hide_field(p, n->name, sizeof n->name);
}

void bh_pseudonyms_reveal_name(struct bh_pseudonyms *p, struct bh_name_seen *n)
{
	reveal_field(p, n->name, sizeof n->name);
}
