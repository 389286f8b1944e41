// Results of tests, for people and for CI platforms.
#include "atlas/base/time.h"
#include "atlas/base/xml.h"
#include "atlas/report.h"

#include <string.h>

static bool is_status(const Value *test, const char *status) {
    return strcmp(value_get_text(test, "Status"), status) == 0;
}

static Duration duration_of(const Value *test) {
    const Value *v = value_get(test, "Duration");
    return v && v->kind == V_DURATION ? v->u.duration : 0;
}

// --- text
// -----------------------------------------------------------------------------------------

static void add_lines(Buf *out, const char *text) {
    buf_str(out, "    ");
    for (const char *p = text; *p; p++) {
        buf_char(out, *p);
        if (*p == '\n')
            buf_str(out, "    ");
    }
    buf_char(out, '\n');
}

static void add_test(Buf *out, const Value *test) {
    AutoArena tmp = arena_new(NULL);
    const Value *logs = value_get(test, "Logs");
    buf_printf(out, "-- %s: %s (%s)\n", value_get_text(test, "Status"), value_get_text(test, "Name"),
               duration_text(tmp, duration_of(test)));
    for (size_t i = 0; i < value_len(logs); i++)
        add_lines(out, value_text(value_at(logs, i)));
    if (*value_get_text(test, "Error"))
        add_lines(out, value_get_text(test, "Error"));
}

void report_tests_text(Buf *out, const Value *report) {
    const Value *tests = value_get(report, "Tests");
    for (size_t i = 0; i < value_len(tests); i++)
        add_test(out, value_at(tests, i));
    if (value_len(tests) == 0)
        buf_str(out, "No tests to run\n");
    else
        buf_str(out, value_get_int(report, "Failed") ? "FAIL\n" : "PASS\n");
}

// --- JUnit
// ----------------------------------------------------------------------------------------

// XML 1.0 has no form for most control characters, U+FFFE and U+FFFF, and none for bytes that are
// not UTF-8.
static void add_xml(Buf *out, const char *text) {
    AutoArena tmp = arena_new(NULL);
    Buf clean;
    buf_init(&clean, tmp, BUF_MAX_TEXT);
    for (size_t left = strlen(text), len; left > 0; text += len, left -= len) {
        uint32_t cp = 0;
        size_t found = utf8_decode(text, left, &cp);
        bool bad = found == 0 || (cp < ' ' && !strchr("\t\n\r", (int)cp)) || cp == 0xfffe ||
                   cp == 0xffff;
        len = found > 0 ? found : 1;
        buf_add(&clean, bad ? "?" : text, bad ? 1 : len);
    }
    xml_escape(out, clean.ptr ? clean.ptr : "");
}

static void add_seconds(Buf *out, Duration d) {
    buf_printf(out, " time=\"%.6f\"", (double)d / (double)DURATION_S);
}

static void add_case(Buf *out, const Value *test) {
    const Value *logs = value_get(test, "Logs");
    buf_str(out, "    <testcase name=\"");
    add_xml(out, value_get_text(test, "Name"));
    buf_str(out, "\" classname=\"");
    add_xml(out, value_get_text(test, "File"));
    buf_char(out, '"');
    add_seconds(out, duration_of(test));
    buf_str(out, ">\n");
    if (is_status(test, "SKIP")) {
        buf_str(out, "      <skipped message=\"");
        add_xml(out, value_get_text(test, "Error"));
        buf_str(out, "\"/>\n");
    }
    if (is_status(test, "FAIL")) {
        buf_str(out, "      <failure>");
        add_xml(out, value_get_text(test, "Error"));
        buf_str(out, "</failure>\n");
    }
    if (value_len(logs) > 0) {
        buf_str(out, "      <system-out>");
        for (size_t i = 0; i < value_len(logs); i++) {
            add_xml(out, value_text(value_at(logs, i)));
            buf_char(out, '\n');
        }
        buf_str(out, "</system-out>\n");
    }
    buf_str(out, "    </testcase>\n");
}

void report_tests_junit(Buf *out, const char *suite, const Value *report) {
    const Value *tests = value_get(report, "Tests");
    Duration all = 0;
    for (size_t i = 0; i < value_len(tests); i++)
        all += duration_of(value_at(tests, i));
    buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"");
    add_xml(out, suite);
    buf_printf(out, "\" tests=\"%zu\" failures=\"%lld\" errors=\"0\" skipped=\"%lld\"",
               value_len(tests), (long long)value_get_int(report, "Failed"),
               (long long)value_get_int(report, "Skipped"));
    add_seconds(out, all);
    buf_str(out, ">\n");
    for (size_t i = 0; i < value_len(tests); i++)
        add_case(out, value_at(tests, i));
    buf_str(out, "  </testsuite>\n</testsuites>\n");
}
