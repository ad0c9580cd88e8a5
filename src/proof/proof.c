#include "proof/proof.h"
