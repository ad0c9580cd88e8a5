/*
 * Roles and features of Windows that need SMB inbound.  Facts from Microsoft's "Service
 * overview and network port requirements for Windows" (KB 832017), section by section;
 * where that page is silent, from the page named beside it.  What is optional there
 * (NetBIOS, where names are resolved by DNS) is not listed as needed.
 */
#include "inventory/inventory.h"
#include "model/pipe.h"

#define KB832017(section)                                                                          \
	"Service overview and network port requirements for Windows (KB 832017), " section

#define SECURE_SMB "Secure SMB Traffic in Windows Server"

#define PIPE(name) (1u << BH_PIPE_##name)

const struct bh_need bh_needs[] = {
	/* lsarpc and samr answer on every Windows machine, and tell nothing of its part. */
	{ "Active Directory Domain Services", "LSASS", BH_HOST_CONTROLLER, BH_PURPOSE_GPO, true,
		PIPE(DRSUAPI) | PIPE(KEYS), "TCP 445",
		"every member of the domain, and its domain controllers",
		KB832017("Active Directory (local security authority)") },
	{ "Group Policy", NULL, BH_HOST_CONTROLLER, BH_PURPOSE_GPO, true, 0, "TCP 445",
		"every member of the domain", KB832017("Group Policy") },
	{ "Net Logon", "Netlogon", BH_HOST_CONTROLLER, BH_PURPOSE_GPO, false, PIPE(NETLOGON),
		"TCP 445", "every member of the domain", KB832017("Net Logon") },
	{ "DFS Namespaces", "Dfs", BH_HOST_FILES, BH_PURPOSE_FILE, false, PIPE(NETDFS), "TCP 445",
		"every client of the namespace; on domain controllers SYSVOL is advertised by it",
		KB832017("Distributed File System Namespaces") },
	{ "DFS Replication", "DFSR", BH_HOST_FILES, BH_PURPOSE_FILE, false, 0, "TCP 445",
		"the other members, and only while a new replicated folder is made",
		KB832017("Ports and protocols, note on port 5722") },
	{ "File Server", "lanmanserver", BH_HOST_FILES, BH_PURPOSE_FILE, true, PIPE(SRVSVC),
		"TCP 445", "the clients that use its shares", KB832017("Server") },
	{ "Offline Files, roaming profiles, Folder Redirection", "CscService, ProfSvc",
		BH_HOST_FILES, BH_PURPOSE_FILE, false, 0, "TCP 445", "the computers of those users",
		KB832017("Offline Files, User Profile Service, Folder Redirection") },
	{ "Print and Document Services", "Spooler", BH_HOST_PRINTS, BH_PURPOSE_PRINT, true,
		PIPE(SPOOLSS), "TCP 445 and 139, UDP 137 and 138", "the clients that print",
		KB832017("Print Spooler") },
	{ "Fax Server", "Fax", BH_HOST_PRINTS, BH_PURPOSE_PRINT, false, 0, "TCP 445 and 139",
		"the clients that send faxes", KB832017("Fax Service") },
	{ "Failover Clustering", "ClusSvc", BH_HOST_CLUSTER, BH_PURPOSE_CLUSTER, true,
		PIPE(CLUSAPI) | PIPE(WITNESS), "TCP 445", "the nodes of the cluster",
		KB832017("Cluster service") },
	{ "Cluster Shared Volumes, Storage Spaces Direct, Storage Replica", NULL, BH_HOST_CLUSTER,
		BH_PURPOSE_CLUSTER, true, 0, "TCP 445, TCP 5445 with SMB Direct over iWARP",
		"the nodes and their partners", SECURE_SMB },
	{ "Hyper-V live migration over SMB", "vmms", BH_HOST_CLUSTER, BH_PURPOSE_CLUSTER, false, 0,
		"TCP 445", "the other Hyper-V hosts", KB832017("Hyper-V service") },
	{ "Certificate Services", "CertSvc", BH_HOST_ROLES, BH_PURPOSE_UNKNOWN, false, PIPE(CERT),
		"TCP 445 and 139", "the computers that enrol certificates",
		KB832017("Certificate Services") },
	{ "Remote Desktop Licensing", "TermServLicensing", BH_HOST_ROLES, BH_PURPOSE_ADMIN, false,
		PIPE(TERMSRV), "TCP 445 and 139", "the session hosts that it licenses",
		KB832017("Terminal Services Licensing") },
	{ "Event Log, read from afar", "Eventlog", BH_HOST_ROLES, BH_PURPOSE_ADMIN, false,
		PIPE(EVENTLOG), "TCP 445 and 139", "the machines that administer it",
		KB832017("Event Log") },
	{ "Remote Procedure Call over named pipes", "RpcSs", BH_HOST_ROLES, BH_PURPOSE_ADMIN, false,
		PIPE(EPMAPPER) | PIPE(SVCCTL) | PIPE(WINREG) | PIPE(ATSVC) | PIPE(INITSHUTDOWN) |
			PIPE(WMI),
		"TCP 445", "the machines that administer it",
		KB832017("Remote Procedure Call (RPC)") },
	{ "Computer Browser", "Browser", BH_HOST_ROLES, BH_PURPOSE_DISCOVERY, false, PIPE(BROWSER),
		"TCP 139, UDP 137 and 138", "nobody, since Windows Vista",
		KB832017("Computer Browser") },
	{ "SQL Server over named pipes", "MSSQLSERVER", BH_HOST_ROLES, BH_PURPOSE_UNKNOWN, false,
		PIPE(SQL), "TCP 445", "the application servers that use it",
		"Configure the Windows Firewall to allow SQL Server access" },
	{ "Shadow copies of file shares", "fssagent", BH_HOST_FILES, BH_PURPOSE_BACKUP, false,
		PIPE(FSSAGENT), "TCP 445", "the backup servers", "[MS-FSRVP] 2.1" },
};

const size_t bh_needs_n = BH_LEN(bh_needs);
