#include "model/row.h"

#include <strings.h>

const char *const bh_host_role_names[BH_HOST_ROLES] = {
	[BH_HOST_CONTROLLER] = "domain-controller",
	[BH_HOST_FILES] = "file-server",
	[BH_HOST_PRINTS] = "print-server",
	[BH_HOST_CLUSTER] = "cluster-node",
	[BH_HOST_NAS] = "nas",
	[BH_HOST_SCANNER] = "scanner-printer",
	[BH_HOST_WORKSTATION] = "workstation",
	[BH_HOST_INTERNET] = "internet",
};

const char *const bh_finding_names[BH_FINDINGS] = {
	[BH_FOUND_SMB1] = "smb1-used",
	[BH_FOUND_SMB1_OFFERED] = "smb1-offered",
	[BH_FOUND_GUEST] = "guest",
	[BH_FOUND_ANONYMOUS] = "anonymous",
	[BH_FOUND_NTLM_V1] = "ntlmv1",
	[BH_FOUND_NTLM] = "ntlm-avoidable",
	[BH_FOUND_SIGNING] = "signing-not-required",
	[BH_FOUND_CLEAR] = "not-encrypted",
	[BH_FOUND_LATERAL] = "workstation-to-workstation",
	[BH_FOUND_INTERNET] = "internet",
	[BH_FOUND_SHARE_OPEN] = "share-open-to-everyone",
	[BH_FOUND_SHARE_UNUSED] = "share-unused",
	[BH_FOUND_SERVER_UNUSED] = "server-unused",
};

const char *const bh_answer_names[BH_ANSWERS] = {
	[BH_ANSWER_NO] = "no",
	[BH_ANSWER_YES] = "yes",
};

const char *const bh_scope_names[BH_SCOPES] = {
	[BH_FROM_NOBODY] = "nobody",
	[BH_FROM_NODES] = "certain-nodes",
	[BH_FROM_NETWORKS] = "certain-networks",
	[BH_FROM_ALL] = "all-clients",
};

const char *const bh_grade_names[BH_GRADES] = {
	[BH_GRADE_INFO] = "info",
	[BH_GRADE_LOW] = "low",
	[BH_GRADE_MEDIUM] = "medium",
	[BH_GRADE_HIGH] = "high",
	[BH_GRADE_CRITICAL] = "critical",
};

const char *const bh_purpose_names[BH_PURPOSES] = {
	[BH_PURPOSE_GPO] = "gpo",
	[BH_PURPOSE_FILE] = "file",
	[BH_PURPOSE_PRINT] = "print",
	[BH_PURPOSE_ADMIN] = "admin",
	[BH_PURPOSE_CLUSTER] = "cluster",
	[BH_PURPOSE_BACKUP] = "backup",
	[BH_PURPOSE_DISCOVERY] = "discovery",
};

static const struct {
	const char *word;
	uint8_t kind;
} kinds[] = {
	{ "pcap", BH_KIND_CAPTURE },
	{ "live", BH_KIND_CAPTURE },
	{ "zeek", BH_KIND_ZEEK },
	{ "zeeklog", BH_KIND_ZEEK_LOG },
	{ "suricata", BH_KIND_SURICATA },
	{ "samba", BH_KIND_SAMBA },
	{ "evtx", BH_KIND_WINDOWS },
	{ "windows", BH_KIND_WINDOWS },
	{ "pfirewall", BH_KIND_FIREWALL },
	{ "firewall", BH_KIND_FIREWALL },
};

enum bh_kind bh_kind_of(const char *identity)
{
	/* "zeek-conn:…" is of Zeek, too. */
	size_t len = strcspn(identity, ":-");

	for (size_t i = 0; i < BH_LEN(kinds); i++) {
		if (strlen(kinds[i].word) == len && !strncasecmp(kinds[i].word, identity, len))
			return (enum bh_kind)kinds[i].kind;
	}
	return BH_KIND_OTHER;
}

/* ---- what became of it ---- */

/* [MS-ERREF] 2.3: the two top bits are the severity, 3 an error.  A logon that wants
 * another round has not failed. */
#define STATUS_MORE_PROCESSING 0xc0000016u

static bool failed(uint32_t status)
{
	return status >> 30 == 3 && status != STATUS_MORE_PROCESSING;
}

static bool session_stood(const struct bh_row *row)
{
	const struct bh_talk *c = &row->who;

	if (c->known & BH_KNOWN_AUTH_STATUS && c->auth_status == 0)
		return true;
	if (c->known & BH_KNOWN_SHARE_STATUS)
		return true;
	if (c->is_signed == 1 || c->encrypted == 1 || row->figures.opens)
		return true;
	/* A log names a share when it was used, or says that it was refused. */
	if (c->complete == BH_UNKNOWN && c->known & BH_KNOWN_SHARE && c->known & BH_KNOWN_USER)
		return true;
	/* A share mounted long before anybody looked: all that is seen is its middle. */
	return c->complete == 0 && c->dialect == BH_DIALECT_UNKNOWN &&
	       row->figures.bytes_to_server && row->figures.bytes_to_client;
}

enum bh_use bh_row_use(const struct bh_row *row)
{
	const struct bh_talk *c = &row->who;

	if (c->outcome != BH_ANSWERED)
		return BH_USE_UNANSWERED;
	if ((c->known & BH_KNOWN_AUTH_STATUS && failed(c->auth_status)) ||
		(c->known & BH_KNOWN_SHARE_STATUS && failed(c->share_status)))
		return BH_USE_DENIED;
	if (!session_stood(row))
		return BH_USE_NO_SESSION;
	if (bh_dialect_smb1(c->dialect))
		return BH_USE_SMB1;
	if (c->guest == 1 || c->auth == BH_AUTH_ANONYMOUS)
		return BH_USE_NOBODY;
	return BH_USE_WORKS;
}

/* ---- shares by their names ---- */

const char *bh_share_name(const char *unc)
{
	const char *last = strrchr(unc, '\\');

	return last ? last + 1 : unc;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" */
static bool is_guid(const char *s)
{
	enum { LEN = 36 };

	for (size_t i = 0; i < LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' : !is_hex(s[i]))
			return false;
	}
	return true;
}

/* [MS-FSRVP] 3.1.4.9: what a shadow copy of a share is exposed as, "data@{GUID}". */
static bool shadow_copy(const char *name)
{
	const char *at = strstr(name, "@{");

	return at && is_guid(at + 2);
}

/* Of a failover cluster: the volumes' namespace, and the hidden share of each volume
 * over which a node asks the volume's owner ("GUID-135266304$"). */
static bool of_cluster(const char *name)
{
	size_t len = strlen(name);

	return !strcasecmp(name, "ClusterStorage$") || !strcasecmp(name, "CSV$") ||
	       (is_guid(name) && name[len - 1] == '$');
}

static bool is_drive(const char *name)
{
	char c = (char)(name[0] | 0x20);

	return c >= 'a' && c <= 'z' && !strcmp(name + 1, "$");
}

enum bh_share_class bh_share_class(const struct bh_talk *c)
{
	const char *name = bh_share_name(c->share);

	if (!(c->known & BH_KNOWN_SHARE) || !name[0])
		return BH_CLASS_UNKNOWN;
	if (!strcasecmp(name, "IPC$") || c->share_type == BH_SHARE_PIPE)
		return BH_CLASS_IPC;
	if (!strcasecmp(name, "SYSVOL") || !strcasecmp(name, "NETLOGON"))
		return BH_CLASS_DOMAIN;
	if (c->share_type == BH_SHARE_PRINT || !strcasecmp(name, "print$") ||
		!strcasecmp(name, "prnproc$") || !strcasecmp(name, "FxsSrvCp$"))
		return BH_CLASS_PRINT;
	if (!strcasecmp(name, "ADMIN$") || is_drive(name))
		return BH_CLASS_ADMIN;
	if (of_cluster(name))
		return BH_CLASS_CLUSTER;
	return shadow_copy(name) ? BH_CLASS_BACKUP : BH_CLASS_DISK;
}
