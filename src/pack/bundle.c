// Compressed archives with paths, as caches of CI platforms keep them.
#include <archive.h>
#include <archive_entry.h>

#include "atlas/pack.h"

static void close_reader(struct archive **a) { archive_read_free(*a); }
static void close_writer(struct archive **a) { archive_write_free(*a); }

static Err *damaged(struct archive *a) {
    return err_new(E_DAMAGED, "reading the archive: %s",
                   cstr_or(archive_error_string(a), "it is damaged"));
}

// Sizes are claims: what is read counts, and stops at the limit.
static Err *read_file(Str *out, struct archive *a, size_t *left, Arena *mem) {
    Buf data;
    char piece[4096];
    la_ssize_t n;
    buf_init(&data, mem, SIZE_MAX);
    while ((n = archive_read_data(a, piece, sizeof piece)) > 0) {
        if ((size_t)n > *left)
            return err_new(E_TOO_LARGE, "reading the archive: it is larger than allowed");
        *left -= (size_t)n;
        buf_add(&data, piece, (size_t)n);
    }
    *out = buf_view(&data);
    return n < 0 ? damaged(a) : NULL;
}

Err *pack_read_bundle(PackEntries *out, Str bundle, size_t max_bytes, size_t max_entries, Arena *mem) {
    __attribute__((cleanup(close_reader))) struct archive *a = archive_read_new();
    size_t seen = 0;
    if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
        archive_read_open_memory(a, bundle.ptr, bundle.len) != ARCHIVE_OK)
        return damaged(a);
    for (;;) {
        struct archive_entry *e = NULL;
        int rc = archive_read_next_header(a, &e);
        if (rc == ARCHIVE_EOF)
            return NULL;
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return damaged(a);
        if (++seen > max_entries)
            return err_new(E_TOO_LARGE, "reading the archive: more than %zu entries", max_entries);
        const char *name = archive_entry_pathname(e);
        if (!name || archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) ||
            archive_entry_symlink(e) || archive_entry_sparse_count(e) > 0)
            continue;
        PackEntry entry = {.name = arena_strdup(mem, name)};
        TRY(read_file(&entry.content, a, &max_bytes, mem));
        list_push(out, mem, entry);
    }
}

static la_ssize_t keep(struct archive *a, void *ctx, const void *data, size_t len) {
    (void)a;
    buf_add(ctx, data, len);
    return (la_ssize_t)len;
}

static bool write_entry(struct archive *a, const PackEntry *e) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, e->name);
    archive_entry_set_size(entry, (la_int64_t)e->content.len);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    bool good = archive_write_header(a, entry) == ARCHIVE_OK &&
                archive_write_data(a, e->content.ptr, e->content.len) ==
                    (la_ssize_t)e->content.len;
    archive_entry_free(entry);
    return good;
}

Err *pack_write_bundle(Str *out, const PackEntries *entries, Arena *mem) {
    __attribute__((cleanup(close_writer))) struct archive *a = archive_write_new();
    Buf bytes;
    buf_init(&bytes, mem, SIZE_MAX);
    bool good = a && archive_write_set_format_ustar(a) == ARCHIVE_OK &&
                archive_write_add_filter_gzip(a) == ARCHIVE_OK &&
                archive_write_set_filter_option(a, "gzip", "timestamp", NULL) == ARCHIVE_OK &&
                archive_write_open(a, &bytes, NULL, keep, NULL) == ARCHIVE_OK;
    for (size_t i = 0; good && i < entries->len; i++)
        good = write_entry(a, &entries->items[i]);
    if (!good || archive_write_close(a) != ARCHIVE_OK)
        return err_new(E_IO, "writing the archive: %s", cstr_or(archive_error_string(a), "it failed"));
    *out = buf_view(&bytes);
    return NULL;
}
