// Arenas, value trees, JSON, XML, files.
#include "test.h"

#include <sys/stat.h>

static Value *parse(Arena *mem, const char *text) {
    Value *v = NULL;
    assert_ok(json_parse(&v, str_from(text), "t", mem));
    return v;
}

static void json_out(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Value *v = value_struct(mem, "T");
    value_set_str(v, mem, "b", "<a&\"\n\xff>", 0);
    value_set_int(v, mem, "a", 0, M_OMIT_EMPTY);
    value_set_int(v, mem, "n", -5, 0);
    value_set(v, mem, "list", value_list(mem), M_OMIT_EMPTY);
    value_set(v, mem, "d", value_duration(mem, 1500), 0);
    value_set(v, mem, "t", value_time(mem, (Time){0}), 0);
    value_set_bool(v, mem, "hidden", true, M_HIDDEN);
    assert_string_equal(json_text(mem, v, JSON_GO),
                        "{\"b\":\"\\u003ca\\u0026\\\"\\n\\ufffd\\u003e\",\"n\":-5,\"d\":1500,"
                        "\"t\":\"0001-01-01T00:00:00Z\"}");
    Buf out;
    buf_init(&out, mem, 1000);
    json_write_indent(&out, parse(mem, "{\"a\":[1,{}],\"b\":[]}"), JSON_GO, "", "  ");
    assert_string_equal(out.ptr, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

// Appendix and rules of RFC 8785.
static void json_canonical(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Value *v = parse(mem, "{\"\\u20ac\":1,\"\\r\":2,\"1\":4.50,\"\\ud83d\\ude00\":5,\"\\ufb33\":7,"
                          "\"n\":[333333333.33333329,1E30,2e-3,0.000001,1e-7]}");
    assert_string_equal(json_text(mem, v, JSON_CANONICAL),
                        "{\"\\r\":2,\"1\":4.5,\"n\":[333333333.3333333,1e+30,0.002,0.000001,1e-7],"
                        "\"€\":1,\"😀\":5,\"\xef\xac\xb3\":7}");
}

static void json_refused(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Value *v;
    assert_err(json_parse(&v, str_from("{\"a\":1,\n \"b\" 2}"), "f.json", mem), E_SYNTAX,
               "f.json:2:");
    assert_err(json_parse(&v, str_from("{\"a\":1,\"a\":2}"), "f", mem), E_SYNTAX, "duplicate");
    assert_err(json_parse(&v, str_from(""), "f", mem), E_SYNTAX, "f:1:");
    assert_err(json_parse(&v, str_from("{} x"), "f", mem), E_SYNTAX, "f:1:");
    Buf deep;
    buf_init(&deep, mem, 1000);
    buf_repeat(&deep, "[", 70);
    buf_repeat(&deep, "]", 70);
    assert_err(json_parse(&v, buf_view(&deep), "f", mem), E_SYNTAX, "deeper than 64");
}

static void values(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Value *v = parse(mem, "{\"Link\":\"x\",\"n\":3,\"r\":2.9,\"l\":[true]}");
    assert_string_equal(value_get_text(v, "link"), "x");
    assert_null(value_get(v, "link"));
    assert_int_equal(value_get_int(v, "R"), 2);
    assert_true(value_at(value_get(v, "l"), 0)->u.b);
    assert_null(value_at(value_get(v, "l"), 1));
    assert_string_equal(value_get_text(NULL, "x"), "");
    assert_true(value_equal(v, value_copy(mem, v)));
}

static void xml(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Xml *x = NULL;
    assert_ok(xml_parse(&x, str_from("<?xml version='1.0'?><a xmlns='u'><s:b>1&amp;2</s:b><b>3</b>"
                                     "</a>"), "t", mem));
    assert_string_equal(x->name, "a");
    assert_string_equal(xml_child_text(x, "b"), "1&2");
    assert_string_equal(xml_child_text(x, "c"), "");
    assert_err(xml_parse(&x, str_from("<a>\n<b></a>"), "t", mem), E_SYNTAX, "t:2:");
    assert_err(xml_parse(&x, str_from("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "t", mem),
               E_SYNTAX, "document types");
}

static void files(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    const char *dir = test_dir(mem), *path = fs_join(mem, dir, "sub/file");
    Str text;
    assert_ok(fs_mkdirs(fs_dirname(mem, path), 0755));
    assert_ok(fs_write_atomic(path, str_from("one"), 0600));
    assert_ok(fs_append(path, str_from("two"), 0600));
    assert_ok(fs_read(&text, path, 6, mem));
    assert_true(str_eq(text, str_from("onetwo")));
    assert_err(fs_read(&text, path, 5, mem), E_TOO_LARGE, "limit of 5");
    assert_err(fs_read(&text, fs_join(mem, dir, "none"), 5, mem), E_NOT_FOUND, "none");
    assert_err(fs_read(&text, dir, 5, mem), E_IO, "directory");
    assert_err(fs_create_atomic(path, str_from("x"), 0600), E_EXISTS, "file");
    StrList names;
    assert_ok(fs_list(&names, fs_join(mem, dir, "sub"), mem));
    assert_int_equal(names.len, 1); // no temporary file stays
    assert_err(fs_mkdirs(path, 0755), E_IO, "file of that name");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static int freed;
static void count_free(void *arg) { freed += *(int *)arg; }

static void arenas(void **state) {
    (void)state;
    static int one = 1, ten = 10;
    Arena *parent = arena_new(NULL), *child = arena_new(parent);
    arena_on_free(child, count_free, &one);
    arena_on_free(parent, count_free, &ten);
    char *p = arena_alloc(child, 100);
    for (size_t size = 100; size < 100000; size *= 2) {
        p[size - 1] = 'x';
        p = arena_realloc(child, p, size, size * 2);
        assert_int_equal(p[size - 1], 'x');
        assert_int_equal(p[size], 0);
    }
    assert_true(arena_size(parent) > 100000);
    arena_clear(child);
    assert_int_equal(freed, 1);
    arena_free(parent);
    assert_int_equal(freed, 11);
}

static void maps(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Map m;
    map_init(&m, mem);
    assert_null(map_get(&m, "x"));
    for (int i = 0; i < 1000; i++)
        map_set(&m, arena_printf(mem, "k%d", i), arena_printf(mem, "v%d", i));
    assert_string_equal(map_get(&m, "k500"), "v500");
    assert_string_equal(m.entries[999].key, "k999");
    map_set(&m, "k0", arena_strdup(mem, "new"));
    assert_int_equal(m.len, 1000);
    assert_string_equal(map_get(&m, "k0"), "new");
}

static void buffers_name_their_maximum(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Buf b;
    buf_init(&b, mem, 5);
    buf_str(&b, "abc");
    buf_str(&b, "def");
    buf_str(&b, "g");
    assert_string_equal(b.ptr, "abc");
    assert_err(buf_check(&b, "the thing"), E_TOO_LARGE, "the thing is over the limit of 5 bytes");
}

static Value *lazy_two(const void *arg, Arena *mem) {
    return value_int(mem, *(const int *)arg);
}

static void packed_values(void **state) {
    (void)state;
    static const int two = 2;
    AutoArena mem = arena_new(NULL);
    Buf b;
    Value *v = value_struct(mem, "a.B"), *list = value_list(mem);
    v->text = "shown";
    value_push(list, mem, value_bytes(mem, (Str){"x\0y", 3}));
    value_push(list, mem, value_real(mem, 1.5));
    value_push(list, mem, value_time(mem, (Time){.sec = 7, .nsec = 8, .offset = 60, .set = true}));
    value_set(v, mem, "list", list, 0);
    value_set_str(v, mem, "hidden", "", M_HIDDEN | M_OMIT_EMPTY);
    value_set_lazy(v, mem, "two", lazy_two, &two, 0);
    buf_init(&b, mem, BUF_MAX_TEXT);
    value_pack(&b, v);
    Value *back = value_unpack(buf_view(&b), mem);
    assert_true(value_equal(v, back));
    assert_string_equal(back->struct_name, "a.B");
    assert_string_equal(back->text, "shown");
    assert_int_equal(back->u.map.items[1].flags, M_HIDDEN | M_OMIT_EMPTY);
    assert_int_equal(value_get_int(back, "two"), 2);
    for (size_t cut = 0; cut < b.len; cut++)
        assert_null(value_unpack((Str){arena_strndup(mem, b.ptr, cut), cut}, mem));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_values),
        cmocka_unit_test(json_out), cmocka_unit_test(json_canonical), cmocka_unit_test(json_refused),
        cmocka_unit_test(values),   cmocka_unit_test(xml),            cmocka_unit_test(files),
        cmocka_unit_test(arenas),   cmocka_unit_test(maps),
        cmocka_unit_test(buffers_name_their_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
