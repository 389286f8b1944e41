// The smaller migrate commands and the registry's audits.
#include "internal.h"

static void keep_warnings(StrList *out, const OpsDir *dir, Arena *mem) {
    for (size_t i = 0; out && i < dir->warnings.len; i++)
        list_push(out, mem, dir->warnings.items[i]);
}

Err *ops_migrate_status(Value **report, MigrateSumError *sum, const char **notice, const Ops *o,
                        const OpsTarget *t, StrList *warnings, Arena *mem) {
    OpsDir dir;
    Db *db = NULL;
    TRY(ops_dir_open(&dir, o, t->env, t->dir_url, t->format, mem));
    keep_warnings(warnings, &dir, mem);
    TRY(ops_db_open(&db, o, t, mem));
    MigrateStatusParams p = {.db = db,
                             .url = t->url,
                             .dir = dir.dir,
                             .dir_url = migrate_dir_url(mem, dir.url, cstr_or(t->format, "atlas")),
                             .revisions_schema = t->revisions_schema};
    return migrate_status(report, &p, sum, notice, mem);
}

Err *ops_migrate_set(Value **report, MigrateSumError *sum, const char **notice, const Ops *o,
                     const OpsTarget *t, const char *version, StrList *warnings, Arena *mem) {
    OpsDir dir;
    Db *db = NULL;
    TRY(ops_dir_open(&dir, o, t->env, t->dir_url, t->format, mem));
    keep_warnings(warnings, &dir, mem);
    TRY(ops_db_open(&db, o, t, mem));
    MigrateSetParams p = {.host = o->host,
                          .db = db,
                          .dir = dir.dir,
                          .version = version,
                          .revisions_schema = t->revisions_schema,
                          .lock_name = t->lock_name,
                          .operator_version = OPS_OPERATOR_VERSION};
    return migrate_set(report, &p, sum, notice, mem);
}

// The templates behind a mem:// directory, to be changed. Their own sum is only for those who look
// at them unrendered: it is made anew and never stops a change.
static Err *open_templates(MigrateDir **out, const Ops *o, const char *dir_url, Arena *mem) {
    const ProjectDir *made = NULL;
    TRY(ops_memory_dir(&made, o, dir_url, mem));
    TRY(migrate_dir_load(out, made->path, MIGRATE_ATLAS, mem));
    return migrate_dir_write_sum(*out, mem);
}

static Err *open_local(MigrateDir **out, const Ops *o, const char *dir_url, const char *format,
                       Arena *mem) {
    if (cstr_starts(dir_url, "atlas://"))
        return err_hint(err_new(E_USAGE, "%s: a directory of a registry cannot be changed", dir_url),
                        "give a local one: --dir file://migrations");
    if (ops_is_memory(dir_url))
        return open_templates(out, o, dir_url, mem);
    return migrate_dir_open(out, cstr_empty(format) ? dir_url : migrate_dir_url(mem, dir_url, format),
                            mem);
}

Err *ops_migrate_hash(const Ops *o, const char *dir_url, const char *format, Arena *mem) {
    MigrateDir *dir = NULL;
    TRY(open_local(&dir, o, dir_url, format, mem));
    return migrate_hash(dir, mem);
}

Err *ops_migrate_validate(MigrateSumError *sum, const Ops *o, const char *dir_url,
                          const char *format, const char *dev_url, Arena *mem) {
    OpsDir dir;
    Db *dev = NULL;
    TRY(ops_dir_open(&dir, o, NULL, dir_url, format, mem));
    if (*dev_url)
        TRY(ops_db_open(&dev, o, &(OpsTarget){.url = dev_url}, mem));
    return migrate_validate(dir.dir, dev, sum, mem);
}

// The path of a file:// URL that may not exist yet.
static Err *local_path(const char **path, MigrateFormat *out_format, const char *dir_url,
                       const char *format, Arena *mem) {
    Url *u = NULL;
    TRY(url_parse(&u, migrate_dir_url(mem, dir_url, format), mem));
    if (!cstr_eq(u->scheme, "file"))
        return err_hint(err_new(E_USAGE, "%s is not a local directory", url_redact(mem, dir_url)),
                        "write file://migrations");
    TRY(migrate_format_parse(out_format, url_param(u, "format")));
    *path = cstr_or(url_host_path(mem, u), "migrations");
    return NULL;
}

Err *ops_migrate_new(const char **path, MigrateSumError *sum, const Ops *o, const char *dir_url,
                     const char *format, const char *name, Str content, Arena *mem) {
    MigrateNewParams p = {.host = o->host, .name = name, .content = content};
    MigrateDir *templates = NULL;
    if (ops_is_memory(dir_url)) {
        TRY(open_templates(&templates, o, dir_url, mem));
        p.path = templates->path;
        return migrate_new(path, &p, sum, mem);
    }
    TRY(local_path(&p.path, &p.format, dir_url, format, mem));
    return migrate_new(path, &p, sum, mem);
}

Err *ops_migrate_ls(StrList *out, MigrateSumError *sum, const Ops *o, const ProjectEnv *env,
                    const char *dir_url, const char *format, bool is_short, bool latest,
                    StrList *warnings, Arena *mem) {
    OpsDir dir;
    TRY(ops_dir_open(&dir, o, env, dir_url, format, mem));
    keep_warnings(warnings, &dir, mem);
    TRY(migrate_dir_verify(dir.dir, sum, mem));
    *out = migrate_ls(dir.dir, is_short, latest, mem);
    return NULL;
}

Err *ops_migrate_file(const char **path, MigrateSumError *sum, const Ops *o, const char *dir_url,
                      const char *format, const char *what, Arena *mem) {
    MigrateDir *dir = NULL;
    const MigrateFile *f = NULL;
    TRY(open_local(&dir, o, dir_url, format, mem));
    TRY(migrate_dir_verify(dir, sum, mem));
    TRY(migrate_dir_pick(&f, dir, what));
    *path = fs_join(mem, dir->path, f->name);
    return NULL;
}

Err *ops_migrate_rm(const char **name, MigrateSumError *sum, const Ops *o, const char *dir_url,
                    const char *format, const char *what, Arena *mem) {
    MigrateDir *dir = NULL;
    TRY(open_local(&dir, o, dir_url, format, mem));
    return migrate_rm(name, dir, what, sum, mem);
}

Err *ops_migrate_rebase(const Ops *o, const char *dir_url, const char *format, const StrList *what,
                        Arena *mem) {
    MigrateDir *dir = NULL;
    TRY(open_local(&dir, o, dir_url, format, mem));
    return migrate_rebase(dir, what, o->host, mem);
}

Err *ops_migrate_import(size_t *count, MigrateSumError *sum, const Ops *o, const char *from_url,
                        const char *to_url, const char *format, Arena *mem) {
    MigrateDir *from = NULL;
    const char *path = NULL;
    MigrateFormat to = MIGRATE_ATLAS;
    TRY(open_local(&from, o, from_url, format, mem));
    TRY(local_path(&path, &to, to_url, "", mem));
    if (to != MIGRATE_ATLAS)
        return err_new(E_USAGE, "--to is a directory in atlas format");
    return migrate_import(count, from, path, sum, mem);
}
