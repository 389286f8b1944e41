// What `registry verify`, `registry sync` and `cloud repo` show.
#include "atlas/report.h"

void report_audit_text(Buf *out, const Value *report) {
    const Value *targets = value_get(report, "Targets");
    buf_printf(out, "Repository %s\n", value_get_text(report, "Slug"));
    for (size_t i = 0; i < value_len(targets); i++) {
        const Value *t = value_at(targets, i), *refs = value_get(t, "Refs");
        buf_printf(out, "\n  %s\n", value_get_text(t, "URL"));
        for (size_t k = 0; k < value_len(refs); k++) {
            const Value *r = value_at(refs, k);
            const char *error = value_get_text(r, "Error");
            buf_printf(out, "    %-12s %-28s %.19s%s%s\n", value_get_text(r, "Status"),
                       value_get_text(r, "Name"), value_get_text(r, "Digest"), *error ? "  " : "",
                       error);
        }
        if (!value_len(refs))
            buf_str(out, "    (empty)\n");
    }
}

void report_audit_markdown(Buf *out, const char *title, const Value *report, bool good,
                           ReportFlavour flavour) {
    const Value *targets = value_get(report, "Targets");
    buf_printf(out, "## %s: %s\n\nRepository ", title, good ? "all copies are whole" : "not all is well");
    report_md_code(out, value_get_text(report, "Slug"), flavour);
    buf_str(out, "\n\n| Target | Ref | Status | Digest | Error |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < value_len(targets); i++) {
        const Value *t = value_at(targets, i), *refs = value_get(t, "Refs");
        for (size_t k = 0; k < value_len(refs); k++) {
            const Value *r = value_at(refs, k);
            AutoArena tmp = arena_new(NULL);
            const char *cells[] = {value_get_text(t, "URL"), value_get_text(r, "Name"),
                                   value_get_text(r, "Status"),
                                   arena_printf(tmp, "%.19s", value_get_text(r, "Digest")),
                                   value_get_text(r, "Error")};
            for (size_t c = 0; c < COUNT_OF(cells); c++) {
                buf_str(out, "| ");
                report_md_code(out, cells[c], flavour);
                buf_char(out, ' ');
            }
            buf_str(out, "|\n");
        }
    }
}

void report_repo_text(Buf *out, const Value *repo) {
    static const char *const fields[] = {"Slug", "Title", "Type", "URL", "Driver"};
    static const char *const counts[] = {"Synced", "Failed", "Pending"};
    const Value *databases = value_get(repo, "Databases");
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        buf_printf(out, "%s: %s\n", fields[i], value_get_text(repo, fields[i]));
    for (size_t i = 0; databases && i < COUNT_OF(counts); i++)
        buf_printf(out, "Databases %s: %lld\n", counts[i],
                   (long long)value_get_int(databases, counts[i]));
}

void report_repos_text(Buf *out, const Value *list) {
    const Value *repos = value_get(list, "Repos");
    int width = (int)strlen("SLUG");
    for (size_t i = 0; i < value_len(repos); i++) {
        int len = (int)value_len(value_get(value_at(repos, i), "Slug"));
        width = len > width ? len : width;
    }
    buf_printf(out, "%-*s  %-19s  DATABASES\n%-*s  %-19s  SYNCED  FAILED  PENDING\n", width, "SLUG",
               "TYPE", width, "", "");
    for (size_t i = 0; i < value_len(repos); i++) {
        const Value *r = value_at(repos, i), *d = value_get(r, "Databases");
        buf_printf(out, "%-*s  %-19s  %-6lld  %-6lld  %lld\n", width, value_get_text(r, "Slug"),
                   value_get_text(r, "Type"), (long long)value_get_int(d, "Synced"),
                   (long long)value_get_int(d, "Failed"), (long long)value_get_int(d, "Pending"));
    }
    buf_printf(out, "\nPage: %lld, page size: %lld, total: %lld\n",
               (long long)value_get_int(list, "Page"), (long long)value_get_int(list, "PageSize"),
               (long long)value_get_int(list, "Total"));
}
