#include "model/pipe.h"

const char *const bh_pipe_names[BH_PIPES] = {
	[BH_PIPE_SRVSVC] = "srvsvc",
	[BH_PIPE_WKSSVC] = "wkssvc",
	[BH_PIPE_SVCCTL] = "svcctl",
	[BH_PIPE_WINREG] = "winreg",
	[BH_PIPE_SAMR] = "samr",
	[BH_PIPE_LSARPC] = "lsarpc",
	[BH_PIPE_NETLOGON] = "netlogon",
	[BH_PIPE_SPOOLSS] = "spoolss",
	[BH_PIPE_ATSVC] = "atsvc",
	[BH_PIPE_EVENTLOG] = "eventlog",
	[BH_PIPE_EPMAPPER] = "epmapper",
	[BH_PIPE_BROWSER] = "browser",
	[BH_PIPE_INITSHUTDOWN] = "initshutdown",
	[BH_PIPE_NETDFS] = "netdfs",
	[BH_PIPE_EFSRPC] = "efsrpc",
	[BH_PIPE_WITNESS] = "witness",
	[BH_PIPE_NTSVCS] = "ntsvcs",
	[BH_PIPE_DRSUAPI] = "drsuapi",
	[BH_PIPE_DNSSERVER] = "dnsserver",
	[BH_PIPE_W32TIME] = "w32time",
	[BH_PIPE_FSSAGENT] = "fssagentrpc",
	[BH_PIPE_SQL] = "sql",
	[BH_PIPE_SEARCH] = "search",
	[BH_PIPE_TRKWKS] = "trkwks",
	[BH_PIPE_KEYS] = "keys",
	[BH_PIPE_TERMSRV] = "termsrv",
	[BH_PIPE_CLUSAPI] = "clusapi",
	[BH_PIPE_WMI] = "wmi",
	[BH_PIPE_CERT] = "cert",
	[BH_PIPE_DHCP] = "dhcpserver",
	[BH_PIPE_REMOTE_SHELL] = "remote-shell",
	[BH_PIPE_OTHER] = "other",
};

/* Pipes under other names than the interface's own. */
static const struct {
	const char *name;
	uint8_t pipe;
	bool prefix; /* what follows varies: "MSSQL$INSTANCE\sql\query" */
} pipes[] = {
	{ "lsass", BH_PIPE_LSARPC, false },
	{ "ntlsass", BH_PIPE_LSARPC, false },
	{ "ntsvcs", BH_PIPE_NTSVCS, false },
	{ "plugplay", BH_PIPE_NTSVCS, false },
	{ "msftewds", BH_PIPE_SEARCH, false },
	{ "protected_storage", BH_PIPE_KEYS, false },
	{ "keysvc", BH_PIPE_KEYS, false },
	{ "tsvcs", BH_PIPE_TERMSRV, false },
	{ "lsm_api_service", BH_PIPE_TERMSRV, false },
	{ "ctx_winstation_api_service", BH_PIPE_TERMSRV, false },
	{ "termsrv_api_service", BH_PIPE_TERMSRV, false },
	{ "sessenvpublicrpc", BH_PIPE_TERMSRV, false },
	{ "w32time_alt", BH_PIPE_W32TIME, false },
	{ "fssagentrpc", BH_PIPE_FSSAGENT, false },
	{ "sql\\query", BH_PIPE_SQL, false },
	{ "mssql$", BH_PIPE_SQL, true },
	{ "microsoft##wid\\", BH_PIPE_SQL, true },
	{ "cluster", BH_PIPE_CLUSAPI, true },
	{ "winmgmt", BH_PIPE_WMI, true },
	{ "pipe_eventroot\\", BH_PIPE_WMI, true },
	{ "psexe", BH_PIPE_REMOTE_SHELL, true }, /* psexesvc, psexecsvc … */
	{ "paexec", BH_PIPE_REMOTE_SHELL, true },
	{ "remcom_", BH_PIPE_REMOTE_SHELL, true },
	{ "csexec", BH_PIPE_REMOTE_SHELL, true },
	{ "winexesvc", BH_PIPE_REMOTE_SHELL, true },
	{ "smbexec", BH_PIPE_REMOTE_SHELL, true },
};

/* Longer names are none of ours. */
enum { MAX_NAME = 64 };

static bool same(const char *pipe, bool prefix, const char *name, size_t len)
{
	size_t n = strlen(pipe);

	return (prefix ? len >= n : len == n) && !strncasecmp(pipe, name, n);
}

uint32_t bh_pipe_bit(struct bh_span name)
{
	const char *text = (const char *)name.ptr;
	size_t len = name.len;

	while (len && *text == '\\') {
		text++;
		len--;
	}
	/* "pipe\srvsvc", as SMB1 clients write it */
	if (len > 5 && !strncasecmp(text, "pipe\\", 5)) {
		text += 5;
		len -= 5;
	}
	if (!len)
		return 0;
	if (len > MAX_NAME)
		return 1u << BH_PIPE_OTHER;
	for (unsigned i = 0; i < BH_PIPE_OTHER; i++) {
		if (same(bh_pipe_names[i], false, text, len))
			return 1u << i;
	}
	for (size_t i = 0; i < BH_LEN(pipes); i++) {
		if (same(pipes[i].name, pipes[i].prefix, text, len))
			return 1u << pipes[i].pipe;
	}
	return 1u << BH_PIPE_OTHER;
}

/* The first three parts in the order of the text, the rest as bytes. */
static const struct {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
	uint8_t pipe;
} interfaces[] = {
	{ 0x4b324fc8, 0x1670, 0x01d3, { 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88 },
		BH_PIPE_SRVSVC },
	{ 0x6bffd098, 0xa112, 0x3610, { 0x98, 0x33, 0x46, 0xc3, 0xf8, 0x7e, 0x34, 0x5a },
		BH_PIPE_WKSSVC },
	{ 0x367abb81, 0x9844, 0x35f1, { 0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03 },
		BH_PIPE_SVCCTL },
	{ 0x338cd001, 0x2244, 0x31f1, { 0xaa, 0xaa, 0x90, 0x00, 0x38, 0x00, 0x10, 0x03 },
		BH_PIPE_WINREG },
	{ 0x12345778, 0x1234, 0xabcd, { 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac },
		BH_PIPE_SAMR },
	{ 0x12345778, 0x1234, 0xabcd, { 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab },
		BH_PIPE_LSARPC },
	{ 0x3919286a, 0xb10c, 0x11d0, { 0x9b, 0xa8, 0x00, 0xc0, 0x4f, 0xd9, 0x2e, 0xf5 },
		BH_PIPE_LSARPC }, /* dssetup, [MS-DSSP] */
	{ 0x12345678, 0x1234, 0xabcd, { 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb },
		BH_PIPE_NETLOGON },
	{ 0x12345678, 0x1234, 0xabcd, { 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab },
		BH_PIPE_SPOOLSS },
	{ 0x76f03f96, 0xcdfd, 0x44fc, { 0xa2, 0x2c, 0x64, 0x95, 0x0a, 0x00, 0x12, 0x09 },
		BH_PIPE_SPOOLSS }, /* [MS-PAR] */
	{ 0x1ff70682, 0x0a51, 0x30e8, { 0x07, 0x6d, 0x74, 0x0b, 0xe8, 0xce, 0xe9, 0x8b },
		BH_PIPE_ATSVC },
	{ 0x86d35949, 0x83c9, 0x4044, { 0xb4, 0x24, 0xdb, 0x36, 0x32, 0x31, 0xfd, 0x0c },
		BH_PIPE_ATSVC }, /* ITaskSchedulerService */
	{ 0x378e52b0, 0xc0a9, 0x11cf, { 0x82, 0x2d, 0x00, 0xaa, 0x00, 0x51, 0xe4, 0x0f },
		BH_PIPE_ATSVC }, /* SASec */
	{ 0x82273fdc, 0xe32a, 0x18c3, { 0x3f, 0x78, 0x82, 0x79, 0x29, 0xdc, 0x23, 0xea },
		BH_PIPE_EVENTLOG },
	{ 0xf6beaff7, 0x1e19, 0x4fbb, { 0x9f, 0x8f, 0xb8, 0x9e, 0x20, 0x18, 0x33, 0x7c },
		BH_PIPE_EVENTLOG }, /* [MS-EVEN6] */
	{ 0xe1af8308, 0x5d1f, 0x11c9, { 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa },
		BH_PIPE_EPMAPPER },
	{ 0x6bffd098, 0xa112, 0x3610, { 0x98, 0x33, 0x01, 0x28, 0x92, 0x02, 0x01, 0x62 },
		BH_PIPE_BROWSER },
	{ 0x894de0c0, 0x0d55, 0x11d3, { 0xa3, 0x22, 0x00, 0xc0, 0x4f, 0xa3, 0x21, 0xa1 },
		BH_PIPE_INITSHUTDOWN },
	{ 0x4fc742e0, 0x4a10, 0x11cf, { 0x82, 0x73, 0x00, 0xaa, 0x00, 0x4a, 0xe6, 0x73 },
		BH_PIPE_NETDFS },
	{ 0xc681d488, 0xd850, 0x11d0, { 0x8c, 0x52, 0x00, 0xc0, 0x4f, 0xd9, 0x0f, 0x7e },
		BH_PIPE_EFSRPC },
	{ 0xdf1941c5, 0xfe89, 0x4e79, { 0xbf, 0x10, 0x46, 0x36, 0x57, 0xac, 0xf4, 0x4d },
		BH_PIPE_EFSRPC },
	{ 0xccd8c074, 0xd0e5, 0x4a40, { 0x92, 0xb4, 0xd0, 0x74, 0xfa, 0xa6, 0xba, 0x28 },
		BH_PIPE_WITNESS },
	{ 0x8d9f4e40, 0xa03d, 0x11ce, { 0x8f, 0x69, 0x08, 0x00, 0x3e, 0x30, 0x05, 0x1b },
		BH_PIPE_NTSVCS },
	{ 0xe3514235, 0x4b06, 0x11d1, { 0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2 },
		BH_PIPE_DRSUAPI },
	{ 0x50abc2a4, 0x574d, 0x40b3, { 0x9d, 0x66, 0xee, 0x4f, 0xd5, 0xfb, 0xa0, 0x76 },
		BH_PIPE_DNSSERVER },
	{ 0x8fb6d884, 0x2388, 0x11d0, { 0x8c, 0x35, 0x00, 0xc0, 0x4f, 0xda, 0x27, 0x95 },
		BH_PIPE_W32TIME },
	{ 0xa8e0653c, 0x2744, 0x4389, { 0xa6, 0x1d, 0x73, 0x73, 0xdf, 0x8b, 0x22, 0x92 },
		BH_PIPE_FSSAGENT },
	{ 0x300f3532, 0x38cc, 0x11d0, { 0xa3, 0xf0, 0x00, 0x20, 0xaf, 0x6b, 0x0a, 0xdd },
		BH_PIPE_TRKWKS },
	{ 0x3dde7c30, 0x165d, 0x11d1, { 0xab, 0x8f, 0x00, 0x80, 0x5f, 0x14, 0xdb, 0x40 },
		BH_PIPE_KEYS },
	{ 0x484809d6, 0x4239, 0x471b, { 0xb5, 0xbc, 0x61, 0xdf, 0x8c, 0x23, 0xac, 0x48 },
		BH_PIPE_TERMSRV },
	{ 0x5ca4a760, 0xebb1, 0x11cf, { 0x86, 0x11, 0x00, 0xa0, 0x24, 0x54, 0x20, 0xed },
		BH_PIPE_TERMSRV },
	{ 0xb97db8b2, 0x4c63, 0x11cf, { 0xbf, 0xf6, 0x08, 0x00, 0x2b, 0xe2, 0x3f, 0x2f },
		BH_PIPE_CLUSAPI },
	{ 0x91ae6020, 0x9e3c, 0x11cf, { 0x8d, 0x7c, 0x00, 0xaa, 0x00, 0xc0, 0x91, 0xbe },
		BH_PIPE_CERT },
	{ 0x6bffd098, 0xa112, 0x3610, { 0x98, 0x33, 0x46, 0xc3, 0xf8, 0x74, 0x53, 0x2d },
		BH_PIPE_DHCP },
	{ 0x5b821720, 0xf63b, 0x11d0, { 0xaa, 0xd2, 0x00, 0xc0, 0x4f, 0xc3, 0x24, 0xdb },
		BH_PIPE_DHCP },
};

/* [C706] Appendix A: the form that the data representation calls little endian. */
uint32_t bh_pipe_bit_of_interface(const uint8_t uuid[16])
{
	uint32_t a = (uint32_t)uuid[3] << 24 | (uint32_t)uuid[2] << 16 | (uint32_t)uuid[1] << 8 |
		     uuid[0];
	uint16_t b = (uint16_t)(uuid[5] << 8 | uuid[4]), c = (uint16_t)(uuid[7] << 8 | uuid[6]);

	for (size_t i = 0; i < BH_LEN(interfaces); i++) {
		if (interfaces[i].a == a && interfaces[i].b == b && interfaces[i].c == c &&
			!memcmp(interfaces[i].d, uuid + 8, 8))
			return 1u << interfaces[i].pipe;
	}
	return 1u << BH_PIPE_OTHER;
}
