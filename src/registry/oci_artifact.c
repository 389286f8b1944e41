// What stands behind a tag: an image-spec 1.1 artifact manifest, and how a ref becomes one and is
// made from it again.
#include "atlas/crypt.h"
#include "oci.h"

#define VERSION_NOTE "org.opencontainers.image.version"
#define REVISION_NOTE "org.opencontainers.image.revision"
#define CREATED_NOTE "org.opencontainers.image.created"
#define TITLE_NOTE "org.opencontainers.image.title"
#define NAME_NOTE "dev.atlas-action.name"       // behind a tag that starts "atlas."
#define LAYOUT_NOTE "dev.atlas-action.layout"   // of the ref
#define SEQ_NOTE "dev.atlas-action.seq"
#define PENDING_NOTE "dev.atlas-action.pending" // "true": pending_primary
#define SIGS_NOTE "dev.atlas-action.sigs"       // JSON
#define MORE_NOTE "dev.atlas-action.more"       // members of a ref that this version does not know

// --- reading ------------------------------------------------------------------------------------

static bool is_descriptor(const Value *d) {
    return d && digest_is_well_formed(value_get_text(d, "digest")) && value_get_int(d, "size") >= 0;
}

static Err *parse_manifest(OciArtifact *out, Str text, const char *tag, Arena *mem) {
    Value *v = NULL;
    AutoErr e = json_parse(&v, text, NULL, mem);
    const Value *layers = e ? NULL : value_get(v, "layers");
    if (e || v->kind != V_MAP)
        return err_new(E_DAMAGED, "the manifest of tag %s is damaged: %s", tag,
                       e ? err_text(e) : "not a JSON object");
    out->type = value_get_text(v, "artifactType");
    out->config = value_get(v, "config");
    out->layer = value_at(layers, 0);
    out->annotations = value_get(v, "annotations");
    if (value_len(layers) != 1 || !is_descriptor(out->config) || !is_descriptor(out->layer))
        return err_new(E_DAMAGED, "tag %s is no artifact with a config and one layer", tag);
    return NULL;
}

Err *oci_get_artifact(OciArtifact *out, OciTarget *t, const char *repo, const char *tag,
                      Arena *mem) {
    HttpResponse r;
    Str text;
    OciCall c = {.method = "GET", .url = oci_url(mem, t, repo, "manifests", tag), .repo = repo};
    list_push(&c.headers, mem, (HttpHeader){"accept", OCI_MANIFEST});
    list_push(&c.headers, mem, (HttpHeader){"accept-encoding", "identity"});
    *out = (OciArtifact){0};
    TRY(oci_call(&r, t, &c, mem));
    TRY(body_bytes(&text, &r.body, mem));
    out->digest = arena_printf(mem, "sha256:%s", sha256_hex(mem, text));
    const char *told = http_header_get(&r.headers, "docker-content-digest");
    if (told && cstr_starts(told, "sha256:") && !cstr_eq(told, out->digest))
        return err_new(E_DAMAGED, "the manifest of tag %s has digest %s, the registry says %s", tag,
                       out->digest, told);
    return parse_manifest(out, text, tag, mem);
}

Err *oci_descriptor_text(Str *out, OciTarget *t, const char *repo, const Value *d, Arena *mem) {
    Body body;
    TRY(oci_get_blob(&body, t, repo, value_get_text(d, "digest"), value_get_int(d, "size"), REF_MAX,
                     mem));
    return body_bytes(out, &body, mem);
}

static const char *note(const OciArtifact *a, const char *key) {
    return value_get_text(a->annotations, key);
}

const char *oci_artifact_name(const OciArtifact *a) { return note(a, NAME_NOTE); }

// --- writing ------------------------------------------------------------------------------------

Err *oci_put_artifact(OciTarget *t, const char *repo, const char *tag, const Value *manifest,
                      Arena *mem) {
    HttpResponse r;
    OciCall c = {.method = "PUT",
                 .url = oci_url(mem, t, repo, "manifests", tag),
                 .repo = repo,
                 .writes = true,
                 .body = body_from(str_from(json_text(mem, manifest, JSON_CANONICAL))),
                 .has_body = true};
    list_push(&c.headers, mem, (HttpHeader){"content-type", OCI_MANIFEST});
    return oci_call(&r, t, &c, mem);
}

static Value *descriptor(const char *type, const char *digest, int64_t size, Arena *mem) {
    Value *d = value_map(mem);
    value_set_str(d, mem, "mediaType", type, 0);
    value_set_str(d, mem, "digest", digest, 0);
    value_set_int(d, mem, "size", size, 0);
    return d;
}

// `title`: the name under which other clients save the layer.
static Value *artifact(const char *type, Value *config, Value *layer, const char *title,
                       Value *notes, Arena *mem) {
    Value *v = value_map(mem), *layers = value_list(mem), *layer_notes = value_map(mem);
    value_set_str(layer_notes, mem, TITLE_NOTE, title, 0);
    value_set(layer, mem, "annotations", layer_notes, 0);
    value_push(layers, mem, layer);
    value_set_int(v, mem, "schemaVersion", 2, 0);
    value_set_str(v, mem, "mediaType", OCI_MANIFEST, 0);
    value_set_str(v, mem, "artifactType", type, 0);
    value_set(v, mem, "config", config, 0);
    value_set(v, mem, "layers", layers, 0);
    value_set(v, mem, "annotations", notes, 0);
    return v;
}

// --- refs ---------------------------------------------------------------------------------------

static const char *title_of(const Value *manifest, const char *type, Arena *mem) {
    const char *dot = strrchr(type, '+');
    return arena_printf(mem, "%s.%s", value_get_text(manifest, "kind"), dot ? dot + 1 : "tar");
}

static void set_note(Value *notes, Arena *mem, const char *key, const char *text) {
    if (!cstr_empty(text))
        value_set_str(notes, mem, key, text, 0);
}

static void note_number(Value *notes, Arena *mem, const char *key, int64_t n) {
    value_set_str(notes, mem, key, arena_printf(mem, "%lld", (long long)n), 0);
}

// What the JSON ref has beside its manifest.
static void note_ref(Value *notes, const Ref *r, Arena *mem) {
    Value *doc = NULL, *more = value_map(mem);
    Err *e = json_parse(&doc, ref_text(r, mem), NULL, mem);
    if (e)
        BUG("a ref of ours is no JSON: %s", err_text(e));
    for (size_t i = 0; i < doc->u.map.len; i++) {
        const char *key = doc->u.map.items[i].key;
        if (cstr_eq(key, "sigs"))
            set_note(notes, mem, SIGS_NOTE, json_text(mem, value_member(doc, i), JSON_CANONICAL));
        else if (!cstr_eq(key, "layout") && !cstr_eq(key, "seq") && !cstr_eq(key, "manifest") &&
                 !cstr_eq(key, "pending_primary"))
            value_set(more, mem, key, value_member(doc, i), 0);
    }
    note_number(notes, mem, LAYOUT_NOTE, value_get_int(doc, "layout"));
    note_number(notes, mem, SEQ_NOTE, r->seq);
    set_note(notes, mem, PENDING_NOTE, r->pending_primary ? "true" : "");
    if (value_len(more))
        set_note(notes, mem, MORE_NOTE, json_text(mem, more, JSON_CANONICAL));
}

Value *oci_artifact_of_ref(const Ref *r, RefName name, Arena *mem) {
    const char *type = value_get_text(r->manifest, "media_type");
    const char *manifest = json_text(mem, r->manifest, JSON_CANONICAL);
    Value *notes = value_map(mem);
    set_note(notes, mem, VERSION_NOTE, r->version);
    set_note(notes, mem, REVISION_NOTE, r->commit);
    set_note(notes, mem, CREATED_NOTE, r->pushed_at);
    set_note(notes, mem, NAME_NOTE, name.kind == REF_TAG ? "" : name.name);
    note_ref(notes, r, mem);
    Value *config = descriptor(OCI_CONFIG, r->manifest_digest, (int64_t)strlen(manifest), mem);
    Value *layer = descriptor(type, r->digest, r->size, mem);
    return artifact(type, config, layer, title_of(r->manifest, type, mem), notes, mem);
}

static Err *note_json(Value **out, const OciArtifact *a, const char *key, Arena *mem) {
    *out = NULL;
    if (!*note(a, key))
        return NULL;
    AutoErr e = json_parse(out, str_from(note(a, key)), NULL, mem);
    return e ? err_new(E_DAMAGED, "annotation %s is damaged: %s", key, err_text(e)) : NULL;
}

static Err *check_parts(const OciArtifact *a, const Value *manifest, Arena *mem) {
    const char *canonical = json_text(mem, manifest, JSON_CANONICAL);
    const char *digest = arena_printf(mem, "sha256:%s", sha256_hex(mem, str_from(canonical)));
    if (!cstr_eq(digest, value_get_text(a->config, "digest")))
        return err_new(E_DAMAGED, "its config is not in canonical JSON (RFC 8785)");
    if (!cstr_eq(value_get_text(manifest, "digest"), value_get_text(a->layer, "digest")) ||
        value_get_int(manifest, "size") != value_get_int(a->layer, "size"))
        return err_new(E_DAMAGED, "its layer is not what its config says");
    return NULL;
}

static int64_t note_int(const OciArtifact *a, const char *key, int64_t fallback) {
    int64_t n = 0;
    return !*note(a, key) ? fallback : cstr_to_i64(note(a, key), &n) ? n : 0;
}

Err *oci_artifact_to_ref(Str *out, const OciArtifact *a, Str config, Arena *mem) {
    Value *v = value_map(mem), *manifest = NULL, *sigs, *more;
    AutoErr bad = json_parse(&manifest, config, NULL, mem);
    if (bad || manifest->kind != V_MAP)
        return err_new(E_DAMAGED, "its config is not the manifest of an artifact");
    TRY(check_parts(a, manifest, mem));
    TRY(note_json(&sigs, a, SIGS_NOTE, mem));
    TRY(note_json(&more, a, MORE_NOTE, mem));
    value_set_int(v, mem, "layout", note_int(a, LAYOUT_NOTE, LAYOUT), 0);
    value_set_int(v, mem, "seq", note_int(a, SEQ_NOTE, 0), 0);
    value_set(v, mem, "manifest", manifest, 0);
    if (cstr_eq(note(a, PENDING_NOTE), "true"))
        value_set_bool(v, mem, "pending_primary", true, 0);
    if (sigs)
        value_set(v, mem, "sigs", sigs, 0);
    for (size_t i = 0; more && more->kind == V_MAP && i < more->u.map.len; i++)
        if (!value_get(v, more->u.map.items[i].key))
            value_set(v, mem, more->u.map.items[i].key, value_member(more, i), 0);
    *out = str_from(json_text(mem, v, JSON_CANONICAL));
    return NULL;
}

// --- documents ----------------------------------------------------------------------------------

Value *oci_artifact_of_doc(DocName name, Str json, Time now, Arena *mem) {
    static const char *const titles[] = {[DOC_REPOSITORY] = "repository.json",
                                         [DOC_APPROVAL] = "approval.json",
                                         [DOC_DEPLOYMENT] = "deployment.json"};
    const char *digest = arena_printf(mem, "sha256:%s", sha256_hex(mem, json));
    Value *notes = value_map(mem);
    set_note(notes, mem, CREATED_NOTE, time_rfc3339ms(mem, now));
    set_note(notes, mem, NAME_NOTE, name.name);
    // One blob serves as both: image-spec wants a config and a layer.
    return artifact(OCI_DOCUMENT, descriptor(OCI_DOCUMENT, digest, (int64_t)json.len, mem),
                    descriptor(OCI_DOCUMENT, digest, (int64_t)json.len, mem), titles[name.kind],
                    notes, mem);
}
