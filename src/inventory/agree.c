#include "inventory/agree.h"

#include <strings.h>

#include "inventory/naming.h"

/* Where the simple fields lie.  Texts and statuses have a bit of `known`; bytes are
 * unknown at 0, flags at BH_UNKNOWN. */
struct place {
	uint16_t offset, size;
	uint8_t bit;
};

#define AT(field)                                                                                  \
	.offset = offsetof(struct bh_talk, field), .size = sizeof(((struct bh_talk *)NULL)->field)

static const struct place places[FIELDS] = {
	[FIELD_CLIENT] = { AT(client) },
	[FIELD_SERVER] = { AT(server) },
	[FIELD_SERVER_NAME] = { AT(server_name), BH_KNOWN_SERVER_NAME },
	[FIELD_SHARE] = { AT(share), BH_KNOWN_SHARE },
	[FIELD_USER] = { AT(user), BH_KNOWN_USER },
	[FIELD_DOMAIN] = { AT(domain), BH_KNOWN_DOMAIN },
	[FIELD_WORKSTATION] = { AT(workstation), BH_KNOWN_WORKSTATION },
	[FIELD_SERVICE] = { AT(service), BH_KNOWN_SERVICE },
	[FIELD_AUTH_STATUS] = { AT(auth_status), BH_KNOWN_AUTH_STATUS },
	[FIELD_SHARE_STATUS] = { AT(share_status), BH_KNOWN_SHARE_STATUS },
	[FIELD_OUTCOME] = { AT(outcome) },
	[FIELD_AUTH] = { AT(auth) },
	[FIELD_NTLM] = { AT(ntlm) },
	[FIELD_DIALECT] = { AT(dialect) },
	[FIELD_SIGNING_SERVER] = { AT(signing_server) },
	[FIELD_SIGNING_CLIENT] = { AT(signing_client) },
	[FIELD_SIGNING_ALGORITHM] = { AT(signing_algorithm) },
	[FIELD_CIPHER] = { AT(cipher) },
	[FIELD_COMPRESSION] = { AT(compression) },
	[FIELD_SHARE_TYPE] = { AT(share_type) },
	[FIELD_SMB1_OFFERED] = { AT(smb1_offered) },
	[FIELD_SIGNED] = { AT(is_signed) },
	[FIELD_ENCRYPTED] = { AT(encrypted) },
	[FIELD_GUEST] = { AT(guest) },
	[FIELD_COMPLETE] = { AT(complete) },
};

static bool is_text(enum agree_field f)
{
	return f >= FIELD_SERVER_NAME && f <= FIELD_SERVICE;
}

static const char *text(const struct bh_talk *c, enum agree_field f)
{
	const char *at;

	memcpy(&at, (const char *)c + places[f].offset, sizeof at);
	return at;
}

static uint8_t byte(const struct bh_talk *c, enum agree_field f)
{
	return *((const uint8_t *)c + places[f].offset);
}

static bool knows(const struct bh_talk *c, enum agree_field f)
{
	switch (f) {
	case FIELD_CLIENT: return c->client.family;
	case FIELD_SERVER: return c->server.family;
	case FIELD_PORT: return true;
	case FIELD_AUTH_STATUS:
	case FIELD_SHARE_STATUS: return c->known & places[f].bit;
	case FIELD_USER: return c->known & BH_KNOWN_USER; /* an empty name is one: anonymous */
	case FIELD_SERVER_NAME: return c->known & places[f].bit && naming_is_name(c->server_name);
	default: break;
	}
	if (f < FIELD_OUTCOME)
		return c->known & places[f].bit && text(c, f)[0];
	return byte(c, f) != (f < FIELD_SMB1_OFFERED ? 0 : (uint8_t)BH_UNKNOWN);
}

uint32_t agree_known(const struct bh_talk *c)
{
	uint32_t mask = 0;

	for (unsigned f = 0; f < FIELDS; f++)
		mask |= (uint32_t)knows(c, f) << f;
	return mask;
}

/* ---- agreeing ---- */

static bool same_span(struct bh_span x, struct bh_span y)
{
	return x.len == y.len && !strncasecmp((const char *)x.ptr, (const char *)y.ptr, x.len);
}

struct bh_span agree_user(const char *user)
{
	return bh_span_of(user, strcspn(user, "@"));
}

static bool guest_name(const char *user)
{
	return !user[0] || !strcasecmp(user, "guest") || !strcasecmp(user, "nobody") ||
	       !strcasecmp(user, "ANONYMOUS LOGON");
}

bool agree_nobody(const struct bh_talk *c)
{
	return c->auth == BH_AUTH_ANONYMOUS || c->guest == 1 ||
	       (c->known & BH_KNOWN_USER && guest_name(c->user));
}

/* A guest is told by the name that was claimed, or by that of the guest account. */
static bool same_user(const struct bh_talk *a, const struct bh_talk *b)
{
	if (same_span(agree_user(a->user), agree_user(b->user)))
		return true;
	return agree_nobody(a) && agree_nobody(b) && (guest_name(a->user) || guest_name(b->user));
}

static struct bh_span first_label(const char *name)
{
	return bh_span_of(name, strcspn(name, "."));
}

/* An account of the machine itself: clients say their own name, or ".", for it. */
static bool own_domain(const struct bh_talk *c, const char *domain)
{
	return !strcmp(domain, ".") ||
	       (c->known & BH_KNOWN_WORKSTATION && naming_same(domain, c->workstation)) ||
	       (c->known & BH_KNOWN_SERVER_NAME && naming_same(domain, c->server_name));
}

/* CORP and CORP.EXAMPLE are one. */
static bool same_domain(const struct bh_talk *a, const struct bh_talk *b)
{
	return same_span(first_label(a->domain), first_label(b->domain)) ||
	       own_domain(a, a->domain) || own_domain(b, b->domain) || own_domain(a, b->domain) ||
	       own_domain(b, a->domain) || (agree_nobody(a) && agree_nobody(b));
}

static bool same_dialect(uint8_t x, uint8_t y)
{
	return x == y || (bh_dialect_smb1(x) && bh_dialect_smb1(y) &&
				 (x == BH_DIALECT_SMB1_OTHER || y == BH_DIALECT_SMB1_OTHER));
}

/* Who watched the wire saw silence or a reset; who stopped it knows why. */
static bool stopped(uint8_t outcome)
{
	return outcome == BH_REFUSED || outcome == BH_SILENT;
}

static bool same_outcome(uint8_t x, uint8_t y)
{
	return x == y || (x == BH_BLOCKED && stopped(y)) || (y == BH_BLOCKED && stopped(x));
}

static bool agrees(const struct bh_talk *a, const struct bh_talk *b, enum agree_field f)
{
	switch (f) {
	case FIELD_CLIENT: return bh_addr_equal(&a->client, &b->client);
	case FIELD_SERVER: return bh_addr_equal(&a->server, &b->server);
	case FIELD_PORT: return a->port == b->port && a->transport == b->transport;
	case FIELD_SERVER_NAME: return true; /* a server has many names; unify.c compares ends */
	case FIELD_COMPLETE: return true; /* how it was seen, not what it was */
	case FIELD_SMB1_OFFERED: return true; /* who came late did not see the first offer */
	case FIELD_SHARE: return !strcasecmp(bh_share_name(a->share), bh_share_name(b->share));
	case FIELD_USER: return same_user(a, b);
	case FIELD_DOMAIN: return same_domain(a, b);
	case FIELD_WORKSTATION: return naming_same(a->workstation, b->workstation);
	case FIELD_SERVICE: return same_span(first_label(a->service), first_label(b->service));
	case FIELD_AUTH_STATUS: return a->auth_status == b->auth_status;
	case FIELD_SHARE_STATUS: return a->share_status == b->share_status;
	case FIELD_OUTCOME: return same_outcome(a->outcome, b->outcome);
	case FIELD_DIALECT: return same_dialect(a->dialect, b->dialect);
	default: return byte(a, f) == byte(b, f);
	}
}

bool agree_on(const struct bh_talk *a, const struct bh_talk *b, uint32_t mask)
{
	for (; mask; mask &= mask - 1) {
		if (!agrees(a, b, (enum agree_field)__builtin_ctz(mask)))
			return false;
	}
	return true;
}

/* ---- joining ---- */

void agree_copy(struct bh_talk *to, const struct bh_talk *from, enum agree_field f)
{
	const struct place *p = &places[f];

	if (f == FIELD_PORT)
		return; /* everybody knows it */
	memcpy((char *)to + p->offset, (const char *)from + p->offset, p->size);
	to->known |= p->bit;
}

void agree_forget(struct bh_talk *c, enum agree_field f)
{
	const struct place *p = &places[f];

	if (f == FIELD_PORT)
		return;
	if (is_text(f))
		memcpy((char *)c + p->offset, &(const char *){ "" }, p->size);
	else
		memset((char *)c + p->offset, f < FIELD_SMB1_OFFERED ? 0 : 0xff, p->size);
	c->known &= (uint8_t)~p->bit;
}

/* "\\*\data" and "data" say less than "\\fs1\data". */
static bool names_its_server(const char *share)
{
	return !strncmp(share, "\\\\", 2) && share[2] != '*';
}

static bool fuller(const struct bh_talk *from, const struct bh_talk *to, enum agree_field f)
{
	switch (f) {
	case FIELD_SHARE: return names_its_server(from->share) && !names_its_server(to->share);
	case FIELD_USER: return guest_name(to->user) && !guest_name(from->user);
	case FIELD_DIALECT: return to->dialect == BH_DIALECT_SMB1_OTHER;
	case FIELD_OUTCOME: return from->outcome == BH_BLOCKED;
	case FIELD_COMPLETE: return from->complete == 1;
	case FIELD_SMB1_OFFERED: return from->smb1_offered == 1;
	default: return false;
	}
}

void agree_refine(struct bh_talk *to, const struct bh_talk *from, enum agree_field f)
{
	if (fuller(from, to, f))
		agree_copy(to, from, f);
}
