#include "model/fact.h"

#include "model/row.h"

/* One UTF-8 character at s, at most n bytes: its length, or 0 for anything that
 * RFC 3629 does not allow (overlong, surrogate, beyond U+10FFFF). */
static size_t utf8(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if (len == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
		return 0;
	if (len == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return len;
}

/* Terminated within its field, valid UTF-8, no control characters; C1 controls
 * (U+0080…U+009F) can move a terminal's cursor as well. */
static bool sane_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	if (n == size)
		return false;
	for (size_t i = 0; i < n;) {
		const unsigned char *s = (const unsigned char *)text + i;
		size_t len = utf8(s, n - i);
		if (!len || s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0))
			return false;
		i += len;
	}
	return true;
}

static bool sane_addr(const struct bh_addr *a)
{
	static const uint8_t zero[sizeof a->pad];

	if (memcmp(a->pad, zero, sizeof zero))
		return false;
	return a->family == BH_V6 || (a->family == BH_V4 && a->num <= UINT32_MAX);
}

static bool sane_flag(int8_t v)
{
	return v >= BH_UNKNOWN && v <= 1;
}

/* A text is empty unless it is known. */
static bool sane_known(uint8_t known, uint8_t bit, const char *text, size_t size)
{
	return sane_text(text, size) && (known & bit || !text[0]);
}

/* Without an address an end must have a name. */
static bool sane_end(const struct bh_addr *a, bool named)
{
	static const struct bh_addr none;

	return sane_addr(a) || (named && !memcmp(a, &none, sizeof none));
}

static bool sane_ends(const struct bh_conversation *c)
{
	bool both = c->client.family && c->server.family;

	return sane_end(&c->client, c->workstation[0]) && sane_end(&c->server, c->server_name[0]) &&
	       (!both || c->client.family == c->server.family);
}

static bool sane_conversation(const struct bh_conversation *c)
{
	return sane_ends(c) && c->transport < BH_TRANSPORTS && c->outcome < BH_OUTCOMES &&
	       c->auth < BH_AUTHS && c->ntlm < BH_NTLMS && c->dialect < BH_DIALECTS &&
	       c->signing_server < BH_SIGNINGS && c->signing_client < BH_SIGNINGS &&
	       c->signing_algorithm < BH_SIGN_ALGS && c->cipher < BH_CIPHERS &&
	       c->compression < BH_COMPRESSIONS && c->share_type < BH_SHARE_TYPES &&
	       sane_flag(c->smb1_offered) && sane_flag(c->is_signed) && sane_flag(c->encrypted) &&
	       sane_flag(c->guest) && sane_flag(c->complete) &&
	       sane_known(c->known, BH_KNOWN_SERVER_NAME, c->server_name, sizeof c->server_name) &&
	       sane_known(c->known, BH_KNOWN_SHARE, c->share, sizeof c->share) &&
	       sane_known(c->known, BH_KNOWN_USER, c->user, sizeof c->user) &&
	       sane_known(c->known, BH_KNOWN_DOMAIN, c->domain, sizeof c->domain) &&
	       sane_known(c->known, BH_KNOWN_WORKSTATION, c->workstation, sizeof c->workstation) &&
	       sane_known(c->known, BH_KNOWN_SERVICE, c->service, sizeof c->service);
}

#define YEAR_2200 ((bh_time)7258118400 * BH_SECOND)

static bool sane_figures(const struct bh_figures *f)
{
	/* Sums over many leaves must not wrap: 2^56 is 72 petabytes. */
	const uint64_t most = (uint64_t)1 << 56;

	return f->connections < most && f->bytes_to_server < most && f->bytes_to_client < most &&
	       f->opens < most && !f->zero && f->first_seen >= 0 && f->first_seen <= f->last_seen &&
	       f->last_seen < YEAR_2200;
}

static bool sane_name(const struct bh_name_seen *n)
{
	return sane_addr(&n->addr) && n->when >= 0 && n->when < YEAR_2200 &&
	       n->kind < BH_NAME_KINDS && !(n->roles & ~BH_ROLES_ALL) && n->group <= 1 &&
	       sane_text(n->name, sizeof n->name) && n->name[0];
}

static bool sane_share(const struct bh_share_seen *s)
{
	return sane_end(&s->server, s->server_name[0]) && s->when >= 0 && s->when < YEAR_2200 &&
	       s->gone <= 1 && sane_text(s->server_name, sizeof s->server_name) &&
	       sane_text(s->share, sizeof s->share) && bh_share_name(s->share)[0] &&
	       sane_text(s->path, sizeof s->path) && sane_text(s->remark, sizeof s->remark);
}

static bool sane_referral(const struct bh_referral *r)
{
	return sane_addr(&r->server) && r->when >= 0 && r->when < YEAR_2200 && r->root <= 1 &&
	       sane_text(r->path, sizeof r->path) && sane_text(r->target, sizeof r->target) &&
	       r->target[0];
}

static bool sane_events(const struct bh_event_count *e)
{
	return sane_text(e->provider, sizeof e->provider) && e->read <= 1 &&
	       e->count < (uint64_t)1 << 56;
}

void bh_tally_add(struct bh_tally *to, const struct bh_tally *more)
{
	static_assert(sizeof *to % sizeof(uint64_t) == 0, "counts alone");

	for (size_t i = 0; i < sizeof *to; i += sizeof(uint64_t)) {
		uint64_t a, b;
		memcpy(&a, (const char *)to + i, sizeof a);
		memcpy(&b, (const char *)more + i, sizeof b);
		a = b > UINT64_MAX - a ? UINT64_MAX : a + b;
		memcpy((char *)to + i, &a, sizeof a);
	}
}

bool bh_fact_sane(const struct bh_fact *f)
{
	if (f->magic != BH_FACT_MAGIC)
		return false;
	switch (f->kind) {
	case BH_FACT_LEAF:
		return sane_conversation(&f->leaf_is.who) && sane_figures(&f->leaf_is.figures) &&
		       f->leaf_is.closed <= 1;
	case BH_FACT_PROBLEM:
		return f->problem.record <= 1 && sane_text(f->problem.text, sizeof f->problem.text);
	case BH_FACT_NAME: return sane_name(&f->name);
	case BH_FACT_REFERRAL: return sane_referral(&f->referral);
	case BH_FACT_EVENTS: return sane_events(&f->events);
	case BH_FACT_SHARE: return sane_share(&f->share);
	case BH_FACT_LEAF_GONE:
	case BH_FACT_TALLY:
	case BH_FACT_END: return true;
	default: return false;
	}
}
