#include "support.h"

#include "test.h"

static const HclEnv plain_env = {0};

static void check(const Case *cases, size_t count) {
    HclScope scope;
    AutoArena mem = arena_new(NULL);
    hcl_scope_init(&scope, NULL, mem);
    check_cases(cases, count, &scope, &plain_env);
}

#define FAILED(range, fn, text)                                                                    \
    "t.hcl:1,1-" range ": Error in function call; Call to function \"" fn "\" failed: " text "."
#define BAD(range, param, text)                                                                    \
    "t.hcl:1," range ": Invalid function argument; Invalid value for \"" param "\" parameter: " text \
    "."

static void test_number_functions(void **state) {
    (void)state;
    static const Case cases[] = {
        {"abs(-2.5)", "2.5"}, {"ceil(1.2)", "2"}, {"floor(-1.2)", "-2"}, {"signum(-3)", "-1"},
        {"signum(0)", "0"}, {"log(16, 2)", "4"}, {"pow(2, 10)", "1024"}, {"pow(2, 0.5) > 1.41", "true"},
        {"max(1, 3, 2)", "3"}, {"min(1, 3, -2)", "-2"},
        {"max()", FAILED("5", "max", "must pass at least one number")},
        {"parseint(\"ff\", 16)", "255"}, {"parseint(\"-101\", 2)", "-5"}, {"parseint(\"z\", 62)", "35"},
        {"parseint(\"12\", 1)", BAD("16-17", "base", "base must be a whole number between 2 and 62 "
                                                     "inclusive")},
        {"parseint(\"9\", 8)", BAD("11-12", "number", "cannot parse \"9\" as a base 8 integer")},
        {"range(3)", "[0,1,2]"}, {"range(1, 4)", "[1,2,3]"}, {"range(3, 0)", "[3,2,1]"},
        {"range(0, 1, 0.25)", "[0,0.25,0.5,0.75]"}, {"length(range(1024))", "1024"},
        {"range(1025)", FAILED("7", "range", "more than 1024 values were generated; either decrease "
                                             "the difference between start and end or use a smaller "
                                             "step")},
    };
    check(cases, COUNT_OF(cases));
}

static void test_text_functions(void **state) {
    (void)state;
    static const Case cases[] = {
        {"chomp(\"a\\r\\n\\n\")", "\"a\""}, {"endswith(\"abc\", \"bc\")", "true"},
        {"startswith(\"abc\", \"bc\")", "false"}, {"indent(2, \"a\\nb\\nc\")", "\"a\\n  b\\n  c\""},
        {"join(\",\", [\"a\"], [\"b\", \"c\"])", "\"a,b,c\""}, {"lower(\"ÀB\")", "\"àb\""},
        {"upper(\"éa\")", "\"ÉA\""}, {"title(\"hello big-world it's\")", "\"Hello Big-World It'S\""},
        {"replace(\"a.b.c\", \".\", \"-\")", "\"a-b-c\""}, {"split(\",\", \"a,b,,c\")",
         "[\"a\",\"b\",\"\",\"c\"]"}, {"split(\",\", \"\")", "[\"\"]"}, {"split(\"\", \"ab\")",
         "[\"a\",\"b\"]"}, {"strrev(\"héy\")", "\"yéh\""}, {"substr(\"hello\", 1, 3)", "\"ell\""},
        {"substr(\"hello\", -3, 2)", "\"ll\""}, {"substr(\"hello\", 2, -1)", "\"llo\""},
        {"substr(\"e\\u0301x\", 0, 1)", "\"e\xcc\x81\""}, {"trim(\"?!x!?\", \"!?\")", "\"x\""},
        {"trimprefix(\"abc\", \"a\")", "\"bc\""}, {"trimsuffix(\"abc\", \"c\")", "\"ab\""},
        {"trimspace(\" \\t a\\n\")", "\"a\""},
    };
    check(cases, COUNT_OF(cases));
}

static void test_regex_functions(void **state) {
    (void)state;
    static const Case cases[] = {
        {"regex(\"[a-z]+\", \"12ab3\")", "\"ab\""}, {"regex(\"(\\\\d)(\\\\d)\", \"x12\")",
         "[\"1\",\"2\"]"}, {"regex(\"(?P<y>\\\\d+)-(?P<m>\\\\d+)\", \"2024-05\")",
         "{\"m\":\"05\",\"y\":\"2024\"}"},
        {"regex(\"x\", \"y\")", FAILED("7", "regex", "pattern did not match any part of the given "
                                                      "string")},
        {"regexall(\"[0-9]\", \"a1b2\")", "[\"1\",\"2\"]"}, {"regexall(\"x\", \"y\")", "[]"},
        {"regexreplace(\"a1b2\", \"([a-z])(\\\\d)\", \"$2$${1}\")", "\"1a2b\""},
        {"regexreplace(\"ab\", \"\", \"-\")", "\"-a-b-\""}, {"regexpescape(\"a.b*\")",
         "\"a\\\\.b\\\\*\""},
        {"regex(\"(a)\\\\1\", \"aa\")", BAD("8-14", "pattern", "invalid regexp pattern: backreference "
                                                              "is not supported")},
        {"regex(\"a(?=b)\", \"ab\")", BAD("8-14", "pattern", "invalid regexp pattern: lookahead is "
                                                            "not supported")},
        {"regex(\"a++\", \"ab\")", BAD("8-11", "pattern", "invalid regexp pattern: possessive "
                                                         "quantifier is not supported")},
        {"regex(\"(\", \"a\")", BAD("8-9", "pattern", "invalid regexp pattern: missing closing "
                                                     "parenthesis at offset 1")},
        {"regex(\"(a*)*(a*)*(a*)*(a*)*[bc]\", join(\"\", [for x in range(200): \"a\"]))",
         FAILED("7", "regex", "the pattern takes too many steps on this string")},
    };
    check(cases, COUNT_OF(cases));
}

static void test_format(void **state) {
    (void)state;
    static const Case cases[] = {
        {"format(\"%s-%d%%\", \"a\", 5)", "\"a-5%\""}, {"format(\"%v %v %v\", \"a\", [1], true)",
         "\"a [1] true\""}, {"format(\"%#v\", \"a\")", "\"\\\"a\\\"\""}, {"format(\"%t\", \"true\")",
         "\"true\""}, {"format(\"%b %o %x %X\", 5, 8, 255, 255)", "\"101 10 ff FF\""},
        {"format(\"%#x\", 255)", "\"0xff\""}, {"format(\"%5d|%-5d|%05d|%+d\", 1, 2, 3, 4)",
         "\"    1|2    |00003|+4\""}, {"format(\"%.2f %e %g\", 1.005, 1500, 0.5)",
         "\"1.00 1.500000e+03 0.5\""}, {"format(\"%g %G\", 1e21, 1e-7)", "\"1e+21 1E-07\""},
        {"format(\"%q\", \"a\\\"b\")", "\"\\\"a\\\\\\\"b\\\"\""}, {"format(\"%[2]s %[1]s\", 1, 2)",
         "\"2 1\""}, {"format(\"%.2s|%4s\", \"abc\", \"é\")", "\"ab|   é\""},
        {"format(\"%s\")", FAILED("8", "format", "not enough arguments for \"%s\" at 0: need index 1 "
                                                 "but have 0 total")},
        {"format(\"x\", 1)", FAILED("8", "format", "too many arguments; no verbs in format string")},
        {"format(\"%d\", 1, 2)", FAILED("8", "format", "too many arguments; only 1 used by format "
                                                       "string")},
        {"format(\"%d\", \"x\")", FAILED("8", "format", "unsupported value for \"%d\" at 0: a number "
                                                        "is required")},
        {"format(\"%y\", 1)", FAILED("8", "format", "unsupported format verb 'y' in \"%y\" at offset 0")},
        {"format(\"%d\", 1.5)", FAILED("8", "format", "unsupported value for \"%d\" at 0: an integer "
                                                     "is required")},
        {"format(\"%*d\", 1, 2)", FAILED("8", "format", "unsupported dynamic width at offset 0")},
        {"formatlist(\"%s-%s\", [\"a\", \"b\"], \"x\")", "[\"a-x\",\"b-x\"]"},
        {"formatlist(\"%s%s\", [1], [1, 2])", BAD("25-26", "args", "argument 2 has length 2, which "
         "is inconsistent with argument 1 of length 1")},
    };
    check(cases, COUNT_OF(cases));
}

static void test_collections(void **state) {
    (void)state;
    static const Case cases[] = {
        {"alltrue([true, true])", "true"}, {"alltrue([])", "true"}, {"alltrue([true, \"true\"])",
         "false"}, {"chunklist([1, 2, 3], 2)", "[[1,2],[3]]"}, {"coalescelist([], [1])", "[1]"},
        {"compact([\"a\", \"\", null, \"b\"])", "[\"a\",\"b\"]"}, {"concat([1], [\"a\"])",
         "[1,\"a\"]"}, {"contains([1, 2], 2)", "true"}, {"contains([\"a\"], \"b\")", "false"},
        {"distinct([1, 2, 1])", "[1,2]"}, {"element([1, 2, 3], 4)", "2"}, {"empty([])", "true"},
        {"empty(\"x\")", FAILED("7", "empty", "collection must be a list, a map or a tuple")},
        {"flatten([[1, [2]], 3])", "[1,2,3]"}, {"index({a = 1}, \"a\")", "1"}, {"index([5], 0)", "5"},
        {"keys({b = 1, a = 2})", "[\"a\",\"b\"]"}, {"values({b = 1, a = 2})", "[2,1]"},
        {"length([1, 2])", "2"}, {"length(\"abc\")", BAD("9-12", "collection", "collection must be a "
         "list, a map or a tuple")}, {"merge({a = 1}, null, {a = 2, b = 3})", "{\"a\":2,\"b\":3}"},
        {"reverse([1, 2])", "[2,1]"}, {"setintersection([1, 2], [2, 3])", "[2]"},
        {"setunion([\"b\"], [\"a\"])", "[\"a\",\"b\"]"}, {"setsubtract([1, 2], [2])", "[1]"},
        {"setproduct([\"a\"], [\"x\", \"y\"])", "[[\"a\",\"x\"],[\"a\",\"y\"]]"},
        {"slice([1, 2, 3], 1, 3)", "[2,3]"}, {"sort([\"b\", \"a\", \"B\"])", "[\"B\",\"a\",\"b\"]"},
        {"zipmap([\"a\", \"b\"], [1, 2])", "{\"a\":1,\"b\":2}"},
        {"toset([10, 9, 9])", "[9,10]"}, {"toset([\"b\", \"a\", \"B\"])", "[\"B\",\"a\",\"b\"]"},
        {"toset([true, false])", "[false,true]"}, {"toset([1, \"a\"])", "[\"1\",\"a\"]"},
    };
    check(cases, COUNT_OF(cases));
}

static void test_conversions(void **state) {
    (void)state;
    static const Case cases[] = {
        {"tobool(\"true\")", "true"}, {"tobool(\"1\")", "true"}, {"tobool(\"0\")", "false"}, {"tobool(null)", "null"}, {"tonumber(\"1.50\")", "1.5"},
        {"tostring(true)", "\"true\""}, {"tolist(toset([\"b\", \"a\"]))", "[\"a\",\"b\"]"},
        {"tobool(\"yes\")", BAD("9-12", "v", "cannot convert \"yes\" to bool; only the strings "
                                             "\"true\" or \"false\" are allowed")},
        {"tonumber(\"x\")", BAD("11-12", "v", "cannot convert \"x\" to number; given string must be a "
                                              "decimal representation of a number")},
        {"tonumber([])", BAD("10-11", "v", "cannot convert tuple to number")},
        {"tostring({})", BAD("10-11", "v", "cannot convert object to string")},
        {"sql(\"now()\")", "sql:now()"}, {"sql(\"\")", FAILED("5", "sql", "empty expression")},
    };
    check(cases, COUNT_OF(cases));
}

static void test_encodings(void **state) {
    (void)state;
    static const Case cases[] = {
        {"jsonencode({b = [1, 2.5, null], a = \"<&>\"})",
         "\"{\\\"a\\\":\\\"\\\\u003c\\\\u0026\\\\u003e\\\",\\\"b\\\":[1,2.5,null]}\""},
        {"jsondecode(\"{\\\"a\\\": [1, 0.1, true, null]}\")", "{\"a\":[1,0.1,true,null]}"},
        {"tostring(jsondecode(\"0.1\"))", "\"0.1\""},
        {"csvdecode(\"a,b\\n1,\\\"x,y\\\"\\n2,z\\n\")",
         "[{\"a\":\"1\",\"b\":\"x,y\"},{\"a\":\"2\",\"b\":\"z\"}]"},
        {"csvdecode(\"a,b\\n1\\n\")", FAILED("11", "csvdecode", "CSV parse error on line 2: wrong "
                                                                "number of fields")},
        {"yamldecode(\"a: 1\\nb: [x, true, ~]\\nc: {d: '1'}\\n\")",
         "{\"a\":1,\"b\":[\"x\",true,null],\"c\":{\"d\":\"1\"}}"},
        {"yamldecode(\"a: &x [1]\\nb: *x\\n\")", "{\"a\":[1],\"b\":[1]}"},
        {"yamlencode({a = [1, \"x\"], b = {c = true}, d = []})",
         "\"\\\"a\\\":\\n- 1\\n- \\\"x\\\"\\n\\\"b\\\":\\n  \\\"c\\\": true\\n\\\"d\\\": []\\n\""},
        {"yamldecode(\"[y, no, On, off]\")", "[true,false,true,false]"},
        {"yamlencode({a = \"x\\n  y\", b = \"x\\n\", c = \"x\\n\\n\"})",
         "\"\\\"a\\\": |-\\n  x\\n    y\\n\\\"b\\\": |\\n  x\\n\\\"c\\\": |+\\n  x\\n\\n\""},
        {"yamlmerge()", "null"}, {"yamlmerge(null, \"a:   1\")", "\"a:   1\""},
        {"yamlmerge(\"a: {x: 1}\\nl: [1]\\n\", \"a: {z: b}\\nl: [2]\\n\")",
         "\"a:\\n    x: 1\\n    z: b\\nl:\\n    - 1\\n    - 2\\n\""},
        {"yamlmerge(\"a: {x: 1}\", \"a: [1]\")", FAILED("11", "yamlmerge", "yamlmerge: failed to merge "
         "yaml: key a is defined in both src and dst, but has a different type")},
    };
    check(cases, COUNT_OF(cases));
}

static void test_times_and_urls(void **state) {
    (void)state;
    static const Case cases[] = {
        {"formatdate(\"YYYY-MM-DD'T'hh:mm:ssZ\", \"2018-01-02T23:12:01Z\")",
         "\"2018-01-02T23:12:01Z\""},
        {"formatdate(\"EEEE, DD-MMM-YY hh:mm:ss ZZZ\", \"2018-01-02T23:12:01Z\")",
         "\"Tuesday, 02-Jan-18 23:12:01 UTC\""},
        {"formatdate(\"EEE D MMMM H:m:s AA aa ZZZZZ ZZZZ M\", \"2018-01-02T23:02:01-08:00\")",
         "\"Tue 2 January 11:2:1 PM pm -08:00 -0800 1\""},
        {"formatdate(\"q\", \"2018-01-02T23:12:01Z\")", BAD("13-14", "format", "invalid date format "
                                                                              "verb \"q\"")},
        {"timeadd(\"2017-11-22T00:00:00Z\", \"10m\")", "\"2017-11-22T00:10:00Z\""},
        {"timeadd(\"2017-12-31T23:59:59+02:00\", \"1s\")", "\"2018-01-01T00:00:00+02:00\""},
        {"urlescape(\"a b&c/d\")", "\"a+b%26c%2Fd\""},
        {"urlqueryset(\"mysql://h/db?z=1&a=2&a=3\", \"a\", \"x y\")", "\"mysql://h/db?a=x+y&z=1\""},
        {"urluserinfo(\"mysql://h/db\", \"u\", \"p@s\")", "\"mysql://u:p%40s@h/db\""},
        {"urluserinfo(\"mysql://a:b@h/db\", \"u\", null)", "\"mysql://u@h/db\""},
        {"urluserinfo(\"mysql://a:b@h/db\", \"u\")", "\"mysql://u@h/db\""},
        {"urlsetpath(\"mysql://h/db?x=1\", \"other\")", "\"mysql://h/other?x=1\""},
        {"urlsetpath(\"mysql://h/db?x=1\", \"\")", "\"mysql://h?x=1\""},
    };
    check(cases, COUNT_OF(cases));
}

static void note_print(void *ctx, Str line) {
    Buf *b = ctx;
    buf_add(b, line.ptr, line.len);
}

static void test_host_functions(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    const char *dir = test_dir(mem);
    static const char *const files[] = {"a.sql", "b.sql", "sub/c.sql", "sub/deep/d.sql"};
    AutoErr err = fs_mkdirs(fs_join(mem, dir, "sub/deep"), 0755);
    for (size_t i = 0; i < COUNT_OF(files) && !err; i++)
        err = fs_write_atomic(fs_join(mem, dir, files[i]), str_from("text\n"), 0644);
    assert_null(err);
    Map vars;
    Buf printed;
    HclScope scope;
    map_init(&vars, mem);
    map_set(&vars, "KEY", arena_strdup(mem, "value"));
    buf_init(&printed, mem, BUF_MAX_TEXT);
    hcl_scope_init(&scope, NULL, mem);
    HclEnv env = {.host = host_with_vars(mem, &host_system, &vars), .dir = dir, .config = true,
                  .print = note_print, .print_ctx = &printed};
#define RUN(text) eval_in(mem, text, &scope, &env)
    assert_string_equal(RUN("getenv(\"KEY\")"), "\"value\"");
    assert_string_equal(RUN("getenv(\"NOPE\")"), "\"\"");
    assert_string_equal(RUN("file(\"a.sql\")"), "\"text\\n\"");
    assert_non_null(strstr(RUN("file(\"nope\")"), "Call to function \"file\" failed: "));
    assert_string_equal(RUN("fileset(\"*.sql\")"),
                        arena_printf(mem, "[\"%s/a.sql\",\"%s/b.sql\"]", dir, dir));
    assert_string_equal(RUN("fileset(\"**/{c,d}.sql\")"),
                        arena_printf(mem, "[\"%s/sub/c.sql\",\"%s/sub/deep/d.sql\"]", dir, dir));
    assert_string_equal(RUN("length(fileset(\"**\"))"), "4");
    assert_string_equal(RUN("fileset(\"*.none\")"), "[]");
    assert_string_equal(RUN("length(glob(\"*\"))"), "3");
    assert_string_equal(RUN("print(\"x\")"), "\"x\"");
    assert_string_equal(RUN("print({a = 1})"), "{\"a\":1}");
    assert_string_equal(RUN("print(1.5)"), "1.5");
    assert_string_equal(printed.ptr, "x\n{\"a\":1}\n1.5\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_functions), cmocka_unit_test(test_text_functions),
        cmocka_unit_test(test_regex_functions),  cmocka_unit_test(test_format),
        cmocka_unit_test(test_collections),      cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_encodings),        cmocka_unit_test(test_times_and_urls),
        cmocka_unit_test(test_host_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
