#include "keeper/keeper.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_HERE 1024u /* interfaces, addresses: more is no machine of ours */

struct here {
	struct bh_arena *a;
	struct bh_addr *addrs;
	size_t n_addrs;
	struct bh_interface *ifaces;
	size_t n_ifaces;
};

static bool address_of(const struct sockaddr *sa, struct bh_addr *ret)
{
	if (sa && sa->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, sa, sizeof v4);
		*ret = bh_addr_v4(ntohl(v4.sin_addr.s_addr));
		return true;
	}
	if (sa && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, sa, sizeof v6);
		*ret = bh_addr_v6(v6.sin6_addr.s6_addr);
		return true;
	}
	return false;
}

static bool link_local(const struct bh_addr *a)
{
	return a->family == BH_V6 && (unsigned)(a->num >> 118) == 0x3fa; /* fe80::/10 */
}

/* label: the interface, or "eth0:1" for an address added the old way. */
static struct bh_interface *interface(struct here *h, const char *label)
{
	char name[BH_IFNAME] = { 0 };

	snprintf(name, sizeof name, "%.*s", (int)strcspn(label, ":"), label);
	for (size_t i = 0; i < h->n_ifaces; i++) {
		if (!strcmp(h->ifaces[i].name, name))
			return &h->ifaces[i];
	}
	if (h->n_ifaces == MAX_HERE)
		return NULL;
	struct bh_interface *one = &h->ifaces[h->n_ifaces++];
	memcpy(one->name, name, sizeof name);
	return one;
}

/* The prefix that an address and its mask put on the link. */
static struct bh_addrset onlink(
	struct bh_arena *a, const struct bh_addr *addr, const struct bh_addr *mask)
{
	bh_u128 host = ~mask->num & bh_addr_max(addr->family);
	struct bh_addr lo = *addr, hi = *addr;

	lo.num = addr->num & ~host;
	hi.num = lo.num | host;
	return bh_addrset_range(a, &lo, &hi);
}

static void take(struct here *h, const struct ifaddrs *i)
{
	struct bh_addr addr, mask, peer;

	if (!address_of(i->ifa_addr, &addr) || i->ifa_flags & IFF_LOOPBACK)
		return;
	struct bh_interface *on = interface(h, i->ifa_name);
	if (on && address_of(i->ifa_netmask, &mask)) {
		/* Where there is another end, the prefix is that one's; a mask of all ones
		 * leaves no room for the broadcast address that else stands there. */
		bool ends = i->ifa_flags & IFF_POINTOPOINT || mask.num == bh_addr_max(mask.family);
		if (!ends || !address_of(i->ifa_dstaddr, &peer) || peer.family != addr.family)
			peer = addr;
		on->onlink = bh_addrset_union(h->a, on->onlink, onlink(h->a, &peer, &mask));
	}
	/* A link-local address is no identity: every machine may have the same one. */
	if (!link_local(&addr) && h->n_addrs < MAX_HERE)
		h->addrs[h->n_addrs++] = addr;
}

static bool sysctl_on(const char *path)
{
	FILE *f = fopen(path, "re");
	int c = f ? fgetc(f) : '0';

	if (f)
		fclose(f);
	return c != '0' && c != EOF;
}

/* The name that /etc/hosts gives first where it gives `host`; NULL: none.  The network is
 * not asked: a machine knows who it is before the network is up. */
static const char *listed_name(struct bh_arena *a, const char *host)
{
	const char *found = NULL;
	struct hostent *e;

	sethostent(0);
	while (!found && (e = gethostent())) {
		for (char **alias = e->h_aliases; *alias && !found; alias++) {
			if (!strcasecmp(*alias, host) && strcasecmp(e->h_name, host) &&
				strcasecmp(e->h_name, "localhost"))
				found = bh_arena_str(a, e->h_name);
		}
	}
	endhostent();
	return found;
}

/* "fs1", and "fs1.corp.example" where the machine or its hosts file says so. */
static size_t own_names(struct bh_arena *a, const char **names, size_t room)
{
	char host[256] = { 0 };
	size_t n = 0;

	if (gethostname(host, sizeof host - 1) || !host[0])
		return 0;
	names[n++] = bh_arena_str(a, host);
	char *dot = strchr(host, '.');
	const char *listed = dot ? NULL : listed_name(a, host);
	if (dot && dot > host && n < room)
		names[n++] = bh_arena_strn(a, host, (size_t)(dot - host));
	if (listed && n < room)
		names[n++] = listed;
	return n;
}

int bh_keeper_here(struct bh_arena *a, bool gateway, struct bh_place *ret)
{
	struct here h = { .a = a,
		.addrs = bh_arena_array(a, MAX_HERE, sizeof *h.addrs),
		.ifaces = bh_arena_array(a, MAX_HERE, sizeof *h.ifaces) };
	const char **names = bh_arena_array(a, 4, sizeof *names);
	struct ifaddrs *all = NULL;

	if (!h.addrs || !h.ifaces || !names)
		return -ENOMEM;
	if (getifaddrs(&all))
		return -errno;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		take(&h, i);
	freeifaddrs(all);

	struct bh_place p = { .gateway = gateway, .ifaces = h.ifaces, .n_ifaces = h.n_ifaces };
	p.forwards = sysctl_on("/proc/sys/net/ipv4/ip_forward") ||
		     sysctl_on("/proc/sys/net/ipv6/conf/all/forwarding");
	if (!gateway) {
		p.names = names;
		p.n_names = own_names(a, names, 4);
		p.addrs = h.addrs;
		p.n_addrs = h.n_addrs;
	}
	if (!bh_arena_ok(a))
		return -ENOMEM;
	*ret = p;
	return 0;
}
