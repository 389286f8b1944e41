#include <ctype.h>

#include "atlas/report.h"
#include "facts.h"

// --- text of others ------------------------------------------------------------------------------

static bool is_control(char c) {
    return ((unsigned char)c < 0x20 && c != '\n') || c == 0x7F;
}

// Entities cannot start markup. Mentions, references and links are found in the finished text: a
// word joiner (U+2060) in them stops that.
static void add_html_char(Buf *out, char c, bool code) {
    if (c == '\n')
        buf_str(out, "<br>");
    else if (is_control(c))
        buf_char(out, ' ');
    else if (ispunct((unsigned char)c) && c != ',' && c != ';')
        buf_printf(out, "&#%d;", c);
    else
        buf_char(out, c);
    if (!code && (c == '@' || c == '#' || c == ':'))
        buf_str(out, "&#8288;");
}

static void add_plain_char(Buf *out, char c) {
    if (c == '\n' || is_control(c))
        buf_char(out, ' ');
    else if (ispunct((unsigned char)c) && !strchr(",;'/%", c))
        buf_printf(out, "\\%c", c);
    else
        buf_char(out, c);
}

void report_md_text(Buf *out, const char *text, ReportFlavour flavour) {
    for (; *text; text++) {
        if (flavour == REPORT_GITHUB)
            add_html_char(out, *text, false);
        else
            add_plain_char(out, *text);
    }
}

static size_t longest_run(const char *text, char c) {
    size_t longest = 0, run = 0;
    for (; *text; text++) {
        run = *text == c ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

void report_md_code(Buf *out, const char *text, ReportFlavour flavour) {
    if (!*text)
        return;
    if (flavour == REPORT_GITHUB) {
        buf_str(out, "<code>");
        for (; *text; text++)
            add_html_char(out, *text, true);
        buf_str(out, "</code>");
        return;
    }
    size_t ticks = longest_run(text, '`') + 1;
    bool pad = ticks > 1 || *text == ' ';
    buf_repeat(out, "`", ticks);
    buf_str(out, pad ? " " : "");
    for (; *text; text++) {
        // Inside a table a "|" ends the cell even in code, unless escaped.
        buf_str(out, *text == '|' ? "\\" : "");
        buf_char(out, *text == '\n' || is_control(*text) ? ' ' : *text);
    }
    buf_str(out, pad ? " " : "");
    buf_repeat(out, "`", ticks);
}

void report_md_block(Buf *out, const char *language, const char *text) {
    size_t ticks = longest_run(text, '`') + 1, len = strlen(text);
    ticks = ticks < 3 ? 3 : ticks;
    buf_repeat(out, "`", ticks);
    buf_printf(out, "%s\n", language);
    for (; *text; text++)
        buf_char(out, is_control(*text) && *text != '\t' ? ' ' : *text);
    buf_str(out, len && text[-1] != '\n' ? "\n" : "");
    buf_repeat(out, "`", ticks);
    buf_char(out, '\n');
}

// --- migrate apply -------------------------------------------------------------------------------

static void add_icon(Buf *out, bool good, int size, ReportFlavour flavour) {
    const char *name = good ? "success" : "error";
    const char *url = "https://release.ariga.io/images/assets/";
    if (flavour == REPORT_PLAIN) {
        buf_str(out, good ? "\xE2\x9C\x85" : "\xE2\x9D\x8C");
        return;
    }
    buf_printf(out,
               "<picture><source media=\"(prefers-color-scheme: light)\" srcset=\"%s%s.svg?v=1\">"
               "<img width=\"%dpx\" height=\"%dpx\" src=\"%s%s.svg?v=1\"/></picture>",
               url, name, size, size, url, name);
}

static void add_row(Buf *out, const char *name, const char *value, ReportFlavour flavour) {
    buf_printf(out, "| %s | ", name);
    report_md_code(out, value, flavour);
    buf_str(out, " |\n");
}

static const char *summary_text(const ApplyFacts *f, Arena *mem) {
    size_t files = f->files_ok + f->files_bad;
    StrList parts = {0};
    list_push(&parts, mem, arena_printf(mem, "%zu migration file%s", files, plural(files)));
    if (f->stmts_ok)
        list_push(&parts, mem,
                  arena_printf(mem, "%zu statement%s passed", f->stmts_ok, plural(f->stmts_ok)));
    if (f->stmts_bad || f->files_bad)
        list_push(&parts, mem,
                  arena_printf(mem, "%zu failed", f->stmts_bad ? f->stmts_bad : f->files_bad));
    return cstr_join(mem, &parts, ", ");
}

static void add_parameters(Buf *out, const Value *report, ReportFlavour flavour) {
    AutoArena tmp = arena_new(NULL);
    const Value *url = value_get(report, "URL");
    const char *shown = url && url->text ? url->text : value_get_text(url, "Redacted");
    const char *dir = value_get_text(report, "Dir"), *current = value_get_text(report, "Current");
    ApplyFacts facts = apply_facts(report);
    buf_str(out, "| Parameter | Details |\n| --- | --- |\n");
    if (*dir)
        add_row(out, "Migration Directory", dir, flavour);
    if (*shown)
        add_row(out, "Database URL", shown, flavour);
    if (*current)
        add_row(out, "Migrate from Version", current, flavour);
    add_row(out, "Migrate to Version", cstr_or(value_get_text(report, "Target"), current), flavour);
    if (list_len(report, "Applied"))
        buf_printf(out, "| SQL Summary | %s |\n", summary_text(&facts, tmp));
    buf_printf(out, "| Total Time | %s |\n", elapsed_text(report, tmp));
    const char *error = value_get_text(report, "Error");
    if (*error && !list_len(report, "Applied"))
        add_row(out, "Error", error, flavour);
}

static void add_sql(Buf *out, const Value *file, ReportFlavour flavour) {
    AutoArena tmp = arena_new(NULL);
    Buf sql;
    const Value *stmts = value_get(file, "Applied");
    if (!list_len(file, "Applied"))
        return;
    buf_init(&sql, tmp, BUF_MAX_TEXT);
    for (size_t i = 0; i < list_len(file, "Applied"); i++)
        buf_printf(&sql, "%s%s", i ? "\n" : "", value_text(value_at(stmts, i)));
    const char *title = "\xF0\x9F\x93\x84 View SQL Statements";
    if (flavour == REPORT_GITHUB)
        buf_printf(out, "\n<details><summary>%s</summary>\n\n", title);
    else
        buf_str(out, "\nSQL statements:\n\n");
    report_md_block(out, "sql", sql.ptr);
    if (flavour == REPORT_GITHUB)
        buf_str(out, "\n</details>\n");
}

static void add_file(Buf *out, const Value *file, ReportFlavour flavour) {
    AutoArena tmp = arena_new(NULL);
    const Value *error = file_error(file);
    bool bad = error || checks_failed(file);
    buf_str(out, "\n#### Version ");
    report_md_text(out, cstr_or(value_get_text(file, "Name"), value_get_text(file, "Version")),
                   flavour);
    buf_str(out, ":\n\n| Status | Executed Statements | Execution Time |");
    buf_str(out, bad ? " Error | Error Statement |\n" : "\n");
    buf_str(out, bad ? "| --- | --- | --- | --- | --- |\n| " : "| --- | --- | --- |\n| ");
    add_icon(out, !bad, 20, flavour);
    buf_printf(out, " | %zu | %s |", list_len(file, "Applied"), elapsed_text(file, tmp));
    if (bad) {
        buf_char(out, ' ');
        report_md_code(out, value_get_text(error, "Text"), flavour);
        buf_str(out, " | ");
        report_md_code(out, value_get_text(error, "Stmt"), flavour);
        buf_str(out, " |");
    }
    buf_char(out, '\n');
    add_sql(out, file, flavour);
}

void report_apply_markdown(Buf *out, const Value *report, ReportFlavour flavour) {
    bool good = !*value_get_text(report, "Error");
    const Value *files = value_get(report, "Applied");
    buf_str(out, "## ");
    add_icon(out, good, 22, flavour);
    buf_printf(out, " Migration %s\n\n", good ? "Passed" : "Failed");
    add_parameters(out, report, flavour);
    for (size_t i = 0; i < list_len(report, "Applied"); i++)
        add_file(out, value_at(files, i), flavour);
}
