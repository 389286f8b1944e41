// Refs and plan files as a hostile bucket may hold them: never a crash; what parses is written back
// to the same ref.
#include "../../src/registry/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ref(Str text, Arena *mem) {
    Ref ref, again;
    RefName name = {REF_TAG, "latest"};
    AutoErr e = ref_parse(&ref, text, "app", name, NULL, mem);
    if (e)
        return;
    AutoErr bad = ref_parse(&again, ref_text(&ref, mem), "app", name, NULL, mem);
    if (bad || ref_cmp(&ref, &again) != 0 || ref.pending_primary != again.pending_primary)
        BUG("a ref is not what it was");
}

static void check_plan(Str text, Arena *mem) {
    PlanSpec spec, again;
    AutoErr e = plan_file_parse(&spec, text, mem);
    if (e)
        return;
    AutoErr bad = plan_file_parse(&again, plan_file_text(&spec, mem), mem);
    if (bad || !cstr_eq(spec.name, again.name) || !cstr_eq(spec.from, again.from) ||
        !cstr_eq(spec.to, again.to) || !cstr_eq(spec.migration, again.migration))
        BUG("a plan is not what it was");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    Str text = {arena_strndup(mem, (const char *)data, size), size};
    check_ref(text, mem);
    check_plan(text, mem);
    return 0;
}
