#include "priv/wire.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* bulkhead speaks about SMB and QUIC ports alone; one's own service may stand from 1024 up. */
static bool ours(struct bh_service s)
{
	static const struct bh_service known[] = { { 445, BH_TCP }, { 139, BH_TCP },
		{ 5445, BH_TCP }, { 137, BH_UDP }, { 138, BH_UDP }, { 443, BH_UDP } };

	for (size_t i = 0; i < BH_LEN(known); i++) {
		if (bh_service_equal(known[i], s))
			return true;
	}
	return s.port >= 1024;
}

static int parse_apply(struct bh_cur *c, struct bh_arena *a, struct priv_request *r)
{
	uint8_t mode = bh_cur_u8(c);
	r->lease = bh_cur_le32(c);
	uint32_t table_len = bh_cur_le32(c);
	r->table_bytes = bh_cur_take(c, table_len);
	uint32_t policy_len = bh_cur_le32(c);
	r->policy = bh_cur_take(c, policy_len);
	if (!bh_cur_ok(c) || mode > BH_ENFORCE)
		return -EBADMSG;
	if (policy_len > PRIV_MAX_POLICY || r->lease > PRIV_MAX_LEASE)
		return -E2BIG;
	r->mode = (enum bh_mode)mode;
	int err = bh_table_decode(r->table_bytes, a, &r->table);
	if (err)
		return err;
	for (size_t i = 0; i < r->table.n_gates; i++) {
		if (!ours(r->table.gates[i].service))
			return -EPERM;
	}
	return 0;
}

static int parse_capture(struct bh_cur *c, struct priv_request *r)
{
	struct bh_span name = bh_cur_take(c, BH_IFNAME);

	if (!bh_cur_ok(c) || name.ptr[BH_IFNAME - 1] || !name.ptr[0])
		return -EBADMSG;
	memcpy(r->ifname, name.ptr, BH_IFNAME);
	return 0;
}

int priv_request_parse(
	uint32_t type, struct bh_span body, struct bh_arena *a, struct priv_request *ret)
{
	struct bh_cur c = bh_cur_of(body);
	struct priv_request r = { 0 };
	int err = 0;

	if (type < PRIV_APPLY || type >= PRIV_REQUESTS)
		return -EBADMSG;
	r.type = (enum priv_request_type)type;
	if (r.type == PRIV_APPLY)
		err = parse_apply(&c, a, &r);
	else if (r.type == PRIV_CAPTURE)
		err = parse_capture(&c, &r);
	if (err)
		return err;
	if (!bh_cur_ok(&c) || bh_cur_left(&c))
		return -EBADMSG;
	*ret = r;
	return 0;
}

void priv_state_encode(const struct bh_priv_state *s, struct bh_buf *ret)
{
	bh_buf_u8(ret, s->loaded);
	bh_buf_u8(ret, s->gateway);
	bh_buf_u8(ret, s->changed_outside);
	bh_buf_u8(ret, (uint8_t)s->mode);
	bh_buf_u8(ret, (uint8_t)s->trial_mode);
	bh_buf_le32(ret, s->generation);
	bh_buf_le32(ret, s->trial);
	bh_buf_le32(ret, s->lease_left);
	bh_buf_add(ret, s->hash, BH_HASH);
	bh_buf_add(ret, s->trial_hash, BH_HASH);
	bh_buf_le32(ret, (uint32_t)s->n_counters);
	for (size_t i = 0; i < s->n_counters; i++) {
		bh_buf_u8(ret, (uint8_t)s->counters[i].hook);
		bh_buf_u8(ret, s->counters[i].service.proto);
		bh_buf_le16(ret, s->counters[i].service.port);
		bh_buf_le64(ret, s->counters[i].packets);
		bh_buf_le64(ret, s->counters[i].bytes);
	}
}

int priv_state_decode(struct bh_cur *c, struct bh_priv_state *ret)
{
	struct bh_priv_state s = { 0 };

	s.loaded = bh_cur_u8(c) != 0;
	s.gateway = bh_cur_u8(c) != 0;
	s.changed_outside = bh_cur_u8(c) != 0;
	s.mode = bh_cur_u8(c) ? BH_ENFORCE : BH_AUDIT;
	s.trial_mode = bh_cur_u8(c) ? BH_ENFORCE : BH_AUDIT;
	s.generation = bh_cur_le32(c);
	s.trial = bh_cur_le32(c);
	s.lease_left = bh_cur_le32(c);
	struct bh_span hash = bh_cur_take(c, BH_HASH);
	struct bh_span trial_hash = bh_cur_take(c, BH_HASH);
	uint32_t n = bh_cur_le32(c);
	if (!bh_cur_ok(c) || n > BH_MAX_GATES)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		struct bh_priv_counter *k = &s.counters[i];
		uint8_t hook = bh_cur_u8(c);
		k->hook = hook < BH_HOOKS ? (enum bh_hook)hook : BH_IN;
		k->service.proto = bh_cur_u8(c);
		k->service.port = bh_cur_le16(c);
		k->packets = bh_cur_le64(c);
		k->bytes = bh_cur_le64(c);
	}
	if (!bh_cur_ok(c))
		return -EBADMSG;
	s.n_counters = n;
	memcpy(s.hash, hash.ptr, BH_HASH);
	memcpy(s.trial_hash, trial_hash.ptr, BH_HASH);
	*ret = s;
	return 0;
}

int priv_send(int fd, const void *bytes, size_t len, int pass)
{
	const uint8_t *p = bytes;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };

	while (len) {
		struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = len };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
		if (pass >= 0) {
			m.msg_control = control.room;
			m.msg_controllen = sizeof control.room;
			struct cmsghdr *h = CMSG_FIRSTHDR(&m);
			h->cmsg_level = SOL_SOCKET;
			h->cmsg_type = SCM_RIGHTS;
			h->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(h), &pass, sizeof pass);
		}
		ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		pass = -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int priv_receive(int fd, void *bytes, size_t len, int *passed)
{
	uint8_t *p = bytes;

	while (len) {
		union {
			struct cmsghdr align;
			char room[CMSG_SPACE(sizeof(int))];
		} control = { 0 };
		struct iovec iov = { .iov_base = p, .iov_len = len };
		struct msghdr m = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.room,
			.msg_controllen = sizeof control.room };
		ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
			h->cmsg_len == CMSG_LEN(sizeof(int))) {
			int got;
			memcpy(&got, CMSG_DATA(h), sizeof got);
			if (passed && *passed < 0)
				*passed = got;
			else
				close(got);
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}
