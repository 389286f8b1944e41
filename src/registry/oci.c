#include "target.h"
Target *target_oci(const char *url, Loop *loop, Arena *mem) { return target_blob(url, loop, mem); }
