// Shared by all unit tests: cmocka, a scratch directory, assertions on Err.
#ifndef ATLAS_TEST_H
#define ATLAS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "atlas/base.h"

// Fails the test with the error's text.
#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        Err *test_error = (expr);                                                                  \
        if (test_error) {                                                                          \
            print_error("%s\n", err_text(test_error));                                             \
            err_free(test_error);                                                                  \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

// The expression must fail with this code; its text must contain `part`.
#define assert_err(expr, expected, part)                                                           \
    do {                                                                                           \
        Err *test_error = (expr);                                                                  \
        assert_non_null(test_error);                                                               \
        if (!strstr(err_text(test_error), (part)) || err_code(test_error) != (expected))           \
            print_error("got %s: %s\n", err_name(err_code(test_error)), err_text(test_error));     \
        assert_non_null(strstr(err_text(test_error), (part)));                                     \
        assert_int_equal(err_code(test_error), (expected));                                        \
        err_free(test_error);                                                                      \
    } while (0)

static inline int test_remove(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void test_remove_tree(const char *dir) {
    nftw(dir, test_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void test_cleanup(void *dir) { test_remove_tree(dir); }

// All scratch directories of a program are in one, which goes at its exit: a test that failed leaves
// nothing either.
static char test_root[] = "/tmp/atlas-test-XXXXXX";
static pid_t test_pid; // children that exit leave it alone

static inline void test_at_exit(void) {
    if (getpid() == test_pid)
        test_remove_tree(test_root);
}

// A fresh directory that goes with the arena.
static inline char *test_dir(Arena *mem) {
    if (!test_pid) {
        assert_non_null(mkdtemp(test_root));
        test_pid = getpid();
        atexit(test_at_exit);
    }
    char *dir = arena_printf(mem, "%s/XXXXXX", test_root);
    assert_non_null(mkdtemp(dir));
    arena_on_free(mem, test_cleanup, dir);
    return dir;
}

static inline void test_write(const char *dir, const char *name, const char *text) {
    AutoArena tmp = arena_new(NULL);
    const char *path = fs_join(tmp, dir, name);
    assert_ok(fs_mkdirs(fs_dirname(tmp, path), 0755));
    assert_ok(fs_write_atomic(path, str_from(text), 0644));
}

#endif
