// `migrate test`: cases written in HCL, each on an empty dev database.
#include "internal.h"

#include "atlas/hcl.h"

enum { MAX_SOURCE = 16 << 20 };

typedef struct Case {
    const MigrateTestParams *p;
    const HclResource *block;
    Arena *mem;
    StrList cleanup; // SQL to run at the end, last first
    Value *logs;
} Case;

// --- files
// ----------------------------------------------------------------------------------------

static Err *read_source(HclFile **out, const char *path, Arena *mem) {
    Str text = {0};
    TRY(fs_read(&text, path, MAX_SOURCE, mem));
    return hcl_parse(out, path, text, mem);
}

// A file, or the *.test.hcl of a directory.
static Err *add_path(StrList *out, const char *path, Arena *mem) {
    StrList entries = {0};
    if (cstr_starts(path, "file://"))
        path += strlen("file://");
    if (fs_kind(path) == FS_ABSENT)
        return err_new(E_NOT_FOUND, "test file %s was not found", path);
    if (fs_kind(path) != FS_DIR) {
        list_push(out, mem, path);
        return NULL;
    }
    TRY(fs_list(&entries, path, mem));
    for (size_t i = 0; i < entries.len; i++)
        if (cstr_ends(entries.items[i], ".test.hcl"))
            list_push(out, mem, fs_join(mem, path, entries.items[i]));
    return NULL;
}

static Err *find_files(StrList *out, const StrList *paths, Arena *mem) {
    for (size_t i = 0; i < paths->len; i++)
        TRY(add_path(out, paths->items[i], mem));
    if (paths->len == 0)
        TRY(add_path(out, ".", mem));
    if (out->len > 0)
        return NULL;
    return err_hint(err_new(E_NOT_FOUND, "no test files"),
                    "name them (atlas migrate test app.test.hcl), or list them in test { migrate { "
                    "src = [...] } } of the configuration");
}

static bool is_format_path(void *ctx, const char *path) {
    (void)ctx;
    return cstr_eq(path, "test.exec.format");
}

static const HclValue *format_word(void *ctx, const char *path, const char *name,
                                   const char **reason, Arena *mem) {
    (void)ctx, (void)path, (void)reason;
    return cstr_eq(name, "table") || cstr_eq(name, "csv") ? hcl_string(mem, name) : NULL;
}

static Err *no_call(void *ctx, const HclValue **out, const char *path, const char *name,
                    const HclValue *const *args, size_t len, Arena *mem) {
    (void)ctx, (void)path, (void)name, (void)args, (void)len, (void)mem;
    *out = NULL;
    return NULL;
}

static Err *load_cases(HclDoc **out, const MigrateTestParams *p, Arena *mem) {
    static const HclWords words = {NULL, is_format_path, format_word, no_call};
    StrList paths = {0};
    LIST(const HclFile *) files = {0};
    TRY(find_files(&paths, &p->paths, mem));
    for (size_t i = 0; i < paths.len; i++) {
        HclFile *f = NULL;
        TRY(read_source(&f, paths.items[i], mem));
        list_push(&files, mem, f);
    }
    HclDocOptions o = {.files = files.items,
                       .file_count = files.len,
                       .inputs = p->inputs,
                       .data = p->data,
                       .data_count = p->data_count,
                       .words = &words,
                       .env = {.host = p->host, .config = true}};
    return hcl_document(out, &o, mem);
}

// --- small things
// ---------------------------------------------------------------------------------

static const char *attr_text(const HclResource *r, const char *name) {
    const HclValue *v = hcl_resource_get(r, name);
    return v ? hcl_text(v) : "";
}

static Err *needs_sql(const HclResource *r) {
    HclRange at = hcl_resource_range(r, "sql");
    return *attr_text(r, "sql") ? NULL
                                : hcl_error(&at, "%s: the argument \"sql\" is required", r->type);
}

// By the function library, so that patterns mean the same everywhere.
static Err *matches(bool *out, const char *pattern, const char *text, Arena *mem) {
    const HclExpr *call = NULL;
    const HclValue *found = NULL;
    HclScope scope;
    HclEnv env = {.host = &host_system};
    hcl_scope_init(&scope, NULL, mem);
    hcl_scope_set(&scope, "pattern", hcl_string(mem, pattern));
    hcl_scope_set(&scope, "text", hcl_string(mem, text));
    TRY(hcl_parse_expr(&call, "match", str_from("regexall(pattern, text)"), mem));
    TRY(hcl_eval(&found, call, &scope, &env, mem));
    *out = found->u.seq.len > 0;
    return NULL;
}

static Err *failed(const HclResource *r, const char *fmt, ...) PRINTF(2, 3);
static Err *failed(const HclResource *r, const char *fmt, ...) {
    AutoArena tmp = arena_new(NULL);
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(tmp, fmt, ap);
    va_end(ap);
    return err_at(err_new(E_STATE, "%s: %s", r->type, text), r->block->range.file,
                  r->block->range.start.line, 0);
}

// --- results as text
// ------------------------------------------------------------------------------

static const char *quoted_csv(const char *cell, Arena *mem) {
    if (!strpbrk(cell, ",\"\n\r"))
        return cell;
    return arena_printf(mem, "\"%s\"", cstr_replace(mem, cell, "\"", "\"\""));
}

static void add_csv_row(Buf *out, StrList cells, Arena *mem) {
    for (size_t i = 0; i < cells.len; i++)
        buf_printf(out, "%s%s", i > 0 ? "," : "", quoted_csv(cells.items[i], mem));
    buf_char(out, '\n');
}

static StrList row_cells(const DbRows *rows, size_t row, Arena *mem) {
    StrList list = {0};
    for (size_t i = 0; i < rows->columns.len; i++)
        list_push(&list, mem, db_cell(rows, row, i));
    return list;
}

static void add_table_row(Buf *out, StrList cells, const size_t *widths) {
    for (size_t i = 0; i < cells.len; i++) {
        buf_printf(out, "%s %s", i > 0 ? "|" : "", cells.items[i]);
        buf_repeat(out, " ", widths[i] - strlen(cells.items[i]) + 1);
    }
    buf_char(out, '\n');
}

static void add_table(Buf *out, const DbRows *rows, Arena *mem) {
    size_t count = rows->columns.len, *widths = NEW_ARRAY(mem, size_t, count);
    for (size_t i = 0; i < count; i++) {
        widths[i] = strlen(rows->columns.items[i]);
        for (size_t k = 0; k < rows->rows.len; k++)
            if (strlen(db_cell(rows, k, i)) > widths[i])
                widths[i] = strlen(db_cell(rows, k, i));
    }
    add_table_row(out, rows->columns, widths);
    for (size_t i = 0; i < count; i++) {
        buf_str(out, i > 0 ? "+" : "");
        buf_repeat(out, "-", widths[i] + 2);
    }
    buf_char(out, '\n');
    for (size_t k = 0; k < rows->rows.len; k++)
        add_table_row(out, row_cells(rows, k, mem), widths);
}

// Plain: the rows, cells with ", " between; csv and table: with a head.
static const char *rows_text(const DbRows *rows, const char *format, Arena *mem) {
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    if (cstr_eq(format, "table")) {
        add_table(&out, rows, mem);
        return out.ptr;
    }
    if (cstr_eq(format, "csv"))
        add_csv_row(&out, rows->columns, mem);
    for (size_t k = 0; k < rows->rows.len; k++) {
        StrList cells = row_cells(rows, k, mem);
        if (cstr_eq(format, "csv"))
            add_csv_row(&out, cells, mem);
        else
            buf_printf(&out, "%s\n", cstr_join(mem, &cells, ", "));
    }
    return out.ptr;
}

// Without space at the ends of lines, and without empty lines around.
static char *normal_text(const char *text, Arena *mem) {
    Buf out;
    StrList lines = cstr_split(mem, text, '\n');
    buf_init(&out, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < lines.len; i++) {
        const char *line = lines.items[i];
        size_t len = strlen(line);
        while (len > 0 && strchr(" \t\r", line[len - 1]))
            len--;
        buf_add(&out, line, len);
        buf_char(&out, '\n');
    }
    return cstr_trim(mem, out.ptr);
}

// --- commands
// -------------------------------------------------------------------------------------

// Runs all statements; `rows` are the last one's.
static Err *run_sql(DbRows *rows, const Case *c, const char *sql) {
    SqlStmts stmts = {0};
    TRY(sql_scan(&stmts, str_from(sql), db_scan_options(c->p->db), NULL, c->mem));
    for (size_t i = 0; i < stmts.len; i++)
        TRY(db_query(c->p->db, rows, stmts.items[i].text.ptr, NULL, 0, c->mem));
    return NULL;
}

static Err *run_exec(Case *c, const HclResource *r) {
    DbRows rows = {0};
    bool fits = true;
    TRY(needs_sql(r));
    Err *e = run_sql(&rows, c, attr_text(r, "sql"));
    if (e)
        return err_at(err_wrap(e, "exec"), r->block->range.file, r->block->range.start.line, 0);
    const char *got = normal_text(rows_text(&rows, attr_text(r, "format"), c->mem), c->mem);
    if (hcl_resource_get(r, "output")) {
        const char *want = normal_text(attr_text(r, "output"), c->mem);
        if (!cstr_eq(got, want))
            return failed(r, "the output differs\nwant: %s\ngot:  %s", want, got);
    }
    if (hcl_resource_get(r, "match"))
        TRY(matches(&fits, attr_text(r, "match"), got, c->mem));
    return fits ? NULL
                : failed(r, "the output does not match \"%s\"\ngot:  %s", attr_text(r, "match"), got);
}

static Err *run_catch(Case *c, const HclResource *r) {
    DbRows rows = {0};
    bool fits = true;
    TRY(needs_sql(r));
    AutoErr e = run_sql(&rows, c, attr_text(r, "sql"));
    if (!e)
        return failed(r, "the statement was expected to fail, but it did not");
    if (err_code(e) == E_STATE)
        return err_copy(e); // interrupted
    AutoErr rollback = db_rollback(c->p->db);
    const char *pattern = attr_text(r, "error");
    if (*pattern)
        TRY(matches(&fits, pattern, err_text(e), c->mem));
    return fits ? NULL
                : failed(r, "the error does not match \"%s\"\ngot:  %s", pattern, err_text(e));
}

static Err *run_assert(Case *c, const HclResource *r) {
    DbRows rows = {0};
    TRY(needs_sql(r));
    Err *e = run_sql(&rows, c, attr_text(r, "sql"));
    if (e)
        return err_at(err_wrap(e, "assert"), r->block->range.file, r->block->range.start.line, 0);
    if (is_true(&rows))
        return NULL;
    const char *text = attr_text(r, "error_message");
    return *text ? failed(r, "%s", text)
                 : failed(r, "%s returned false", migrate_quote(c->mem, attr_text(r, "sql")));
}

static Err *run_migrate(Case *c, const HclResource *r) {
    MigrateApplied out = {0};
    const char *to = attr_text(r, "to");
    MigrateApplyParams p = {.host = c->p->host,
                            .db = c->p->db,
                            .url = "",
                            .dir = c->p->dir,
                            .to_version = cstr_eq(to, "latest") ? "" : to,
                            .revisions_schema = c->p->revisions_schema,
                            .lock_timeout = 10 * DURATION_S,
                            .allow_dirty = true,
                            .cancel = c->p->cancel};
    Err *e = migrate_apply(&out, &p, c->mem);
    return e ? err_at(err_wrap(e, "migrate"), r->block->range.file, r->block->range.start.line, 0)
             : NULL;
}

static Err *run_log(Case *c, const HclResource *r) {
    value_push(c->logs, c->mem,
               value_str(c->mem, arena_printf(c->mem, "%s:%d: %s", r->block->range.file,
                                              r->block->range.start.line,
                                              attr_text(r, "message"))));
    return NULL;
}

static Err *run_cleanup(Case *c, const HclResource *r) {
    TRY(needs_sql(r));
    list_push(&c->cleanup, c->mem, attr_text(r, "sql"));
    return NULL;
}

static const struct {
    const char *name;
    Err *(*run)(Case *c, const HclResource *r);
    const char *args[4];
} commands[] = {{"exec", run_exec, {"sql", "format", "output", "match"}},
                {"catch", run_catch, {"sql", "error"}},
                {"assert", run_assert, {"sql", "error_message"}},
                {"migrate", run_migrate, {"to"}},
                {"log", run_log, {"message"}},
                {"cleanup", run_cleanup, {"sql"}}};

// A misspelt "output" would let every test pass.
static Err *check_args(const HclResource *r, const char *const *known) {
    for (size_t i = 0; i < r->attrs.len; i++) {
        const char *name = r->attrs.items[i].name;
        bool found = false;
        for (size_t k = 0; k < 4 && known[k]; k++)
            found = found || cstr_eq(name, known[k]);
        HclRange at = hcl_resource_range(r, name);
        if (!found)
            return hcl_error(&at, "%s: unknown argument \"%s\"", r->type, name);
    }
    return NULL;
}

static Err *run_command(Case *c, const HclResource *r) {
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (cstr_eq(r->type, commands[i].name)) {
            TRY(check_args(r, commands[i].args));
            return commands[i].run(c, r);
        }
    return err_hint(hcl_error(&r->block->range, "unknown test command \"%s\"", r->type),
                    "the commands are exec, catch, assert, migrate, log, cleanup");
}

// --- cases
// ----------------------------------------------------------------------------------------

static Err *run_commands(Case *c) {
    for (size_t i = 0; i < c->block->children.len; i++)
        TRY(run_command(c, c->block->children.items[i]));
    return NULL;
}

// The case's own error, else that of leaving the database empty again.
static Err *run_case(Case *c) {
    TRY(db_check_empty(c->p->db));
    Err *e = run_commands(c);
    for (size_t i = c->cleanup.len; i-- > 0;) { // after a failure too
        DbRows rows = {0};
        Err *cleanup = run_sql(&rows, c, c->cleanup.items[i]);
        if (e)
            err_free(cleanup);
        else
            e = cleanup ? err_wrap(cleanup, "cleanup") : NULL;
    }
    Err *wipe = db_wipe(c->p->db);
    if (!e)
        return wipe ? err_wrap(wipe, "cleaning the dev database") : NULL;
    err_free(wipe);
    return e;
}

// `skip`: true, or the reason.
static const char *skip_reason(const HclResource *r) {
    const HclValue *v = hcl_resource_get(r, "skip");
    if (!v || (hcl_is(v, HCL_BOOL) && !v->u.b))
        return NULL;
    if (hcl_is(v, HCL_STRING) && (!*hcl_text(v) || cstr_eq(hcl_text(v), "false")))
        return NULL;
    return hcl_is(v, HCL_STRING) && !cstr_eq(hcl_text(v), "true") ? hcl_text(v) : "";
}

typedef struct Totals {
    int64_t passed, failed, skipped;
} Totals;

static Err *add_case(Value *list, Totals *t, const MigrateTestParams *p, const HclResource *r,
                     Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Case c = {.p = p, .block = r, .mem = tmp, .logs = value_list(tmp)};
    Value *v = value_map(mem);
    const char *reason = skip_reason(r);
    Time start = host_now(p->host);
    AutoErr e = reason ? NULL : run_case(&c);
    if (p->cancel && *p->cancel)
        return err_new(E_STATE, "interrupted");
    value_set_str(v, mem, "Name", r->name, 0);
    value_set_str(v, mem, "File", r->block->range.file, 0);
    value_set_int(v, mem, "Line", r->block->range.start.line, 0);
    value_set_str(v, mem, "Status", reason ? "SKIP" : e ? "FAIL" : "PASS", 0);
    value_set(v, mem, "Duration", value_duration(mem, time_sub(host_now(p->host), start)), 0);
    value_set(v, mem, "Logs", value_copy(mem, c.logs), M_OMIT_EMPTY);
    value_set_str(v, mem, "Error", e ? err_text(e) : cstr_or(reason, ""), M_OMIT_EMPTY);
    value_push(list, mem, v);
    t->skipped += reason != NULL;
    t->failed += e != NULL;
    t->passed += !reason && !e;
    return NULL;
}

static Err *check_labels(const HclResource *r) {
    if (r->labels.len == 2)
        return NULL;
    return hcl_error(&r->block->range, "a test has two labels: test \"migrate\" \"name\"");
}

Err *migrate_test(Value **report, bool *passed, const MigrateTestParams *p, MigrateSumError *where,
                  Arena *mem) {
    HclDoc *doc = NULL;
    Totals t = {0};
    Value *v = value_map(mem), *list = value_list(mem);
    TRY(migrate_dir_verify(p->dir, where, mem));
    TRY(load_cases(&doc, p, mem));
    TRY(db_check_empty(p->db));
    for (size_t i = 0; i < doc->resources.len; i++) {
        const HclResource *r = doc->resources.items[i];
        bool wanted = true;
        if (!cstr_eq(r->type, "test"))
            continue;
        TRY(check_labels(r));
        if (!cstr_eq(r->labels.items[0], "migrate"))
            continue;
        if (!cstr_empty(p->run))
            TRY(matches(&wanted, p->run, r->name, mem));
        if (wanted)
            TRY(add_case(list, &t, p, r, mem));
    }
    value_set(v, mem, "Tests", list, 0);
    value_set_int(v, mem, "Passed", t.passed, 0);
    value_set_int(v, mem, "Failed", t.failed, 0);
    value_set_int(v, mem, "Skipped", t.skipped, 0);
    *report = v;
    *passed = t.failed == 0;
    return NULL;
}
