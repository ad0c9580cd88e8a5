/*
 * What of this machine lies outside every nftables proof: read from /proc and /sys.
 */
#include "keeper/outside.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define MAX_SENTENCES 64u

struct list {
	struct bh_arena *a;
	const char **v;
	size_t n;
};

static void say(struct list *l, const char *fmt, ...) BH_PRINTF(2, 3);

static void say(struct list *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (l->n == MAX_SENTENCES)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	l->v[l->n++] = bh_arena_str(l->a, text);
}

/* A small file's first line; false when it cannot be read. */
static bool first_line(const char *path, char *ret, size_t room)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	bool got = fgets(ret, (int)room, f) != NULL;
	fclose(f);
	if (got)
		ret[strcspn(ret, "\n")] = '\0';
	return got;
}

static bool is_one(const char *path)
{
	char line[16];
	return first_line(path, line, sizeof line) && !strcmp(line, "1");
}

static void bridge(struct list *l, const char *name)
{
	static const char *const knobs[] = { "/proc/sys/net/bridge/bridge-nf-call-iptables",
		"/proc/sys/net/bridge/bridge-nf-call-ip6tables" };
	char path[300], line[16];

	snprintf(path, sizeof path, "/sys/class/net/%s/bridge/nf_call_iptables", name);
	bool four = is_one(knobs[0]) || (first_line(path, line, sizeof line) && line[0] == '1');
	snprintf(path, sizeof path, "/sys/class/net/%s/bridge/nf_call_ip6tables", name);
	bool six = is_one(knobs[1]) || (first_line(path, line, sizeof line) && line[0] == '1');
	if (!four || !six)
		say(l,
			"bridge %s: packets between its ports never meet this table "
			"(bridge-nf-call-ip%stables is off)",
			name, four ? "6" : "");
}

/* ARPHRD_* of what carries packets inside packets. */
static const char *tunnel_kind(int type)
{
	switch (type) {
	case 768: return "IPIP";
	case 769: return "IPv6-in-IPv6";
	case 776: return "IPv6-in-IPv4";
	case 778: return "GRE";
	case 823: return "GRE over IPv6";
	default: return NULL;
	}
}

static void device(struct list *l, const char *name)
{
	char path[300], line[64];
	int type = 0;

	snprintf(path, sizeof path, "/sys/class/net/%s/bridge", name);
	if (access(path, F_OK) == 0)
		bridge(l, name);
	snprintf(path, sizeof path, "/sys/class/net/%s/type", name);
	if (first_line(path, line, sizeof line) && sscanf(line, "%d", &type) == 1 &&
		tunnel_kind(type) && strcmp(name, "tunl0") != 0 && strcmp(name, "sit0") != 0 &&
		strcmp(name, "gre0") != 0 && strcmp(name, "ip6tnl0") != 0 &&
		strcmp(name, "ip6gre0") != 0)
		say(l, "%s tunnel %s: what others carry inside a tunnel is judged only where it ends",
			tunnel_kind(type), name);
}

static void devices(struct list *l)
{
	DIR *d = opendir("/sys/class/net");
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			device(l, e->d_name);
	closedir(d);
}

static void legacy(struct list *l, const char *path, const char *name)
{
	char table[64];

	if (first_line(path, table, sizeof table))
		say(l,
			"%s (legacy) has tables, '%s' among them: they are not nftables' and are "
			"not seen",
			name, table);
}

static bool folder_has_entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool any = false;

	if (!d)
		return false;
	while (!any && (e = readdir(d)))
		any = e->d_name[0] != '.';
	closedir(d);
	return any;
}

int bh_keeper_outside(
	const struct bh_ready *r, struct bh_arena *a, const char *const **ret, size_t *n_ret)
{
	struct list l = { .a = a, .v = bh_arena_array(a, MAX_SENTENCES, sizeof(char *)) };

	if (!l.v)
		return -ENOMEM;
	devices(&l);
	legacy(&l, "/proc/net/ip_tables_names", "iptables");
	legacy(&l, "/proc/net/ip6_tables_names", "ip6tables");
	if (folder_has_entries("/sys/class/infiniband"))
		say(&l, "RDMA devices are present: SMB Direct through them passes no firewall at all");
	if (r->place.gateway) {
		say(&l, "two hosts of one subnet: their packets do not cross a gateway");
		say(&l, "this gateway's own connections: apply a host policy here to judge them");
	} else if (!r->place.forwards) {
		say(&l, "packets between others: this host does not forward");
	}
	say(&l, "what IPsec, GRE, VXLAN and other tunnels between others carry inside");
	say(&l, "programs in front of nftables (XDP, tc) and network cards that switch by themselves");
	*ret = l.v;
	*n_ret = l.n;
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}
