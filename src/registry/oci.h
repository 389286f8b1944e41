// Private to the OCI driver: repositories in a registry that speaks the OCI distribution protocol
// (distribution-spec 1.1, image-spec 1.1). registry-storage.md section 4.
//
// A ref is an artifact manifest behind a tag: `artifactType` and the one layer are the artifact, the
// config blob is the manifest of section 3, annotations hold what a ref has more. So the JSON ref of
// the blob layout can be made from it again, byte for byte, signatures included.
#ifndef ATLAS_REGISTRY_OCI_H
#define ATLAS_REGISTRY_OCI_H

#include "target.h"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG "application/vnd.atlas.manifest.v1+json"   // config of an artifact: section 3's
#define OCI_DOCUMENT "application/vnd.atlas.document.v1+json" // repository, approval, deployment

enum { OCI_TAG_MAX = 128, OCI_NAME_MAX = 255 };

typedef struct OciAuth OciAuth;

typedef struct OciTarget {
    Target base;
    const char *origin; // "https://registry.example.com:5000"
    const char *prefix; // of repository names: "" or "acme/"
    OciAuth *auth;
    HttpBudget budget;
} OciTarget;

// --- names (oci_names.c) ------------------------------------------------------------------------

// "acme/app". E_INVALID where OCI's rules for repository names are narrower than a slug's.
Err *oci_repo(const char **out, const OciTarget *t, const char *slug, Arena *mem) MUST_USE;
Err *oci_path_check(const char *path) MUST_USE;

// Tags: a ref's tag as it is; all others are "atlas.<word>.<name, escaped>" (v, plan, deployment),
// "atlas.approval.<hex of the manifest>" and "atlas.repository". Over 128 characters the escaped
// name is cut and ends in "_x" and the first 32 hex digits of the name's SHA-256 ("_x" is no
// escape); the manifest's annotation has the whole name.
char *oci_ref_tag(Arena *mem, RefName name);
char *oci_doc_tag(Arena *mem, DocName name);
// The inverse: false if it is no tag of that kind. *hashed: the name must be read from the manifest.
bool oci_tag_ref(RefName *out, bool *hashed, const char *tag, Arena *mem);
bool oci_tag_doc(DocName *out, bool *hashed, const char *tag, DocKind kind, Arena *mem);

// --- credentials (oci_login.c) ------------------------------------------------------------------

typedef struct OciLogin {
    const char *source; // for messages; NULL: none found
    const char *user, *password;
    const char *identity; // a token to be exchanged at the token endpoint; or NULL
} OciLogin;

// Of the docker config file's auths, else of ATLAS_OCI_USERNAME and ATLAS_OCI_PASSWORD. Masked in logs.
// *tried says, per source, why it gave none.
void oci_login_find(OciLogin *out, StrList *tried, Loop *loop, const char *origin, Arena *mem);
void oci_login_mask(const OciLogin *l);
const char *oci_login_basic(const OciLogin *l, Arena *mem); // the header's value

// --- authorisation (oci_auth.c) -----------------------------------------------------------------

// What is known of a registry's authorisation; kept as long as the loop. Credentials of the URL may
// be NULL; others are looked for when the registry asks.
OciAuth *oci_auth_of(Loop *loop, const char *origin, const char *user, const char *password);
// The Authorization header of a request in `scope`, or NULL if none is asked for as far as known.
Err *oci_auth_header(const char **out, OciAuth *a, const char *scope, HttpBudget *budget,
                     Arena *mem) MUST_USE;
// After a 401 to `sent` (may be NULL): whether asking again, with a new header, makes sense.
bool oci_auth_again(OciAuth *a, const char *scope, const char *sent, const HttpHeaders *answer);
// What credentials there are, or why there are none; for errors, without secrets.
const char *oci_auth_story(OciAuth *a, Arena *mem);

typedef struct OciChallenge { // of WWW-Authenticate
    bool basic, bearer;
    const char *realm, *service, *scope; // of Bearer; NULL where absent
} OciChallenge;
// Adds what one header says.
void oci_challenge_read(OciChallenge *out, const char *header, Arena *mem);
// Whether the credentials of a registry may go to a token endpoint on `realm_host` (lower case).
bool oci_realm_is_trusted(const char *registry_host, const char *realm_host);

// --- requests (oci_http.c) ----------------------------------------------------------------------

typedef struct OciCall {
    const char *method, *url;
    const char *repo; // whose rights are needed; NULL: the catalog's
    bool writes;
    bool once;
    HttpHeaders headers;
    Body body;
    bool has_body;
    int64_t max; // of the answer; 0: REF_MAX
} OciCall;

// Any status is a success. Credentials go to the registry's own origin only.
Err *oci_send(HttpResponse *out, OciTarget *t, const OciCall *c, Arena *mem) MUST_USE;
// As oci_send; anything but 2xx is an error. E_NOT_FOUND, E_UNAUTHORIZED, E_DENIED, E_INVALID,
// E_UNSUPPORTED, E_DAMAGED, E_UNREACHABLE.
Err *oci_call(HttpResponse *out, OciTarget *t, const OciCall *c, Arena *mem) MUST_USE;
Err *oci_error(const OciCall *c, const HttpResponse *r, const OciTarget *t, Arena *mem) MUST_USE;
char *oci_url(Arena *mem, const OciTarget *t, const char *repo, const char *folder,
              const char *name); // ".../v2/acme/app/manifests/latest"
// The absolute form of a Location. Another host is fine over https, or on loopback where the registry
// itself is; it gets no credentials.
Err *oci_location(const char **out, const OciTarget *t, const HttpResponse *r, Arena *mem) MUST_USE;
// "https://host", without a default port.
char *oci_origin(Arena *mem, const Url *u);
// All of a list that comes in pages: the strings of `member` in each answer.
Err *oci_list(StrList *out, OciTarget *t, const char *path, const char *repo, const char *member,
              Arena *mem) MUST_USE;

// --- blobs (oci_upload.c) -----------------------------------------------------------------------

// Up and complete afterwards; not sent again if it is there.
Err *oci_put_blob(OciTarget *t, const char *repo, const Body *body, const char *digest,
                  Arena *mem) MUST_USE;
// Verified. size < 0: any. E_NOT_FOUND, E_DAMAGED.
Err *oci_get_blob(Body *out, OciTarget *t, const char *repo, const char *digest, int64_t size,
                  int64_t max, Arena *mem) MUST_USE;

// --- artifacts (oci_artifact.c) -----------------------------------------------------------------

typedef struct OciArtifact { // what stands behind a tag
    const char *type;   // artifactType
    const char *digest; // of the OCI manifest itself
    const Value *config, *layer; // descriptors
    const Value *annotations;    // NULL: none
} OciArtifact;

// E_NOT_FOUND; E_DAMAGED: not an artifact with one layer.
Err *oci_get_artifact(OciArtifact *out, OciTarget *t, const char *repo, const char *tag,
                      Arena *mem) MUST_USE;
Err *oci_put_artifact(OciTarget *t, const char *repo, const char *tag, const Value *manifest,
                      Arena *mem) MUST_USE;
// The blob of a descriptor, at most REF_MAX bytes.
Err *oci_descriptor_text(Str *out, OciTarget *t, const char *repo, const Value *descriptor,
                         Arena *mem) MUST_USE;
// The annotation with the name behind a tag; "" if there is none.
const char *oci_artifact_name(const OciArtifact *a);

Value *oci_artifact_of_ref(const Ref *r, RefName name, Arena *mem);
// The JSON ref; `config` is the config blob. E_DAMAGED: the parts do not belong together.
Err *oci_artifact_to_ref(Str *out, const OciArtifact *a, Str config, Arena *mem) MUST_USE;
Value *oci_artifact_of_doc(DocName name, Str json, Time now, Arena *mem);

#endif
