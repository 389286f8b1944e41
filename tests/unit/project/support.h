// Shared by the tests of data sources and passwords: a project in a scratch directory, its clock.
#ifndef ATLAS_TEST_PROJECT_H
#define ATLAS_TEST_PROJECT_H

#include "test.h"

#include "atlas/project.h"

typedef struct Run {
    Arena *mem;
    Map vars; // environment
    Host *host;
    Loop *loop;
    volatile sig_atomic_t cancel;
    Project *project;
    const char *error, *hint; // NULL: none
} Run;

static inline int setup(void **state) {
    Run *r = calloc(1, sizeof *r);
    r->mem = arena_new(NULL);
    map_init(&r->vars, r->mem);
    r->host = host_with_vars(r->mem, &host_system, &r->vars);
    assert_ok(loop_new(&r->loop, r->host, r->mem));
    *state = r;
    return chdir(test_dir(r->mem));
}

static inline int teardown(void **state) {
    Run *r = *state;
    arena_free(r->mem);
    free(r);
    return 0;
}

static inline void set(Run *r, const char *name, const char *value) {
    map_set(&r->vars, name, arena_strdup(r->mem, value));
}

static inline void keep_error(Run *r, const Err *e) {
    r->error = e ? arena_strdup(r->mem, err_text(e)) : NULL;
    r->hint = e && err_hint_text(e) ? arena_strdup(r->mem, err_hint_text(e)) : NULL;
}

// The project of env "e".
static inline void load(Run *r, const char *config) {
    test_write(".", "atlas.hcl", config);
    ProjectOptions o = {.config = "file://atlas.hcl", .env = "e", .host = r->host, .loop = r->loop,
                        .cancel = &r->cancel};
    AutoErr e = project_load(&r->project, &o, r->mem);
    keep_error(r, e);
}

static inline const char *connect_url(Run *r, const char *url) {
    const ProjectDbAccess access = {r->project, r->loop, &r->cancel};
    const char *out = NULL;
    AutoErr e = project_db_url(&out, &access, url, r->mem);
    keep_error(r, e);
    return e ? NULL : out;
}

// A clock that stands still, so that signatures are known.
static int64_t test_clock_s;
static inline Time test_now(const Host *h) {
    (void)h;
    return (Time){.sec = test_clock_s, .set = true};
}
static inline int64_t test_monotonic(const Host *h) {
    (void)h;
    return test_clock_s * 1000;
}
static inline void stop_clock(Run *r) {
    test_clock_s = time_from_civil(2026, 1, 2, 3, 4, 5);
    r->host->now = test_now;
    r->host->monotonic_ms = test_monotonic;
}

// AWS's example keys.
static inline void use_aws(Run *r) {
    set(r, "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    set(r, "AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
