// A finished run as a value tree, on its way from the worker that made it.
#include "internal.h"

Value *ops_run_pack(const OpsRun *run, const Err *e, Arena *mem) {
    const MigrateApplied *a = &run->applied;
    Value *v = value_map(mem), *warnings = value_list(mem);
    for (size_t i = 0; i < a->warnings.len; i++)
        value_push(warnings, mem, value_str(mem, a->warnings.items[i]));
    value_set(v, mem, "report", run->report ? run->report : value_null(mem), 0);
    value_set(v, mem, "warnings", warnings, 0);
    value_set_str(v, mem, "target_id", run->target_id, 0);
    value_set_str(v, mem, "from", a->from_version, 0);
    value_set_str(v, mem, "to", a->to_version, 0);
    value_set_str(v, mem, "current", a->current_version, 0);
    value_set_int(v, mem, "pending", (int64_t)a->pending, 0);
    value_set_int(v, mem, "done", (int64_t)a->done, 0);
    value_set_str(v, mem, "notice", a->notice, 0);
    value_set_int(v, mem, "sum_line", a->sum.line, 0);
    value_set_str(v, mem, "sum_file", a->sum.file, 0);
    value_set_str(v, mem, "sum_reason", a->sum.reason, 0);
    value_set_int(v, mem, "code", (int64_t)err_code(e), 0);
    if (e) {
        // What the worker learnt to be secret, only the worker can hide.
        value_set_str(v, mem, "error", log_redact(mem, err_text(e)), 0);
        value_set_str(v, mem, "hint", err_hint_text(e), 0);
    }
    return v;
}

static const char *text_of(const Value *v, const char *key, Arena *mem) {
    return arena_strdup(mem, value_get_text(v, key));
}

// NULL for "".
static const char *some_text(const Value *v, const char *key, Arena *mem) {
    return *value_get_text(v, key) ? text_of(v, key, mem) : NULL;
}

Err *ops_run_unpack(OpsRun *run, const Value *v, Arena *mem) {
    MigrateApplied *a = &run->applied;
    const Value *report = value_get(v, "report"), *warnings = value_get(v, "warnings");
    run->report = a->report = report->kind == V_MAP ? value_copy(mem, report) : NULL;
    run->target_id = some_text(v, "target_id", mem);
    for (size_t i = 0; i < value_len(warnings); i++)
        list_push(&a->warnings, mem, arena_strdup(mem, value_text(value_at(warnings, i))));
    a->from_version = text_of(v, "from", mem);
    a->to_version = text_of(v, "to", mem);
    a->current_version = text_of(v, "current", mem);
    a->pending = (size_t)value_get_int(v, "pending");
    a->done = (size_t)value_get_int(v, "done");
    a->notice = some_text(v, "notice", mem);
    a->sum.line = (int)value_get_int(v, "sum_line");
    a->sum.file = some_text(v, "sum_file", mem);
    a->sum.reason = some_text(v, "sum_reason", mem);
    ErrCode code = (ErrCode)value_get_int(v, "code");
    if (code == E_OK)
        return NULL;
    Err *e = err_new(code, "%s", value_get_text(v, "error"));
    return *value_get_text(v, "hint") ? err_hint(e, "%s", value_get_text(v, "hint")) : e;
}
