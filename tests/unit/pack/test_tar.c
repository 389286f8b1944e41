#include "atlas/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static Str make(Arena *mem, const char *const *names, size_t n) {
    PackEntries list = {0};
    for (size_t i = 0; i < n; i++)
        list_push(&list, mem, ((PackEntry){names[i], str_from("hello\n")}));
    Str out = {0};
    assert_null(pack_tar(&out, &list, mem));
    return out;
}

static void test_bytes(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Str t = make(mem, (const char *const[]){"atlas.sum"}, 1);
    assert_int_equal(t.len, 512 * 2 + 1024);
    assert_string_equal(t.ptr, "atlas.sum");
    assert_memory_equal(t.ptr + 100,
                        "0000600\0"
                        "0000000\0"
                        "0000000\0"
                        "00000000006\0"
                        "00000000000\0",
                        48);
    assert_memory_equal(t.ptr + 148, "011023\0 0", 9);
    assert_memory_equal(t.ptr + 257,
                        "ustar\0"
                        "00",
                        8);
    assert_memory_equal(t.ptr + 329,
                        "0000000\0"
                        "0000000\0",
                        16);
    assert_memory_equal(t.ptr + 512, "hello\n\0", 7);
    for (size_t i = 1024; i < t.len; i++)
        assert_int_equal(t.ptr[i], 0);
    Str empty = make(mem, NULL, 0);
    assert_int_equal(empty.len, 1024);
}

static void test_tar_lists_it(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    char *longer = arena_printf(mem, "%0150d.sql", 7);
    Str t = make(mem, (const char *const[]){"1_a.sql", longer, "3_\xc3\xa9.sql"}, 3);
    char path[] = "/tmp/test_tar_XXXXXX";
    int fd = mkstemp(path);
    assert_null(fs_write_all(fd, t.ptr, t.len));
    close(fd);
    FILE *p = popen(
        arena_printf(mem, "TZ=UTC tar tvf %s --quoting-style=literal; rm %s", path, path), "r");
    char out[1000] = "";
    size_t n = fread(out, 1, sizeof out - 1, p);
    out[n] = 0;
    assert_int_equal(pclose(p), 0);
    char *want = arena_printf(mem,
                              "-rw------- 0/0               6 1970-01-01 00:00 1_a.sql\n"
                              "-rw------- 0/0               6 1970-01-01 00:00 %s\n"
                              "-rw------- 0/0               6 1970-01-01 00:00 3_\xc3\xa9.sql\n",
                              longer);
    assert_string_equal(out, want);
}

static void test_round_trip(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    char *longer = arena_printf(mem, "%0150d.sql", 7);
    Str t = make(mem, (const char *const[]){"1_a.sql", longer, "3_\xc3\xa9.sql"}, 3);
    PackEntries list = {0};
    AutoErr e = pack_untar(&list, t, mem);
    assert_string_equal(e ? err_text(e) : "", "");
    assert_int_equal(list.len, 3);
    assert_string_equal(list.items[1].name, longer);
    assert_string_equal(list.items[2].name, "3_\xc3\xa9.sql");
    assert_string_equal(list.items[2].content.ptr, "hello\n");
    PackEntries none = {0};
    assert_null(pack_untar(&none, make(mem, NULL, 0), mem));
    assert_int_equal(none.len, 0);
}

static void expect_refused(Str t, ErrCode code, const char *text, Arena *mem) {
    PackEntries list = {0};
    AutoErr e = pack_untar(&list, t, mem);
    assert_non_null(e);
    assert_string_equal(err_text(e), text);
    assert_int_equal(err_code(e), code);
}

// An archive by tar(1) of the files that `script` makes.
static Str by_tar(Arena *mem, const char *script) {
    FILE *p =
        popen(arena_printf(mem, "d=$(mktemp -d) && cd $d && { %s; }; rm -rf $d", script), "r");
    Buf b;
    buf_init(&b, mem, 1 << 20);
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, p)) > 0;)
        buf_add(&b, chunk, n);
    assert_int_equal(pclose(p), 0);
    return buf_view(&b);
}

static void test_refused(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    expect_refused(by_tar(mem, "mkdir a; touch a/x; tar cf - a/x"), E_INVALID,
                   "archive entry \"a/x\": not a plain file name", mem);
    expect_refused(by_tar(mem, "touch /tmp/atlas-abs; tar cPf - /tmp/atlas-abs; rm /tmp/atlas-abs"),
                   E_INVALID, "archive entry \"/tmp/atlas-abs\": not a plain file name", mem);
    expect_refused(by_tar(mem, "touch x; tar --hard-dereference -cf - x x"), E_INVALID,
                   "archive entry \"x\": there are two of that name", mem);
    expect_refused(by_tar(mem, "ln -s y x; tar cf - x"), E_INVALID,
                   "archive entry \"x\": not a regular file", mem);
    expect_refused(by_tar(mem, "touch x; ln x y; tar cf - x y"), E_INVALID,
                   "archive entry \"y\": not a regular file", mem);
    expect_refused(by_tar(mem, "mkdir x; tar cf - x"), E_INVALID,
                   "archive entry \"x/\": not a plain file name", mem);
    expect_refused(by_tar(mem, "mkfifo x; tar cf - x"), E_INVALID,
                   "archive entry \"x\": not a regular file", mem);
    expect_refused(str_from("nonsense"), E_DAMAGED, "reading the archive: 8 bytes are no archive",
                   mem);
    Str t = make(mem, (const char *const[]){"x", "y"}, 2);
    PackEntries list = {0};
    AutoErr e = pack_untar(&list, str_slice(t.ptr, 1024 + 512), mem);
    assert_int_equal(err_code(e), E_DAMAGED);
    PackEntries bad = {0};
    list_push(&bad, mem, ((PackEntry){"..", str_from("")}));
    Str out = {0};
    AutoErr e2 = pack_tar(&out, &bad, mem);
    assert_int_equal(err_code(e2), E_INVALID);
}

static void test_too_many(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    PackEntries list = {0};
    for (int i = 0; i <= PACK_MAX_ENTRIES; i++)
        list_push(&list, mem, ((PackEntry){arena_printf(mem, "%d", i), str_from("")}));
    Str out = {0};
    AutoErr e = pack_tar(&out, &list, mem);
    assert_string_equal(err_text(e), "archive: more than 10000 entries");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_tar_lists_it),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
