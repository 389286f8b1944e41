// A platform over a made-up environment, its lines and its files.
#ifndef TEST_PLATFORM_SUPPORT_H
#define TEST_PLATFORM_SUPPORT_H

#include "test.h"

#include "atlas/base/buf.h"
#include "atlas/base/fs.h"
#include "atlas/base/json.h"
#include "atlas/platform.h"

typedef struct Fixture {
    Arena *mem;
    Map vars;
    Host *host;
    Buf lines, log;
    Platform *platform;
    char *dir;
} Fixture;

static void take_line(void *ctx, const char *data, size_t len) {
    buf_add(ctx, data, len);
}
static UNUSED void take_log(void *ctx, LogLevel level, const char *message) {
    buf_printf(ctx, "%d %s\n", (int)level, message);
}

// `vars`: name, value, ..., NULL.
static UNUSED Fixture *fixture(const char *const *vars, bool tty) {
    Arena *mem = arena_new(NULL);
    Fixture *f = NEW(mem, Fixture);
    f->mem = mem;
    map_init(&f->vars, mem);
    for (size_t i = 0; vars[i]; i += 2)
        map_set(&f->vars, vars[i], arena_strdup(mem, vars[i + 1]));
    f->dir = test_dir(mem);
    f->host = host_with_vars(mem, &host_system, &f->vars);
    buf_init(&f->lines, mem, BUF_MAX_TEXT);
    buf_init(&f->log, mem, BUF_MAX_TEXT);
    f->platform = platform_open(f->host, (PlatformIo){take_line, &f->lines, tty}, mem);
    log_set_sink((LogSink){take_log, NULL, &f->log});
    return f;
}

// Sets a variable to the path of a file in the fixture's directory, and returns it.
static UNUSED const char *file_variable(Fixture *f, const char *variable, const char *name) {
    char *path = fs_join(f->mem, f->dir, name);
    map_set(&f->vars, variable, path);
    return path;
}

static UNUSED const char *content(Fixture *f, const char *path) {
    Str text;
    assert_null(fs_read(&text, path, 1 << 24, f->mem));
    return text.ptr;
}

static UNUSED void set_output(Fixture *f, const char *action, const char *name, const char *value) {
    assert_null(platform_set_output(f->platform, action, name, str_from(value)));
}

static UNUSED PlatformContext *context(Fixture *f) {
    PlatformContext *c;
    Err *e = platform_context(f->platform, &c, f->mem);
    if (e)
        fail_msg("%s", err_text(e));
    return c;
}

static UNUSED void context_fails(Fixture *f, const char *expected) {
    PlatformContext *c;
    AutoErr e = platform_context(f->platform, &c, f->mem);
    assert_non_null(e);
    assert_string_equal(err_text(e), expected);
    assert_int_equal(err_code(e), E_CONFIG);
}

static UNUSED void done(Fixture *f) { arena_free(f->mem); }

#endif
