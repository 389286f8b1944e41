// Functions nobody calls here, forced into every file by the build.
#ifndef ATLAS_BANNED_H
#define ATLAS_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// A library's macros may name them, if they are there first: libmariadb's header (for module db).
#if __has_include(<mysql.h>)
#include <mysql.h>
#undef list_push
#endif

#ifndef ATLAS_TESTS // cmocka.h needs setjmp
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets system popen
#pragma GCC poison mktemp tmpnam tempnam gmtime localtime ctime asctime atoi atol atof
#pragma GCC poison setjmp longjmp
#endif

#endif
