// Writing refs where a store has no conditional writes: registry-storage.md section 3, "races".
#include "target.h"

enum { BLIND_TRIES = 5 };

bool ref_stands(RefWritten *how, const Ref *now, const Ref *fresh, RefName name) {
    if (name.kind != REF_TAG && now->present) {
        *how = cstr_eq(now->digest, fresh->digest) ? REF_SAME : REF_KEPT;
        // Of what is created once only the mark may change.
        return ref_cmp(now, fresh) != 0 || now->pending_primary == fresh->pending_primary;
    }
    int order = ref_cmp(now, fresh);
    *how = order > 0 ? REF_SUPERSEDED : REF_WROTE;
    return order > 0 || (order == 0 && now->pending_primary == fresh->pending_primary);
}

Err *ref_read_for_write(Ref *out, Target *t, const char *slug, RefName name, Arena *mem) {
    Err *e = t->driver->read_ref(out, t, slug, name, mem);
    if (err_code(e) != E_DAMAGED)
        return e;
    err_free(e);
    return NULL;
}

Err *ref_settle(RefWritten *how, Ref *now, Target *t, const char *slug, RefName name,
                const Ref *fresh, RefPut put, Arena *mem) {
    const Host *host = loop_host(t->loop);
    // What is created once is lost to a writer who looked before us and writes after we look again.
    uint32_t least = name.kind == REF_TAG ? 200 : 600;
    for (int n = 0; n < BLIND_TRIES; n++) {
        loop_sleep(t->loop, least + host_random_below(host, 1000 - least));
        TRY(ref_read_for_write(now, t, slug, name, mem));
        if (ref_cmp(now, fresh) == 0) {
            *how = REF_WROTE;
            return NULL;
        }
        if (ref_stands(how, now, fresh, name))
            return NULL;
        TRY(put(t, slug, name, fresh, now, mem));
    }
    log_warn("%s: %s: another writer keeps overwriting it and the store has no conditional writes; "
             "an update may have been lost", t->url, ref_label(mem, name));
    return NULL;
}
