#include "support.h"

#define BAD_CHARACTER "atlas.hcl:1,5-6: Invalid character; "
#define BITWISE "atlas.hcl:1,7-8: Unsupported operator; Bitwise operators are not supported."

// Only the first diagnostic counts; what it draws after it is up to recovery.
static void starts_with(const Case *cases, size_t count) {
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        AutoArena mem = arena_new(NULL);
        const char *got = parse_error_of(mem, cases[i].text);
        if (strncmp(got, cases[i].want, strlen(cases[i].want)) == 0)
            continue;
        failed++;
        print_error("%s\n  want %s\n  got  %s\n", cases[i].text, cases[i].want, got);
    }
    assert_int_equal(failed, 0);
}

static void test_valid(void **state) {
    (void)state;
    static const Case cases[] = {
        {"", "ok"}, {"\n\n", "ok"}, {"\xef\xbb\xbf" "a = 1\n", "ok"}, {"a = 1", "ok"},
        {"a = 1\r\nb = 2\r\n", "ok"}, {"a = 1 # x\nb = 2 // y\n/* z\n */ c = 3\n", "ok"},
        {"golang-migrate = 1\nä = 2\n_x = 3\n", "ok"}, {"a = 1.5e+3\nb = 2E2\n", "ok"},
        {"a = \"x\\n\\u00e9 $${y} %%{z} $ %\"\n", "ok"}, {"a = <<EOT\nx\nEOT\n", "ok"},
        {"a = <<EOT\r\nx\r\n  EOT  \r\nb = 1\r\n", "ok"}, {"a = <<-E-1\nx\nE-1\n", "ok"},
        {"#only a comment", "ok"},
    };
    starts_with(cases, COUNT_OF(cases));
}

static void test_invalid_characters(void **state) {
    (void)state;
    static const Case cases[] = {
        {"a = 'x'\n", BAD_CHARACTER "Single quotes are not valid. Use double quotes (\") to "
                      "enclose strings."},
        {"a = `x`\n", BAD_CHARACTER "The \"`\" character is not valid."},
        {"a = 1;\n", "atlas.hcl:1,6-7: Invalid character; The \";\" character is not valid. Use "
                     "newlines to separate arguments and blocks, and commas to separate items in "
                     "collection values."},
        {"a = \xe2\x80\x9cx\xe2\x80\x9d\n", BAD_CHARACTER "\"Curly quotes\" are not valid here."},
        {"a = 1 & 2\n", BITWISE " Did you mean boolean AND (\"&&\")?"},
        {"a = 1 | 2\n", BITWISE " Did you mean boolean OR (\"||\")?"},
        {"a = 1 ^ 2\n", BITWISE},
        {"a = ~2\n", "atlas.hcl:1,5-6: Unsupported operator; Bitwise operators are not supported. "
                     "Did you mean boolean NOT (\"!\")?"},
        {"a = @\n", BAD_CHARACTER "This character is not used within the language."},
        {"a = \xff\n", "atlas.hcl:1,5-6: Invalid character encoding; All input files must be UTF-8 "
                       "encoded. Ensure that UTF-8 encoding is selected in your editor."},
    };
    starts_with(cases, COUNT_OF(cases));
}

static void test_strings(void **state) {
    (void)state;
    static const Case cases[] = {
        {"a = \"x\\qy\"\n", "atlas.hcl:1,7-9: Invalid escape sequence; The symbol \"q\" is not a "
                            "valid escape sequence selector."},
        {"a = \"\\u12\"\n", "atlas.hcl:1,6-8: Invalid escape sequence; "},
        {"a = \"x\nb = 1\n", "atlas.hcl:1,7-2,1: Invalid multi-line string; Quoted strings may not be "
                             "split over multiple lines."},
        {"a = \"x", "atlas.hcl:1,5-6: Unterminated template string; No closing marker was found for "
                    "the string."},
        {"a = <<EOT\nx\n", "atlas.hcl:1,5-2,1: Unterminated template string; No closing marker was "
                           "found for the string."},
        {"a = <<~EOT\nx\nEOT\n", "atlas.hcl:1,7-8: Unsupported operator; "},
        {"a = <<EOT x\nEOT\n", "atlas.hcl:1,5-6: Invalid expression; "},
        {"/* x", "atlas.hcl:1,1-3: Unterminated comment; "},
    };
    starts_with(cases, COUNT_OF(cases));
}

// Columns count what a reader sees as one character.
static void test_columns(void **state) {
    (void)state;
    static const Case cases[] = {
        {"a = \"é\" !\n", "atlas.hcl:1,9-10: Missing newline after argument; "},
        {"a = \"e\xcc\x81\" !\n", "atlas.hcl:1,9-10: Missing newline after argument; "},
        {"a = \"👩\xe2\x80\x8d👩\xe2\x80\x8d👧\" !\n", "atlas.hcl:1,9-10: Missing newline after argument; "},
        {"a = \"🇩🇪🇫🇷\" !\n", "atlas.hcl:1,10-11: Missing newline after argument; "},
        {"\ta = !\n", "atlas.hcl:1,7-2,1: Invalid expression; "},
        {"a = 1\r\nb = 2 c\r\n", "atlas.hcl:2,7-8: Missing newline after argument; "},
        {"\xef\xbb\xbf" "a b\n", "atlas.hcl:1,4-2,1: Invalid block definition; "},
    };
    starts_with(cases, COUNT_OF(cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid_characters),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
