/* serve: one request after the other, until whoever asks has gone. */
#pragma once

#include "priv/act.h"

void serve(struct house *h, int fd);
