// Writing: one request, or blocks that are sent two at a time and then listed.
#include "azure.h"

enum { BLOCK_SIZE = 16 << 20, BLOCKS_FROM = 64 << 20, IN_FLIGHT = 2 };

static const char *md5_text(const unsigned char md5[MD5_SIZE], Arena *mem) {
    return base64_encode(mem, md5, MD5_SIZE);
}

// What the blob keeps, and under which condition; for the request that makes it visible.
static void describe(AzureCall *c, const StorePut *put, Arena *mem) {
    azure_header(c, mem, "x-ms-blob-content-type",
                 cstr_or(put->content_type, "application/octet-stream"));
    if (put->no_store)
        azure_header(c, mem, "x-ms-blob-cache-control", "no-store");
    if (put->condition == PUT_CREATE)
        azure_header(c, mem, "if-none-match", "*");
    else if (put->condition == PUT_REPLACE)
        azure_header(c, mem, "if-match", cstr_or(put->etag, ""));
}

static Err *send_for_etag(const char **etag, AzureCall *c, Arena *mem) {
    HttpResponse r = {0};
    TRY(azure_send(&r, c, mem));
    *etag = cstr_or(http_header_get(&r.headers, "etag"), "");
    return NULL;
}

static Err *put_whole(const char **etag, AzureStore *s, const StorePut *put, Arena *mem) {
    unsigned char md5[MD5_SIZE];
    TRY(body_md5(md5, &put->body));
    AzureCall c = azure_call(s, "PUT", put->key);
    c.body = put->body;
    c.has_body = true;
    azure_header(&c, mem, "x-ms-blob-type", "BlockBlob");
    azure_header(&c, mem, "content-md5", md5_text(md5, mem));
    describe(&c, put, mem);
    return send_for_etag(etag, &c, mem);
}

// --- blocks -------------------------------------------------------------------------------------

typedef struct Upload {
    AzureStore *store;
    const StorePut *put;
    int64_t taken; // bytes handed to senders so far
    StrList ids;   // of the blocks, in order
    Md5 *total;
    Err *error;
    Arena *mem;
} Upload;

static Err *add_to_total(void *md5, Str piece) {
    md5_add(md5, piece);
    return NULL;
}

// The next block and its MD5; in order, as the MD5 of the whole is made on the way. Ids tell
// position and content: uploads of the same bytes at the same time share their blocks, so that
// one's commit does not spoil the other's.
static Err *take_block(Body *block, const char **md5, Upload *u, Arena *mem) {
    unsigned char digest[MD5_SIZE];
    int64_t left = u->put->body.size - u->taken;
    *block = body_slice(&u->put->body, u->taken, left < BLOCK_SIZE ? left : BLOCK_SIZE);
    u->taken += block->size;
    TRY(body_md5(digest, block));
    TRY(body_each(block, add_to_total, u->total));
    *md5 = md5_text(digest, mem);
    const char *id = arena_printf(mem, "%06zu-%s", u->ids.len, hex_encode(mem, digest, MD5_SIZE));
    list_push(&u->ids, u->mem, base64_encode(u->mem, id, strlen(id)));
    return NULL;
}

static Err *send_block(Upload *u) {
    AutoArena mem = arena_new(NULL);
    AzureCall c = azure_call(u->store, "PUT", u->put->key);
    const char *md5 = NULL;
    TRY(take_block(&c.body, &md5, u, mem));
    azure_query(&c, "comp", "block");
    azure_query(&c, "blockid", list_last(&u->ids));
    azure_header(&c, mem, "content-md5", md5);
    c.has_body = true;
    HttpResponse r = {0};
    return azure_send(&r, &c, mem);
}

static void send_blocks(void *arg) {
    Upload *u = arg;
    while (!u->error && u->taken < u->put->body.size) {
        Err *e = send_block(u);
        if (u->error)
            err_free(e);
        else
            u->error = e;
    }
}

static Err *commit(const char **etag, Upload *u, Arena *mem) {
    unsigned char md5[MD5_SIZE];
    Buf list;
    buf_init(&list, mem, SIZE_MAX);
    buf_str(&list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for (size_t i = 0; i < u->ids.len; i++)
        buf_printf(&list, "<Latest>%s</Latest>", u->ids.items[i]);
    buf_str(&list, "</BlockList>");
    AzureCall c = azure_call(u->store, "PUT", u->put->key);
    azure_query(&c, "comp", "blocklist");
    c.body = body_from(buf_view(&list));
    c.has_body = true;
    md5_finish(u->total, md5);
    azure_header(&c, mem, "x-ms-blob-content-md5", md5_text(md5, mem));
    azure_header(&c, mem, "content-md5", md5_base64(mem, buf_view(&list)));
    azure_header(&c, mem, "content-type", "application/xml");
    describe(&c, u->put, mem);
    return send_for_etag(etag, &c, mem);
}

// Blocks that are never listed go by themselves after a week.
static Err *put_blocks(const char **etag, AzureStore *s, const StorePut *put, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Upload u = {.store = s, .put = put, .total = md5_new(tmp), .mem = tmp};
    Task *senders[IN_FLIGHT];
    for (size_t i = 0; i < IN_FLIGHT; i++)
        senders[i] = task_start(s->base.loop, send_blocks, &u, tmp);
    for (size_t i = 0; i < IN_FLIGHT; i++)
        task_join(senders[i]);
    return u.error ? u.error : commit(etag, &u, mem);
}

Err *azure_put(const char **etag, Store *base, const StorePut *put, Arena *mem) {
    AzureStore *s = (AzureStore *)base;
    Err *e =
        put->body.size > BLOCKS_FROM ? put_blocks(etag, s, put, mem) : put_whole(etag, s, put, mem);
    // If-Match on a blob that is gone.
    if (err_code(e) == E_NOT_FOUND && put->condition == PUT_REPLACE)
        return err_set_code(e, E_CONFLICT);
    return e;
}
