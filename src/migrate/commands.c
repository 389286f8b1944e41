// new, hash, validate, ls.
#include "internal.h"

typedef struct NewFile {
    const char *name, *content;
} NewFile;

// The files an empty migration consists of; the second may be absent.
static void new_files(NewFile out[2], const MigrateNewParams *p, const char *version, Arena *mem) {
    const char *mark = *p->name ? "_" : "";
    char *stem = arena_printf(mem, "%s%s%s", version, mark, p->name);
    out[0] = (NewFile){arena_printf(mem, "%s.sql", stem), ""};
    out[1] = (NewFile){0};
    switch (p->format) {
    case MIGRATE_ATLAS:
        out[0].content = p->content.ptr ? p->content.ptr : "";
        break;
    case MIGRATE_GOLANG_MIGRATE:
        out[0].name = arena_printf(mem, "%s.up.sql", stem);
        out[1] = (NewFile){arena_printf(mem, "%s.down.sql", stem), ""};
        break;
    case MIGRATE_GOOSE:
        out[0].content = "-- +goose Up\n\n-- +goose Down\n";
        break;
    case MIGRATE_DBMATE:
        out[0].content = "-- migrate:up\n\n-- migrate:down\n";
        break;
    case MIGRATE_LIQUIBASE:
        out[0].content = "--liquibase formatted sql\n";
        break;
    case MIGRATE_FLYWAY:
        out[0].name = arena_printf(mem, "V%s__%s.sql", version, p->name);
        out[1] = (NewFile){arena_printf(mem, "U%s__%s.sql", version, p->name), ""};
        break;
    }
}

// Now, or the next second that no file has.
static const char *fresh_version(const MigrateDir *dir, const Host *host, Arena *mem) {
    Time now = host_now(host);
    const char *version = time_strftime_utc(mem, now, "%Y%m%d%H%M%S");
    while (migrate_dir_find(dir, version)) {
        now.sec++;
        version = time_strftime_utc(mem, now, "%Y%m%d%H%M%S");
    }
    return version;
}

static Err *write_new(const NewFile *file, const char *dir, Arena *mem) {
    if (!file->name)
        return NULL;
    return fs_create_atomic(fs_join(mem, dir, file->name), str_from(file->content), 0644);
}

Err *migrate_new(const char **out, const MigrateNewParams *p, MigrateSumError *where, Arena *mem) {
    MigrateNewParams params = *p;
    const Host *host = p->host ? p->host : &host_system;
    MigrateDir *dir = NULL;
    NewFile files[2];
    params.name = cstr_or(p->name, "");
    if (strchr(params.name, '/'))
        return err_new(E_INVALID, "a migration name must not contain '/': \"%s\"", params.name);
    TRY(fs_mkdirs(p->path, 0755));
    TRY(migrate_dir_load(&dir, p->path, p->format, mem));
    TRY(migrate_dir_verify(dir, where, mem));
    new_files(files, &params, fresh_version(dir, host, mem), mem);
    TRY(write_new(&files[0], p->path, mem));
    TRY(write_new(&files[1], p->path, mem));
    *out = fs_join(mem, p->path, files[0].name);
    TRY(migrate_dir_load(&dir, p->path, p->format, mem));
    return migrate_dir_write_sum(dir, mem);
}

Err *migrate_hash(MigrateDir *dir, Arena *mem) {
    return migrate_dir_write_sum(dir, mem);
}

Err *migrate_validate(const MigrateDir *dir, Db *dev, MigrateSumError *where, Arena *mem) {
    TRY(migrate_dir_verify(dir, where, mem));
    if (!dev)
        return NULL;
    // Before anything may be dropped: whose content would it be?
    TRY(db_check_empty(dev));
    Err *e = migrate_replay(dev, dir, NULL), *wipe = db_wipe(dev);
    if (!e)
        return wipe ? err_wrap(wipe, "cleaning the dev database") : NULL;
    err_free(wipe);
    return err_wrap(e, "replaying the migration directory");
}

StrList migrate_ls(const MigrateDir *dir, bool is_short, bool latest, Arena *mem) {
    StrList list = {0};
    size_t start = latest && dir->files.len > 0 ? dir->files.len - 1 : 0;
    for (size_t i = start; i < dir->files.len; i++) {
        const MigrateFile *f = &dir->files.items[i];
        list_push(&list, mem, is_short ? f->version : f->name);
    }
    return list;
}
