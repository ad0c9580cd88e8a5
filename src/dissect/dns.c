#include <strings.h>

#include "dissect/names.h"
#include "dissect/text.h"

/* RFC 1035 3.2.2, RFC 3596 2.1, RFC 2782 */
enum { TYPE_A = 1, TYPE_SRV = 33, TYPE_AAAA = 28, CLASS_IN = 1 };

/* RFC 1035 4.1.1, RFC 4795 2.1.1 */
enum { FLAG_RESPONSE = 0x8000, OPCODE = 0x7800, RCODE = 0x000f, LLMNR_TENTATIVE = 0x0100 };

/* RFC 6762 10.2: the top bit of a class says to forget what was known before. */
enum { CLASS_MASK = 0x7fff };

/* Services of one datagram that are remembered until their hosts' addresses come. */
enum { MAX_TARGETS = 8 };

/* ---- the form of RFC 1035 4 ---- */

struct dns_header dns_header(struct bh_cur *c)
{
	struct dns_header h = { 0 };

	bh_cur_skip(c, 2);
	h.flags = bh_cur_be16(c);
	h.questions = bh_cur_be16(c);
	h.answers = bh_cur_be16(c);
	h.authorities = bh_cur_be16(c);
	h.additionals = bh_cur_be16(c);
	return h;
}

/* To an offset from the message's start. */
static struct bh_cur moved(const struct bh_cur *c, size_t to)
{
	struct bh_cur again = *c;

	again = bh_cur_of(bh_cur_window(&again, 0, bh_cur_offset(c) + bh_cur_left(c)));
	bh_cur_skip(&again, to);
	return again;
}

/* RFC 1035 4.1.4.  A pointer leads to before where this part of the name began, or
 * nowhere: so it ends. */
void dns_name(struct bh_cur *c, struct dns_name *ret)
{
	struct bh_cur at = *c;
	size_t began = bh_cur_offset(c), total = 1;
	unsigned jumps = 0;

	ret->n = 0;
	for (;;) {
		uint8_t len = bh_cur_u8(&at);
		if (len >= 0xc0) {
			size_t to = (size_t)(len & 0x3f) << 8;
			to |= bh_cur_u8(&at);
			if (!jumps)
				*c = at;
			if (!bh_cur_ok(&at) || to >= began || jumps++ == DNS_MAX_JUMPS)
				break;
			began = to;
			at = moved(&at, to);
			continue;
		}
		if (!len && bh_cur_ok(&at)) {
			if (!jumps)
				*c = at;
			return;
		}
		struct bh_span label = bh_cur_take(&at, len);
		total += len + 1u;
		if (!bh_cur_ok(&at) || len > 63 || total > DNS_MAX_NAME || ret->n == DNS_MAX_LABELS)
			break;
		ret->label[ret->n++] = label;
	}
	bh_cur_fail(c);
}

void dns_questions(struct bh_cur *c, unsigned n)
{
	struct dns_name name;

	if (n > DNS_MAX_ENTRIES)
		bh_cur_fail(c);
	for (; n && bh_cur_ok(c); n--) {
		dns_name(c, &name);
		bh_cur_skip(c, 4);
	}
}

void dns_record(struct bh_cur *c, struct dns_record *ret)
{
	dns_name(c, &ret->owner);
	ret->type = bh_cur_be16(c);
	ret->class = bh_cur_be16(c);
	ret->ttl = bh_cur_be32(c);
	ret->len = bh_cur_be16(c);
	ret->data = *c;
	bh_cur_skip(c, ret->len);
	ret->end = bh_cur_offset(c);
}

void dns_record_done(struct bh_cur *c, const struct dns_record *r)
{
	if (!bh_cur_ok(&r->data) || bh_cur_offset(&r->data) != r->end)
		bh_cur_fail(c);
}

/* ---- hosts ---- */

/* "fs1.local"; "" for what would read as another name, or is none. */
static void host_text(const struct dns_name *n, char ret[BH_NAME_TEXT])
{
	uint8_t all[DNS_MAX_NAME];
	size_t len = 0;

	ret[0] = 0;
	for (unsigned i = 0; i < n->n; i++) {
		struct bh_span l = n->label[i];
		if (memchr(l.ptr, '.', l.len))
			return;
		if (i)
			all[len++] = '.';
		memcpy(all + len, l.ptr, l.len);
		len += l.len;
	}
	bh_text_utf8(bh_span_of(all, len), ret, BH_NAME_TEXT);
}

static bool is_label(struct bh_span l, const char *want)
{
	return l.len == strlen(want) && !strncasecmp((const char *)l.ptr, want, l.len);
}

/* "NAS of Ann._smb._tcp.local": any instance of the service, RFC 6763 4.1. */
static bool is_smb_service(const struct dns_name *n)
{
	return n->n >= 3 && is_label(n->label[1], "_smb") && is_label(n->label[2], "_tcp");
}

/* Hosts that offer SMB, from the SRV records of one message. */
struct targets {
	char name[MAX_TARGETS][BH_NAME_TEXT];
	unsigned n;
};

/* RFC 2782 */
static void service(struct bh_cur *c, struct dns_record *r, struct targets *t)
{
	struct dns_name target;

	bh_cur_skip(&r->data, 6); /* priority, weight, port */
	dns_name(&r->data, &target);
	dns_record_done(c, r);
	if (bh_cur_ok(c) && r->ttl && is_smb_service(&r->owner) && t->n < MAX_TARGETS)
		host_text(&target, t->name[t->n++]);
}

static uint8_t roles_of(const struct targets *t, const char *name)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (!strcasecmp(t->name[i], name))
			return BH_ROLE_FILE_SERVER;
	}
	return 0;
}

static void address(struct bh_cur *c, struct dns_record *r, const struct targets *t, uint8_t kind,
	struct told *told)
{
	struct bh_name_seen seen = { .kind = kind };

	if (r->type == TYPE_A) {
		seen.addr = bh_addr_v4(bh_cur_be32(&r->data));
	} else {
		struct bh_span bytes = bh_cur_take(&r->data, 16);
		if (bytes.len)
			seen.addr = bh_addr_v6(bytes.ptr);
	}
	dns_record_done(c, r);
	if (!bh_cur_ok(c) || !r->ttl) /* RFC 6762 10.1: it takes its leave */
		return;
	host_text(&r->owner, seen.name);
	seen.roles = roles_of(t, seen.name);
	tell_name(told, &seen);
}

/* Walks n records: for services while told is NULL, for addresses then. */
static void records(
	struct bh_cur c, unsigned n, struct targets *t, uint8_t kind, struct told *told, bool *good)
{
	struct dns_record r;

	if (n > DNS_MAX_ENTRIES)
		bh_cur_fail(&c);
	for (; n && bh_cur_ok(&c); n--) {
		dns_record(&c, &r);
		if (!bh_cur_ok(&c) || (r.class & CLASS_MASK) != CLASS_IN)
			continue;
		if (r.type == TYPE_SRV && !told)
			service(&c, &r, t);
		else if ((r.type == TYPE_A || r.type == TYPE_AAAA) && told)
			address(&c, &r, t, kind, told);
	}
	*good = bh_cur_ok(&c);
}

bool read_llmnr(struct bh_cur *c, struct told *t)
{
	struct dns_header h = dns_header(c);
	struct targets none = { .n = 0 };
	bool good;

	if (!bh_cur_ok(c))
		return false;
	if (!(h.flags & FLAG_RESPONSE) || h.flags & (OPCODE | RCODE | LLMNR_TENTATIVE))
		return true; /* a question, or an answer that says nothing */
	dns_questions(c, h.questions);
	if (!bh_cur_ok(c))
		return false;
	records(*c, h.answers, &none, BH_NAME_LLMNR, t, &good);
	return good;
}

/* Who offers a service says so from the host that has it, when it does not say where. */
static void without_address(
	const struct targets *targets, const struct bh_addr *src, struct told *t)
{
	for (unsigned i = 0; i < targets->n; i++) {
		struct bh_name_seen seen = {
			.addr = *src, .kind = BH_NAME_MDNS, .roles = BH_ROLE_FILE_SERVER
		};
		bool has_one = false;
		for (size_t k = 0; k < t->n; k++)
			has_one |= !strcasecmp(t->v[k].name, targets->name[i]);
		memcpy(seen.name, targets->name[i], sizeof seen.name);
		if (!has_one)
			tell_name(t, &seen);
	}
}

bool read_mdns(struct bh_cur *c, const struct bh_addr *src, struct told *t)
{
	struct dns_header h = dns_header(c);
	struct targets targets = { .n = 0 };
	unsigned n = (unsigned)h.answers + h.authorities + h.additionals;
	bool good;

	if (!bh_cur_ok(c))
		return false;
	if (!(h.flags & FLAG_RESPONSE) || h.flags & (OPCODE | RCODE))
		return true;
	dns_questions(c, h.questions);
	if (!bh_cur_ok(c))
		return false;
	records(*c, n, &targets, BH_NAME_MDNS, NULL, &good);
	if (good)
		records(*c, n, &targets, BH_NAME_MDNS, t, &good);
	if (good)
		without_address(&targets, src, t);
	return good;
}
