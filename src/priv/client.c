#include "priv/priv.h"
