// Programs that the loop runs.
#include "test.h"

#include <signal.h>

#include "atlas/http.h"

typedef struct Fixture {
    Arena *mem;
    Loop *loop;
} Fixture;

static int setup(void **state) {
    Fixture *f = calloc(1, sizeof *f);
    f->mem = arena_new(NULL);
    assert_ok(loop_new(&f->loop, &host_system, f->mem));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    Fixture *f = *state;
    arena_free(f->mem);
    free(f);
    return 0;
}

static StrList shell(Fixture *f, const char *script) {
    StrList argv = {0};
    list_push(&argv, f->mem, "sh");
    list_push(&argv, f->mem, "-c");
    list_push(&argv, f->mem, script);
    return argv;
}

static Err *run(ProcessResult *out, Fixture *f, const char *script, ProcessSpec spec) {
    StrList argv = shell(f, script);
    spec.argv = &argv;
    return process_run(out, f->loop, &spec, f->mem);
}

static void output_and_status(void **state) {
    Fixture *f = *state;
    ProcessResult r;
    assert_ok(run(&r, f, "echo one; echo two >&2; read x || echo none; exit 3", (ProcessSpec){0}));
    assert_string_equal(r.out.ptr, "one\nnone\n");
    assert_string_equal(r.err.ptr, "two\n");
    assert_int_equal(r.status, 3);
    assert_ok(run(&r, f, "kill -15 $$", (ProcessSpec){0}));
    assert_int_equal(r.status, 128 + 15);
    // More than a pipe holds, on both.
    assert_ok(run(&r, f, "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2", (ProcessSpec){0}));
    assert_int_equal(r.out.len, 300000);
    assert_int_equal(r.err.len, 65536);
}

static void in_another_directory(void **state) {
    Fixture *f = *state;
    ProcessResult r;
    const char *dir = test_dir(f->mem);
    assert_ok(run(&r, f, "pwd", (ProcessSpec){.dir = dir}));
    assert_string_equal(r.out.ptr, arena_printf(f->mem, "%s\n", dir));
    assert_err(run(&r, f, "pwd", (ProcessSpec){.dir = "/none"}), E_NOT_FOUND,
               "running sh in /none: No such file or directory");
}

static void limits(void **state) {
    Fixture *f = *state;
    ProcessResult r;
    assert_err(run(&r, f, "echo too much", (ProcessSpec){.out_max = 4}), E_TOO_LARGE,
               "the output of sh");
    assert_err(run(&r, f, "sleep 60", (ProcessSpec){.limit_ms = 50}), E_TIMEOUT,
               "sh did not end within 50ms");
    volatile sig_atomic_t cancel = 1;
    assert_err(run(&r, f, "sleep 60", (ProcessSpec){.cancel = &cancel}), E_STATE, "interrupted");
}

static void one_that_is_not_there(void **state) {
    Fixture *f = *state;
    ProcessResult r;
    StrList argv = {0};
    list_push(&argv, f->mem, "./none");
    assert_err(process_run(&r, f->loop, &(ProcessSpec){.argv = &argv}, f->mem), E_NOT_FOUND,
               "starting ./none: No such file or directory");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {T(output_and_status), T(in_another_directory), T(limits),
                                       T(one_that_is_not_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
