#include "atlas/pack.h"

#include <archive.h>
#include <archive_entry.h>

// libarchive pads archives to its own block sizes and writes other number fields, so headers are
// written here, byte for byte as Go's archive/tar does; libarchive reads.
typedef struct Header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkname[100];
    char magic[6], version[2], uname[32], gname[32], dev_major[8], dev_minor[8], prefix[155];
    char padding[12];
} Header;
_Static_assert(sizeof(Header) == 512, "a tar header is one block");

static bool is_ascii(const char *s) {
    for (; *s; s++)
        if (*s & 0x80)
            return false;
    return true;
}

static void set_octal(char *field, size_t size, size_t value) {
    field[size - 1] = 0;
    for (size_t i = size - 1; i-- > 0; value >>= 3)
        field[i] = (char)('0' + (value & 7));
}

static Err *add_entry(PackWriter *w, const char *name, char type, unsigned mode, Str content) {
    Header h = {.type = type, .magic = "ustar", .version = {'0', '0'}};
    memcpy(h.name, name, strnlen(name, sizeof h.name));
    set_octal(h.mode, sizeof h.mode, mode);
    set_octal(h.uid, sizeof h.uid, 0);
    set_octal(h.gid, sizeof h.gid, 0);
    set_octal(h.size, sizeof h.size, content.len);
    set_octal(h.mtime, sizeof h.mtime, 0);
    set_octal(h.dev_major, sizeof h.dev_major, 0);
    set_octal(h.dev_minor, sizeof h.dev_minor, 0);
    memset(h.checksum, ' ', sizeof h.checksum);
    const unsigned char *bytes = (const unsigned char *)&h;
    size_t sum = 0;
    for (size_t i = 0; i < sizeof h; i++)
        sum += bytes[i];
    set_octal(h.checksum, 7, sum);
    TRY(w->write(w->ctx, str_slice((const char *)bytes, sizeof h)));
    TRY(w->write(w->ctx, content));
    static const char zeros[512];
    return w->write(w->ctx, str_slice(zeros, (512 - content.len % 512) % 512));
}

// A name USTAR cannot hold goes into a PAX record in front of the entry.
static Err *add_pax_name(PackWriter *w, const char *name, Arena *mem) {
    size_t body = strlen(" path=\n") + strlen(name), len = body + 1;
    while (body + (size_t)snprintf(NULL, 0, "%zu", len) != len)
        len++;
    char *record = arena_printf(mem, "%zu path=%s\n", len, name);
    Buf ascii;
    buf_init(&ascii, mem, 100);
    buf_str(&ascii, "PaxHeaders.0/");
    for (const char *c = name; *c && ascii.len < 100; c++)
        if (!(*c & 0x80))
            buf_char(&ascii, *c);
    return add_entry(w, ascii.ptr, 'x', 0, str_from(record));
}

static Err *check_name(const char *name) {
    if (cstr_empty(name) || strchr(name, '/') || cstr_eq(name, ".") || cstr_eq(name, ".."))
        return err_new(E_INVALID, "archive entry \"%s\": not a plain file name", name ? name : "");
    return NULL;
}

static Err *check_entry(Map *seen, const char *name, size_t *total, size_t size) {
    TRY(check_name(name));
    if (map_has(seen, name))
        return err_new(E_INVALID, "archive entry \"%s\": there are two of that name", name);
    map_set(seen, name, seen);
    if (seen->len > PACK_MAX_ENTRIES)
        return err_new(E_TOO_LARGE, "archive: more than %d entries", PACK_MAX_ENTRIES);
    if (size > PACK_MAX_BYTES - *total)
        return err_new(E_TOO_LARGE, "archive: more than %zu bytes", PACK_MAX_BYTES);
    *total += size;
    return NULL;
}

Err *pack_add(PackWriter *w, const char *name, Str content, Arena *mem) {
    if (!w->seen)
        w->seen = map_new(mem);
    TRY(check_entry(w->seen, name, &w->total, content.len));
    if (strlen(name) > 100 || !is_ascii(name))
        TRY(add_pax_name(w, name, mem));
    return add_entry(w, name, '0', 0600, content);
}

Err *pack_end(PackWriter *w) {
    static const char zeros[1024];
    return w->write(w->ctx, str_slice(zeros, sizeof zeros));
}

static Err *keep(void *ctx, Str bytes) {
    buf_add(ctx, bytes.ptr, bytes.len);
    return NULL;
}

Err *pack_tar(Str *out, const PackEntries *entries, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    PackWriter w = {.write = keep, .ctx = &b};
    for (size_t i = 0; i < entries->len; i++)
        TRY(pack_add(&w, entries->items[i].name, entries->items[i].content, tmp));
    TRY(pack_end(&w));
    *out = buf_view(&b);
    return NULL;
}

static void close_archive(struct archive **a) {
    archive_read_free(*a);
}

static Err *damaged(struct archive *a) {
    const char *why = archive_error_string(a);
    return err_new(E_DAMAGED, "reading the archive: %s", cstr_or(why, "it is damaged"));
}

static Err *read_content(struct archive *a, Str *out, size_t size, Arena *mem) {
    char *data = arena_alloc(mem, size + 1);
    size_t len = 0;
    while (len < size) {
        la_ssize_t n = archive_read_data(a, data + len, size - len);
        if (n <= 0)
            return n < 0 ? damaged(a) : err_new(E_DAMAGED, "reading the archive: it is cut off");
        len += (size_t)n;
    }
    *out = str_slice(data, len);
    return NULL;
}

static Err *read_entry(struct archive *a, struct archive_entry *e, PackEntries *out, Map *seen,
                       size_t *total, size_t archive_len, Arena *mem) {
    const char *name = archive_entry_pathname_utf8(e);
    name = name ? name : archive_entry_pathname(e);
    la_int64_t size = archive_entry_size(e);
    TRY(check_name(name));
    if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) ||
        archive_entry_symlink(e) || archive_entry_sparse_count(e) > 0)
        return err_new(E_INVALID, "archive entry \"%s\": not a regular file", name);
    // The size of an entry is a claim: never allocate more than the archive can hold.
    if (size < 0 || (size_t)size > archive_len)
        return err_new(E_DAMAGED, "archive entry \"%s\": it is cut off", name);
    TRY(check_entry(seen, name, total, (size_t)size));
    PackEntry entry = {.name = arena_strdup(mem, name)};
    TRY(read_content(a, &entry.content, (size_t)size, mem));
    list_push(out, mem, entry);
    return NULL;
}

Err *pack_untar(PackEntries *out, Str archive, Arena *mem) {
    if (archive.len < 1024)
        return err_new(E_DAMAGED, "reading the archive: %zu bytes are no archive", archive.len);
    AutoArena tmp = arena_new(NULL);
    Map *seen = map_new(tmp);
    size_t total = 0;
    __attribute__((cleanup(close_archive))) struct archive *a = archive_read_new();
    if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK ||
        archive_read_open_memory(a, archive.ptr, archive.len) != ARCHIVE_OK)
        return damaged(a);
    for (;;) {
        struct archive_entry *e = NULL;
        int rc = archive_read_next_header(a, &e);
        if (rc == ARCHIVE_EOF)
            return NULL;
        // A warning: the name has no spelling in the current locale; its UTF-8 form is there.
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return damaged(a);
        TRY(read_entry(a, e, out, seen, &total, archive.len, mem));
    }
}
