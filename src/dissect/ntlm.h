/*
 * ntlm, kerberos: what a security token tells of who speaks; inside the room only.
 */
#pragma once

#include "dissect/dissect.h"

bool bh_ntlm_is(struct bh_span token);
BH_MUST int bh_ntlm_read(struct bh_span token, struct bh_identity *ret);
BH_MUST int bh_kerberos_read(struct bh_span ap_req, struct bh_identity *ret);

/* The NTLM version that a response of so many bytes is, and anonymous for nobody. */
void bh_ntlm_judge(size_t nt_len, struct bh_identity *id);
