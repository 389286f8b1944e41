#include "answers.h"

enum { PAGE_BYTES = 64 << 20, LARGEST = 8 << 20 };

struct AnswersPage {
    Arena *mem;
    Map texts; // key -> Str *
    size_t bytes;
    int readers;
    bool retired; // goes with its last reader
};

struct Answers {
    Arena *mem;
    AnswersPage *page;
};

static AnswersPage *page_new(void) {
    Arena *mem = arena_new(NULL);
    AnswersPage *p = NEW(mem, AnswersPage);
    p->mem = mem;
    map_init(&p->texts, mem);
    return p;
}

static void retire(AnswersPage *p) {
    p->retired = true;
    if (!p->readers)
        arena_free(p->mem);
}

static void free_page(void *answers) { retire(((Answers *)answers)->page); }

Answers *answers_new(Arena *mem) {
    Answers *a = NEW(mem, Answers);
    *a = (Answers){.mem = mem, .page = page_new()};
    arena_on_free(mem, free_page, a);
    return a;
}

Str *answers_find(Answers *a, const char *key, AnswersPage **page) {
    Str *found = map_get(&a->page->texts, key);
    if (found) {
        a->page->readers++;
        *page = a->page;
    }
    return found;
}

void answers_keep(Answers *a, const char *key, Str text) {
    if (text.len > LARGEST)
        return;
    if (a->page->bytes + text.len > PAGE_BYTES) {
        retire(a->page);
        a->page = page_new();
    }
    Arena *mem = a->page->mem;
    Str *copy = NEW(mem, Str);
    *copy = (Str){str_dup(mem, text), text.len};
    map_set(&a->page->texts, key, copy);
    a->page->bytes += text.len;
}

void answers_release(AnswersPage *page) {
    if (page && --page->readers == 0 && page->retired)
        arena_free(page->mem);
}
