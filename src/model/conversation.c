#include "model/conversation.h"
