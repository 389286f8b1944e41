#include "support.h"

#define ICON(name, size)                                                                           \
    "<picture><source media=\"(prefers-color-scheme: light)\" "                                    \
    "srcset=\"https://release.ariga.io/images/assets/" name ".svg?v=1\"><img width=\"" size        \
    "\" height=\"" size "\" src=\"https://release.ariga.io/images/assets/" name                    \
    ".svg?v=1\"/></picture>"

static const char *const passed =
    "{\"Dir\":\"file://migrations\",\"URL\":{\"Redacted\":\"sqlite://app.db\"},\"Current\":\"1\","
    "\"Target\":\"2\",\"Pending\":[{}]," T0
    "," END("002") ",\"Applied\":[{\"Name\":\"2_a.sql\","
                   "\"Version\":\"2\"," T0
                   "," END("001") ",\"Applied\":[\"CREATE TABLE a (x int);\",\"S;\"]}]}";
static const char *const failed =
    "{\"Dir\":\"d\",\"Target\":\"2\",\"Pending\":[{}]," T0
    "," END("002") ",\"Error\":\"e\","
                   "\"Applied\":[{\"Name\":\"2.sql\",\"Version\":\"2\"," T0
                   "," END("001") ",\"Applied\":[\"S;\",\"B|`AD`;\"],\"Error\":{\"Stmt\":\"B|`AD`;"
                                  "\",\"Text\":\"<b>@me</b>\\nno\"}}]}";

static void check(const char *json, ReportFlavour flavour, const char *expected) {
    AutoArena mem = arena_new(NULL);
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    report_apply_markdown(&out, report(mem, json), flavour);
    assert_string_equal(out.ptr, expected);
}

static void test_passed(void **state) {
    (void)state;
    check(
        passed, REPORT_GITHUB,
        "## " ICON("success",
                   "22px") " Migration Passed\n"
                           "\n"
                           "| Parameter | Details |\n"
                           "| --- | --- |\n"
                           "| Migration Directory | <code>file&#58;&#47;&#47;migrations</code> |\n"
                           "| Database URL | <code>sqlite&#58;&#47;&#47;app&#46;db</code> |\n"
                           "| Migrate from Version | <code>1</code> |\n"
                           "| Migrate to Version | <code>2</code> |\n"
                           "| SQL Summary | 1 migration file, 2 statements passed |\n"
                           "| Total Time | 2ms |\n"
                           "\n"
                           "#### Version 2&#95;a&#46;sql:\n"
                           "\n"
                           "| Status | Executed Statements | Execution Time |\n"
                           "| --- | --- | --- |\n"
                           "| " ICON("success",
                                     "20px") " | 2 | 1ms |\n"
                                             "\n"
                                             "<details><summary>📄 View SQL Statements</summary>\n"
                                             "\n"
                                             "```sql\n"
                                             "CREATE TABLE a (x int);\n"
                                             "S;\n"
                                             "```\n"
                                             "\n"
                                             "</details>\n");
}

static void test_failed(void **state) {
    (void)state;
    check(failed, REPORT_PLAIN,
          "## ❌ Migration Failed\n"
          "\n"
          "| Parameter | Details |\n"
          "| --- | --- |\n"
          "| Migration Directory | `d` |\n"
          "| Migrate to Version | `2` |\n"
          "| SQL Summary | 1 migration file, 1 statement passed, 1 failed |\n"
          "| Total Time | 2ms |\n"
          "\n"
          "#### Version 2\\.sql:\n"
          "\n"
          "| Status | Executed Statements | Execution Time | Error | Error Statement |\n"
          "| --- | --- | --- | --- | --- |\n"
          "| ❌ | 2 | 1ms | `<b>@me</b> no` | `` B\\|`AD`; `` |\n"
          "\n"
          "SQL statements:\n"
          "\n"
          "```sql\n"
          "S;\n"
          "B|`AD`;\n"
          "```\n");
}

static const char *rendered(void (*fn)(Buf *, const char *, ReportFlavour), const char *text,
                            ReportFlavour flavour, Arena *mem) {
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    fn(&out, text, flavour);
    return out.ptr;
}

static void test_hostile_text(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    static const char hostile[] =
        "<img src=x onerror=y> [a](http://b) @me #1 |x| `c` **d**\n# h\r\n"
        "- i <!-- --> \\ &amp; ~~~ ![x](y) _z_";
    const char *html = rendered(report_md_text, hostile, REPORT_GITHUB, mem);
    static const char markup[] = "*_`[]()|@\\!~=\"";
    assert_null(strpbrk(html, markup));
    assert_null(strstr(html, "<i"));
    assert_null(strstr(html, "http:"));
    assert_null(strchr(html, '\n'));
    const char *code = rendered(report_md_code, hostile, REPORT_GITHUB, mem);
    assert_null(strpbrk(code, markup));
    assert_memory_equal(code, "<code>&#60;img", 14);
    assert_string_equal(rendered(report_md_text, "a|b*c<d>\n`e`", REPORT_PLAIN, mem),
                        "a\\|b\\*c\\<d\\> \\`e\\`");
    assert_string_equal(rendered(report_md_code, "a``b", REPORT_PLAIN, mem), "``` a``b ```");
    assert_string_equal(rendered(report_md_code, "", REPORT_PLAIN, mem), "");
}

static void test_block(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    report_md_block(&out, "sql", "a\n````\n</details>\x1b");
    assert_string_equal(out.ptr, "`````sql\na\n````\n</details> \n`````\n");
    buf_clear(&out);
    report_md_block(&out, "", "");
    assert_string_equal(out.ptr, "```\n```\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passed),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
