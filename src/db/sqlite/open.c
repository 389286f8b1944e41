#include <time.h>

#include "sqlite.h"

// Query parameters, as github.com/mattn/go-sqlite3 names them: most are a PRAGMA.
typedef struct Param {
    const char *names[2];
    const char *pragma;  // NULL: handled in code
    const char *allowed; // space-separated; NULL: a number
} Param;

#define BOOLS "0 1 no yes false true off on"
static const Param params[] = {
    {{"_auto_vacuum", "_vacuum"}, "auto_vacuum", "0 1 2 none full incremental"},
    {{"_busy_timeout", "_timeout"}, NULL, NULL},
    {{"_cache_size", NULL}, "cache_size", NULL},
    {{"_case_sensitive_like", "_cslike"}, "case_sensitive_like", BOOLS},
    {{"_defer_foreign_keys", "_defer_fk"}, "defer_foreign_keys", BOOLS},
    {{"_foreign_keys", "_fk"}, "foreign_keys", BOOLS},
    {{"_ignore_check_constraints", NULL}, "ignore_check_constraints", BOOLS},
    {{"_journal_mode", "_journal"}, "journal_mode", "delete truncate persist memory wal off"},
    {{"_locking_mode", "_locking"}, "locking_mode", "normal exclusive"},
    {{"_query_only", NULL}, "query_only", BOOLS},
    {{"_recursive_triggers", "_rt"}, "recursive_triggers", BOOLS},
    {{"_secure_delete", NULL}, "secure_delete", BOOLS " fast"},
    {{"_synchronous", "_sync"}, "synchronous", "0 1 2 3 off normal full extra"},
    {{"_txlock", NULL}, NULL, "deferred immediate exclusive"},
    {{"_writable_schema", NULL}, "writable_schema", BOOLS},
};

static bool is_allowed(const Param *p, const char *value, Arena *tmp) {
    int64_t number = 0;
    if (!p->allowed)
        return cstr_to_i64(value, &number) && number >= INT32_MIN && number <= INT32_MAX;
    StrList words = cstr_split(tmp, p->allowed, ' ');
    return *value && strlist_has(&words, value);
}

static Err *apply_param(Sqlite *s, const Param *p, const char *value, Arena *tmp) {
    value = cstr_lower(tmp, value);
    if (!is_allowed(p, value, tmp))
        return err_new(E_INVALID, "parameter %s of the database URL must be %s%s", p->names[0],
                       p->allowed ? "one of: " : "a number", cstr_or(p->allowed, ""));
    if (p->pragma)
        return sqlite_exec(&s->base, arena_printf(tmp, "PRAGMA %s = %s", p->pragma, value));
    if (cstr_eq(p->names[0], "_txlock"))
        s->begin = arena_printf(s->mem, "BEGIN %s", value);
    else
        (void)cstr_to_i64(value, &s->busy_ms);
    return NULL;
}

static const char *find_value(const Url *query, const Param *p) {
    const char *value = url_param(query, p->names[0]);
    return value || !p->names[1] ? value : url_param(query, p->names[1]);
}

static Err *apply_params(Sqlite *s, const Url *query, Arena *tmp) {
    for (size_t i = 0; i < COUNT_OF(params); i++) {
        const char *value = find_value(query, &params[i]);
        if (value)
            TRY(apply_param(s, &params[i], value, tmp));
    }
    return NULL;
}

// Waits as sqlite3_busy_timeout() does, but ends on a cancel.
static int on_busy(void *ctx, int count) {
    Sqlite *s = ctx;
    s->busy_waited_ms = count == 0 ? 0 : s->busy_waited_ms;
    int delay = count < 10 ? 1 + count : 25;
    if (db_cancelled(&s->base) || s->busy_waited_ms + delay > s->busy_ms)
        return 0;
    s->busy_waited_ms += delay;
    nanosleep(&(struct timespec){.tv_nsec = delay * 1000000L}, NULL);
    return 1;
}

static int on_progress(void *ctx) {
    Sqlite *s = ctx;
    return db_cancelled(&s->base) ||
           (s->deadline_ms > 0 && host_monotonic_ms(s->base.host) >= s->deadline_ms);
}

void sqlite_start_statement(Sqlite *s) {
    Duration limit = s->base.statement_timeout;
    s->deadline_ms = limit > 0 ? host_monotonic_ms(s->base.host) + 1 + limit / DURATION_MS : 0;
}

void sqlite_watch_cancel(Sqlite *s) {
    sqlite3_progress_handler(s->handle, 10000, on_progress, s);
}

static void close_hook(void *ctx) {
    db_close(ctx);
}

// What SQLite opens: without "file:" the query only configures this driver.
static char *database_name(const char *rest, const Url *query, Arena *mem) {
    const char *mark = strchr(rest, '?');
    if (cstr_starts(rest, "file:"))
        return arena_strdup(mem, rest);
    if (cstr_eq(url_param(query, "mode"), "memory"))
        return arena_printf(mem, "file:%s", rest);
    return arena_strndup(mem, rest, mark ? (size_t)(mark - rest) : strlen(rest));
}

static Err *open_error(Sqlite *s, const char *name) {
    Err *e = sqlite_error(s);
    if (cstr_starts(name, "file:"))
        return e;
    return err_hint(err_wrap(e, "%s", name), "does its directory exist, and may this user write there?");
}

Err *sqlite_open_database(Db **out, const char *rest, const Db *base, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Url *query = NULL;
    const char *mark = strchr(rest, '?');
    TRY(url_parse(&query, arena_printf(tmp, "sqlite://x%s", mark ? mark : ""), tmp));
    Sqlite *s = NEW(mem, Sqlite);
    s->base = *base;
    s->base.schema = "main";
    s->mem = mem;
    s->busy_ms = 5000;
    s->begin = "BEGIN";
    s->lock_fd = -1;
    char *name = database_name(rest, query, mem);
    if (!*name || cstr_starts(name, "?"))
        return err_hint(err_new(E_INVALID, "the database URL names no file"),
                        "write sqlite://app.db, or sqlite://dev?mode=memory");
    // One thread, no statistics: refused, harmlessly, once SQLite is in use.
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(name, &s->handle, flags, NULL);
    s->fk_mem = arena_new(NULL);
    arena_on_free(mem, close_hook, s);
    if (rc != SQLITE_OK)
        return open_error(s, name);
    sqlite3_extended_result_codes(s->handle, 1);
    sqlite3_busy_handler(s->handle, on_busy, s);
    sqlite_watch_cancel(s);
    TRY(apply_params(s, query, tmp));
    if (base->lock_timeout > 0)
        s->busy_ms = base->lock_timeout / DURATION_MS;
    *out = &s->base;
    return NULL;
}
