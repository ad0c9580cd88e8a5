/* rings: the two descriptors that need privilege to open and none to use. */
#pragma once

#include "priv/priv.h"

BH_MUST int rings_capture(const char *ifname, struct bh_priv_ring *ret, const char **step);
BH_MUST int rings_nflog(int *ret, const char **step);
