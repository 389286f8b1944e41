#include "internal.h"

static const char *const names[] = {"atlas",  "golang-migrate", "goose",
                                    "dbmate", "liquibase",      "flyway"};

Err *migrate_format_parse(MigrateFormat *out, const char *name) {
    *out = MIGRATE_ATLAS;
    if (cstr_empty(name))
        return NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (cstr_eq(name, names[i])) {
            *out = (MigrateFormat)i;
            return NULL;
        }
    }
    return err_hint(err_new(E_INVALID, "unknown dir format \"%s\"", name),
                    "formats: atlas, golang-migrate, goose, dbmate, liquibase, flyway");
}

const char *migrate_format_name(MigrateFormat format) {
    return names[format];
}

bool has_directives(const MigrateFile *file) {
    return file->format == MIGRATE_ATLAS || file->format == MIGRATE_LIQUIBASE;
}

bool format_accepts(MigrateFormat format, const char *name) {
    const char *base = fs_basename(name);
    if (format == MIGRATE_GOLANG_MIGRATE)
        return cstr_ends(base, ".up.sql");
    if (format == MIGRATE_FLYWAY)
        return cstr_ends(base, ".sql") && *base && strchr("VBR", *base);
    return cstr_ends(base, ".sql");
}

// "<version>_<rest>": rest is "" without an underscore.
static void split_name(MigrateFile *file, const char *text, Arena *mem) {
    const char *mark = strchr(text, '_');
    file->version = mark ? arena_strndup(mem, text, (size_t)(mark - text)) : text;
    file->description = mark ? mark + 1 : "";
}

static void split_flyway(MigrateFile *file, Arena *mem) {
    const char *base = fs_basename(file->name);
    char *stem = arena_strndup(mem, base, strlen(base) - strlen(".sql"));
    const char *mark = strstr(stem, "__");
    size_t len = mark ? (size_t)(mark - stem) : strlen(stem);
    file->version = *stem == 'R' || len == 0 ? "" : arena_strndup(mem, stem + 1, len - 1);
    file->description = mark ? mark + 2 : "";
}

Str file_text(const MigrateFile *file) {
    static const char mark[] = "\xef\xbb\xbf";
    size_t len = file->content.len >= 3 && memcmp(file->content.ptr, mark, 3) == 0 ? 3 : 0;
    return str_slice(file->content.ptr + len, file->content.len - len);
}

static void read_checkpoint(MigrateFile *file, Arena *mem) {
    Str text = file_text(file);
    if (file->format != MIGRATE_ATLAS || text.len < 2 ||
        (text.ptr[0] != '-' && text.ptr[0] != '#'))
        return;
    SqlDirectives directives = sql_file_directives(text, mem);
    StrList args = sql_directive_args(&directives, "checkpoint", mem);
    file->checkpoint = args.len > 0;
    file->tag = args.len > 0 ? args.items[0] : "";
}

void file_init(MigrateFile *file, const char *name, Str content, MigrateFormat format, Arena *mem) {
    *file = (MigrateFile){.name = name, .content = content, .format = format, .tag = ""};
    const char *suffix = ".sql";
    if (format == MIGRATE_FLYWAY) {
        split_flyway(file, mem);
        return;
    }
    // "1.up.sql" has version "1.up": the suffix of golang-migrate belongs to the description only.
    if (format == MIGRATE_GOLANG_MIGRATE && strchr(name, '_'))
        suffix = ".up.sql";
    size_t len = strlen(name) - (cstr_ends(name, suffix) ? strlen(suffix) : 0);
    split_name(file, arena_strndup(mem, name, len), mem);
    read_checkpoint(file, mem);
}

// --- Flyway's order
// -------------------------------------------------------------------------------

static uint64_t next_component(const char **version) {
    size_t len = strcspn(*version, "._");
    uint64_t n = 0;
    bool numeric = len > 0 && len < 19;
    for (size_t i = 0; i < len && numeric; i++) {
        numeric = (*version)[i] >= '0' && (*version)[i] <= '9';
        n = n * 10 + (uint64_t)((*version)[i] - '0');
    }
    *version += len + ((*version)[len] != 0);
    return numeric ? n : 0;
}

int flyway_compare(const char *a, const char *b) {
    while (*a || *b) {
        uint64_t x = next_component(&a), y = next_component(&b);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static char kind_of(const MigrateFile *f) {
    return *fs_basename(f->name);
}

static int compare_flyway(const void *pa, const void *pb) {
    const MigrateFile *a = pa, *b = pb;
    bool a_last = kind_of(a) == 'R', b_last = kind_of(b) == 'R';
    if (a_last != b_last)
        return a_last ? 1 : -1;
    int c =
        a_last ? strcmp(a->description, b->description) : flyway_compare(a->version, b->version);
    return c ? c : strcmp(a->name, b->name);
}

// The highest baseline, the versions above it, the repeatables.
void flyway_arrange(MigrateFiles *files, Arena *mem) {
    const MigrateFile *baseline = NULL;
    MigrateFiles kept = {0};
    for (size_t i = 0; i < files->len; i++) {
        const MigrateFile *f = &files->items[i];
        if (kind_of(f) == 'B' && (!baseline || flyway_compare(f->version, baseline->version) > 0))
            baseline = f;
    }
    for (size_t i = 0; i < files->len; i++) {
        const MigrateFile *f = &files->items[i];
        bool above = !baseline || flyway_compare(f->version, baseline->version) > 0;
        if (kind_of(f) == 'R' || f == baseline || (kind_of(f) == 'V' && above))
            list_push(&kept, mem, *f);
    }
    if (kept.len > 1)
        qsort(kept.items, kept.len, sizeof *kept.items, compare_flyway);
    *files = kept;
}

// --- statements
// -----------------------------------------------------------------------------------

// With a newline at the end, else a last line such as --rollback were a statement.
static Str liquibase_text(Str text, Arena *mem) {
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    buf_add(&b, text.ptr, text.len);
    buf_char(&b, '\n');
    return buf_view(&b);
}

Err *file_up_part(Str *out, const MigrateFile *file, Arena *mem) {
    *out = file_text(file);
    if (file->format == MIGRATE_LIQUIBASE)
        *out = liquibase_text(*out, mem);
    if (file->format == MIGRATE_GOOSE)
        return goose_up(out, file, mem);
    if (file->format == MIGRATE_DBMATE)
        return dbmate_up(out, file, mem);
    return is_txtar(file) ? txtar_migration(out, file, mem) : NULL;
}

Err *migrate_file_stmts(SqlStmts *out, const MigrateFile *file, unsigned scan_options, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Str up = {0};
    TRY(file_up_part(&up, file, tmp));
    *out = (SqlStmts){0};
    TRY(sql_scan(out, up, scan_options, file->name, mem));
    if (file->format == MIGRATE_GOOSE)
        goose_clean(out, mem);
    return NULL;
}

const char *order_warning(const MigrateDir *dir, Arena *mem) {
    if (dir->format != MIGRATE_GOLANG_MIGRATE && dir->format != MIGRATE_GOOSE)
        return NULL;
    for (size_t i = 1; i < dir->files.len; i++) {
        const MigrateFile *a = &dir->files.items[i - 1], *b = &dir->files.items[i];
        if (flyway_compare(a->version, b->version) > 0)
            return arena_printf(mem,
                                "%s runs before %s here, as names are sorted, but %s sorts by number: "
                                "`atlas migrate import` writes versions of one width",
                                a->name, b->name, migrate_format_name(dir->format));
    }
    return NULL;
}
