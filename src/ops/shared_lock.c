// Targets of one run that the database's lock cannot tell apart: MySQL's names count for the whole
// server, PostgreSQL's for the database. The run itself holds the lock then, as others expect it;
// its workers have one each below it, by target.
#include "internal.h"

#include "atlas/crypt.h"

enum { MARK = 16 }; // hex digits that tell targets apart; names have 64 characters at most

static const char *lock_name(const OpsTarget *t) {
    return cstr_or(t->lock_name, MIGRATE_LOCK_NAME);
}

// Where the name of a lock counts; NULL: for the target alone (SQLite's is a file beside it).
static const char *scope_of(const OpsTarget *t, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, t->url, mem);
    if (e || strstr(u->scheme, "sqlite"))
        return NULL;
    // The path is a database of PostgreSQL, or the socket of MySQL.
    bool path = cstr_starts(u->scheme, "postgres") || cstr_ends(u->scheme, "+unix");
    return arena_printf(mem, "%s://%s%s %s", u->scheme, u->host, path ? u->path : "", lock_name(t));
}

static const char *name_for(const OpsTarget *t, Arena *mem) {
    const char *mark = sha256_hex(mem, str_from(url_redact(mem, t->url)));
    return arena_printf(mem, "%.40s_%.*s", lock_name(t), MARK, mark);
}

static Err *hold(const Ops *o, const OpsTarget *t, Arena *mem) {
    Db *db = NULL;
    TRY(ops_db_open(&db, o, t, mem));
    return db_lock(db, lock_name(t), t->lock_timeout);
}

void ops_shared_locks(OpsSharedLock *out, const Ops *o, const OpsTarget *targets, size_t count,
                      Arena *mem) {
    Map first; // scope -> the first target's lock
    map_init(&first, mem);
    for (size_t i = 0; i < count; i++) {
        const char *scope = scope_of(&targets[i], mem);
        OpsSharedLock *lock = scope ? map_get(&first, scope) : NULL;
        out[i] = (OpsSharedLock){.name = targets[i].lock_name};
        if (!scope)
            continue;
        if (!lock) {
            map_set(&first, scope, &out[i]);
            continue;
        }
        size_t owner = (size_t)(lock - out);
        if (cstr_eq(lock->name, targets[owner].lock_name)) { // the second of its scope
            lock->error = hold(o, &targets[owner], mem);
            lock->name = name_for(&targets[owner], mem);
        }
        out[i].name = name_for(&targets[i], mem);
        out[i].error = lock->error ? err_copy(lock->error) : NULL;
    }
}
