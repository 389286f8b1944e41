// Strings. Lengths and offsets count grapheme clusters.
#include "eval.h"

static Err *give(Call *c, Str s) {
    c->out = hcl_bytes(c->mem, s);
    return NULL;
}

static Err *fn_chomp(Call *c) {
    Str s = c->args[0]->u.s;
    while (s.len > 0 && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r'))
        s.len--;
    return give(c, s);
}

static bool str_starts(Str s, Str prefix) {
    return s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0;
}

static bool str_ends(Str s, Str suffix) {
    return s.len >= suffix.len &&
           memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

static Err *fn_startswith(Call *c) {
    c->out = hcl_bool(c->mem, str_starts(c->args[0]->u.s, c->args[1]->u.s));
    return NULL;
}

static Err *fn_endswith(Call *c) {
    c->out = hcl_bool(c->mem, str_ends(c->args[0]->u.s, c->args[1]->u.s));
    return NULL;
}

static Err *fn_trimprefix(Call *c) {
    Str s = c->args[0]->u.s;
    if (str_starts(s, c->args[1]->u.s)) {
        s.ptr += c->args[1]->u.s.len;
        s.len -= c->args[1]->u.s.len;
    }
    return give(c, s);
}

static Err *fn_trimsuffix(Call *c) {
    Str s = c->args[0]->u.s;
    if (str_ends(s, c->args[1]->u.s))
        s.len -= c->args[1]->u.s.len;
    return give(c, s);
}

static Err *fn_trimspace(Call *c) {
    return give(c, str_trim_space_left(str_trim_space_right(c->args[0]->u.s)));
}

static bool in_cutset(Str cutset, uint32_t cp) {
    uint32_t other;
    for (size_t i = 0; i < cutset.len;) {
        i += code_at(cutset.ptr + i, cutset.len - i, &other);
        if (other == cp)
            return true;
    }
    return false;
}

static Err *fn_trim(Call *c) {
    Str s = c->args[0]->u.s;
    uint32_t cp;
    while (s.len > 0) {
        size_t n = code_at(s.ptr, s.len, &cp);
        if (!in_cutset(c->args[1]->u.s, cp))
            break;
        s.ptr += n;
        s.len -= n;
    }
    while (s.len > 0) {
        size_t at = s.len - 1;
        while (at > 0 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80)
            at--;
        code_at(s.ptr + at, s.len - at, &cp);
        if (!in_cutset(c->args[1]->u.s, cp))
            break;
        s.len = at;
    }
    return give(c, s);
}

static Err *fn_indent(Call *c) {
    int64_t count;
    if (!hcl_number_int(c->args[0]->u.n, &count) || count < 0 || count > 10000)
        return arg_error(c, 0, "the number of spaces must be a whole number from 0 to 10000");
    Buf b;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    Str s = c->args[1]->u.s;
    for (size_t i = 0; i < s.len; i++) {
        buf_char(&b, s.ptr[i]);
        if (s.ptr[i] == '\n')
            buf_repeat(&b, " ", (size_t)count);
    }
    TRY(buf_check(&b, "the indented text"));
    return give(c, buf_view(&b));
}

static Err *fn_join(Call *c) {
    Buf b;
    bool first = true;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    if (c->count < 2)
        return err_new(E_INVALID, "at least one list is required");
    for (size_t i = 1; i < c->count; i++) {
        for (size_t j = 0; j < c->args[i]->u.seq.len; j++) {
            const HclValue *v = c->args[i]->u.seq.items[j];
            if (v->null)
                return arg_error(c, i, "element %zu is null; cannot concatenate null values", j);
            if (!first)
                buf_add(&b, c->args[0]->u.s.ptr, c->args[0]->u.s.len);
            first = false;
            buf_add(&b, v->u.s.ptr, v->u.s.len);
        }
    }
    TRY(buf_check(&b, "the joined text"));
    return give(c, buf_view(&b));
}

static Err *change_case(Call *c, uint32_t (*change)(uint32_t)) {
    Str s = c->args[0]->u.s;
    Buf b;
    uint32_t cp;
    char out[4];
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < s.len;) {
        i += code_at(s.ptr + i, s.len - i, &cp);
        buf_add(&b, out, utf8_put(change(cp), out));
    }
    return give(c, buf_view(&b));
}

static Err *fn_lower(Call *c) { return change_case(c, code_lower); }
static Err *fn_upper(Call *c) { return change_case(c, code_upper); }

// Go's strings.Title: a letter behind anything that is neither letter, digit nor "_".
static Err *fn_title(Call *c) {
    Str s = c->args[0]->u.s;
    Buf b;
    uint32_t cp;
    char out[4];
    bool start = true;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < s.len;) {
        i += code_at(s.ptr + i, s.len - i, &cp);
        buf_add(&b, out, utf8_put(start ? code_upper(cp) : cp, out));
        bool separator = cp < 0x80 ? !(code_continues_name(cp) && cp != '-') : code_is_space(cp);
        start = separator;
    }
    return give(c, buf_view(&b));
}

static Err *fn_replace(Call *c) {
    Str s = c->args[0]->u.s, from = c->args[1]->u.s, to = c->args[2]->u.s;
    Buf b;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < s.len;) {
        if (from.len == 0) { // between all characters, as Go does
            size_t n = cluster_len(s.ptr + i, s.len - i);
            buf_add(&b, to.ptr, to.len);
            buf_add(&b, s.ptr + i, n);
            i += n;
        } else if (s.len - i >= from.len && memcmp(s.ptr + i, from.ptr, from.len) == 0) {
            buf_add(&b, to.ptr, to.len);
            i += from.len;
        } else {
            buf_char(&b, s.ptr[i++]);
        }
    }
    if (from.len == 0)
        buf_add(&b, to.ptr, to.len);
    TRY(buf_check(&b, "the replaced text"));
    return give(c, buf_view(&b));
}

static Err *fn_split(Call *c) {
    Str sep = c->args[0]->u.s, s = c->args[1]->u.s;
    ValueList out = {0};
    while (s.len > 0 || sep.len > 0) {
        size_t n, gap = sep.len;
        const char *hit = NULL;
        if (sep.len > 0)
            hit = memmem(s.ptr, s.len, sep.ptr, sep.len);
        else if (cluster_len(s.ptr, s.len) < s.len)
            hit = s.ptr + cluster_len(s.ptr, s.len);
        n = hit ? (size_t)(hit - s.ptr) : s.len;
        list_push(&out, c->mem, hcl_bytes(c->mem, str_slice(s.ptr, n)));
        if (!hit)
            break;
        s = str_slice(s.ptr + n + gap, s.len - n - gap);
    }
    c->out = hcl_list(c->mem, &hcl_type_string, out.items, out.len);
    return NULL;
}

static Err *fn_strrev(Call *c) {
    Str s = c->args[0]->u.s;
    char *out = arena_alloc(c->mem, s.len + 1);
    for (size_t i = 0; i < s.len;) {
        size_t n = cluster_len(s.ptr + i, s.len - i);
        memcpy(out + s.len - i - n, s.ptr + i, n);
        i += n;
    }
    return give(c, str_slice(out, s.len));
}

static Err *fn_substr(Call *c) {
    Str s = c->args[0]->u.s;
    int64_t offset, length, total = 0;
    if (!hcl_number_int(c->args[1]->u.n, &offset))
        return arg_error(c, 1, "a whole number is required");
    if (!hcl_number_int(c->args[2]->u.n, &length))
        return arg_error(c, 2, "a whole number is required");
    for (size_t i = 0; i < s.len; total++)
        i += cluster_len(s.ptr + i, s.len - i);
    if (offset < 0)
        offset = offset + total < 0 ? 0 : offset + total;
    if (length < 0 || length > total)
        length = total;
    while (offset-- > 0 && s.len > 0) {
        size_t n = cluster_len(s.ptr, s.len);
        s = str_slice(s.ptr + n, s.len - n);
    }
    size_t end = 0;
    while (length-- > 0 && end < s.len)
        end += cluster_len(s.ptr + end, s.len - end);
    return give(c, str_slice(s.ptr, end));
}

const Function functions_text[] = {
    {.name = "chomp", .fn = fn_chomp, .params = {{"str", TEXT, false}}},
    {.name = "endswith", .fn = fn_endswith, .params = {{"str", TEXT, false}, {"suffix", TEXT, false}}},
    {.name = "startswith", .fn = fn_startswith, .params = {{"str", TEXT, false}, {"prefix", TEXT, false}}},
    {.name = "indent", .fn = fn_indent, .params = {{"spaces", NUM, false}, {"str", TEXT, false}}},
    {.name = "join", .fn = fn_join, .params = {{"separator", TEXT, false}},
     .rest = {"lists", &type_list_string, false}},
    {.name = "lower", .fn = fn_lower, .params = {{"str", TEXT, false}}},
    {.name = "upper", .fn = fn_upper, .params = {{"str", TEXT, false}}},
    {.name = "title", .fn = fn_title, .params = {{"str", TEXT, false}}},
    {.name = "replace", .fn = fn_replace,
     .params = {{"str", TEXT, false}, {"substr", TEXT, false}, {"replace", TEXT, false}}},
    {.name = "split", .fn = fn_split, .params = {{"separator", TEXT, false}, {"str", TEXT, false}}},
    {.name = "strrev", .fn = fn_strrev, .params = {{"str", TEXT, false}}},
    {.name = "substr", .fn = fn_substr,
     .params = {{"str", TEXT, false}, {"offset", NUM, false}, {"length", NUM, false}}},
    {.name = "trim", .fn = fn_trim, .params = {{"str", TEXT, false}, {"cutset", TEXT, false}}},
    {.name = "trimprefix", .fn = fn_trimprefix, .params = {{"str", TEXT, false}, {"prefix", TEXT, false}}},
    {.name = "trimsuffix", .fn = fn_trimsuffix, .params = {{"str", TEXT, false}, {"suffix", TEXT, false}}},
    {.name = "trimspace", .fn = fn_trimspace, .params = {{"str", TEXT, false}}},
    {0},
};
