/*
 * pipe: the well-known named pipes of IPC$ and the DCE/RPC interfaces behind them.
 *
 * What an endpoint asks another for over SMB is told by these names: a workstation that
 * opens spoolss prints, one that opens svcctl administers.  A set of them is one number,
 * so that figures of one conversation can be joined in any order.
 */
#pragma once

#include "base/base.h"

enum bh_pipe {
	BH_PIPE_SRVSVC, /* [MS-SRVS]: shares, sessions */
	BH_PIPE_WKSSVC, /* [MS-WKST] */
	BH_PIPE_SVCCTL, /* [MS-SCMR]: services */
	BH_PIPE_WINREG, /* [MS-RRP]: registry */
	BH_PIPE_SAMR, /* [MS-SAMR]: accounts */
	BH_PIPE_LSARPC, /* [MS-LSAD], [MS-LSAT] */
	BH_PIPE_NETLOGON, /* [MS-NRPC] */
	BH_PIPE_SPOOLSS, /* [MS-RPRN], [MS-PAR]: printing */
	BH_PIPE_ATSVC, /* [MS-TSCH]: scheduled tasks */
	BH_PIPE_EVENTLOG, /* [MS-EVEN], [MS-EVEN6] */
	BH_PIPE_EPMAPPER, /* [MS-RPCE] */
	BH_PIPE_BROWSER, /* [MS-BRWSA] */
	BH_PIPE_INITSHUTDOWN, /* [MS-RSP] */
	BH_PIPE_NETDFS, /* [MS-DFSNM] */
	BH_PIPE_EFSRPC, /* [MS-EFSR] */
	BH_PIPE_WITNESS, /* [MS-SWN] */
	BH_PIPE_NTSVCS, /* plug and play */
	BH_PIPE_DRSUAPI, /* [MS-DRSR]: replication */
	BH_PIPE_DNSSERVER, /* [MS-DNSP] */
	BH_PIPE_W32TIME, /* [MS-W32T] */
	BH_PIPE_FSSAGENT, /* [MS-FSRVP]: shadow copies of shares */
	BH_PIPE_SQL, /* SQL Server's named pipes */
	BH_PIPE_SEARCH, /* [MS-WSP] */
	BH_PIPE_TRKWKS, /* [MS-DLTW] */
	BH_PIPE_KEYS, /* [MS-BKRP], protected storage */
	BH_PIPE_TERMSRV, /* [MS-TSTS] */
	BH_PIPE_CLUSAPI, /* [MS-CMRP] */
	BH_PIPE_WMI, /* [MS-WMI] by way of pipes */
	BH_PIPE_CERT, /* [MS-ICPR] */
	BH_PIPE_DHCP, /* [MS-DHCPM] */
	BH_PIPE_REMOTE_SHELL, /* PsExec, PAExec, RemCom and their like */
	BH_PIPE_OTHER, /* none of these */
	BH_PIPES
};

static_assert(BH_PIPES <= 32, "a set of pipes is a uint32_t");

extern const char *const bh_pipe_names[BH_PIPES];

/* The bit of a pipe's name as a CREATE or an event tells it (UTF-8; with or without
 * leading backslashes, any case); 0: an empty name. */
uint32_t bh_pipe_bit(struct bh_span name);

/* The bit of a DCE/RPC interface, its 16 bytes as on the wire (little endian form);
 * BH_PIPE_OTHER's for one we do not know. */
uint32_t bh_pipe_bit_of_interface(const uint8_t uuid[16]);
