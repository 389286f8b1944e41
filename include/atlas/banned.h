// Functions nobody calls here, forced into every file by the build.
#ifndef ATLAS_BANNED_H
#define ATLAS_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef ATLAS_TESTS // cmocka.h needs setjmp
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets system popen
#pragma GCC poison mktemp tmpnam tempnam gmtime localtime ctime asctime atoi atol atof
#pragma GCC poison setjmp longjmp
#endif

#endif
