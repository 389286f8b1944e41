// credential_process: a program of the user's that prints credentials.
#include "aws_chain.h"

enum { TIME_LIMIT_MS = 60000, MAX_OUTPUT = 256 << 10 };

// --- words --------------------------------------------------------------------------------------

typedef struct Splitter {
    Buf word;
    bool in_word;
    char quote; // 0: none
} Splitter;

// Takes one character or an escaped pair; how many were read.
static size_t split_step(Splitter *s, const char *p, StrList *out, Arena *mem) {
    bool escapes = *p == '\\' && s->quote != '\'' && p[1] &&
                   (!s->quote || p[1] == '"' || p[1] == '\\');
    if (escapes) {
        buf_char(&s->word, p[1]);
        s->in_word = true;
        return 2;
    }
    if (s->quote ? *p == s->quote : *p == '"' || *p == '\'') {
        s->quote = s->quote ? 0 : *p;
        s->in_word = true;
    } else if (!s->quote && strchr(" \t\r\n", *p)) {
        if (s->in_word)
            list_push(out, mem, arena_strdup(mem, s->word.ptr));
        buf_clear(&s->word);
        s->in_word = false;
    } else {
        buf_char(&s->word, *p);
        s->in_word = true;
    }
    return 1;
}

Err *process_words(StrList *out, const char *command, Arena *mem) {
    Splitter s = {0};
    *out = (StrList){0};
    buf_init(&s.word, mem, BUF_MAX_TEXT);
    for (const char *p = command; *p;)
        p += split_step(&s, p, out, mem);
    if (s.quote)
        return err_new(E_SYNTAX, "credential_process has an open %c", s.quote);
    if (s.in_word)
        list_push(out, mem, arena_strdup(mem, s.word.ptr));
    return out->len ? NULL : err_new(E_SYNTAX, "credential_process is empty");
}

// --- running ------------------------------------------------------------------------------------

// What it writes to standard error is shown nowhere: it might hold secrets.
Err *process_output(Str *out, Loop *loop, const char *command, Arena *mem) {
    StrList words = {0};
    ProcessResult r = {0};
    TRY(process_words(&words, command, mem));
    const char *program = words.items[0];
    Err *e = process_run(&r, loop, &(ProcessSpec){.argv = &words, .limit_ms = TIME_LIMIT_MS,
                                                  .out_max = MAX_OUTPUT}, mem);
    if (e && err_code(e) == E_TIMEOUT) {
        err_free(e);
        return err_new(E_TIMEOUT, "credential_process %s did not end within %d s", program,
                       TIME_LIMIT_MS / 1000);
    }
    if (e)
        return err_wrap(e, "credential_process");
    *out = r.out;
    if (r.status > 0)
        return err_hint(err_new(E_UNAUTHORIZED, "credential_process %s ended with status %d",
                                program, r.status),
                        "run it by hand to see why");
    return NULL;
}
