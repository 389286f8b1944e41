// Names in an OCI registry: repositories and tags, whose rules are narrower than ours.
#include "atlas/crypt.h"
#include "oci.h"

enum { HASH_DIGITS = 32 };

static const char hash_mark[] = "_x", repository_tag[] = "atlas.repository";

// --- repositories -------------------------------------------------------------------------------

static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Words of [a-z0-9] joined by one ".", one or two "_", or any number of "-".
static bool is_component(const char *s) {
    for (const char *p = s;;) {
        if (!is_word(*p))
            return false;
        while (is_word(*p))
            p++;
        if (!*p)
            return true;
        size_t len = strspn(p, "._-");
        bool dashes = strspn(p, "-") == len, one = len == 1, two = len == 2 && cstr_starts(p, "__");
        if (!len || !(dashes || one || two))
            return false;
        p += len;
    }
}

Err *oci_path_check(const char *path) {
    AutoArena tmp = arena_new(NULL);
    StrList parts = cstr_split(tmp, path, '/');
    for (size_t i = 0; i < parts.len; i++)
        if (!is_component(parts.items[i]))
            return err_hint(err_new(E_INVALID, "\"%s\" cannot be a repository of an OCI registry",
                                    path),
                            "use lower-case letters and digits, joined by one of . _ __ - and by /");
    if (strlen(path) > OCI_NAME_MAX)
        return err_hint(err_new(E_INVALID, "the repository name \"%s\" is over %d characters", path,
                                OCI_NAME_MAX),
                        "use a shorter path or slug");
    return NULL;
}

Err *oci_repo(const char **out, const OciTarget *t, const char *slug, Arena *mem) {
    *out = arena_printf(mem, "%s%s", t->prefix, slug);
    return oci_path_check(*out);
}

// --- tags ---------------------------------------------------------------------------------------

static char *make_tag(Arena *mem, const char *word, const char *name) {
    char *tag = arena_printf(mem, "atlas.%s.%s", word, name_escape(mem, name));
    if (strlen(tag) <= OCI_TAG_MAX)
        return tag;
    size_t room = OCI_TAG_MAX - HASH_DIGITS - strlen(hash_mark);
    return arena_printf(mem, "%.*s%s%.*s", (int)room, tag, hash_mark, HASH_DIGITS,
                        sha256_hex(mem, str_from(name)));
}

// The name in a tag, or NULL if it is no such tag; "" if it is hashed.
static const char *read_tag(bool *hashed, const char *word, const char *tag, Arena *mem) {
    const char *prefix = arena_printf(mem, "atlas.%s.", word);
    if (!cstr_starts(tag, prefix))
        return NULL;
    const char *rest = tag + strlen(prefix), *mark = strstr(rest, hash_mark);
    *hashed = mark && strlen(mark) == strlen(hash_mark) + HASH_DIGITS;
    const char *name = *hashed ? "" : name_unescape(mem, rest);
    return *hashed || (name && *name) ? name : NULL;
}

char *oci_ref_tag(Arena *mem, RefName n) {
    if (n.kind == REF_TAG)
        return arena_strdup(mem, n.name);
    return make_tag(mem, n.kind == REF_VERSION ? "v" : "plan", n.name);
}

char *oci_doc_tag(Arena *mem, DocName n) {
    switch (n.kind) {
    case DOC_REPOSITORY:
        return arena_strdup(mem, repository_tag);
    case DOC_APPROVAL:
        return arena_printf(mem, "atlas.approval.%s", n.digest + strlen("sha256:"));
    case DOC_DEPLOYMENT:
        return make_tag(mem, "deployment", n.name);
    }
    return NULL;
}

bool oci_tag_ref(RefName *out, bool *hashed, const char *tag, Arena *mem) {
    *hashed = false;
    AutoErr reserved = tag_check(tag);
    *out = (RefName){REF_TAG, tag};
    if (!reserved)
        return true;
    *out = (RefName){REF_VERSION, read_tag(hashed, "v", tag, mem)};
    if (!out->name)
        *out = (RefName){REF_PLAN, read_tag(hashed, "plan", tag, mem)};
    return out->name != NULL;
}

bool oci_tag_doc(DocName *out, bool *hashed, const char *tag, DocKind kind, Arena *mem) {
    static const char approval[] = "atlas.approval.";
    *out = (DocName){.kind = kind};
    *hashed = kind == DOC_APPROVAL;
    if (kind == DOC_DEPLOYMENT)
        return (out->name = read_tag(hashed, "deployment", tag, mem)) != NULL;
    if (kind == DOC_REPOSITORY || !cstr_starts(tag, approval))
        return cstr_eq(tag, repository_tag) && kind == DOC_REPOSITORY;
    out->digest = arena_printf(mem, "sha256:%s", tag + strlen(approval));
    return digest_is_well_formed(out->digest);
}
