#include "dissect/smb1.h"

enum { ERRDOS = 1, ERRSRV = 2 };

#define UNSUCCESSFUL 0xc0000001u

/* [MS-CIFS] 2.2.2.4, as far as servers answer so to what we follow. */
static const struct {
	uint8_t class;
	uint16_t code;
	uint32_t status;
} codes[] = {
	{ ERRDOS, 1, 0xc0000002 }, /* bad function: NOT_IMPLEMENTED */
	{ ERRDOS, 2, 0xc0000034 }, /* bad file: OBJECT_NAME_NOT_FOUND */
	{ ERRDOS, 3, 0xc000003a }, /* bad path: OBJECT_PATH_NOT_FOUND */
	{ ERRDOS, 4, 0xc000011f }, /* no more files: TOO_MANY_OPENED_FILES */
	{ ERRDOS, 5, 0xc0000022 }, /* no access: ACCESS_DENIED */
	{ ERRDOS, 6, 0xc0000008 }, /* bad file number: INVALID_HANDLE */
	{ ERRDOS, 8, 0xc000009a }, /* no memory: INSUFFICIENT_RESOURCES */
	{ ERRDOS, 32, 0xc0000043 }, /* SHARING_VIOLATION */
	{ ERRDOS, 53, 0xc00000be }, /* BAD_NETWORK_PATH */
	{ ERRDOS, 65, 0xc00000ca }, /* NETWORK_ACCESS_DENIED */
	{ ERRDOS, 67, 0xc00000cc }, /* no such share: BAD_NETWORK_NAME */
	{ ERRDOS, 80, 0xc0000035 }, /* file exists: OBJECT_NAME_COLLISION */
	{ ERRDOS, 87, 0xc000000d }, /* INVALID_PARAMETER */
	{ ERRDOS, 234, 0x80000005 }, /* more data: BUFFER_OVERFLOW, a warning */
	{ ERRDOS, 1326, 0xc000006d }, /* LOGON_FAILURE */
	{ ERRDOS, 1327, 0xc000006e }, /* ACCOUNT_RESTRICTION */
	{ ERRDOS, 1328, 0xc000006f }, /* INVALID_LOGON_HOURS */
	{ ERRDOS, 1329, 0xc0000070 }, /* INVALID_WORKSTATION */
	{ ERRDOS, 1330, 0xc0000071 }, /* PASSWORD_EXPIRED */
	{ ERRDOS, 1331, 0xc0000072 }, /* ACCOUNT_DISABLED */
	{ ERRDOS, 1907, 0xc0000224 }, /* PASSWORD_MUST_CHANGE */
	{ ERRDOS, 1909, 0xc0000234 }, /* ACCOUNT_LOCKED_OUT */
	{ ERRSRV, 2, 0xc000006a }, /* bad password: WRONG_PASSWORD */
	{ ERRSRV, 4, 0xc00000ca }, /* NETWORK_ACCESS_DENIED */
	{ ERRSRV, 5, 0xc00000c9 }, /* no such tree: NETWORK_NAME_DELETED */
	{ ERRSRV, 6, 0xc00000cc }, /* no such share: BAD_NETWORK_NAME */
	{ ERRSRV, 7, 0xc00000cb }, /* no such device: BAD_DEVICE_TYPE */
	{ ERRSRV, 22, 0xc0000002 }, /* bad command: NOT_IMPLEMENTED */
	{ ERRSRV, 90, 0xc00000ce }, /* too many users: TOO_MANY_SESSIONS */
	{ ERRSRV, 91, 0xc0000203 }, /* no such user: USER_SESSION_DELETED */
	{ ERRSRV, 2239, 0xc0000193 }, /* ACCOUNT_EXPIRED */
	{ ERRSRV, 2240, 0xc0000070 }, /* INVALID_WORKSTATION */
	{ ERRSRV, 2241, 0xc000006f }, /* INVALID_LOGON_HOURS */
	{ ERRSRV, 2242, 0xc0000071 }, /* PASSWORD_EXPIRED */
	{ ERRSRV, 65535, 0xc00000bb }, /* no support: NOT_SUPPORTED */
};

/* A class, a byte that is 0, a code; some servers send ERRSRV so also as NT status. */
uint32_t smb1_status(uint32_t wire, bool nt)
{
	uint8_t class = (uint8_t)wire;
	uint16_t code = (uint16_t)(wire >> 16);

	if (nt && ((wire & 0xffff) != ERRSRV || !code))
		return wire;
	for (size_t i = 0; i < BH_LEN(codes); i++) {
		if (codes[i].class == class && codes[i].code == code)
			return codes[i].status;
	}
	return UNSUCCESSFUL;
}
