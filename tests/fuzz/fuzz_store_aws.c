// What other people's files and variables say to the AWS chain. First byte: 0 INI, 1 a command, else
// an OIDC token.
#include "../../src/store/credentials/aws_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void token(const char *text, Arena *mem) {
    static const OidcUse use = {"sts.amazonaws.com", "ATLAS_AWS_ID_TOKEN"};
    const char *out = NULL, *platform = NULL;
    Map *env = map_new(mem);
    Loop *loop = NULL;
    map_set(env, "BITBUCKET_STEP_OIDC_TOKEN", arena_strdup(mem, text));
    Err *e = loop_new(&loop, host_with_vars(mem, &host_system, env), mem);
    err_free(e ? e : oidc_token(&out, &platform, loop, &use, mem));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 4096) // every token stays in the mask
        return 0;
    AutoArena mem = arena_new(NULL);
    Str text = str_slice((const char *)data + 1, size - 1);
    Map *sections = NULL;
    StrList words = {0};
    if (data[0] % 3 == 0)
        err_free(ini_parse(&sections, text, "config", mem));
    else if (data[0] % 3 == 1)
        err_free(process_words(&words, str_dup(mem, text), mem));
    else
        token(str_dup(mem, text), mem);
    return 0;
}
