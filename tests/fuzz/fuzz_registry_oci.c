// What a registry sends and the OCI driver reads: challenges, tags, and artifact manifests with their
// config ("\n"-separated from them).
#include "atlas/base.h"

#include "../../src/registry/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void artifact(Str manifest, Str config, Arena *mem) {
    Value *v = NULL;
    Str text;
    AutoErr e = json_parse(&v, manifest, NULL, mem);
    if (e)
        return;
    OciArtifact a = {.config = value_get(v, "config"), .layer = value_at(value_get(v, "layers"), 0),
                     .annotations = value_get(v, "annotations")};
    Ref ref;
    AutoErr bad = oci_artifact_to_ref(&text, &a, config, mem);
    RefName name = {REF_TAG, "v1"};
    AutoErr worse = bad ? NULL : ref_parse(&ref, text, "app", name, NULL, mem);
    if (!bad && !worse)
        oci_artifact_of_ref(&ref, name, mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    const char *text = arena_strndup(mem, (const char *)data, size);
    OciChallenge c = {0};
    RefName ref;
    DocName doc;
    bool hashed;
    oci_challenge_read(&c, text, mem);
    if (oci_tag_ref(&ref, &hashed, text, mem) && !hashed)
        oci_ref_tag(mem, ref);
    for (int k = DOC_REPOSITORY; k <= DOC_DEPLOYMENT; k++)
        oci_tag_doc(&doc, &hashed, text, (DocKind)k, mem);
    AutoErr e = oci_path_check(text);
    const char *line = strchr(text, '\n');
    if (line)
        artifact(str_slice(text, (size_t)(line - text)), str_from(line + 1), mem);
    return 0;
}
