#include "support.h"

static const HclEnv no_env = {0};

static void plain(const Case *cases, size_t count) {
    HclScope scope;
    AutoArena mem = arena_new(NULL);
    hcl_scope_init(&scope, NULL, mem);
    check_cases(cases, count, &scope, &no_env);
}

static void test_numbers(void **state) {
    (void)state;
    static const Case cases[] = {
        {"1 + 2 * 3", "7"}, {"(1 + 2) * 3", "9"}, {"10 / 4", "2.5"}, {"-7 % 3", "-1"},
        {"tostring(0.1)", "\"0.1\""}, {"tostring(0.1 + 0.2)", "\"0.3\""}, {"tostring(1e3)", "\"1000\""},
        {"tostring(1/3)", "\"0.3333333333333333333333333333333333333333333333333333333333333333333333333333333333333333"
         "3333333333333333333333333333333333333333333333333333333333333333335\""},
        {"tostring(123456789012345678901234567890)", "\"123456789012345678901234567890\""},
        {"tostring(1.50)", "\"1.5\""}, {"tostring(-0)", "\"0\""}, {"tostring(1e-7)", "\"0.0000001\""},
        {"1 < 2", "true"}, {"2 <= 2", "true"}, {"1 > 2", "false"}, {"\"3\" + 4", "7"},
        {"1 / 0", "t.hcl:1,1-6: Operation failed; Error during operation: division by zero."},
        {"1 + null", "t.hcl:1,1-9: Operation failed; Error during operation: argument must not be "
                     "null."},
        {"1 + \"x\"", "t.hcl:1,5-8: Invalid operand; Unsuitable value for right operand: a number "
                      "is required."},
        {"-\"x\"", "t.hcl:1,2-5: Invalid operand; Unsuitable value for unary operand: a number is "
                   "required."},
        {"1e99999", "t.hcl:1,1-8: Invalid number literal; Failed to recognize the value of this "
                    "number literal."},
    };
    plain(cases, COUNT_OF(cases));
}

static void test_logic(void **state) {
    (void)state;
    static const Case cases[] = {
        {"true && false", "false"}, {"true || false", "true"}, {"!true", "false"},
        {"\"true\" && true", "true"}, {"1 == 1", "true"}, {"1 == \"1\"", "false"},
        {"null == null", "true"}, {"[1, 2] == [1, 2]", "true"}, {"{a = 1} != {a = 2}", "true"},
        {"true && \"x\"", "t.hcl:1,9-12: Invalid operand; Unsuitable value for right operand: a "
                          "bool is required."},
        {"true ? 1 : 2", "1"}, {"false ? 1 : true ? 2 : 3", "2"},
        {"true ? 1 : \"a\"", "\"1\""}, {"true ? null : 1", "null"},
        {"true ? 1 : nope", "1"},
        {"false ? 1 : nope", "t.hcl:1,13-17: Unknown variable; There is no variable named "
                             "\"nope\"."},
        {"null ? 1 : 2", "t.hcl:1,1-5: Null condition; The condition value is null. Conditions must "
                         "either be true or false."},
        {"\"x\" ? 1 : 2", "t.hcl:1,1-4: Incorrect condition type; The condition expression must be "
                          "of type bool."},
        {"true ? [] : 1", "t.hcl:1,8-14: Inconsistent conditional result types; The true and false "
                          "result expressions must have consistent types. The 'true' value is "
                          "tuple, but the 'false' value is number."},
    };
    plain(cases, COUNT_OF(cases));
}

static void test_structures(void **state) {
    (void)state;
    static const Case cases[] = {
        {"[1, \"a\", true,]", "[1,\"a\",true]"}, {"{b = 1, a = 2}", "{\"a\":2,\"b\":1}"},
        {"{a = 1\n b = 2\n}", "{\"a\":1,\"b\":2}"}, {"{a: 1, a: 2}", "{\"a\":2}"},
        {"{true = 1, null = 2, 3 = 4}", "{\"3\":4,\"null\":2,\"true\":1}"},
        {"{(\"x\") = 1, \"y z\" = 2, \"${1}\" = 3}", "{\"1\":3,\"x\":1,\"y z\":2}"},
        {"{a.b = 1}", "t.hcl:1,2-5: Ambiguous attribute key; If this expression is intended to be a "
                      "reference, wrap it in parentheses. If it's instead intended as a literal "
                      "name containing periods, wrap it in quotes to create a string literal."},
        {"{(null) = 1}", "t.hcl:1,11-12: Null value as key; Can't use a null value as a key."},
        {"[1, 2][1]", "2"}, {"[1, 2][\"1\"]", "2"}, {"[[1], [2]].1.0", "2"}, {"{a = 1}.a", "1"},
        {"{a = 1}[\"a\"]", "1"}, {"[1][0 + 0]", "1"},
        {"[1][1]", "t.hcl:1,4-7: Invalid index; The given key does not identify an element in this "
                   "collection value: the given index is greater than or equal to the length of the "
                   "collection."},
        {"[1][-1]", "t.hcl:1,4-8: Invalid index; The given key does not identify an element in this "
                    "collection value: a negative number is not a valid index for a sequence."},
        {"[1][0.5]", "t.hcl:1,4-9: Invalid index; The given key does not identify an element in "
                     "this collection value: indexing a sequence requires a whole number, but the "
                     "given index (0.5) has a fractional part."},
        {"{a = 1}.b", "t.hcl:1,8-10: Unsupported attribute; This object does not have an attribute "
                      "named \"b\"."},
        {"toset([1])[0]", "t.hcl:1,11-14: Invalid index; Elements of a set are identified only by "
                          "their value and don't have any separate index or key to select with, so "
                          "it's only possible to perform operations across all elements of the "
                          "set."},
        {"null.a", "t.hcl:1,5-7: Attempt to get attribute from null value; This value is null, so "
                   "it does not have any attributes."},
        {"\"x\".a", "t.hcl:1,4-6: Unsupported attribute; Can't access attributes on a "
                    "primitive-typed value (string)."},
    };
    plain(cases, COUNT_OF(cases));
}

static void test_for(void **state) {
    (void)state;
    static const Case cases[] = {
        {"[for x in [1, 2, 3]: x * 2]", "[2,4,6]"},
        {"[for i, x in [\"a\", \"b\"]: \"${i}${x}\"]", "[\"0a\",\"1b\"]"},
        {"[for k, v in {b = 1, a = 2}: k]", "[\"a\",\"b\"]"},
        {"[for k, v in toset([\"b\", \"a\"]): \"${k}=${v}\"]", "[\"a=a\",\"b=b\"]"},
        {"[for x in [1, 2, 3]: x if x > 1]", "[2,3]"},
        {"{for x in [\"a\", \"b\"]: x => upper(x)}", "{\"a\":\"A\",\"b\":\"B\"}"},
        {"{for x in [\"a\", \"b\", \"a\"]: x => 1...}", "{\"a\":[1,1],\"b\":[1]}"},
        {"{for x in [\"a\", \"a\"]: x => 1}", "t.hcl:1,23-24: Duplicate object key; Two different "
         "items produced the key \"a\" in this 'for' expression. If duplicates are expected, use "
         "the ellipsis (...) after the value expression to enable grouping by key."},
        {"[for x in null: x]", "t.hcl:1,11-15: Iteration over null value; A null value cannot be "
                               "used as the collection in a 'for' expression."},
        {"[for x in 1: x]", "t.hcl:1,11-12: Iteration over non-iterable value; A value of type "
                            "number cannot be used as the collection in a 'for' expression."},
        {"[for x in [1]: x if null]", "t.hcl:1,21-25: Condition is null; The value of the 'if' "
                                      "clause must not be null."},
        {"[\n  for x in [1,\n 2]:\n  x\n]", "[1,2]"},
    };
    plain(cases, COUNT_OF(cases));
}

static void test_splat(void **state) {
    (void)state;
    static const Case cases[] = {
        {"[{a = 1}, {a = 2}].*.a", "[1,2]"}, {"[{a = [1]}, {a = [2]}][*].a[0]", "[1,2]"},
        {"[{a = [1, 9]}, {a = [2]}].*.a[0]", "[1,9]"}, {"{a = 1}[*].a", "[1]"},
        {"null[*]", "[]"}, {"1[*]", "[1]"}, {"[[{a = 1}]][*][*].a", "[[1]]"},
        {"tolist(null)[*]", "t.hcl:1,1-13: Splat of null value; Splat expressions (with the * "
                            "symbol) cannot be applied to null sequences."},
    };
    plain(cases, COUNT_OF(cases));
}

static void test_templates(void **state) {
    (void)state;
    static const Case cases[] = {
        {"\"a${1}b${true}\"", "\"a1btrue\""}, {"\"${[1]}\"", "[1]"}, {"\"$${a} %%{b} $ % $$ \"",
         "\"${a} %{b} $ % $$ \""},
        {"\"\\n\\r\\t\\\"\\\\\\u00e9\\U0001F600\"", "\"\\n\\r\\t\\\"\\\\é😀\""},
        {"\"%{if true}a%{else}b%{endif}\"", "\"a\""}, {"\"%{if false}a%{endif}\"", "\"\""},
        {"\"%{for x in [1, 2]}<${x}>%{endfor}\"", "\"<1><2>\""},
        {"\"%{for i, x in [\"a\"]}${i}${x}%{endfor}\"", "\"0a\""},
        {"\"a ${~ 1 ~} b\"", "\"a1b\""}, {"\"a %{~ if true ~} x %{~ endif ~} b\"", "\"axb\""},
        {"\"${null}x\"", "t.hcl:1,4-8: Invalid template interpolation value; The expression result "
                         "is null. Cannot include a null value in a string template."},
        {"\"${[]}x\"", "t.hcl:1,4-6: Invalid template interpolation value; Cannot include the given "
                       "value in a string template: string required."},
        {"\"${\"${\"deep\"}\"}\"", "\"deep\""},
        {"<<EOT\nhello ${1 + 1}\n\\n $${x}\nEOT\n", "\"hello 2\\n\\\\n ${x}\\n\""},
        {"<<-EOT\n    a\n      b\n\n    c\n  EOT\n", "\"a\\n  b\\n\\nc\\n\""},
        {"<<-EOT\n    a\n  ${1}\n  EOT\n", "\"  a\\n1\\n\""},
        {"<<-EOT\n    a\n${1}\n  EOT\n", "\"    a\\n1\\n\""},
        {"<<EOT\n%{ for x in [1, 2] ~}\n  ${x}\n%{ endfor ~}\nEOT\n", "\"  1\\n  2\\n\""},
        {"<<EOT\n  EOT\n", "\"\""},
    };
    plain(cases, COUNT_OF(cases));
}

static void test_variables(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    HclScope outer, inner;
    HclFields f = {0};
    hcl_scope_init(&outer, NULL, mem);
    hcl_scope_init(&inner, &outer, mem);
    hcl_field(&f, mem, "a-b", hcl_int(mem, 5));
    hcl_scope_set(&outer, "golang-migrate", hcl_string(mem, "x"));
    hcl_scope_set(&outer, "var", hcl_object(mem, &f));
    hcl_scope_set(&inner, "each", hcl_int(mem, 1));
    static const Case cases[] = {
        {"golang-migrate", "\"x\""}, {"var.a-b", "5"}, {"each", "1"}, {"var[\"a-b\"]", "5"},
        {"vars.x", "t.hcl:1,1-5: Unknown variable; There is no variable named \"vars\". Did you "
                   "mean \"var\"?"},
        {"data.a.b.c", "t.hcl:1,1-5: Unknown data source; data.a.b.c does not exist"},
        {"local.x", "t.hcl:1,1-6: Unknown local; local.x does not exist"},
        {"[xx, yyy.z, 1/0]", "t.hcl:1,2-4: Unknown variable; There is no variable named \"xx\"., "
                             "and 2 other diagnostic(s)"},
        {"try(nope, var.x, 3)", "3"}, {"can(nope.x)", "false"}, {"can(1)", "true"},
        {"try(nope)", "t.hcl:1,1-5: Error in function call; Call to function \"try\" failed: no "
                      "expression succeeded."},
    };
    check_cases(cases, COUNT_OF(cases), &inner, &no_env);
}

static void test_calls(void **state) {
    (void)state;
    static const Case cases[] = {
        {"max([1, 5, 3]...)", "5"}, {"max(\"2\", 1)", "2"}, {"join(\"-\", [1, true])", "\"1-true\""},
        {"base64encode(1)", "t.hcl:1,1-13: Call to unknown function; There is no function named "
                            "\"base64encode\"."},
        {"uper(1)", "t.hcl:1,1-5: Call to unknown function; There is no function named \"uper\". Did "
                    "you mean \"upper\"?"},
        {"upper()", "t.hcl:1,7-8: Not enough function arguments; Function \"upper\" expects 1 "
                    "argument(s). Missing value for \"str\"."},
        {"upper(\"a\", 2)", "t.hcl:1,12-13: Too many function arguments; Function \"upper\" expects "
                            "only 1 argument(s)."},
        {"upper([])", "t.hcl:1,7-8: Invalid function argument; Invalid value for \"str\" parameter: "
                      "string required."},
        {"abs(\"x\")", "t.hcl:1,6-7: Invalid function argument; Invalid value for \"num\" "
                       "parameter: a number is required."},
        {"upper(null)", "t.hcl:1,7-11: Invalid function argument; Invalid value for \"str\" "
                        "parameter: argument must not be null."},
        {"max(1...)", "t.hcl:1,5-6: Invalid expanding argument value; The expanding argument "
                      "(indicated by ...) must be of a tuple, list, or set type."},
        {"getenv(\"X\")", "t.hcl:1,1-7: Call to unknown function; There is no function named "
                          "\"getenv\"."},
    };
    HclScope scope;
    AutoArena mem = arena_new(NULL);
    hcl_scope_init(&scope, NULL, mem);
    static const Case got[] = {{"getenv(\"X\")", NULL}};
    (void)got;
    check_cases(cases, COUNT_OF(cases) - 1, &scope, &no_env);
    const char *text = eval_in(mem, cases[COUNT_OF(cases) - 1].text, &scope, &no_env);
    assert_int_equal(strncmp(text, "t.hcl:1,1-7: Call to unknown function; ", 39), 0);
}

// What must neither crash nor hang.
static void test_limits(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    HclScope scope;
    Buf b;
    hcl_scope_init(&scope, NULL, mem);
    static const char *const openers[] = {"(", "[", "{a=", "!", "-", "\"${", "true?1:", "f("};
    for (size_t i = 0; i < COUNT_OF(openers); i++) {
        buf_init(&b, mem, BUF_MAX_TEXT);
        buf_repeat(&b, openers[i], 100000);
        const char *text = eval_in(mem, b.ptr, &scope, &no_env);
        assert_non_null(strstr(text, "Nesting too deep; Brackets, blocks and templates may nest"));
    }
    buf_init(&b, mem, BUF_MAX_TEXT);
    buf_str(&b, "1");
    buf_repeat(&b, "+1", 100000);
    assert_non_null(strstr(eval_in(mem, b.ptr, &scope, &no_env), "Expression too long; "));
    assert_non_null(strstr(eval_in(mem, "[for a in range(1024): [for b in range(1024): [for c in "
                                        "range(1024): 1]]]", &scope, &no_env),
                           "Evaluation limit reached; "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_logic),
        cmocka_unit_test(test_structures), cmocka_unit_test(test_for),
        cmocka_unit_test(test_splat),     cmocka_unit_test(test_templates),
        cmocka_unit_test(test_variables), cmocka_unit_test(test_calls),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
