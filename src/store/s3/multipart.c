// Large objects go up in parts, a few at a time, each read from the body while it is sent.
#include "s3.h"

enum { AT_ONCE = 4 };

typedef struct Part {
    const char *etag, *checksum; // checksum base64, "" if there is none
} Part;

typedef struct Upload {
    S3Store *store;
    const StorePut *put;
    const char *id;
    bool checks; // the server keeps checksums and wants to hear them at the end
    Part *parts;
    int count, next;
    Arena *mem;
    Err *error; // the first
} Upload;

static Err *start(Upload *u) {
    S3Call c = s3_call(u->store, "POST", u->put->key);
    s3_query(&c, "uploads", "");
    s3_put_headers(&c, u->put, u->mem);
    if (u->store->send_checksums)
        s3_header(&c, u->mem, "x-amz-checksum-algorithm", "SHA256");
    c.has_body = true;
    HttpResponse r = {0};
    TRY(s3_send(&r, &c, u->mem));
    Xml *answer = NULL;
    TRY(s3_answer(&answer, &r, "InitiateMultipartUploadResult", u->mem));
    u->id = xml_child_text(answer, "UploadId");
    u->checks = http_header_get(&r.headers, "x-amz-checksum-algorithm") != NULL;
    return *u->id ? NULL : err_new(E_UNREACHABLE, "%s: the upload has no id", c.host);
}

static Err *send_part(Upload *u, int index) {
    AutoArena tmp = arena_new(NULL);
    int64_t offset = (int64_t)index * S3_PART_SIZE, left = u->put->body.size - offset;
    S3Call c = s3_call(u->store, "PUT", u->put->key);
    s3_query(&c, "partNumber", arena_printf(tmp, "%d", index + 1));
    s3_query(&c, "uploadId", u->id);
    c.body = body_slice(&u->put->body, offset, left < S3_PART_SIZE ? left : S3_PART_SIZE);
    c.has_body = c.own_time = true;
    const char *checksum = "";
    TRY(s3_checksum(&checksum, &c, tmp));
    HttpResponse r = {0};
    TRY(s3_send(&r, &c, tmp));
    const char *etag = cstr_or(http_header_get(&r.headers, "etag"), "");
    u->parts[index] = (Part){arena_strdup(u->mem, etag), arena_strdup(u->mem, checksum)};
    return NULL;
}

static void send_parts(void *arg) {
    Upload *u = arg;
    while (!u->error && u->next < u->count) {
        Err *e = send_part(u, u->next++);
        if (u->error)
            err_free(e);
        else
            u->error = e;
    }
}

static Err *send_all(Upload *u) {
    Task *tasks[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++)
        tasks[i] = task_start(u->store->base.loop, send_parts, u, u->mem);
    for (size_t i = 0; i < AT_ONCE; i++)
        task_join(tasks[i]);
    return u->error;
}

// Servers may ignore conditions where an upload is completed (Ceph does), so they are looked at
// here as well.
static Err *check_condition(Upload *u) {
    StoreObject o = {0};
    if (u->put->condition == PUT_ALWAYS)
        return NULL;
    Err *e = s3_head(&o, &u->store->base, u->put->key, u->mem);
    bool absent = err_code(e) == E_NOT_FOUND;
    if (e && !absent)
        return e;
    err_free(e);
    const char *was = cstr_replace(u->mem, cstr_or(u->put->etag, ""), "\"", "");
    const char *is = absent ? "" : cstr_replace(u->mem, cstr_or(o.etag, ""), "\"", "");
    bool holds = u->put->condition == PUT_CREATE ? absent : !absent && cstr_eq(was, is);
    return holds ? NULL
                 : err_new(E_CONFLICT, "the object %s", absent ? "is gone" : "is another's already");
}

static const char *part_list(const Upload *u) {
    Buf list;
    buf_init(&list, u->mem, BUF_MAX_TEXT);
    buf_str(&list, "<CompleteMultipartUpload>");
    for (int i = 0; i < u->count; i++) {
        buf_printf(&list, "<Part><PartNumber>%d</PartNumber><ETag>", i + 1);
        xml_escape(&list, u->parts[i].etag);
        buf_str(&list, "</ETag>");
        if (u->checks && *u->parts[i].checksum)
            buf_printf(&list, "<ChecksumSHA256>%s</ChecksumSHA256>", u->parts[i].checksum);
        buf_str(&list, "</Part>");
    }
    buf_str(&list, "</CompleteMultipartUpload>");
    return list.ptr;
}

// The answer to a completion may have been lost, and its repetition found no such upload: is it
// there, in as many parts?
static Err *completed_before(const char **etag, Err *refusal, Upload *u) {
    StoreObject o = {.etag = ""};
    AutoErr unknown = s3_head(&o, &u->store->base, u->put->key, u->mem);
    const char *bare = cstr_replace(u->mem, o.etag, "\"", "");
    bool ours = cstr_ends(bare, arena_printf(u->mem, "-%d", u->count));
    if (unknown || !ours || o.size != u->put->body.size)
        return refusal;
    err_free(refusal);
    *etag = o.etag;
    return NULL;
}

static Err *complete_once(const char **etag, Upload *u, bool conditional) {
    S3Call c = s3_call(u->store, "POST", u->put->key);
    s3_query(&c, "uploadId", u->id);
    if (conditional)
        s3_put_condition(&c, u->put, u->mem);
    s3_header(&c, u->mem, "content-type", "application/xml");
    c.body = body_from(str_from(part_list(u)));
    c.has_body = c.error_in_200 = true;
    HttpResponse r = {0};
    Err *e = s3_send(&r, &c, u->mem);
    if (err_code(e) == E_NOT_FOUND)
        return completed_before(etag, e, u);
    TRY(e);
    Xml *answer = NULL;
    TRY(s3_answer(&answer, &r, "CompleteMultipartUploadResult", u->mem));
    *etag = xml_child_text(answer, "ETag");
    if (**etag)
        return NULL;
    StoreObject o = {.etag = ""}; // Ceph 16 leaves it out
    TRY(s3_head(&o, &u->store->base, u->put->key, u->mem));
    *etag = o.etag;
    return NULL;
}

// Swift compares If-Match with something else here: refused although the object is what it was.
static Err *complete(const char **etag, Upload *u) {
    Err *e = complete_once(etag, u, true);
    if (err_code(e) != E_CONFLICT || u->put->condition != PUT_REPLACE)
        return e;
    AutoErr changed = check_condition(u);
    if (changed)
        return e;
    err_free(e);
    return complete_once(etag, u, false);
}

// Parts that stay would be paid for.
static void give_up(Upload *u) {
    S3Call c = s3_call(u->store, "DELETE", u->put->key);
    s3_query(&c, "uploadId", u->id);
    HttpResponse r = {0};
    AutoErr e = s3_send(&r, &c, u->mem);
    if (e)
        log_debug("%s: the unfinished upload stays: %s", u->put->key, err_text(e));
}

Err *s3_put_multipart(const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    int64_t count = (put->body.size + S3_PART_SIZE - 1) / S3_PART_SIZE;
    Upload u = {.store = s, .put = put, .count = (int)count, .mem = mem};
    u.parts = NEW_ARRAY(mem, Part, (size_t)count);
    TRY(check_condition(&u));
    TRY(start(&u));
    Err *e = send_all(&u);
    if (!e)
        e = check_condition(&u);
    if (!e)
        e = complete(etag, &u);
    if (e)
        give_up(&u);
    return e;
}
