/*
 * What part a machine plays.  Evidence only, each with a sentence; a machine may play
 * several, and one of which nothing tells plays none.
 */
#include "inventory/hosts.h"
#include "model/pipe.h"

enum {
	/* Of a machine that uses SMB itself as workstations do: one that serves so many is
	 * a server all the same. */
	MANY_CLIENTS = 3,
	MAX_EVIDENCE = 16,
};

struct judge {
	const struct deeds *d;
	const struct network *net;
	struct bh_arena *a;
	struct bh_host_row *h;
	struct bh_host_evidence *v;
};

static void say(struct judge *j, enum bh_host_role role, const char *text)
{
	if (j->h->n_evidence == MAX_EVIDENCE)
		return;
	j->h->roles |= 1u << role;
	j->v[j->h->n_evidence++] = (struct bh_host_evidence){ (uint8_t)role, text };
}

static const char *count(
	struct judge *j, const char *before, uint64_t n, const char *one, const char *many)
{
	return bh_arena_printf(
		j->a, "%s%llu %s", before, (unsigned long long)n, n == 1 ? one : many);
}

static void say_clients(
	struct judge *j, enum bh_host_role role, const char *what, enum bh_share_class class)
{
	if (j->d->clients[class])
		say(j, role, count(j, what, j->d->clients[class], "client", "clients"));
}

static void say_pipe(struct judge *j, enum bh_host_role role, enum bh_pipe pipe, const char *text)
{
	if (j->d->pipes_served >> pipe & 1)
		say(j, role, text);
}

/* ---- servers ---- */

static void controller(struct judge *j)
{
	say_clients(j, BH_HOST_CONTROLLER, "serves SYSVOL or NETLOGON to ", BH_CLASS_DOMAIN);
	say_pipe(
		j, BH_HOST_CONTROLLER, BH_PIPE_DRSUAPI, "answers on drsuapi, the directory's pipe");
	say_pipe(j, BH_HOST_CONTROLLER, BH_PIPE_NETLOGON, "answers on netlogon, the logon pipe");
	for (size_t i = 0; i < j->d->n_heard; i++) {
		const struct bh_name_seen *n = j->d->heard[i];
		if (n->roles & BH_ROLE_DOMAIN_CONTROLLER) {
			say(j, BH_HOST_CONTROLLER,
				bh_arena_printf(j->a,
					"calls itself a domain controller of %s (NetBIOS 1C)",
					n->name));
			break;
		}
	}
}

static void print_server(struct judge *j)
{
	say_clients(j, BH_HOST_PRINTS, "serves printers or their drivers to ", BH_CLASS_PRINT);
	say_pipe(
		j, BH_HOST_PRINTS, BH_PIPE_SPOOLSS, "answers on spoolss, the print spooler's pipe");
}

static void cluster_node(struct judge *j)
{
	say_clients(j, BH_HOST_CLUSTER, "serves cluster volumes to ", BH_CLASS_CLUSTER);
	say_pipe(j, BH_HOST_CLUSTER, BH_PIPE_CLUSAPI, "answers on clusapi, the cluster's pipe");
	say_pipe(j, BH_HOST_CLUSTER, BH_PIPE_WITNESS, "answers as witness of a cluster");
	if (j->d->used >> BH_CLASS_CLUSTER & 1)
		say(j, BH_HOST_CLUSTER, "uses volumes of another node of a cluster");
}

static bool client_only(const struct judge *j)
{
	return j->d->worked && !j->h->clients;
}

static void file_server(struct judge *j)
{
	uint64_t clients = j->d->clients[BH_CLASS_DISK];

	if (!clients || (j->d->worked && clients < MANY_CLIENTS))
		return;
	const char *shares = count(j, "serves ", j->d->shares, "share to ", "shares to ");
	if (shares)
		say(j, BH_HOST_FILES, count(j, shares, clients, "client", "clients"));
}

/* ---- devices ---- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* A maker's default name: a word, and so many hexadecimal digits (of its MAC address)
 * until its end; 0: anything may follow. */
struct pattern {
	const char *word;
	unsigned digits;
	const char *maker;
};

static const struct pattern nas_names[] = {
	{ "DISKSTATION", 0, "Synology" },
	{ "RACKSTATION", 0, "Synology" },
	{ "SYNOLOGY", 0, "Synology" },
	{ "QNAP", 0, "QNAP" },
	{ "NAS", 6, "QNAP" },
	{ "READYNAS", 0, "Netgear" },
	{ "NAS-", 6, "Netgear" },
	{ "WDMYCLOUD", 0, "Western Digital" },
	{ "MYCLOUD-", 0, "Western Digital" },
	{ "TERASTATION", 0, "Buffalo" },
	{ "LINKSTATION", 0, "Buffalo" },
	{ "TNAS-", 0, "TerraMaster" },
	{ "TRUENAS", 0, "TrueNAS" },
	{ "FREENAS", 0, "FreeNAS" },
	{ "OPENMEDIAVAULT", 0, "openmediavault" },
};

static const struct pattern device_names[] = {
	{ "BRN", 12, "Brother" },
	{ "BRW", 12, "Brother" },
	{ "NPI", 6, "HP" },
	{ "RNP", 12, "Ricoh" },
	{ "XRX", 12, "Xerox" },
	{ "KM", 6, "Kyocera or Konica Minolta" },
	{ "KMBT", 6, "Konica Minolta" },
	{ "CANON", 6, "Canon" },
	{ "EPSON", 6, "Epson" },
	{ "SEC", 12, "Samsung" },
	{ "ET", 12, "Lexmark" },
	{ "SC", 6, "Sharp" },
};

static bool matches(const struct pattern *p, const char *name)
{
	size_t len = strlen(p->word), digits = 0;

	if (strncasecmp(name, p->word, len))
		return false;
	while (is_hex(name[len + digits]))
		digits++;
	return !p->digits ||
	       (digits == p->digits && (!name[len + digits] || name[len + digits] == '.'));
}

static bool say_name(struct judge *j, enum bh_host_role role, const struct pattern *v, size_t n)
{
	const char *names[] = { j->h->name, j->h->workstation };

	for (size_t i = 0; i < n * BH_LEN(names); i++) {
		const char *name = names[i % BH_LEN(names)];
		const struct pattern *p = &v[i / BH_LEN(names)];
		if (!name || !matches(p, name))
			continue;
		say(j, role,
			bh_arena_printf(
				j->a, "is called %s, as %s names its devices", name, p->maker));
		return true;
	}
	return false;
}

/* A file server that is none of Windows: it takes no Kerberos where others do, nobody
 * administers it over SMB, and it never uses SMB itself. */
static void nas(struct judge *j)
{
	const uint32_t windows = 1u << BH_PIPE_SVCCTL | 1u << BH_PIPE_WINREG | 1u << BH_PIPE_ATSVC |
				 1u << BH_PIPE_EVENTLOG;

	if (!(j->h->roles & 1u << BH_HOST_FILES) || j->h->roles & 1u << BH_HOST_CONTROLLER)
		return;
	if (say_name(j, BH_HOST_NAS, nas_names, BH_LEN(nas_names)))
		return;
	if (j->net->kerberos && j->d->took_others && !j->d->took_kerberos && !j->d->worked &&
		!j->d->clients[BH_CLASS_ADMIN] && !(j->d->pipes_served & windows))
		say(j, BH_HOST_NAS,
			"takes no Kerberos where others do, is not administered over SMB, and uses no SMB itself");
}

enum {
	/* What makes a writer: so much, and so many times what it reads (answers alone are
	 * some bytes for each write), to so few. */
	WRITTEN = 64 * 1024,
	TIMES_READ = 12,
	FEW_SERVERS = 2,
};

static void scanner(struct judge *j)
{
	const uint32_t other = ~(1u << BH_CLASS_DISK | 1u << BH_CLASS_IPC | 1u << BH_CLASS_UNKNOWN);
	const struct deeds *d = j->d;

	if (!client_only(j))
		return;
	bool called = say_name(j, BH_HOST_SCANNER, device_names, BH_LEN(device_names));
	if (d->written >= WRITTEN && d->written / TIMES_READ >= d->read &&
		d->servers <= FEW_SERVERS && !(d->used & other) && (called || !d->pipes_used))
		say(j, BH_HOST_SCANNER,
			count(j, "only writes, and to ", d->servers, "server", "servers"));
}

static void workstation(struct judge *j)
{
	if (j->h->roles || !j->d->worked)
		return;
	const char *used = count(j, "uses ", j->d->servers, "server", "servers");
	if (!used)
		return;
	if (!j->h->clients)
		say(j, BH_HOST_WORKSTATION, bh_arena_printf(j->a, "%s and serves nobody", used));
	else
		say(j, BH_HOST_WORKSTATION,
			count(j, bh_arena_printf(j->a, "%s and serves no more than ", used),
				j->h->clients, "client", "clients"));
}

int roles_of(
	const struct deeds *d, const struct network *net, struct bh_arena *a, struct bh_host_row *h)
{
	struct bh_host_evidence v[MAX_EVIDENCE];
	struct judge j = { .d = d, .net = net, .a = a, .h = h, .v = v };

	if (bh_addr_public(&h->addr) &&
		!(net->inside && bh_addrset_contains(net->inside, &h->addr)))
		say(&j, BH_HOST_INTERNET, "has a public address");
	controller(&j);
	file_server(&j);
	print_server(&j);
	cluster_node(&j);
	nas(&j);
	scanner(&j);
	workstation(&j);
	h->evidence = bh_arena_copy(a, v, h->n_evidence * sizeof *v);
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}
