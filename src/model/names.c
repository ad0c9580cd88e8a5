#include "model/conversation.h"
#include "model/flow.h"

const char *const bh_hook_names[BH_HOOKS] = {
	[BH_IN] = "in",
	[BH_OUT] = "out",
	[BH_FWD] = "fwd",
};

const char *const bh_profile_names[BH_PROFILES] = {
	[BH_DOMAIN] = "domain",
	[BH_PRIVATE] = "private",
	[BH_PUBLIC] = "public",
};

const char *const bh_level_names[] = {
	[BH_CLEAR] = "clear",
	[BH_LEVEL_SECURE] = "secure",
	[BH_LEVEL_INTEGRITY] = "integrity",
	[BH_LEVEL_ENCRYPTED] = "encrypted",
};

const char *const bh_by_names[] = {
	[BH_BY_UNSAID] = "",
	[BH_BY_CERTIFICATE] = "certificate",
	[BH_BY_KERBEROS] = "kerberos",
};

const char *const bh_verdict_names[4] = {
	[BH_PASS] = "pass",
	[BH_ALLOW] = "allow",
	[BH_SECURE] = "secure",
	[BH_BLOCK] = "block",
};

const char *const bh_transport_names[BH_TRANSPORTS] = {
	[BH_TRANSPORT_TCP445] = "tcp445",
	[BH_TRANSPORT_NBSS139] = "nbss139",
	[BH_TRANSPORT_QUIC443] = "quic443",
	[BH_TRANSPORT_RDMA5445] = "rdma5445",
	[BH_TRANSPORT_OTHER] = "other",
};

const char *const bh_outcome_names[BH_OUTCOMES] = {
	[BH_ANSWERED] = "answered",
	[BH_REFUSED] = "refused",
	[BH_SILENT] = "silent",
	[BH_WOULD_BLOCK] = "would-block",
	[BH_BLOCKED] = "blocked",
};

const char *const bh_auth_names[BH_AUTHS] = {
	[BH_AUTH_NTLM] = "ntlm",
	[BH_AUTH_KERBEROS] = "kerberos",
	[BH_AUTH_ANONYMOUS] = "anonymous",
	[BH_AUTH_NONE] = "none",
};

const char *const bh_ntlm_names[BH_NTLMS] = {
	[BH_NTLM_V1] = "v1",
	[BH_NTLM_V2] = "v2",
};

const char *const bh_signing_names[BH_SIGNINGS] = {
	[BH_SIGNING_OFF] = "off",
	[BH_SIGNING_ENABLED] = "enabled",
	[BH_SIGNING_REQUIRED] = "required",
};

const char *const bh_share_type_names[BH_SHARE_TYPES] = {
	[BH_SHARE_DISK] = "disk",
	[BH_SHARE_PIPE] = "pipe",
	[BH_SHARE_PRINT] = "print",
};

const char *const bh_cipher_names[BH_CIPHERS] = {
	[BH_CIPHER_AES128_CCM] = "AES-128-CCM",
	[BH_CIPHER_AES128_GCM] = "AES-128-GCM",
	[BH_CIPHER_AES256_CCM] = "AES-256-CCM",
	[BH_CIPHER_AES256_GCM] = "AES-256-GCM",
};

const char *const bh_signing_algorithm_names[BH_SIGN_ALGS] = {
	[BH_SIGN_HMAC_SHA256] = "HMAC-SHA256",
	[BH_SIGN_AES_CMAC] = "AES-CMAC",
	[BH_SIGN_AES_GMAC] = "AES-GMAC",
};

const char *const bh_compression_names[BH_COMPRESSIONS] = {
	[BH_COMPRESSION_NONE] = "none",
	[BH_COMPRESSION_LZNT1] = "LZNT1",
	[BH_COMPRESSION_LZ77] = "LZ77",
	[BH_COMPRESSION_LZ77_HUFFMAN] = "LZ77+Huffman",
	[BH_COMPRESSION_PATTERN_V1] = "Pattern_V1",
	[BH_COMPRESSION_LZ4] = "LZ4",
};

const char *const bh_dialect_names[BH_DIALECTS] = {
	[BH_DIALECT_SMB1_OTHER] = "SMB1",
	[BH_DIALECT_PC_NETWORK_10] = "PC NETWORK PROGRAM 1.0",
	[BH_DIALECT_PCLAN_10] = "PCLAN1.0",
	[BH_DIALECT_XENIX_CORE] = "XENIX CORE",
	[BH_DIALECT_MICROSOFT_103] = "MICROSOFT NETWORKS 1.03",
	[BH_DIALECT_MICROSOFT_30] = "MICROSOFT NETWORKS 3.0",
	[BH_DIALECT_LANMAN_10] = "LANMAN1.0",
	[BH_DIALECT_WORKGROUPS_31A] = "Windows for Workgroups 3.1a",
	[BH_DIALECT_DOS_LM_12] = "DOS LM1.2X002",
	[BH_DIALECT_LM_12] = "LM1.2X002",
	[BH_DIALECT_DOS_LANMAN_21] = "DOS LANMAN2.1",
	[BH_DIALECT_LANMAN_21] = "LANMAN2.1",
	[BH_DIALECT_SAMBA] = "Samba",
	[BH_DIALECT_NT_LANMAN_10] = "NT LANMAN 1.0",
	[BH_DIALECT_NT_LM_012] = "NT LM 0.12",
	[BH_DIALECT_202] = "2.0.2",
	[BH_DIALECT_21] = "2.1",
	[BH_DIALECT_30] = "3.0",
	[BH_DIALECT_302] = "3.0.2",
	[BH_DIALECT_311] = "3.1.1",
};
