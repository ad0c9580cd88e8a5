/* What this machine says of itself: the first byte tells which file the rest is. */
#include "keeper/contacts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int nobody(
	void *ctx, const char *name, void (*add)(void *to, const struct bh_addr *a), void *to)
{
	(void)ctx, (void)name, (void)add, (void)to;
	return -ENOENT;
}

static void named(void *ctx, const char *target)
{
	(void)ctx;
	assert(*target && strlen(target) < 1025);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_bound_service services[] = { { .name = "smb", .service = { 445, 6 } },
		{ .name = "smbdirect", .service = { 5445, 6 } } };
	const struct bh_bound bound = { .services = services, .n_services = 2 };
	const struct bh_names names = { .resolve = nobody };
	struct contact_list l = { .a = &a };
	struct membership *m = bh_arena_alloc(&a, sizeof *m);
	const char *text = size ? bh_arena_strn(&a, (const char *)data + 1, size - 1) : NULL;

	if (!text || !m)
		return 0;
	m->a = &a;
	assert(membership_realm(m, "CORP.EXAMPLE", 12));
	switch (data[0]) {
	case 't': contacts_read_tcp(text, &bound, &l); break;
	case 'm': contacts_read_mounts(text, &names, &l); break;
	case 's': domain_read_smb(m, "smb.conf", text); break;
	case 'd': domain_read_sssd(m, "sssd.conf", text); break;
	case 'k': domain_read_krb5(m, "krb5.conf", text); break;
	case 'i': domain_read_kdcinfo(m, "CORP.EXAMPLE", "kdcinfo", text); break;
	case 'a': (void)!srv_read(bh_span_of(data + 1, size - 1), named, NULL); break;
	default: break;
	}
	contacts_join_mounts(&l);
	return 0;
}
