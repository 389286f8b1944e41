#include "atlas/report.h"
#include "facts.h"

// Lines after the first are indented by `indent` more.
static void add_indented(Buf *out, const char *text, size_t indent) {
    for (const char *nl; (nl = strchr(text, '\n')); text = nl + 1) {
        buf_add(out, text, (size_t)(nl + 1 - text));
        buf_repeat(out, " ", indent);
    }
    buf_str(out, text);
}

static void add_stmt(Buf *out, const char *sql) {
    buf_str(out, "    -> ");
    add_indented(out, sql, 7);
    buf_char(out, '\n');
}

static void add_error(Buf *out, const char *text) {
    buf_str(out, "    ");
    add_indented(out, text, 4);
    buf_char(out, '\n');
}

// --- migrate apply -------------------------------------------------------------------------------

static void add_ok(Buf *out, const Value *v) {
    AutoArena tmp = arena_new(NULL);
    buf_printf(out, "  -- ok (%s)\n\n", elapsed_text(v, tmp));
}

static void add_check_group(Buf *out, const Value *group, const char *version) {
    const Value *stmts = value_get(group, "Stmts"), *error = file_error(group);
    buf_printf(out, "  -- checks before migrating version %s\n", version);
    for (size_t i = 0; i < list_len(group, "Stmts"); i++)
        add_stmt(out, value_get_text(value_at(stmts, i), "Stmt"));
    if (!error) {
        add_ok(out, group);
        return;
    }
    add_error(out, value_get_text(error, "Text"));
    buf_char(out, '\n');
}

static void add_file(Buf *out, const Value *file) {
    const char *version = value_get_text(file, "Version");
    const Value *checks = value_get(file, "Checks"), *stmts = value_get(file, "Applied");
    const Value *error = file_error(file);
    for (size_t i = 0; i < list_len(file, "Checks"); i++)
        add_check_group(out, value_at(checks, i), version);
    if (checks_failed(file))
        return;
    buf_printf(out, "  -- migrating version %s\n", version);
    for (size_t i = 0; i < list_len(file, "Applied"); i++)
        add_stmt(out, value_text(value_at(stmts, i)));
    if (!error) {
        add_ok(out, file);
        return;
    }
    add_error(out, value_get_text(error, "Text"));
    buf_char(out, '\n');
}

// "2 migrations", "1 migration ok, 1 with errors" or "1 migration with errors".
static void add_count(Buf *out, const char *what, size_t ok, size_t bad) {
    if (ok && bad)
        buf_printf(out, "  -- %zu %s%s ok, %zu with errors\n", ok, what, plural(ok), bad);
    else if (ok)
        buf_printf(out, "  -- %zu %s%s\n", ok, what, plural(ok));
    else if (bad)
        buf_printf(out, "  -- %zu %s%s with errors\n", bad, what, plural(bad));
}

static void add_checks_count(Buf *out, size_t ok, size_t bad) {
    if (ok && bad)
        buf_printf(out, "  -- %zu check%s ok, %zu failure%s\n", ok, plural(ok), bad, plural(bad));
    else if (ok)
        buf_printf(out, "  -- %zu check%s\n", ok, plural(ok));
    else if (bad)
        buf_printf(out, "  -- %zu check error%s\n", bad, plural(bad));
}

static void add_footer(Buf *out, const Value *report) {
    AutoArena tmp = arena_new(NULL);
    ApplyFacts f = apply_facts(report);
    buf_printf(out, "  -------------------------\n  -- %s\n", elapsed_text(report, tmp));
    add_count(out, "migration", f.files_ok, f.files_bad);
    add_checks_count(out, f.checks_ok, f.checks_bad);
    add_count(out, "sql statement", f.stmts_ok, f.stmts_bad);
}

void report_apply_text(Buf *out, const Value *report) {
    const char *current = value_get_text(report, "Current"),
               *error = value_get_text(report, "Error");
    const Value *files = value_get(report, "Applied");
    size_t pending = list_len(report, "Pending"), applied = list_len(report, "Applied");
    if (!pending && *error) {
        buf_printf(out, "%s was not migrated:\n\n", value_get(report, "URL")->text);
        add_error(out, error);
        return;
    }
    if (!pending) {
        buf_str(out, "No migration files to execute\n");
        return;
    }
    buf_printf(out, "Migrating to version %s%s%s (%zu migrations in total):\n\n",
               value_get_text(report, "Target"), *current ? " from " : "", current, pending);
    for (size_t i = 0; i < applied; i++)
        add_file(out, value_at(files, i));
    if (!applied && *error) {
        add_error(out, error);
        buf_char(out, '\n');
    }
    add_footer(out, report);
}

// --- migrate status ------------------------------------------------------------------------------

static void add_versions(Buf *out, const Value *report) {
    int64_t count = value_get_int(report, "Count"), total = value_get_int(report, "Total");
    const Value *first = value_at(value_get(report, "Pending"), 0);
    buf_printf(out, "  -- Current Version: %s", value_get_text(report, "Current"));
    if (total > 0)
        buf_printf(out, " (%lld statements applied)", (long long)count);
    buf_printf(out, "\n  -- Next Version:    %s",
               cstr_or(value_get_text(report, "Next"), "UNKNOWN"));
    if (total > 0)
        buf_printf(out, " (%lld statements left)", (long long)(total > count ? total - count : 0));
    else if (value_get_bool(first, "IsCheckpoint"))
        buf_str(out, " (checkpoint)");
    buf_printf(out, "\n  -- Executed Files:  %zu%s\n", list_len(report, "Applied"),
               total > 0 ? " (last one partially)" : "");
}

void report_status_text(Buf *out, const Value *report) {
    size_t pending = list_len(report, "Pending"), late = list_len(report, "OutOfOrder");
    const char *error = value_get_text(report, "Error");
    buf_printf(out, "Migration Status: %s\n", value_get_text(report, "Status"));
    add_versions(out, report);
    buf_printf(out, "  -- Pending Files:   %zu", pending + late);
    if (late && pending)
        buf_printf(out, " (%zu out of order)", late);
    else if (late)
        buf_str(out, " (out of order)");
    buf_char(out, '\n');
    if (value_get_int(report, "Total") > 0)
        buf_printf(out, "\nLast migration attempt had errors:\n  -- SQL:   %s\n  -- ERROR: %s\n",
                   value_get_text(report, "SQL"), error);
    else if (late && *error)
        buf_printf(out, "\n  ERROR: %s\n", error);
}

// --- migrate set ---------------------------------------------------------------------------------

void report_set_text(Buf *out, const Value *report) {
    const char *current = value_get_text(report, "Current");
    const Value *revisions = value_get(report, "Revisions");
    long long set = value_get_int(report, "Set"), removed = value_get_int(report, "Removed");
    size_t count = list_len(report, "Revisions");
    if (!count)
        return;
    if (*current) {
        buf_printf(out, "Current version is %s (", current);
        if (set)
            buf_printf(out, "%lld set", set);
        if (removed)
            buf_printf(out, "%s%lld removed", set ? ", " : "", removed);
        buf_str(out, "):\n\n");
    } else {
        buf_printf(out, "All revisions deleted (%lld in total):\n\n", removed);
    }
    for (size_t i = 0; i < count; i++) {
        const Value *r = value_at(revisions, i);
        const char *description = value_get_text(r, "Description");
        buf_printf(out, "  %s %s", value_get_text(r, "Op"), value_get_text(r, "Version"));
        if (*description)
            buf_printf(out, " (%s)", description);
        buf_char(out, '\n');
    }
    buf_char(out, '\n');
}
