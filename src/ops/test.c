#include "atlas/report.h"
#include "internal.h"

// test { migrate { src, vars } } of the env, else of the project.
static const Value *test_block(const Ops *o, const ProjectEnv *env) {
    const Value *test = env ? env->test : o->project ? o->project->test : NULL;
    const Value *block = value_get(test, "migrate");
    return block && block->kind == V_LIST ? value_at(block, 0) : block;
}

static StrList test_paths(const Value *block, const StrList *given, Arena *mem) {
    const Value *src = value_get(block, "src");
    StrList list = *given;
    if (given->len > 0 || !src)
        return list;
    if (src->kind == V_STR)
        list_push(&list, mem, value_text(src));
    for (size_t i = 0; src->kind == V_LIST && i < value_len(src); i++)
        list_push(&list, mem, value_text(value_at(src, i)));
    return list;
}

// The block's, where no --var has the name.
static void add_block_vars(Map *inputs, const Value *block, Arena *mem) {
    const Value *vars = value_get(block, "vars");
    for (size_t i = 0; i < value_len(vars) && vars->kind == V_MAP; i++) {
        const char *name = vars->u.map.items[i].key;
        if (!map_has(inputs, name))
            map_set(inputs, name, (void *)(uintptr_t)hcl_from_value(mem, value_member(vars, i)));
    }
}

static Err *write_junit(const char *path, const Value *report, Arena *mem) {
    Buf xml;
    if (cstr_empty(path))
        return NULL;
    buf_init(&xml, mem, BUF_MAX_TEXT);
    report_tests_junit(&xml, "migrate", report);
    Err *e = fs_write_atomic(path, buf_view(&xml), 0644);
    return e ? err_wrap(e, "writing the JUnit report") : NULL;
}

Err *ops_migrate_test(Value **report, bool *passed, MigrateSumError *sum, StrList *warnings,
                      const Ops *o, const OpsTestParams *p, Arena *mem) {
    OpsDir dir;
    Map *inputs = NULL;
    const Value *block = test_block(o, p->env);
    MigrateTestParams t = {.host = o->host, .run = p->run, .cancel = o->cancel,
                           .revisions_schema = p->revisions_schema,
                           .paths = test_paths(block, &p->paths, mem)};
    if (cstr_empty(p->dev_url))
        return err_hint(err_new(E_USAGE, "required flag(s) \"dev-url\" not set"),
                        "give a scratch database, such as --dev-url 'sqlite://dev?mode=memory'");
    TRY(project_inputs(&inputs, o->vars, mem));
    add_block_vars(inputs, block, mem);
    t.inputs = inputs;
    t.data = project_data_sources(&t.data_count,
                                  &(ProjectDbAccess){o->project, o->loop, o->cancel}, mem);
    TRY(ops_dir_open(&dir, o, p->env, p->dir_url, p->format, mem));
    *warnings = dir.warnings;
    t.dir = dir.dir;
    TRY(ops_db_open(&t.db, o, &(OpsTarget){.url = p->dev_url}, mem));
    TRY(migrate_test(report, passed, &t, sum, mem));
    return write_junit(p->junit, *report, mem);
}
