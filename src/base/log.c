#include "atlas/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atlas/base/buf.h"
#include "atlas/base/url.h"

static const char *const level_names[] = {"debug", "info", "notice", "Warning", "Error"};

static void stderr_write(void *ctx, LogLevel level, const char *message) {
    (void)ctx;
    fprintf(stderr, "%s: %s\n", level_names[level], message);
}

// The log is the one piece of state that belongs to the process: secrets must be masked wherever
// a message comes from. It lives until exit.
static struct {
    LogSink sink;
    LogLevel least;
    Arena *mem;
    StrList secrets; // longest first, so that no rest of a longer one stays
} state = {.sink = {stderr_write, NULL, NULL}, .least = LOG_NOTICE};

static void release_state(void) {
    arena_free(state.mem);
    state.mem = NULL;
}

LogSink log_set_sink(LogSink sink) {
    LogSink old = state.sink;
    state.sink = sink;
    for (size_t i = 0; sink.mask && i < state.secrets.len; i++)
        sink.mask(sink.ctx, state.secrets.items[i]);
    return old;
}

void log_set_level(LogLevel least) { state.least = least; }
bool log_enabled(LogLevel level) { return level >= state.least; }

static int longer_first(const void *a, const void *b) {
    size_t x = strlen(*(const char *const *)a), y = strlen(*(const char *const *)b);
    return (x < y) - (x > y);
}

static void add_secret(const char *secret) {
    if (strlen(secret) < 3 || strlist_has(&state.secrets, secret))
        return;
    list_push(&state.secrets, state.mem, arena_strdup(state.mem, secret));
    if (state.sink.mask)
        state.sink.mask(state.sink.ctx, secret);
}

void log_mask(const char *secret) {
    if (cstr_empty(secret))
        return;
    if (!state.mem) {
        state.mem = arena_new(NULL);
        atexit(release_state);
    }
    add_secret(secret);
    if (strpbrk(secret, "\r\n")) {
        StrList lines = cstr_split(state.mem, cstr_replace(state.mem, secret, "\r", "\n"), '\n');
        for (size_t i = 0; i < lines.len; i++)
            if (strlen(lines.items[i]) >= 8)
                add_secret(lines.items[i]);
    }
    if (strlen(secret) >= 6) {
        add_secret(url_encode(state.mem, secret, false));
        add_secret(base64_encode(state.mem, secret, strlen(secret)));
    }
    if (state.secrets.len)
        qsort(state.secrets.items, state.secrets.len, sizeof *state.secrets.items, longer_first);
}

char *log_redact(Arena *mem, const char *text) {
    char *out = arena_strdup(mem, text);
    for (size_t i = 0; i < state.secrets.len; i++)
        if (strstr(out, state.secrets.items[i]))
            out = cstr_replace(mem, out, state.secrets.items[i], "***");
    return out;
}

void log_write(LogLevel level, const char *fmt, ...) {
    if (!log_enabled(level))
        return;
    AutoArena tmp = arena_new(NULL);
    va_list ap;
    va_start(ap, fmt);
    char *message = arena_vprintf(tmp, fmt, ap);
    va_end(ap);
    state.sink.write(state.sink.ctx, level, log_redact(tmp, message));
}
