/*
 * srv: who offers a service, asked of the resolver that /etc/resolv.conf names (RFC 2782).
 */
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include "keeper/contacts.h"

#define MAX_ANSWER 65536u
#define SECONDS    1 /* for each try of each server */
#define TRIES      2
#define MAX_SRV    256u
#define MAX_LABELS 128u

/* RFC 1035 §4.1.4; what follows a pointer is read from anywhere in the message, c then
 * stands behind the pointer.  Letters that no host's name has end it. */
static void read_name(struct bh_cur *c, struct bh_span message, char ret[NS_MAXDNAME])
{
	struct bh_cur at = *c, *now = c;
	size_t n = 0;

	for (unsigned labels = 0;; labels++) {
		uint8_t len = bh_cur_u8(now);
		if (len >= 0xc0) {
			size_t to = (size_t)(len & 0x3f) << 8;
			to |= bh_cur_u8(now);
			struct bh_cur whole = bh_cur_of(message);
			bh_cur_skip(&whole, to);
			if (!bh_cur_ok(now) || !bh_cur_ok(&whole) || labels == MAX_LABELS)
				break;
			at = whole;
			now = &at;
			continue;
		}
		struct bh_span label = bh_cur_take(now, len);
		if (!bh_cur_ok(now) || len > 63 || labels == MAX_LABELS ||
			n + len + 2 > NS_MAXDNAME)
			break;
		if (!len) {
			ret[n] = '\0';
			return;
		}
		for (size_t i = 0; i < len; i++) {
			if (label.ptr[i] <= ' ' || label.ptr[i] > '~')
				bh_cur_fail(c);
		}
		if (n)
			ret[n++] = '.';
		memcpy(ret + n, label.ptr, len);
		n += len;
	}
	ret[0] = '\0';
	bh_cur_fail(c);
}

/* An answer's record: its target when it is of kind SRV; "" else, and for nobody ("."). */
static void read_record(struct bh_cur *c, struct bh_span message, char target[NS_MAXDNAME])
{
	read_name(c, message, target);
	uint16_t type = bh_cur_be16(c);
	bh_cur_skip(c, 6); /* class, time to live */
	uint16_t len = bh_cur_be16(c);
	struct bh_cur end = *c, in = *c;
	bh_cur_skip(&end, len);
	target[0] = '\0';
	if (bh_cur_ok(&end) && type == ns_t_srv && len >= 7) {
		bh_cur_skip(&in, 6); /* priority, weight, port */
		read_name(&in, message, target);
		if (!bh_cur_ok(&in))
			target[0] = '\0';
	}
	*c = end;
}

int srv_read(struct bh_span answer, void (*add)(void *ctx, const char *target), void *ctx)
{
	struct bh_cur c = bh_cur_of(answer);
	char name[NS_MAXDNAME];
	unsigned found = 0;

	bh_cur_skip(&c, 2); /* id */
	uint16_t flags = bh_cur_be16(&c);
	uint16_t questions = bh_cur_be16(&c);
	uint16_t answers = bh_cur_be16(&c);
	bh_cur_skip(&c, 4); /* counts of what follows the answers */
	if (!bh_cur_ok(&c) || answer.len > MAX_ANSWER || flags & 0xf) /* RCODE */
		return -ENOENT;
	for (unsigned i = 0; i < questions && bh_cur_ok(&c); i++) {
		read_name(&c, answer, name);
		bh_cur_skip(&c, 4); /* type, class */
	}
	for (unsigned i = 0; i < answers && bh_cur_ok(&c) && found < MAX_SRV; i++) {
		read_record(&c, answer, name);
		if (!bh_cur_ok(&c) || !name[0])
			continue;
		add(ctx, name);
		found++;
	}
	return found ? 0 : -ENOENT;
}

int srv_ask(const char *name, void (*add)(void *ctx, const char *target), void *ctx)
{
	static uint8_t answer[MAX_ANSWER];
	struct __res_state state = { 0 };

	if (res_ninit(&state) < 0)
		return -ENOENT;
	state.retrans = SECONDS;
	state.retry = TRIES;
	int n = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, sizeof answer);
	res_nclose(&state);
	if (n <= 0)
		return -ENOENT;
	return srv_read(bh_span_of(answer, bh_min_size((size_t)n, sizeof answer)), add, ctx);
}
