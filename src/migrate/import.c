// From the directories of other tools to one of ours.
#include "internal.h"

// --- one file
// -------------------------------------------------------------------------------------

static bool has_text(Str content, const char *text) {
    return memmem(content.ptr, content.len, text, strlen(text)) != NULL;
}

static void add_comments(Buf *out, const SqlStmt *stmt) {
    for (size_t i = 0; i < stmt->comments.len; i++) {
        const char *c = stmt->comments.items[i];
        buf_str(out, c);
        if (!cstr_ends(c, "\n"))
            buf_char(out, '\n');
    }
}

static void write_plain(Buf *out, const SqlStmts *stmts) {
    for (size_t i = 0; i < stmts->len; i++) {
        Str text = stmts->items[i].text;
        add_comments(out, &stmts->items[i]);
        buf_add(out, text.ptr, text.len);
        buf_str(out, text.len > 0 && text.ptr[text.len - 1] == ';' ? "\n" : ";\n");
    }
}

// With a delimiter of its own, for statements that a scanner would split.
static void write_delimited(Buf *out, const SqlStmts *stmts, const char *delimiter) {
    buf_printf(out, "-- atlas:delimiter %s\n", delimiter);
    for (size_t i = 0; i < stmts->len; i++) {
        add_comments(out, &stmts->items[i]);
        buf_add(out, stmts->items[i].text.ptr, stmts->items[i].text.len);
        buf_printf(out, "\n%s\n", delimiter);
    }
}

static bool same_text(Str a, Str b) {
    size_t extra = b.len == a.len + 1 && b.ptr[a.len] == ';'; // the one that was added
    return b.len - extra == a.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

// Whether every database's scanner finds the same statements again.
static bool reads_back(Str content, const SqlStmts *stmts) {
    static const unsigned scanners[] = {SQL_GENERIC, SQL_SQLITE, SQL_MYSQL, SQL_POSTGRES};
    for (size_t k = 0; k < COUNT_OF(scanners); k++) {
        AutoArena tmp = arena_new(NULL);
        SqlStmts again = {0};
        AutoErr e = sql_scan(&again, content, scanners[k], NULL, tmp);
        if (e || again.len != stmts->len)
            return false;
        for (size_t i = 0; i < again.len; i++)
            if (!same_text(stmts->items[i].text, again.items[i].text))
                return false;
    }
    return true;
}

// Where scanners disagree, goose's own ends of statements are kept with a delimiter. The other
// tools send whole files: those stay as they are, for the scanner of the database that they meet.
static Err *write_disputed(Buf *out, const MigrateFile *f, const SqlStmts *stmts, Arena *mem) {
    const char *delimiter = "-- end";
    buf_clear(out);
    if (f->format != MIGRATE_GOOSE) {
        Str up = {0};
        TRY(file_up_part(&up, f, mem));
        buf_add(out, up.ptr, up.len);
        return NULL;
    }
    for (int n = 1; has_text(f->content, delimiter); n++)
        delimiter = arena_printf(mem, "-- end %d", n);
    write_delimited(out, stmts, delimiter);
    return NULL;
}

static Err *import_content(Str *content, const MigrateFile *f, const SqlStmts *stmts, Arena *mem) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    write_plain(&out, stmts);
    if (!reads_back(buf_view(&out), stmts))
        TRY(write_disputed(&out, f, stmts, mem));
    *content = buf_view(&out);
    // The delimiter must be the first line; a directive behind it counts as well.
    if (!format_without_transaction(f))
        return NULL;
    if (!cstr_starts(out.ptr, "-- atlas:delimiter")) {
        *content = sql_add_directive(*content, "txmode none", mem);
        return NULL;
    }
    size_t line = strcspn(out.ptr, "\n") + 1;
    char *text = arena_printf(mem, "%.*s-- atlas:txmode none\n\n%s", (int)line, out.ptr,
                              out.ptr + line);
    *content = str_from(text);
    return NULL;
}

// --- all of them
// ----------------------------------------------------------------------------------

enum { MAX_COMPONENTS = 8 };

// What the versions of tools that sort by number must be padded to, where their bytes would sort
// differently; count 0: they stay as they are.
typedef struct Shape {
    size_t count, widths[MAX_COMPONENTS];
} Shape;

static const char *shaped(const char *version, const Shape *shape, Arena *mem) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < shape->count; i++) {
        size_t len = strcspn(version, "._");
        buf_str(&b, i > 0 ? "." : "");
        buf_repeat(&b, "0", shape->widths[i] - len);
        buf_add(&b, version, len);
        version += len + (version[len] != 0);
    }
    return b.ptr;
}

static bool sorted_by_name(const MigrateDir *from) {
    const char *before = NULL;
    AutoArena tmp = arena_new(NULL);
    for (size_t i = 0; i < from->files.len && *from->files.items[i].version; i++) {
        const MigrateFile *f = &from->files.items[i];
        const char *name = arena_printf(tmp, "%s%s%s.sql", f->version, *f->description ? "_" : "",
                                        f->description);
        if ((before && strcmp(before, name) > 0) || strchr(f->version, '_'))
            return false;
        before = name;
    }
    return true;
}

static bool sorted_by_number(const MigrateDir *from) {
    for (size_t i = 1; i < from->files.len; i++)
        if (flyway_compare(from->files.items[i - 1].version, from->files.items[i].version) > 0)
            return false;
    return true;
}

static bool keeps_order(const MigrateDir *from) {
    if (from->format == MIGRATE_GOOSE || from->format == MIGRATE_GOLANG_MIGRATE)
        return sorted_by_number(from);
    return from->format != MIGRATE_FLYWAY || sorted_by_name(from);
}

static Err *find_shape(Shape *shape, const MigrateDir *from) {
    *shape = (Shape){0};
    if (keeps_order(from))
        return NULL;
    for (size_t i = 0; i < from->files.len; i++) {
        const char *v = from->files.items[i].version;
        for (size_t k = 0; *v; k++) {
            size_t len = strcspn(v, "._");
            if (k == MAX_COMPONENTS || strspn(v, "0123456789") < len)
                return err_new(E_INVALID, "%s: a version is numbers (at most %d) with . or _ between",
                               from->files.items[i].name, MAX_COMPONENTS);
            shape->widths[k] = len > shape->widths[k] ? len : shape->widths[k];
            shape->count = k + 1 > shape->count ? k + 1 : shape->count;
            v += len + (v[len] != 0);
        }
    }
    return NULL;
}

// Flyway's repeatables have no version: they follow the file before them, as 1R, 1Ra, 1Rb ...
static const char *import_version(const MigrateFile *f, const Shape *shape, const char *before,
                                  Arena *mem) {
    size_t len = strlen(before);
    if (*f->version)
        return shape->count > 0 ? shaped(f->version, shape, mem) : f->version;
    if (!strchr(before, 'R'))
        return arena_printf(mem, "%sR", *before ? before : "0");
    if (before[len - 1] == 'R' || before[len - 1] == 'z')
        return arena_printf(mem, "%sa", before);
    return arena_printf(mem, "%.*s%c", (int)len - 1, before, before[len - 1] + 1);
}

// No database says how its strings and blocks read: BEGIN blocks stay whole, and what that cannot
// read may be MySQL's or PostgreSQL's.
static Err *import_stmts(SqlStmts *out, const MigrateFile *f, Arena *mem) {
    static const unsigned others[] = {SQL_MYSQL, SQL_POSTGRES};
    Err *e = migrate_file_stmts(out, f, SQL_GENERIC | SQL_BEGIN, mem);
    for (size_t k = 0; e && k < COUNT_OF(others); k++) {
        AutoErr again = migrate_file_stmts(out, f, others[k], mem);
        if (again)
            continue;
        err_free(e);
        e = NULL;
    }
    return e;
}

static Err *plan_import(MigrateFiles *out, const MigrateDir *from, Arena *mem) {
    const char *before = "";
    Shape shape;
    Map seen;
    TRY(find_shape(&shape, from));
    map_init(&seen, mem);
    for (size_t i = 0; i < from->files.len; i++) {
        const MigrateFile *f = &from->files.items[i];
        SqlStmts stmts = {0};
        MigrateFile file = {0};
        const char *version = import_version(f, &shape, before, mem);
        TRY(import_stmts(&stmts, f, mem));
        char *name = arena_printf(mem, "%s%s%s.sql", version, *f->description ? "_" : "",
                                  f->description);
        if (map_has(&seen, name))
            return err_new(E_EXISTS, "two files of the source would become %s", name);
        map_set(&seen, name, name);
        Str content = {0};
        TRY(import_content(&content, f, &stmts, mem));
        file_init(&file, name, content, MIGRATE_ATLAS, mem);
        list_push(out, mem, file);
        before = version;
    }
    return NULL;
}

static Err *check_target(MigrateDir **out, const char *path, Arena *mem) {
    TRY(fs_mkdirs(path, 0755));
    TRY(migrate_dir_load(out, path, MIGRATE_ATLAS, mem));
    if ((*out)->files.len == 0)
        return NULL;
    return err_hint(err_new(E_EXISTS, "target migration directory %s must be empty", path),
                    "give another one with --to");
}

Err *migrate_import(size_t *count, const MigrateDir *from, const char *to, MigrateSumError *where,
                    Arena *mem) {
    MigrateDir *target = NULL;
    MigrateFiles files = {0};
    *count = 0;
    if (from->format == MIGRATE_ATLAS)
        return err_hint(err_new(E_USAGE, "cannot import a migration directory already in atlas "
                                         "format"),
                        "tell the format of the source: --from 'file://migrations?format=goose'");
    if (from->has_sum)
        TRY(migrate_dir_verify(from, where, mem));
    TRY(plan_import(&files, from, mem));
    TRY(check_target(&target, to, mem));
    for (size_t i = 0; i < files.len; i++)
        TRY(fs_create_atomic(fs_join(mem, to, files.items[i].name), files.items[i].content, 0644));
    *count = files.len;
    if (files.len == 0)
        return NULL;
    TRY(migrate_dir_load(&target, to, MIGRATE_ATLAS, mem));
    return migrate_dir_write_sum(target, mem);
}
