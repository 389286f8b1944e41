#include "support.h"

typedef struct Setup {
    Map inputs;
    const HclWords *words;
    int reads;
} Setup;

static Err *read_const(const HclValue **out, const HclResource *r, void *ctx, Arena *mem) {
    Setup *s = ctx;
    s->reads++;
    const HclValue *v = hcl_resource_get(r, "value");
    if (!v)
        return err_new(E_INVALID, "no value");
    *out = v;
    (void)mem;
    return NULL;
}

static Err *read_init(const HclValue **out, const HclResource *r, void *ctx, Arena *mem) {
    HclFields f = {0};
    (void)ctx;
    hcl_field(&f, mem, "env", hcl_string(mem, "dev"));
    if (r && hcl_resource_get(r, "token"))
        hcl_field(&f, mem, "token", hcl_resource_get(r, "token"));
    *out = hcl_object(mem, &f);
    return NULL;
}

static Err *run(HclDoc **out, Setup *s, const char *text, Arena *mem) {
    HclFile *file;
    TRY(hcl_parse(&file, "a.hcl", str_from(text), mem));
    const HclFile **files = NEW_ARRAY(mem, const HclFile *, 1);
    files[0] = file;
    HclDataSource *source = NEW(mem, HclDataSource);
    *source = (HclDataSource){.kind = "const", .read = read_const, .ctx = s};
    HclDocOptions o = {.files = files, .file_count = 1, .inputs = &s->inputs, .data = source,
                       .data_count = 1, .init = "atlas", .init_read = read_init,
                       .words = s->words};
    return hcl_document(out, &o, mem);
}

static void show(Buf *b, const HclResource *r) {
    buf_printf(b, "%s", r->type);
    for (size_t i = 0; i < r->labels.len; i++)
        buf_printf(b, ".%s", r->labels.items[i]);
    buf_char(b, '(');
    for (size_t i = 0; i < r->attrs.len; i++) {
        buf_printf(b, "%s%s=", i > 0 ? " " : "", r->attrs.items[i].name);
        buf_str(b, value_shown(b->mem, r->attrs.items[i].value));
    }
    for (size_t i = 0; i < r->children.len; i++) {
        buf_str(b, i > 0 || r->attrs.len > 0 ? " " : "");
        show(b, r->children.items[i]);
    }
    buf_char(b, ')');
}

static const char *doc_text(Setup *s, const char *text, Arena *mem) {
    HclDoc *doc;
    Buf b;
    if (!s->inputs.mem)
        map_init(&s->inputs, mem);
    AutoErr err = run(&doc, s, text, mem);
    if (err)
        return arena_strdup(mem, err_text(err));
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < doc->resources.len; i++) {
        buf_str(&b, i > 0 ? " " : "");
        show(&b, doc->resources.items[i]);
    }
    return b.ptr;
}

static void check(const Case *cases, size_t count) {
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        AutoArena mem = arena_new(NULL);
        Setup s = {0};
        const char *got = doc_text(&s, cases[i].text, mem);
        if (strcmp(got, cases[i].want) == 0)
            continue;
        failed++;
        print_error("%s\n  want %s\n  got  %s\n", cases[i].text, cases[i].want, got);
    }
    assert_int_equal(failed, 0);
}

#define VAR(body) "variable \"x\" {\n" body "\n}\nout {\n  v = var.x\n}\n"

static void test_variables(void **state) {
    (void)state;
    static const Case cases[] = {
        {VAR("type = string\ndefault = \"a\""), "out(v=\"a\")"},
        {VAR("type = int\ndefault = \"5\""), "out(v=5)"},
        {VAR("type = list(string)\ndefault = \"a\""), "out(v=[\"a\"])"},
        {VAR("type = map(number)\ndefault = {a = \"1\"}"), "out(v={\"a\":1})"},
        {VAR("type = tuple([string, bool])\ndefault = [1, \"true\"]"),
         "a.hcl:6,3-12: mixed list types used in \"v\" attribute"},
        {VAR("type = object({a = string, b = number})\ndefault = {b = 2, a = 1, c = 3}"),
         "out(v={\"a\":\"1\",\"b\":2})"},
        {VAR("type = string\ndefault = upper(\"a\")"), "out(v=\"A\")"},
        {VAR("type = string"), "a.hcl:1,1-13: missing value for required variable \"x\""},
        {VAR("type = number\ndefault = \"z\""), "a.hcl:3,11-14: variable \"x\": a number is required"},
        {VAR("type = \"int\""), "a.hcl:2,8-13: invalid type \"int\" for variable \"x\". Valid types "
                                "are: string, number, bool, list, map, or set"},
        {VAR("type = any"), "a.hcl:2,8-11: Unknown variable.type; There is no type named \"any\"."},
        {VAR("type = string\nsensitive = true"), "a.hcl:3,1-10: Unsupported argument; An argument "
                                                 "named \"sensitive\" is not expected here."},
        {VAR("type = string\nvalidation {\n}"), "a.hcl:3,1-11: Unsupported block type; Blocks of "
                                                "type \"validation\" are not expected here."},
        {VAR("default = 1"), "a.hcl:1,14-14: Missing required argument; The argument \"type\" is "
                             "required, but no definition was found."},
        {VAR("type = string\ndefault = local.a"), "a.hcl:3,11-16: Unknown local; local.a does not "
                                                  "exist"},
        {"out {\n v = var.nope\n}\n", "a.hcl:2,9-14: Unsupported attribute; This object does not "
                                      "have an attribute named \"nope\"."},
    };
    check(cases, COUNT_OF(cases));
}

static void test_inputs(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Setup s = {0};
    map_init(&s.inputs, mem);
    const HclValue *two[2] = {hcl_string(mem, "a"), hcl_string(mem, "b")};
    map_set(&s.inputs, "x", (void *)(uintptr_t)hcl_tuple(mem, two, 2));
    map_set(&s.inputs, "undeclared", (void *)(uintptr_t)two[0]);
    assert_string_equal(doc_text(&s, VAR("type = list(string)\ndefault = []"), mem),
                        "out(v=[\"a\",\"b\"])");
    assert_string_equal(doc_text(&s, VAR("type = string"), mem),
                        "a.hcl:1,1-13: variable \"x\": string required");
}

static void test_graph(void **state) {
    (void)state;
    static const Case cases[] = {
        {"locals {\n b = local.a + 1\n a = 1\n}\nout {\n v = local.b\n}\n", "out(v=2)"},
        {"locals {\n a = local.b\n b = local.a\n}\n", "a.hcl:3,6-13: cyclic reference to \"local.a\""},
        {"locals {\n a = data.const.d\n}\ndata \"const\" \"d\" {\n value = local.a\n}\n",
         "a.hcl:5,10-17: cyclic reference to \"local.a\""},
        {"data \"const\" \"d\" {\n value = \"${atlas.env}!\"\n}\nout {\n v = data.const.d\n}\n",
         "out(v=\"dev!\")"},
        {"data \"const\" \"d\" {\n}\nout {\n v = data.const.d\n}\n", "data.const.d: no value"},
        {"data \"const\" \"unused\" {\n}\nout {\n}\n", "out()"},
        {"data \"nope\" \"unused\" {\n}\nout {\n}\n", "out()"},
        {"data \"k\" \"d\" {\n}\nout {\n v = data.k.d\n}\n", "a.hcl:1,6-9: missing data source handler "
                                                           "for \"k\""},
        {"out {\n v = data.a.b.c\n}\n", "a.hcl:2,10-12: Unknown data source; data.a.b.c does not "
                                        "exist"},
        {"out {\n v = local.x\n}\n", "a.hcl:2,11-13: Unknown local; local.x does not exist"},
        {"locals {\n a = 1\n}\nlocals {\n a = 2\n}\n", "a.hcl:5,2-3: local \"a\" is defined twice"},
        {"locals {\n t = \"s\"\n}\natlas {\n token = local.t\n}\nout {\n v = atlas.token\n}\n",
         "out(v=\"s\")"},
        {"atlas {\n}\natlas {\n}\n", "a.hcl:3,1-6: multiple \"atlas\" blocks are not allowed"},
        {"data \"x\" {\n}\n", "a.hcl:1,1-9: Missing name for data; All data blocks must have 2 labels "
                              "(type, name)."},
    };
    check(cases, COUNT_OF(cases));
}

static void test_memoised(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Setup s = {0};
    assert_string_equal(doc_text(&s, "data \"const\" \"d\" {\n value = 1\n}\nlocals {\n a = data.const.d\n"
                                     "}\nout {\n v = [data.const.d, local.a]\n}\n", mem),
                        "out(v=[1,1])");
    assert_int_equal(s.reads, 1);
}

static void test_references(void **state) {
    (void)state;
    static const Case cases[] = {
        {"table \"users\" {\n schema = schema.s\n column \"id\" {\n type = 1\n }\n primary_key {\n"
         " columns = [column.id]\n }\n}\nschema \"s\" {\n name = \"other\"\n}\n",
         "table.users(schema=\"$schema.other\" column.id(type=1) "
         "primary_key(columns=[\"$table.users.$column.id\"])) schema.s(name=\"other\")"},
        {"user \"a.b\" {\n}\nx {\n r = user[\"a.b\"]\n}\n", "user.a.b() x(r=\"$user[\\\"a.b\\\"]\")"},
        {"country \"il\" {\n city \"tlv\" {\n code = 3\n }\n}\nx {\n v = country.il.city.tlv.code\n}\n",
         "country.il(city.tlv(code=3)) x(v=3)"},
        {"table \"q\" \"t\" {\n}\nx {\n r = table.q.t\n n = table.q.t.name\n}\n",
         "table.q.t() x(n=\"t\" r=\"$table.q.t\")"},
        {"x {\n a = 1\n}\ny {\n v = x.0.a\n}\n", "x(a=1) y(v=1)"},
        {"table \"a\" {\n}\nx {\n r = [table]\n}\n", "a.hcl:4,6-13: invalid reference used in refs"},
        {"t \"a\" \"b\" \"c\" {\n}\n", "a.hcl:1,1-14: too many labels for block"},
        {"x {\n v = [1, \"a\"]\n}\n", "a.hcl:2,2-14: mixed list types used in \"v\" attribute"},
        {"x {\n v = null\n w = [null, \"a\"]\n}\n", "x(w=[null,\"a\"])"},
        {"t \"a\" {\n for_each = toset([])\n}\nx {\n r = t.a\n}\n", "a.hcl:5,6-9: broken reference to "
                                                                 "\"$t.a\""},
    };
    check(cases, COUNT_OF(cases));
}

static void test_for_each(void **state) {
    (void)state;
    static const Case cases[] = {
        {"x \"l\" {\n for_each = toset([\"b\", \"a\"])\n v = each.value\n k = each.key\n y {\n w = "
         "each.value\n }\n}\n",
         "x.l(k=\"a\" v=\"a\" y(w=\"a\")) x.l(k=\"b\" v=\"b\" y(w=\"b\"))"},
        {"x \"l\" {\n for_each = {a = 1}\n v = each.value\n k = each.key\n}\n", "x.l(k=\"a\" v=1)"},
        {"x \"l\" {\n for_each = [5]\n v = each.value\n k = each.key\n}\n", "x.l(k=0 v=5)"},
        {"x \"l\" {\n for_each = tolist([\"a\"])\n}\n", "a.hcl:2,13-26: schemahcl: for_each does not "
                                                      "support list of string type"},
        {"x \"l\" {\n for_each = 5\n}\n", "a.hcl:2,13-14: schemahcl: for_each does not support number "
                                         "type"},
    };
    check(cases, COUNT_OF(cases));
}

// --- scoped words -------------------------------------------------------------------------------

static bool has_words(void *ctx, const char *path) {
    (void)ctx;
    return strcmp(path, "table.column.type") == 0;
}

static const HclValue *word(void *ctx, const char *path, const char *name, const char **reason,
                            Arena *mem) {
    (void)ctx;
    (void)path;
    if (strcmp(name, "varchar") == 0)
        *reason = "Type \"varchar\" requires at least 1 argument";
    return strcmp(name, "int") == 0 ? hcl_string(mem, "type:int") : NULL;
}

static Err *word_call(void *ctx, const HclValue **out, const char *path, const char *name,
                      const HclValue *const *args, size_t len, Arena *mem) {
    (void)ctx;
    (void)path;
    if (strcmp(name, "text") == 0)
        return err_new(E_INVALID, "Type \"text\" does not accept attributes");
    if (strcmp(name, "varchar") == 0 && len == 1)
        *out = hcl_string(mem, hcl_number_text(mem, args[0]->u.n));
    return NULL;
}

static void test_words(void **state) {
    (void)state;
    static const HclWords words = {.has = has_words, .word = word, .call = word_call};
    static const Case cases[] = {
        {"int", "table.t(column.c(type=\"type:int\"))"},
        {"varchar(5)", "table.t(column.c(type=\"5\"))"},
        {"upper(\"x\")", "table.t(column.c(type=\"X\"))"},
        {"nope", "a.hcl:3,8-12: Unknown column.type; There is no type named \"nope\"."},
        {"varchar", "a.hcl:3,8-15: Unknown column.type; Type \"varchar\" requires at least 1 "
                    "argument"},
        {"text(1)", "a.hcl:3,8-15: Invalid type; Type \"text\" does not accept attributes"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AutoArena mem = arena_new(NULL);
        Setup s = {.words = &words};
        char *text = arena_printf(mem, "table \"t\" {\ncolumn \"c\" {\ntype = %s\n}\n}\n", cases[i].text);
        assert_string_equal(doc_text(&s, text, mem), cases[i].want);
    }
}

static void test_long_chains(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Setup s = {0};
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    buf_str(&b, "locals {\n a0 = \"x\"\n");
    for (int i = 60; i > 0; i--)
        buf_printf(&b, " a%d = [local.a%d, local.a%d]\n", i, i - 1, i - 1);
    buf_str(&b, "}\n");
    assert_non_null(strstr(doc_text(&s, b.ptr, mem), "Evaluation limit reached; the value has more "
                                                     "than 4194304 elements"));
    buf_clear(&b);
    buf_str(&b, "locals {\n");
    for (int i = 5000; i > 0; i--)
        buf_printf(&b, " a%d = local.a%d\n", i, i - 1);
    buf_str(&b, "a0 = 1\n}\n");
    assert_non_null(strstr(doc_text(&s, b.ptr, mem), "references and blocks nest more than 400 "
                                                     "levels deep"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables),  cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_graph),      cmocka_unit_test(test_memoised),
        cmocka_unit_test(test_references), cmocka_unit_test(test_for_each),
        cmocka_unit_test(test_words),      cmocka_unit_test(test_long_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
