// The one choke point of what is told to people. Everything passes through the mask: a secret
// registered with log_mask() never leaves, in no message and at no level.
#ifndef ATLAS_BASE_LOG_H
#define ATLAS_BASE_LOG_H

#include <stdbool.h>

#include "atlas/base/arena.h"
#include "atlas/base/attr.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARN, LOG_ERROR } LogLevel;

// Where messages go: a platform's log style, the command line's stderr, a test's list.
typedef struct LogSink {
    void (*write)(void *ctx, LogLevel level, const char *message); // already masked
    void (*mask)(void *ctx, const char *secret); // told of each new secret; may be NULL
    void *ctx;
} LogSink;

// The sink starts as "LEVEL: message" on stderr, from LOG_NOTICE on.
LogSink log_set_sink(LogSink sink); // returns the previous one
void log_set_level(LogLevel least);
bool log_enabled(LogLevel level);

// Registers a secret (3 bytes or more; each line of a multi-line one; also its URL-encoded and
// base64 spelling). At the moment it is read.
void log_mask(const char *secret);
// A copy with every registered secret replaced by "***".
char *log_redact(Arena *mem, const char *text);

void log_write(LogLevel level, const char *fmt, ...) PRINTF(2, 3);
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

#endif
