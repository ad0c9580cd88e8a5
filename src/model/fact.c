#include "model/fact.h"
