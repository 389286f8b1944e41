#include "support.h"

static void test_errors(void **state) {
    (void)state;
    static const Case cases[] = {
        {"a = 1\na = 2\n", "atlas.hcl:2,1-2: Attribute redefined; The argument \"a\" was already set "
                           "at atlas.hcl:1,1-2. Each argument may be set only once."},
        {"a\n", "atlas.hcl:1,1-2: Argument or block definition required; An argument or block "
                "definition is required here. To set an argument, use the equals sign \"=\" to "
                "introduce the argument value."},
        {"\"a\" = 1\n", "atlas.hcl:1,1-2: Invalid argument name; Argument names must not be quoted."},
        {"= 1\n", "atlas.hcl:1,1-2: Argument or block definition required; An argument or block "
                  "definition is required here."},
        {"a =\n", "atlas.hcl:1,4-2,1: Invalid expression; Expected the start of an expression, but "
                  "found an invalid expression token."},
        {"a =", "atlas.hcl:1,4-4: Missing expression; Expected the start of an expression, but found "
                "the end of the file."},
        {"a = 1 b = 2\n", "atlas.hcl:1,7-8: Missing newline after argument; An argument definition "
                          "must end with a newline."},
        {"a = 1, b = 2\n", "atlas.hcl:1,6-7: Unexpected comma after argument; Argument definitions "
                           "must be separated by newlines, not commas. An argument definition must "
                           "end with a newline."},
        {"env \"x\" {\n", "atlas.hcl:1,9-10: Unclosed configuration block; There is no closing brace "
                          "for this block before the end of the file. This may be caused by "
                          "incorrect brace nesting elsewhere in this file."},
        {"env \"x\" {\n} b\n", "atlas.hcl:2,3-4: Missing newline after block definition; A block "
                               "definition must end with a newline."},
        {"env \"x\"\n{\n}\n", "atlas.hcl:1,8-2,1: Invalid block definition; A block definition must "
                              "have block content delimited by \"{\" and \"}\", starting on the same "
                              "line as the block header., and 1 other diagnostic(s)"},
        {"env \"x\" = {\n}\n", "atlas.hcl:1,9-10: Invalid block definition; The equals sign \"=\" "
                               "indicates an argument definition, and must not be used when defining "
                               "a block."},
        {"env \"${x}\" {\n}\n", "atlas.hcl:1,6-8: Invalid string literal; Template sequences are not "
                                "allowed in this string. To include a literal \"$\", double it (as "
                                "\"$$\") to escape it."},
        {"b { a = 1, c = 2 }\n", "atlas.hcl:1,10-11: Invalid single-argument block definition; "
                                 "Single-line block syntax can include only one argument definition. "
                                 "To define multiple arguments, use the multi-line block syntax with "
                                 "one argument definition per line."},
        {"}\n", "atlas.hcl:1,1-2: Argument or block definition required; An argument or block "
                "definition is required here."},
        {"a = [1 2]\n", "atlas.hcl:1,8-9: Missing item separator; Expected a comma to mark the "
                        "beginning of the next item."},
        {"a = [1,\n", "atlas.hcl:2,1-1: Missing expression; Expected the start of an expression, but "
                      "found the end of the file."},
        {"a = [1", "atlas.hcl:1,5-6: Unterminated tuple constructor expression; There is no "
                   "corresponding closing bracket before the end of the file. This may be caused by "
                   "incorrect bracket nesting elsewhere in this file."},
        {"a = {b 1}\n", "atlas.hcl:1,8-9: Missing key/value separator; Expected an equals sign "
                        "(\"=\") to mark the beginning of the attribute value. If you intended to "
                        "given an attribute name containing periods or spaces, write the name in "
                        "quotes to create a string literal."},
        {"a = {b = 1 c = 2}\n", "atlas.hcl:1,12-13: Missing attribute separator; Expected a newline "
                                "or comma to mark the beginning of the next attribute."},
        {"a = f(1 2)\n", "atlas.hcl:1,9-10: Missing argument separator; A comma is required to "
                         "separate each function argument from the next."},
        {"a = f(1... 2)\n", "atlas.hcl:1,12-13: Missing closing parenthesis; An expanded function "
                            "argument (with ...) must be immediately followed by closing "
                            "parentheses."},
        {"a = (1\n", "atlas.hcl:2,1-1: Unbalanced parentheses; Expected a closing parenthesis to "
                     "terminate the expression."},
        {"a = b[1\n", "atlas.hcl:2,1-1: Missing close bracket on index; The index operator must end "
                      "with a closing bracket (\"]\")."},
        {"a = b.\n", "atlas.hcl:1,7-2,1: Invalid attribute name; An attribute name is required after "
                     "a dot."},
        {"a = true ? 1\n", "atlas.hcl:1,13-2,1: Missing false expression in conditional; The "
                           "conditional operator (...?...:...) requires a false expression, "
                           "delimited by a colon."},
        {"a = [for x in y]\n", "atlas.hcl:1,16-17: Invalid 'for' expression; For expression requires "
                               "a colon after the collection expression."},
        {"a = {for x in y: x}\n", "atlas.hcl:1,19-20: Invalid 'for' expression; Key expression is "
                                  "required when building an object."},
        {"a = \"${1 2}\"\n", "atlas.hcl:1,10-11: Extra characters after interpolation expression; "
                             "Expected a closing brace to end the interpolation expression, but "
                             "found extra characters."},
        {"a = \"%{if true}x\"\n", "atlas.hcl:1,6-16: Unexpected end of template; The if directive at "
                                  "atlas.hcl:1,6-16 is missing its corresponding endif directive."},
        {"a = 'x'\nb = ;\n", "atlas.hcl:1,5-6: Invalid character; Single quotes are not valid. Use "
                             "double quotes (\") to enclose strings., and 3 other diagnostic(s)"},
    };
    int failed = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AutoArena mem = arena_new(NULL);
        const char *got = parse_error_of(mem, cases[i].text);
        if (strcmp(got, cases[i].want) == 0)
            continue;
        failed++;
        print_error("%s\n  want %s\n  got  %s\n", cases[i].text, cases[i].want, got);
    }
    assert_int_equal(failed, 0);
}

static void test_tree(void **state) {
    (void)state;
    static const char text[] = "a = 1\n"
                               "table \"users\" lib {\n"
                               "  name = \"x\"\n"
                               "  column id { null = true }\n"
                               "  empty {}\n"
                               "}\n"
                               "a-b = word\n";
    AutoArena mem = arena_new(NULL);
    HclFile *file;
    AutoErr err = hcl_parse(&file, "atlas.hcl", str_from(text), mem);
    assert_null(err);
    assert_int_equal(file->body->attrs.len, 2);
    assert_string_equal(hcl_expr_word(file->body->attrs.items[1]->expr), "word");
    assert_int_equal(file->body->blocks.len, 1);
    const HclBlock *b = file->body->blocks.items[0];
    assert_string_equal(b->type, "table");
    assert_int_equal(b->labels.len, 2);
    assert_string_equal(b->labels.items[0], "users");
    assert_string_equal(b->labels.items[1], "lib");
    assert_string_equal(hcl_range_text(mem, &b->range), "atlas.hcl:2,1-18");
    assert_int_equal(b->close_range.start.line, 6);
    assert_string_equal(hcl_expr_literal(hcl_body_attr(b->body, "name")->expr), "x");
    assert_null(hcl_body_attr(b->body, "nope"));
    assert_int_equal(b->body->blocks.len, 2);
    assert_string_equal(hcl_range_text(mem, &b->body->blocks.items[0]->body->attrs.items[0]->range),
                        "atlas.hcl:4,15-26");
}

typedef struct Seen {
    Buf text;
} Seen;

static void note(void *ctx, const HclPath *path) {
    Seen *seen = ctx;
    for (size_t i = 0; i < path->len; i++)
        buf_printf(&seen->text, "%s%s", i > 0 ? "." : "", path->names[i] ? path->names[i] : "?");
    buf_char(&seen->text, ' ');
}

static void test_paths(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    const HclExpr *x;
    Seen seen;
    buf_init(&seen.text, mem, BUF_MAX_TEXT);
    AutoErr err = hcl_parse_expr(&x, "t", str_from("[for k, v in local.a: f(v, \"${var.b}\", "
                                                   "data.c.d.e.f) if k == z[y[0]]]"), mem);
    assert_null(err);
    hcl_expr_paths(x, note, &seen);
    assert_string_equal(seen.text.ptr, "local.a var.b data.c.d.e z y.? ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
