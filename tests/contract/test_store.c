// One suite over every store driver: the URLs come from ATLAS_TEST_STORES (space-separated; a
// fresh prefix is added), or a directory of its own if there are none.
#include "test.h"

#include "atlas/crypt.h"
#include "atlas/store.h"

typedef struct Fixture {
    Arena *mem;
    Loop *loop;
    Store *store;
} Fixture;

static const char *test_url;

static void open_fixture(Fixture *f) {
    f->mem = arena_new(NULL);
    assert_ok(loop_new(&f->loop, &host_system, f->mem));
    assert_ok(store_open(&f->store, test_url, f->loop, f->mem));
}

static StorePut text_put(const char *key, const char *text) {
    return (StorePut){.key = key, .body = body_from(str_from(text)), .content_type = "text/plain"};
}

static void put_get_head(void **state) {
    (void)state;
    Fixture f;
    open_fixture(&f);
    const char *etag = NULL;
    StorePut p = text_put("a/b c+d=é.txt", "hello");
    assert_ok(store_put(&etag, f.store, &p, f.mem));
    StoreObject o;
    Str text;
    assert_ok(store_get(&o, f.store, p.key, 100, f.mem));
    assert_ok(body_bytes(&text, &o.body, f.mem));
    assert_true(str_eq(text, str_from("hello")));
    assert_int_equal(o.size, 5);
    assert_ok(store_head(&o, f.store, p.key, f.mem));
    assert_int_equal(o.size, 5);
    assert_true(o.md5 || o.sha256);
    assert_err(store_get(&o, f.store, p.key, 4, f.mem), E_TOO_LARGE, "limit");
    assert_err(store_get(&o, f.store, "a/none", 100, f.mem), E_NOT_FOUND, "a/none");
    assert_err(store_head(&o, f.store, "a/none", f.mem), E_NOT_FOUND, "a/none");
    arena_free(f.mem);
}

static void empty_and_binary(void **state) {
    (void)state;
    Fixture f;
    open_fixture(&f);
    static const char bytes[] = "\0\1\2\xff\r\n";
    StorePut p = {.key = "bin", .body = body_from(str_slice(bytes, 6))};
    StoreObject o;
    Str text;
    assert_ok(store_put(NULL, f.store, &p, f.mem));
    assert_ok(store_get(&o, f.store, "bin", 100, f.mem));
    assert_ok(body_bytes(&text, &o.body, f.mem));
    assert_true(str_eq(text, str_slice(bytes, 6)));
    p = text_put("empty", "");
    assert_ok(store_put(NULL, f.store, &p, f.mem));
    assert_ok(store_get(&o, f.store, "empty", 100, f.mem));
    assert_int_equal(o.size, 0);
    arena_free(f.mem);
}

// A server that ignores conditions (ATLAS_TEST_NO_CONDITIONS=1) is found out by the probe.
static void ignored_conditions_are_noticed(void) {
    Fixture f;
    open_fixture(&f);
    StorePut p = text_put("cond", "one");
    assert_ok(store_put(NULL, f.store, &p, f.mem));
    assert_int_equal(store_conditions(f.store), CONDITIONS_UNKNOWN);
    assert_ok(store_probe(f.store, &p, f.mem));
    assert_int_equal(store_conditions(f.store), CONDITIONS_MISSING);
    p.condition = PUT_CREATE;
    assert_err(store_put(NULL, f.store, &p, f.mem), E_UNSUPPORTED, "no conditional writes");
    arena_free(f.mem);
}

// Either the conditions are obeyed, or the store says that it has none.
static void conditions(void **state) {
    (void)state;
    if (*host_env(&host_system, "ATLAS_TEST_NO_CONDITIONS")) {
        ignored_conditions_are_noticed();
        return;
    }
    Fixture f;
    open_fixture(&f);
    const char *first = NULL, *second = NULL;
    StorePut p = text_put("cond", "one");
    p.condition = PUT_CREATE;
    Err *e = store_put(&first, f.store, &p, f.mem);
    if (err_code(e) == E_UNSUPPORTED) {
        err_free(e);
        assert_int_equal(store_conditions(f.store), CONDITIONS_MISSING);
        assert_err(store_put(NULL, f.store, &p, f.mem), E_UNSUPPORTED, "no conditional writes");
        arena_free(f.mem);
        return;
    }
    assert_ok(e);
    assert_err(store_put(NULL, f.store, &p, f.mem), E_CONFLICT, "cond");
    p = text_put("cond", "two");
    p.condition = PUT_REPLACE;
    p.etag = first;
    assert_ok(store_put(&second, f.store, &p, f.mem));
    assert_err(store_put(NULL, f.store, &p, f.mem), E_CONFLICT, "cond");
    p.etag = second;
    assert_ok(store_put(NULL, f.store, &p, f.mem));
    p = text_put("never", "x");
    p.condition = PUT_REPLACE;
    p.etag = first;
    assert_err(store_put(NULL, f.store, &p, f.mem), E_CONFLICT, "never");
    assert_ok(store_probe(f.store, &(StorePut){.key = "cond", .body = body_from(str_from("two"))},
                          f.mem));
    assert_int_equal(store_conditions(f.store), CONDITIONS_OBEYED);
    arena_free(f.mem);
}

static void listing(void **state) {
    (void)state;
    Fixture f;
    open_fixture(&f);
    const char *const keys[] = {"l/b", "l/a", "l/sub/x", "lx"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        StorePut p = text_put(keys[i], "x");
        assert_ok(store_put(NULL, f.store, &p, f.mem));
    }
    StrList got = {0};
    assert_ok(store_list(&got, f.store, "l/", f.mem));
    assert_string_equal(cstr_join(f.mem, &got, " "), "l/a l/b l/sub/x");
    assert_ok(store_list(&got, f.store, "none/", f.mem));
    assert_int_equal(got.len, 0);
    arena_free(f.mem);
}

static void large_object_in_parts(void **state) {
    (void)state;
    Fixture f;
    open_fixture(&f);
    uint64_t mib = 65; // ATLAS_TEST_LARGE_MIB: another size
    cstr_to_u64(host_env(&host_system, "ATLAS_TEST_LARGE_MIB"), 1024, &mib);
    size_t size = (size_t)mib << 20;
    char *data = arena_alloc(f.mem, size);
    for (size_t i = 0; i < size; i += 4096)
        memcpy(data + i, &i, sizeof i);
    StorePut p = {.key = "large", .body = body_from(str_slice(data, size))};
    StoreObject o;
    assert_ok(store_put(NULL, f.store, &p, f.mem));
    assert_ok(store_get(&o, f.store, "large", (int64_t)size, f.mem));
    assert_int_equal(o.size, size);
    assert_true(o.body.fd >= 0 || mib < 2); // on disk, not in memory
    Str back;
    assert_ok(body_bytes(&back, &o.body, f.mem));
    assert_memory_equal(back.ptr, data, size);
    arena_free(f.mem);
}

typedef struct Putter {
    Fixture *f;
    int number;
    Err *error;
} Putter;

static void put_task(void *arg) {
    Putter *p = arg;
    Arena *mem = arena_new(p->f->mem);
    StorePut put = text_put(arena_printf(mem, "many/%03d", p->number), "x");
    p->error = store_put(NULL, p->f->store, &put, mem);
}

static void many_at_once(void **state) {
    (void)state;
    Fixture f;
    open_fixture(&f);
    Putter putters[40];
    Task *tasks[40];
    for (int i = 0; i < 40; i++) {
        putters[i] = (Putter){&f, i, NULL};
        tasks[i] = task_start(f.loop, put_task, &putters[i], f.mem);
    }
    for (int i = 0; i < 40; i++) {
        task_join(tasks[i]);
        assert_ok(putters[i].error);
    }
    StrList got = {0};
    assert_ok(store_list(&got, f.store, "many/", f.mem));
    assert_int_equal(got.len, 40);
    arena_free(f.mem);
}

// ATLAS_TEST_LARGE_CONDITIONS=1: conditions hold for objects in parts too.
static void large_object_conditions(void **state) {
    (void)state;
    Fixture f;
    open_fixture(&f);
    const char *etag = NULL;
    size_t size = (size_t)65 << 20;
    StorePut p = {.key = "large-cond", .body = body_from(str_slice(arena_alloc(f.mem, size), size)),
                  .condition = PUT_CREATE};
    assert_ok(store_put(&etag, f.store, &p, f.mem));
    assert_err(store_put(NULL, f.store, &p, f.mem), E_CONFLICT, "large-cond");
    p.condition = PUT_REPLACE;
    p.etag = "\"00000000000000000000000000000000-5\"";
    assert_err(store_put(NULL, f.store, &p, f.mem), E_CONFLICT, "large-cond");
    p.etag = etag;
    assert_ok(store_put(NULL, f.store, &p, f.mem));
    arena_free(f.mem);
}

// --- ATLAS_TEST_BIG=1: a big artifact with flat memory, alone in its process ---------------------

enum { BIG_SIZE = 256 << 20, BIG_PIECE = 1 << 20, BIG_MEMORY_KIB = 64 << 10 };

// BIG_SIZE bytes that repeat nowhere, in a file: no piece can be taken for another.
static Body big_file(Hasher *h, Arena *mem) {
    Body b = {.fd = -1, .size = BIG_SIZE};
    uint64_t *piece = arena_alloc(mem, BIG_PIECE), x = 88172645463325252u;
    assert_ok(fs_temp(&b.fd, host_env(&host_system, "TMPDIR")));
    for (int64_t done = 0; done < BIG_SIZE; done += BIG_PIECE) {
        for (size_t i = 0; i < BIG_PIECE / sizeof *piece; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17; // xorshift64
            piece[i] = x;
        }
        hasher_add(h, str_slice((const char *)piece, BIG_PIECE));
        assert_ok(fs_write_all(b.fd, piece, BIG_PIECE));
    }
    return b;
}

static Err *hash_piece(void *ctx, Str piece) {
    hasher_add(ctx, piece);
    return NULL;
}

static int64_t peak_memory_kib(Arena *mem) {
    Str status;
    assert_ok(fs_read(&status, "/proc/self/status", 1 << 16, mem));
    const char *line = strstr(status.ptr, "VmHWM:");
    assert_non_null(line);
    return strtoll(line + 6, NULL, 10);
}

static void big_object_with_flat_memory(void **state) {
    (void)state;
    Fixture f;
    open_fixture(&f);
    Hasher *sent = hasher_new(f.mem), *got = hasher_new(f.mem);
    StorePut p = {.key = "big", .body = big_file(sent, f.mem)};
    StoreObject o;
    assert_ok(store_put(NULL, f.store, &p, f.mem));
    close(p.body.fd);
    assert_ok(store_get(&o, f.store, "big", BIG_SIZE, f.mem));
    assert_int_equal(o.size, BIG_SIZE);
    assert_ok(body_each(&o.body, hash_piece, got));
    assert_true(digest_equal(hasher_value(sent), hasher_value(got)));
    int64_t peak = peak_memory_kib(f.mem);
    print_message("peak memory: %lld KiB\n", (long long)peak);
#ifndef __SANITIZE_ADDRESS__
    assert_true(peak < BIG_MEMORY_KIB);
#endif
    arena_free(f.mem);
}

static int run_big(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(big_object_with_flat_memory)};
    return cmocka_run_group_tests_name("big", tests, NULL, NULL);
}

static int run_large_conditions(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(large_object_conditions)};
    return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}

static int run_all(const char *url, Arena *mem) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_head), cmocka_unit_test(empty_and_binary),
        cmocka_unit_test(conditions),   cmocka_unit_test(listing),
        cmocka_unit_test(many_at_once), cmocka_unit_test(large_object_in_parts),
    };
    const char *id = host_uuid(&host_system, mem);
    test_url = arena_printf(mem, "%s%cprefix=%s", url, strchr(url, '?') ? '&' : '?', id);
    if (*host_env(&host_system, "ATLAS_TEST_BIG"))
        return run_big();
    if (*host_env(&host_system, "ATLAS_TEST_LARGE_CONDITIONS"))
        return run_large_conditions();
    return cmocka_run_group_tests_name(url, tests, NULL, NULL);
}

int main(void) {
    AutoArena mem = arena_new(NULL);
    if (*host_env(&host_system, "ATLAS_TEST_DEBUG"))
        log_set_level(LOG_DEBUG);
    const char *only = host_env(&host_system, "ATLAS_TEST_ONLY");
    if (*only)
        cmocka_set_test_filter(only);
    const char *urls = host_env(&host_system, "ATLAS_TEST_STORES");
    char *own = arena_printf(mem, "file://%s", test_dir(mem));
    StrList list = cstr_split(mem, *urls ? urls : own, ' ');
    int failed = 0;
    for (size_t i = 0; i < list.len; i++)
        failed += run_all(list.items[i], mem);
    return failed;
}
